import ArgumentParser
import BridgeTesting
import Cutover
import Events
import FoundationEssentials
import Outcomes

/// What one seed has come to, as printed.
struct SimulationSummary: Codable {
    var seed: UInt64
    var entities: Int
    var steps: Int
    var events: Int
    var faults: [String: Int]
    var coverage: [String: Int]
    var legacyAlone: LegacyComparison
    var missing: [String]
    var violations: Int
    var found: [Violation]
    var reproduce: String?
    var digest: String
    var eventsPerSecond: Int
    var stepsPerSecond: Int
    var secondsElapsed: Double

    init(_ simulation: SimulationSettings, _ run: SimulationRun, seconds: Double, elapsed: Double) {
        seed = simulation.seed
        entities = simulation.entities
        steps = run.steps
        events = run.events
        faults = Dictionary(Fault.allCases.map { ($0.rawValue, run.faults[$0] ?? 0) }, uniquingKeysWith: { $1 })
        coverage = run.moves
        legacyAlone = run.comparison
        missing =
            Fault.allCases.filter { simulation.rates[$0] > 0 && run.faults[$0] == nil }.map(\.rawValue) + run.missingMoves
        violations = run.violations.count
        found = Array(run.violations.prefix(20))
        digest = run.digest
        eventsPerSecond = Int(Double(run.events) / max(seconds, 0.001))
        stepsPerSecond = Int(Double(run.steps) / max(seconds, 0.001))
        secondsElapsed = (elapsed * 1000).rounded() / 1000
    }

    var text: String {
        var lines = [
            "seed \(seed): \(entities.counted("entity", "entities")), \(events.counted("event")) in \(steps.counted("step")),"
                + " \(eventsPerSecond) events/s, \(violations.counted("violation")),"
                + " digest \(digest)"
        ]
        if !missing.isEmpty { lines.append("  did not occur: \(missing.joined(separator: ", "))") }
        if let text = legacyAlone.text { lines.append("  \(text)") }
        lines += legacyAlone.cases.map { "  \($0.entity): excused by \($0.rules)" }
        lines += found.map { "  \($0)" }
        if let reproduce { lines.append("  again: \(reproduce)") }
        return lines.joined(separator: "\n")
    }
}

