import ArgumentParser
import Bridge
import Cutover
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import Outcomes
import SQLiteStorage

/// `lockstep import`
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Takes in \(Program.nouns) that are in the middle of their life, from a team's own database.",
        discussion: """
            \(Program.name) import records.jsonl --dry-run
            \(Program.name) import records.jsonl --database imported.sqlite
            \(Program.name) import --from-service --database imported.sqlite

            One JSON object a line:
            {"entity": …, "state": …, "record": {…}, "createdAt": …, "stepEnteredAt"?: …, "lastEventAt"?: …, "step"?: "5.2", \
            "completions"?: {"1": 1}, "effects"?: [{"step": …, "operation": …, "ordinal"?: 1, "visit"?: 1, "request"?: {}, "reply"?: {}, "at": …}]}

            In a state in which a step is complete the plan says who has the next one; anywhere else legacy goes on. Effects were made already, \
            and are answered from the ledger. What came in before is left as it is, so the same file may be imported again. What cannot come \
            in is refused with its line, and the others come in. No process may run on the database meanwhile.

            With --from-service the legacy service is asked, and each \(Program.noun) comes in with all the moves and calls that it tells of.

            Exit codes: 1 when something was refused, 2 for a file that cannot be read, 3 for a database that cannot be written.
            """)

    @Argument(help: "A file of JSON lines, - for standard input.") var file: String?
    @Flag(help: "Takes in what the legacy service has.") var fromService = false
    @Option(help: "The database file; it is made when there is none.") var database: String?
    @Option(help: "A plan file; default: the program's own.") var plan: String?
    @Flag(help: "Checks every line, and takes in nothing.") var dryRun = false
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func validate() throws {
        guard fromService == (file == nil) else {
            throw ValidationError("expected a file or --from-service, found \(fromService ? "both" : "neither")")
        }
        guard dryRun || database != nil else { throw ValidationError("expected --database, or --dry-run, found neither") }
    }

    func run() async throws { try await run(Program.app) }

    private func run(_ app: some Application) async throws {
        let lines = try file.map { try ByteLines(path: $0) }
        let importing = try await Importing(app.typed, database, plan: try app.plan(plan), isDry: dryRun)
        var summary = ImportSummary(dryRun: dryRun, isService: lines == nil)
        if let lines {
            while let line = try lines.next() {
                try await importing.take(line, lines.name, &summary)
                try await importing.pause(summary)
            }
        } else {
            try await importing.takeAll(&summary)
        }
        try await importing.flush()
        Console.endProgress()
        Console.print(format == .json ? try JSONValue(encoding: summary).canonicalText : summary.text)
        if summary.refused > 0 { throw CommandFailure(.differences, "") }
    }
}

/// The database that entities come into; none to look at them only.
private struct Importing<State: MachineState, Record: Codable & Sendable> {
    private let bridge: EventBridge<State, Record>
    private let isDry: Bool
    private let log: EffectsLog?
    /// When everything comes in.
    private let now: Timestamp

    init(_ app: LockstepApp<State, Record>, _ database: String?, plan: MigrationPlan, isDry: Bool) async throws {
        try plan.check(against: app.domain.processSteps)
        self.isDry = isDry
        let store = SQLiteHandoffStore(try Self.open(database, isDry))
        let path = isDry ? nil : database
        if let path {
            let identity = DatabaseIdentity(machine: app.domain.machine.name, mode: .hybrid, plan: plan)
            try await identity.check(store, path: path, input: nil, .recorded)
            try await identity.note(in: store, input: nil)
        }
        // An outside of recordings has to remember what was done before it was there.
        log = app.effects == nil ? try path.map { try EffectsLog(path: $0 + ".effects.jsonl") } : nil
        try await log?.take(for: store)
        now = try await store.timeOfRun()
        bridge = try EventBridge(domain: app.domain, plan: plan, store: store, effects: Nobody()) { _, _ in Nobody.engine }
        if !isDry { try await bridge.load() }
    }

