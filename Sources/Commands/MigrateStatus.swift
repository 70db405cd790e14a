import ArgumentParser
import Bridge
import Cutover
import Events
import HybridRouter
import Outcomes
import SQLiteStorage

/// `lockstep migrate status`
struct MigrateStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows a plan's step ladder with how many \(Program.nouns) each side owns, and what waits.",
        discussion: """
            \(Program.name) migrate status --database work.sqlite
            \(Program.name) migrate status --database work.sqlite --plan my-plan.yaml
            \(Program.name) migrate status --database work.sqlite --evidence evidence.jsonl --format json

            Times are the run's own: a run of recorded deliveries lives in the time of its recording.
            """)

    /// The setting that names the plan of the last run.
    static let lastPlan = "plan"

    @Option(help: "The database file.") var database: String
    @Option(help: "A plan file; default: the built-in plan in which step 5.2 is durable.") var plan: String?
    @OptionGroup var gates: GateOption
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let plan = try InputOptions.plan(plan)
        let gates = try gates.weigh(plan)
        let desk = try await OperatorDesk(database, .reader, plan: plan)
        var summary = MigrationStatus(desk.bridge.plan, try desk.store.census())
        summary.database = database
        summary.lastRun = try await desk.store.value(Self.lastPlan)
        summary.clock = try await desk.store.clock()?.description
        summary.running = desk.store.otherRunner
        var json = try JSONValue(encoding: summary).inTheWordsOfTheApp
        if let gates { json["evidence"] = try EvidenceText.json(gates) }
        Console.print(format == .json ? json.canonicalText : summary.text + (gates.map { "\n\n" + EvidenceText.text($0) } ?? ""))
    }
}

/// What status prints.
private struct MigrationStatus: Codable {
    struct Pins: Codable {
        var drawnDurable: Int
        var drawnLegacy: Int
        var recalled: Int

        var text: String {
            let counts = [(drawnDurable, "drawn durable"), (drawnLegacy, "drawn legacy"), (recalled, "recalled")]
            return counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        }
    }

    struct Step: Codable {
        var step: String
        var title: String
        /// None for a step that the plan does not have.
        var stage: String?
        var legacy: Int
        var durable: Int
        var ended: Int
        var pins: Pins

        init(_ number: StepNumber, _ planned: PlannedStep?, _ census: StepCensus) {
            step = number.description
            title = planned?.title ?? "not a step of this plan"
            stage = planned?.stage.description
            legacy = census.legacy
            durable = census.durable
            ended = census.ended
            pins = Pins(drawnDurable: census.drawnDurable, drawnLegacy: census.drawnLegacy, recalled: census.recalled)
        }

        var cells: [String] { [step, title, stage ?? "-", String(legacy), String(durable), String(ended), pins.text] }
    }

    struct Plan: Codable {
        var name: String
        var version: Int
    }

    var database = ""
    var plan: Plan
    /// The plan that the last run had; none before the first.
    var lastRun: String?
    /// The run's time; none before the first.
    var clock: String?
    /// Who runs on the database now; nobody, when there is none.
    var running: String?
    var halted: Bool
    var haltedSince: String?
    var registrations: Int
    var legacy: Int
    var durable: Int
    var ended: Int
    var steps: [Step]
    var rows: [String: Int]
    var unsentMessages: Int
    var deadLetters: [String: Int]
    /// What was set aside, by kind.
    var quarantined: [String: Int]

    init(_ plan: MigrationPlan, _ census: Census) {
        self.plan = Plan(name: plan.name, version: plan.version)
        halted = census.haltedSince != nil
        haltedSince = census.haltedSince
        let numbers = Set(plan.steps.map(\.number)).union(census.steps.keys).sorted()
        steps = numbers.map { Step($0, plan.planned($0), census.steps[$0] ?? StepCensus()) }
        legacy = steps.reduce(0) { $0 + $1.legacy }
        durable = census.durable
        ended = steps.reduce(0) { $0 + $1.ended }
        registrations = legacy + durable + ended
        rows = Dictionary(census.open.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { $1 })
        unsentMessages = census.unsent
        deadLetters = census.deadLetters
        quarantined = Dictionary(census.quarantined.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { $1 })
    }

    var text: String {
        let title = "\(plan.name) version \(plan.version)"
        // A live run has no clock of its own.
        let unclocked = lastRun == nil ? "never run" : "run live"
        var lines = ["plan \(title), \(clock.map { "the run's clock at \($0)" } ?? unclocked)"]
        if let lastRun, lastRun != title { lines.append("the last run had plan \(lastRun); pass its file with --plan to see its stages") }
        lines.append(running.map { "\($0) runs on it" } ?? "nobody runs on it")
        lines.append(
            haltedSince.map {
                "halted since \($0): every step returns to legacy at its next boundary; end it with '\(Program.name) migrate resume'"
            }
                ?? "not halted")
        lines.append("\(Program.counted(registrations)): \(legacy) legacy, \(durable) durable, \(ended) ended")
        lines += ["", Console.table([["step", "title", "stage", "legacy", "durable", "ended", "pins"]] + steps.map(\.cells)), ""]
        let waiting = ["pending", "signalled", "parked"].map { "\(rows[$0] ?? 0) \($0)" }.joined(separator: ", ")
        lines.append("inbox rows: \(waiting); messages not sent: \(unsentMessages)")
        let letters = deadLetters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        lines.append("dead letters: \(letters.isEmpty ? "none" : "\(letters); see '\(Program.name) migrate letters'")")
        let aside = quarantined.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        lines.append("set aside: \(aside.isEmpty ? "nothing" : "\(aside); see '\(Program.name) migrate quarantine'")")
        return lines.joined(separator: "\n")
    }
}
