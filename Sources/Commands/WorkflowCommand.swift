import ArgumentParser
import Bridge
import DurableWorkflow
import Events
import FoundationEssentials
import SQLiteStorage

/// `lockstep workflow`
struct WorkflowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workflow", abstract: "Looks at durable workflows, and acts on them.",
        discussion: """
            What looks reads beside a running process. signal, cancel, terminate, reset and quarantined --release are carried out by a live run \
            that has the database, and are answered within 10 s. A run of recordings has to end before, and so has any run before import.
            """,
        subcommands: [
            WorkflowList.self, WorkflowDescribe.self, WorkflowShowHistory.self, Query.self, WorkflowExport.self, Import.self,
            WorkflowReplay.self, Shadow.self, WorkflowSignal.self, WorkflowCancel.self, WorkflowTerminate.self, WorkflowReset.self,
            WorkflowQuarantined.self, Prune.self,
        ])
}

/// Which workflow of which database.
struct WorkflowOptionsOnCommandLine: ParsableArguments {
    @Argument(help: "The workflow's id.") var workflow: String
    @Option(help: "The database file.") var database: String
    @Option(help: "A run; default: the current one.") var run: String?

    /// The run and its history, read beside whoever runs.
    func load() async throws -> (WorkflowRun, [HistoryEvent]) {
        let store = SQLiteWorkflowStore(try LockstepDatabase(path: database, readOnly: true))
        guard let run = try await store.run(workflow, runID: run) else {
            throw CommandFailure(.usage, "\(workflow): expected a workflow of \(database), found none; see '\(Program.name) workflow list'")
        }
        return (run, try await store.history(run.key))
    }

    /// Changes the current run, see ``OperatorEngine/change(_:_:)``; refused when another one was named.
    func change(_ body: (any OwnEngine) async throws -> Void) async throws {
        do {
            try await OperatorEngine.change(database) { engine in
                if let run {
                    let current = try await engine.describe(workflowID: workflow).run.runID
                    guard run == current else {
                        throw CommandFailure(.usage, "\(workflow): expected its current run \(current), found --run \(run); leave it out")
                    }
                }
                try await body(engine)
            }
        } catch let missing as WorkflowNotFound {
            throw CommandFailure(.usage, missing.description)
        } catch let refused as ResetRefused { throw CommandFailure(.usage, refused.description) }
    }
}

/// The engine that an operator's verb acts on: the one that runs in this process, else one without code.
enum OperatorEngine {
    /// The engine that runs in this process, for a command that it was asked for.
    @TaskLocal static var running: (any OwnEngine)?

    /// Changes a database at the time of the run, which has no other; the system's where there was none yet. A live run that has the
    /// database is asked to carry out this process's command; any other one has to end before.
    static func change(_ path: String, _ body: (any OwnEngine) async throws -> Void) async throws {
        if let running { return try await body(running) }
        do { try await change(path, .alone, body) } catch let refusal as DatabaseRefusal where refusal.isHeld {
            try await Requests.ask(path, or: refusal)
        }
    }

    /// Changes a database while nobody runs on it.
    static func change(_ path: String, _ access: LockstepDatabase.Access, _ body: (any OwnEngine) async throws -> Void) async throws {
        let database = try LockstepDatabase(path: path, access: access)
        try await body(Engines.operators(SQLiteWorkflowStore(database), at: try await now(database)))
    }

    /// The time of the run; the system's where there was none yet.
    static func now(_ database: LockstepDatabase) async throws -> Timestamp {
        try await SQLiteHandoffStore(database).timeOfRun()
    }
}

/// Which runs of a database.
struct WorkflowFilterOptions: ParsableArguments {
    @Option(help: "The database file.") var database: String
    @Option(help: "A condition like \"WorkflowType = 'order' AND StartTime < '2026-03-01T00:00:00Z'\".") var query: String?

    func store() throws -> SQLiteWorkflowStore { try Self.store(database) }

    /// A database as it is read beside whoever runs on it.
    static func store(_ path: String) throws -> SQLiteWorkflowStore {
        SQLiteWorkflowStore(try LockstepDatabase(path: path, readOnly: true))
    }

    func filter() throws -> WorkflowFilter { WorkflowFilter(query: try query.map { try WorkflowQuery($0) }) }
}

extension JSONValue {
    /// The value of an option that takes JSON.
    init(_ text: String, option: String) throws {
        do { try self.init(parsing: text) } catch { throw CommandFailure(.usage, "\(option): \(error)") }
    }
}

extension WorkflowRun {
    /// What lists and descriptions say of a run.
    var json: JSONValue {
        [
            "workflow": .string(workflowID), "run": .string(runID), "type": .string(type), "taskQueue": .string(taskQueue),
            "status": .string(status.rawValue), "events": .integer(length), "bytes": .integer(bytes),
            "startedAt": .string(startedAt.description), "closedAt": closedAt.map { .string($0.description) } ?? .null,
            "problem": problem.map { .string($0) } ?? .null, "memo": .object(memo), "searchAttributes": .object(searchAttributes),
        ]
    }
}
