import ArgumentParser
import Bridge
import Cutover
import Events
import HybridRouter
import LegacyStateMachine
import SQLiteStorage
import ShadowComparator

/// `lockstep record`
struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Writes what a run has made of each \(Program.noun) as a recording, for '\(Program.name) compare --recorded'.",
        discussion: """
            \(Program.name) run --mode legacy trace.jsonl --database legacy.sqlite
            \(Program.name) record --database legacy.sqlite --output legacy.jsonl
            \(Program.name) run --mode hybrid trace.jsonl --database hybrid.sqlite
            \(Program.name) record --database hybrid.sqlite --output hybrid.jsonl
            \(Program.name) compare --recorded legacy.jsonl hybrid.jsonl

            One JSON object a line, in order of ids: the outcome, the state, the effects, and where and how long it waited. A service in \
            another language can write the same, see the page "Recordings" of the documentation. A recording holds what was asked \
            of parties: it is as personal as the database, and its file is readable for its owner alone.

            The database is only read, also beside the process that runs on it. What is under way then is recorded as it stands, and \
            differs from a recording of another moment. What was forgotten is left out, and counted.

            Exit codes: 0 ok, 2 for a database of another machine, 3 for files that cannot be read or written.
            """)

    @Option(help: "The database file.") var database: String
    @Option(help: "The file to write.") var output: String
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws { try await run(Program.app) }

    private func run(_ app: some Application) async throws {
        let recording = try await RunRecording(app.typed, database: database)
        let file = try OutputFile(path: output, mode: 0o600)
        let meter = Progress()
        let (recorded, left) = try await recording.write(
            progress: { meter.show("\($0) of \(Program.counted($1))", $0, of: $1) },
            to: { line in
                try file.write(line[...])
                try file.write([UInt8(ascii: "\n")])
            })
        try file.end()
        Console.endProgress()
        let json: JSONValue = ["entities": .integer(recorded), "forgotten": .integer(left), "output": .string(output)]
        let text = "\(Program.counted(recorded)): \(output)" + (left > 0 ? "; \(left) that were forgotten are left out" : "")
        Console.print(format == .json ? json.inTheWordsOfTheApp.canonicalText : text)
    }
}

/// A database as a recording.
private struct RunRecording<State: MachineState, Record: Codable & Sendable> {
    private let store: SQLiteHandoffStore
    private let bridge: EventBridge<State, Record>
    private let mode: RunMode

    /// Opens the database at `path` to be read. Throws a sentence when it is another machine's.
    init(_ app: LockstepApp<State, Record>, database path: String) async throws {
        store = SQLiteHandoffStore(try LockstepDatabase(path: path, access: .reader))
        try await DatabaseIdentity.checkMachine(app.domain.machine.name, of: store, path: path)
        mode = try await DatabaseIdentity.mode(of: store) ?? .hybrid
        // What an entity amounts to does not depend on a plan.
        bridge = try EventBridge(domain: app.domain, plan: try app.plan(nil), store: store, effects: Nobody()) { _, _ in Nobody.engine }
    }

    /// Hands over the lines in order of ids; returns how many there are, and how many entities have none because they were forgotten.
    func write(progress: (Int, Int) -> Void, to line: ([UInt8]) throws -> Void) async throws -> (recorded: Int, forgotten: Int) {
        let entities = try await store.entities()
        var (recorded, forgotten) = (0, 0)
        for (index, entity) in entities.enumerated() {
            if try await store.value(Forgotten.setting(of: entity)) != nil {
                forgotten += 1
            } else if let observation = try await bridge.observation(of: entity, mode) {
                try line(observation.recordingLine)
                recorded += 1
            }
            if index % 64 == 0 { progress(index, entities.count) }
        }
        return (recorded, forgotten)
    }
}

extension EventBridge {
    /// What a run in `mode` made of one entity; nil when it does not know it.
    func observation(of entity: EntityID, _ mode: RunMode) async throws -> Observation? {
        guard let outcome = try await outcome(of: entity) else { return nil }
        let journal = try await store.journal(of: entity)
        var observation = Observation(
            entity: entity, path: mode.rawValue, outcome: outcome, ledger: try await store.ledger(of: entity), journal: journal)
        observation.waits = journal.waits(stepOf: domain.step(waitingIn:))
        return observation
    }
}