/// `lockstep simulate`
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Runs \(Program.nouns) in hybrid mode in simulated time while everything goes wrong, and checks the laws of the hand-off.",
        discussion: """
            \(Program.name) simulate --seed 7 --entities 200
            \(Program.name) simulate --seed 1 --runs 5 --entities 100 --format json      # one line a seed
            \(Program.name) simulate --seed 7 --entities 200 --faults crash=0.001,busy=0.01
            \(Program.name) simulate --seed 7 --entities 200 --lanes 16         # as a live service: many things under way at a time
            \(Program.name) simulate --seed 7 --entities 50 --plan my-plan.yaml --plan my-next-plan.yaml   # and a change of plan in flight
            \(Program.name) simulate --seed 7 --entities 50 --mixes 3           # plans in which chance says which steps are durable
            Faults: all=SHARE, none, or a list of crash, tornPage, diskFull, ioError, busy, duplicate, loss, delay, reorder, clockJump,
            slow, tooManyRequests, responseLost, planChange, recall, adoption, halt. After the run legacy alone gets the same world and
            schedule. Where it differs, it is replayed with the answers and at the moments of the hybrid run: a difference that is left is a
            violation (I7), unless a declared rule explains it, which is counted. The same arguments give the same run, byte for byte.
            On a violation the shortest run that still fails is searched for and printed: after --steps nothing goes wrong.
            An event is one inbox row that was routed to an owner; secondsElapsed is both runs, eventsPerSecond the hybrid one's.
            """)

    @Option(help: "The seed of the scheduler, the faults and the outside.") var seed: UInt64 = 1
    @Option(help: "So many seeds, one after the other.") var runs: Int = 1
    @Option(help: "How many \(Program.nouns).") var entities: Int = 1000
    @Option(help: "Milliseconds between two \(Program.nouns).") var spacing: Int = 36_000
    @Option(help: "How many things may be under way at a time; at each port call the seed decides who goes on.") var lanes: Int = 1
    @Option(help: "After so many steps of the scheduler nothing goes wrong any more.") var steps: Int?
    @Option(help: "What goes wrong, and how often: all=0.01, none, or NAME=SHARE,…") var faults: String = "all=0.01"
    @Option(
        help: "What the outside does with a key it knows: refusesKnownKeys, answersLookUps, or neither, which a person settles.",
        transform: { text in
            guard let kind = PartyKind(rawValue: text) else {
                let kinds = PartyKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("expected one of \(kinds), found '\(Console.visible(text))'")
            }
            return kind
        })
    var parties: PartyKind = .refusesKnownKeys
    @Option(
        name: .customLong("plan"),
        help: ArgumentHelp("A plan to run them under; several are switched between. Without any, those of the program.", valueName: "file"))
    var plans: [String] = []
    @Option(
        help: ArgumentHelp(
            "So many plans are drawn by the seed from --plan, or from the program's own: each step that exists as durable code is durable or legacy.",
            valueName: "count"))
    var mixes = 0
    @Flag(inversion: .prefixedNo, help: "Search for the shortest failing run.") var shrink = true
    @Option(help: "Print the journals of this \(Program.noun): hybrid, legacy alone, and each replay of legacy.") var watch: String?
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func validate() throws {
        let sizes = [
            ("--entities", entities, 10_000_000), ("--runs", runs, 1_000_000), ("--spacing", spacing, 86_400_000), ("--lanes", lanes, 1024),
        ]
        for (name, size, most) in sizes where !(1...most).contains(size) {
            throw ValidationError("\(name): expected 1 to \(most), found \(size)")
        }
        guard (0...100).contains(mixes) else { throw ValidationError("--mixes: expected 0 to 100, found \(mixes)") }
        guard mixes == 0 || plans.count < 2 else {
            throw ValidationError("--mixes: expected at most one --plan to draw from, found \(plans.count)")
        }
        guard steps ?? 0 >= 0 else { throw ValidationError("--steps: expected at least 0, found \(steps ?? 0)") }
    }

    func run() async throws {
        let simulation = try Program.app.simulation()
        let chosen = try plans.map { try readPlan($0) }
        let rates = try FaultRates(parsing: faults)
        var violations = 0
        if let watch { try requireSimulated(watch, simulation) }
        let meter = Progress()
        for offset in 0..<UInt64(runs) {
            let seed = seed &+ offset
            var settings = SimulationSettings(
                seed: seed, entities: entities, spacing: .milliseconds(Int64(spacing)), rates: rates, steps: steps,
                watched: watch.map { EntityID($0) })
            settings.parties = parties
            settings.lanes = lanes
            settings.plans = mixes == 0 ? chosen : try mixed(chosen.first, seed: seed)
            let start = Date()
            let (run, seconds) = try await simulation.run(settings) {
                meter.show("seed \(seed): \($0.counted("event")), \($1)", Int(offset), of: runs)
            }
            Console.endProgress()
            var summary = SimulationSummary(settings, run, seconds: seconds, elapsed: Date().timeIntervalSince(start))
            if !run.violations.isEmpty { summary.reproduce = try await reproduction(of: settings, run, simulation) }
            Console.print(format == .json ? try JSONValue(encoding: summary).canonicalText : summary.text)
            violations += run.violations.count
        }
        if violations > 0 { throw CommandFailure(.differences, violations.counted("violation")) }
    }

    private func mixed(_ base: MigrationPlan?, seed: UInt64) throws -> [MigrationPlan] {
        let app = try Program.app
        return try (base ?? app.plan(nil)).mixes(mixes, seed: seed, for: app.processSteps)
    }

    private func readPlan(_ file: String) throws -> MigrationPlan {
        let app = try Program.app
        let plan = try app.plan(file)
        try plan.check(against: app.processSteps)
        return plan
    }

    private func requireSimulated(_ id: String, _ simulation: any AppSimulation) throws {
        guard !(1...entities).contains(where: { simulation.entity($0).rawValue == id }) else { return }
        let range = "from \(simulation.entity(1)) to \(simulation.entity(entities))"
        throw CommandFailure(.environment, "--watch \(id): expected one of the \(Program.nouns) \(range), found none such")
    }

    /// The call that fails again, with the fewest steps in which something goes wrong.
    private func reproduction(
        of settings: SimulationSettings, _ run: SimulationRun, _ simulation: any AppSimulation
    ) async throws -> String {
        var shortest = settings
        if shrink {
            shortest.attempts = 0
            var (passing, failing) = (0, settings.steps ?? run.steps)
            while failing - passing > 1 {
                shortest.steps = (passing + failing) / 2
                Console.progress("searching for the shortest failing run: \(passing) to \(failing.counted("step"))")
                if try await simulation.run(shortest, progress: { _, _ in }).run.violations.isEmpty {
                    passing = (passing + failing) / 2
                } else {
                    failing = (passing + failing) / 2
                }
            }
            Console.endProgress()
            shortest.steps = failing
        }
        let prefix = shortest.steps.map { " --steps \($0)" } ?? ""
        let kind =
            (parties == .refusesKnownKeys ? "" : " --parties \(parties)") + (lanes == 1 ? "" : " --lanes \(lanes)")
            + plans.map { " --plan \($0)" }.joined() + (mixes == 0 ? "" : " --mixes \(mixes)")
        return
            "\(Program.name) simulate --seed \(settings.seed) --entities \(entities) --spacing \(spacing) --faults \(faults)\(kind)\(prefix)"
    }
}
