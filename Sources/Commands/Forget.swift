import ArgumentParser
import Bridge
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import SQLiteStorage

/// `lockstep forget`
struct Forget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Erases what is personal of \(Program.nouns) that have ended, and says what is left.",
        discussion: """
            \(Program.name) run trace.jsonl --database work.sqlite        # first they have to end
            \(Program.name) forget R-900070 R-900105 --database work.sqlite
            \(Program.name) forget --dead-letters --database work.sqlite     # what is kept of deliveries that nobody could read, whoever they are about

            Payloads, arguments and replies of calls, free texts, workflow histories and dead letters of the \(Program.nouns) go, from the \
            database, its log, the effects log and what a shadow has kept. Ids, states, steps, times, codes and counts stay, so that the audit still adds up and \
            a delivery that comes again is still a duplicate. The file is written anew: that takes as long, and as much room, as a copy.

            It has to have ended: outside parties go on acting for one that has not. Cancel it, let it come to its end, then \
            repeat the command. No process may run on the database or read it meanwhile.

            Files that were written elsewhere stay as they are: outcomes, reports, exports, backups.

            Exit codes: 3 when one is not known or has not ended (then nothing was erased), or a process is in the way.
            """)

    @Argument(help: ArgumentHelp("The \(Program.nouns)' ids.", valueName: "id")) var registrations: [String] = []
    @Option(help: "The database file.") var database: String
    @Option(help: "The effects log; default: beside the database.") var effectsLog: String?
    @Flag(help: "Empty all dead letters, whoever they are about.") var deadLetters = false
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func validate() throws {
        guard deadLetters || !registrations.isEmpty else { throw ValidationError("expected ids of \(Program.nouns), or --dead-letters") }
    }

    func run() async throws { try await run(Program.app) }

    private func run(_ app: some Application) async throws {
        let domain = app.typed.domain
        let eraser = try await Eraser(path: database, effectsLog: effectsLog, machine: domain.machine.name)
        let entities = registrations.map { EntityID($0) }
        try eraser.requireEnded(entities)
        var answer = ForgetAnswer(database: database)
        for entity in entities { answer.forgotten.append(try await eraser.forget(entity, domain)) }
        if deadLetters { answer.emptiedLetters = try eraser.emptyLetters() }
        try eraser.end()
        Console.print(format == .json ? try JSONValue(encoding: answer).inTheWordsOfTheApp.canonicalText : answer.text)
    }
}

/// What the command has done.
private struct ForgetAnswer: Codable {
    var database: String
    var forgotten: [Remains] = []
    /// Dead letters that were emptied besides, whoever they were about.
    var emptiedLetters: Int?

    init(database: String) { self.database = database }

    var text: String {
        var lines = forgotten.map { remains in
            "\(remains.registration): forgotten; left: its id and state \(remains.state), ids and kinds of"
                + " \(remains.deliveries.counted("delivery", "deliveries")), keys of \(remains.effects.counted("effect")),"
                + " \(remains.moves.counted("move")) without texts; gone: \(remains.removedRuns.counted("workflow run")),"
                + " \(remains.emptiedLetters.counted("dead letter")) emptied"
        }
        if let emptiedLetters { lines.append("dead letters emptied: \(emptiedLetters)") }
        return (lines + ["\(database): written anew; files that were written elsewhere stay as they are"]).joined(separator: "\n")
    }
}

/// A database in which registrations are forgotten, with its effects log.
private struct Eraser {
    let path: String
    let database: LockstepDatabase
    let store: SQLiteHandoffStore
    let log: EffectsLogEraser?
    /// What a shadow has kept; nil when there never was one.
    let shadow: LockstepDatabase?

    init(path: String, effectsLog: String?, machine: String) async throws {
        self.path = path
        database = try LockstepDatabase(path: path, access: .alone)
        store = SQLiteHandoffStore(database)
        try await DatabaseIdentity.checkMachine(machine, of: store, path: path)
        let shadowPath = path + SQLiteShadowBook.suffix
        shadow = FileManager.default.fileExists(atPath: shadowPath) ? try LockstepDatabase(path: shadowPath, access: .alone) : nil
        let known = try await store.value(EffectsLog.setting)
        log = try known.map { try EffectsLogEraser(path: effectsLog ?? path + ".effects.jsonl", file: $0) }
    }

    /// Refuses registrations that cannot be forgotten, before anything is erased.
    func requireEnded(_ entities: [EntityID]) throws {
        let problems = try entities.compactMap { entity in
            try store.obstacle(toForgetting: entity).map { "\(Console.visible(entity.rawValue)): \($0)" }
        }
        guard !problems.isEmpty else { return }
        throw CommandFailure(
            .environment,
            problems.joined(separator: "\n") + "\nnothing was erased; cancel what is open, run it to its end, then repeat the command")
    }

    func forget<State, Record>(_ entity: EntityID, _ domain: Domain<State, Record>) async throws -> Remains {
        try log?.forget(entity)
        if let shadow { try await SQLiteShadowBook(shadow).forget(entity) }
        return try store.forget(entity) { text in
            let record: Record? = try? JSONValue(parsing: text).decoded()
            return record.flatMap(domain.forgotten).flatMap { try? JSONValue(encoding: $0).canonicalText }
        }
    }

    func emptyLetters() throws -> Int { try store.emptyLetters() }

    func end() throws {
        try log?.end()
        try shadow?.rewrite()
        try database.rewrite()
    }
}
