import ArgumentParser
import Bridge
import Events
import HybridRouter
import LegacyStateMachine
import SQLiteStorage

/// `lockstep compact`
struct Compact: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Packs what was over long ago, so that the database of a live run does not grow for ever.",
        discussion: """
            \(Program.name) run --events deliveries.jsonl --live --database live.sqlite
            \(Program.name) compact --older-than 90d --database live.sqlite
            \(Program.name) compact --older-than 2026-03-01T00:00:00Z --database live.sqlite --format json

            Of \(Program.nouns) of which no event waits. Moves that are older go into one row for each, and are shown, counted and \
            reported as before. Events that were handled before lose their contents; one that comes again is still a duplicate. What was \
            read outside goes. Records, references and effects stay as they are. Such a \(Program.noun) cannot be compared with legacy alone any more.

            Beside a running process or while none runs, in many small transactions. The room is used again by what comes; the file keeps its \
            length. Histories of workflows go with '\(Program.name) workflow prune'. A live run does both by itself with --retention.

            A recording is played again from its beginning, so a database of one is refused.
            """)

    @Option(help: "An age like 90d, 12h, 90m or 45s, or a moment.") var olderThan: String
    @OptionGroup var beside: BesideOptions

    func run() async throws { try await run(Program.app) }

    private func run(_ app: some Application) async throws {
        let database = try LockstepDatabase(path: beside.database, access: .beside(wait: .seconds(beside.wait)))
        let store = SQLiteHandoffStore(database)
        try await DatabaseIdentity.checkMachine(app.typed.domain.machine.name, of: store, path: beside.database)
        guard try await store.clock() == nil else {
            throw CommandFailure(
                .usage,
                "\(beside.database): expected a database that runs live, found one of recordings, which are played from their beginning")
        }
        let moment = try CommandDuration.moment(olderThan, before: try await OperatorEngine.now(database), option: "--older-than")
        let done = try await store.compact(before: moment)
        let json: JSONValue = [
            "olderThan": .string(moment.description), "entities": .integer(done.entities), "transactions": .integer(done.transactions),
            "events": .integer(done.events), "reads": .integer(done.reads),
        ]
        Console.print(beside.format == .json ? json.inTheWordsOfTheApp.canonicalText : text(done, moment))
    }

    private func text(_ done: Compaction, _ moment: Timestamp) -> String {
        "older than \(moment): packed the moves of \(done.transactions.counted("transaction")),"
            + " deleted the contents of \(done.events.counted("event")) and the answers of \(done.reads.counted("read"))"
    }
}