    /// A dry run reads the database that it is about; without one there is nobody yet.
    private static func open(_ path: String?, _ isDry: Bool) throws -> LockstepDatabase {
        if isDry, let path, FileManager.default.fileExists(atPath: path) { return try LockstepDatabase(path: path, readOnly: true) }
        let place = isDry ? nil : path
        return try LockstepDatabase(path: place ?? ":memory:", durability: .grouped, access: .runner)
    }

    func take(_ line: ByteLine, _ name: String, _ summary: inout ImportSummary) async throws {
        summary.lines += 1
        let imported: ImportedEntity
        do { imported = try line.imported() } catch { return summary.refuse("\(name):\(line.number): \(error)") }
        switch isDry ? try await bridge.look(at: imported, at: now) : try await bridge.take(imported, at: now) {
        case .imported:
            summary.count(imported.state)
            for effect in imported.effects where !isDry { try log?.append(effect) }
        case .known: summary.known += 1
        case .refused(let reason): summary.refuse("\(name):\(line.number): \(reason)")
        }
    }

    /// Takes in everything that the service has. The run follows from where nothing has moved since.
    func takeAll(_ summary: inout ImportSummary) async throws {
        guard let service = bridge.domain.service else {
            throw CommandFailure(.usage, "--from-service: expected a legacy machine that is a service, found one in this process")
        }
        do {
            let followed = try await service.lookAtAll { entity in
                let version = try await take(try await service.view(entity, after: 0), &summary)
                try await pause(summary)
                return version
            }
            if let followed, !isDry { try await bridge.begin(after: followed) }
        } catch let error as LegacyUnreachable {
            try await flush()
            throw CommandFailure(.environment, "\(error); what came in is kept, import again for the rest")
        } catch let fault as LegacyFault {
            try await flush()
            throw CommandFailure(.environment, fault.description)
        }
    }

    /// Returns up to which version its moves are dealt with: all of them for one that is none of ours.
    private func take(_ view: LegacyView?, _ summary: inout ImportSummary) async throws -> Int {
        guard let view else { return .max }
        summary.lines += 1
        switch isDry ? try await bridge.look(at: view) : try await bridge.take(view, at: now) {
        case .imported:
            summary.count(view.state)
            return view.version
        case .known:
            summary.known += 1
            return 0
        case .refused(let reason):
            summary.refuse(reason)
            return .max
        }
    }

    /// Makes what came in durable now and then, and says how far it is.
    func pause(_ summary: ImportSummary) async throws {
        guard summary.lines % 500 == 0 else { return }
        try await flush()
        Console.progress("\(summary.what), \(summary.imported) taken in, \(summary.refused) refused")
    }

    func flush() async throws { if !isDry { try await bridge.store.flush() } }
}

/// What an import prints.
private struct ImportSummary: Encodable {
    var dryRun: Bool
    var lines = 0
    var imported = 0
    var known = 0
    var refused = 0
    var states: [String: Int] = [:]
    /// The first of the refusals.
    var refusals: [String] = []

    /// True when a service was asked, and no file read.
    private let isService: Bool

    init(dryRun: Bool, isService: Bool) { (self.dryRun, self.isService) = (dryRun, isService) }

    private enum CodingKeys: CodingKey { case dryRun, lines, imported, known, refused, states, refusals }

    /// What was looked at.
    var what: String { isService ? lines.counted(Program.noun, Program.nouns) : lines.counted("line") }

    mutating func count(_ state: String) {
        imported += 1
        states[state, default: 0] += 1
    }

    mutating func refuse(_ reason: String) {
        refused += 1
        if refusals.count < 100 { refusals.append(reason) }
    }

    var text: String {
        let head =
            "\(what): \(imported) \(dryRun ? "could come in" : "taken in"), \(known) known before, \(refused) refused"
        let rows = [["state", Program.nouns]] + states.sorted { $0.key < $1.key }.map { [$0.key, String($0.value)] }
        let table = states.isEmpty ? [] : ["", Console.table(rows)]
        return ([head] + table + (refusals.isEmpty ? [] : [""] + refusals.map { Console.visible($0) })).joined(separator: "\n")
    }
}

extension ByteLine {
    fileprivate func imported() throws(TraceError) -> ImportedEntity { try ImportedEntity(parsing: try checked()) }
}
