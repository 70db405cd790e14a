import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage

extension WorkflowCommand {
    /// `lockstep workflow import`
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts a recorded history into a database as a run; an open one goes on there.",
            discussion: """
                \(Program.name) workflow export R-900001/2 --database work.sqlite > history.json
                \(Program.name) workflow replay history.json
                \(Program.name) workflow import history.json --database copy.sqlite

                The file is Temporal's history JSON. The next process that runs on the database goes on with an open run: its activities, \
                timers, messages and workflow task become due. How often an open activity was tried is not in a history; its attempts begin \
                anew. Stop or terminate the run where it came from: two engines must not go on with it.

                Exit codes: 2 for a file that cannot be read and for a run that cannot be taken over, 3 while a process runs.
                """)

        @Argument(help: "A file with Temporal's history JSON.") var file: String
        @Option(help: "The database file; it is made when there is none.") var database: String
        @Option(help: "The workflow's id, where the history does not say it.") var workflow: String?

        func run() async throws {
            let history = try WorkflowHistory(file: file)
            try await OperatorEngine.change(database, .runner) { engine in
                do {
                    let execution = try await engine.importRun(history, workflowID: workflow)
                    Console.print(execution.runID)
                } catch let refused as ImportRefused {
                    throw CommandFailure(.usage, refused.description)
                } catch let unreadable as HistoryError { throw CommandFailure(.usage, "\(file): \(unreadable)") }
            }
        }
    }

    /// `lockstep workflow prune`
    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes closed runs with their histories: retention.",
            discussion: """
                \(Program.name) workflow prune --closed-before 30d --database work.sqlite
                \(Program.name) workflow prune --closed-before 2026-03-01T00:00:00Z --database work.sqlite

                Beside a running process or while none runs, a thousand runs in one transaction. An age counts back from the time of the \
                run. A run that still has messages to deliver is kept.
                """)

        @Option(help: "An age like 30d, 12h, 90m or 45s, or a moment.") var closedBefore: String
        @OptionGroup var beside: BesideOptions

        func run() async throws {
            let database = try LockstepDatabase(path: beside.database, access: .beside(wait: .seconds(beside.wait)))
            let now = try await OperatorEngine.now(database)
            let moment = try CommandDuration.moment(closedBefore, before: now, option: "--closed-before")
            let store = SQLiteWorkflowStore(database)
            var count = 0
            while true {
                let removed = try await store.remove(closedBefore: moment, limit: 1000)
                count += removed
                if removed == 0 { break }
            }
            let json: JSONValue = ["closedBefore": .string(moment.description), "deleted": .integer(count)]
            Console.print(beside.format == .json ? json.canonicalText : "\(count.counted("run")) closed before \(moment) deleted")
        }
    }
}

/// A duration on the command line: `30d`, `12h`, `90m`, `45s`.
struct CommandDuration: Sendable {
    let value: Duration

    init(_ text: String, option: String) throws {
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count >= 0, count <= 1_000_000 else {
            throw CommandFailure(.usage, "\(option): expected a duration like 30d, 12h, 90m or 45s, found '\(text)'")
        }
        value = .milliseconds(count * unit)
    }

    /// What a moment, or an age counted back from `now`, means.
    static func moment(_ text: String, before now: Timestamp, option: String) throws -> Timestamp {
        if let moment = Timestamp(text) { return moment }
        return Timestamp(milliseconds: now.milliseconds - (try CommandDuration(text, option: option)).value.milliseconds)
    }
}
