import ArgumentParser
import Bridge
public import Cutover
public import DurableWorkflow
public import Events
import HybridRouter
public import LegacyStateMachine
import SQLiteStorage
public import ShadowComparator

/// Both paths over the same deliveries, each on a database of its own.
public struct AppComparison<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// Legacy alone.
    public let legacy: AppRun<State, Record>
    /// Legacy and durable as the plan says.
    public let hybrid: AppRun<State, Record>

    /// Opens both databases: `database` with `.legacy` and `.hybrid` before its ending, or two in memory. What the hybrid
    /// path's engine says of itself goes to `telemetry`.
    public init(
        _ app: LockstepApp<State, Record>, plan: MigrationPlan, database: String, telemetry: Telemetry = Telemetry()
    ) throws {
        let isMemory = database == ":memory:"
        func options(_ mode: RunMode) -> RunOptions {
            var options = RunOptions(mode: mode, plan: plan, database: isMemory ? database : "\(database).\(mode.rawValue)")
            options.planChange = .refused
            return options
        }
        legacy = try AppRun(app, options(.legacy))
        var candidate = options(.hybrid)
        candidate.telemetry = telemetry
        hybrid = try AppRun(app, candidate)
    }

    /// Plays the lines through both paths.
    public func play(_ lines: [TraceLine], progress: (RunMode, Int, Timestamp) -> Void = { _, _, _ in }) async throws {
        try await legacy.play(lines, progress: { progress(.legacy, $0, $1) })
        try await hybrid.play(lines, progress: { progress(.hybrid, $0, $1) })
    }

    /// The same for trace files. Throws before anything is played when the databases hold a comparison of other deliveries or of another
    /// plan.
    func play(_ files: TraceFiles, progress: (RunMode, Int, Timestamp) -> Void = { _, _, _ in }) async throws {
        for run in [legacy, hybrid] { try await run.claim(input: files.digest) }
        try await legacy.play(files, progress: { progress(.legacy, $0, $1) })
        try await hybrid.play(files, progress: { progress(.hybrid, $0, $1) })
    }

    /// What the two paths made of every entity.
    public func summary() async throws -> ComparisonSummary {
        let expected = hybrid.options.plan.expected
        let comparator = Comparator(expectedFacts: expected.facts, expectedEffects: expected.effects)
        var summary = ComparisonSummary(comparator: comparator)
        let known = try await Set(legacy.store.entities()).union(hybrid.store.entities())
        for entity in known.sorted() {
            let control = try await legacy.observation(of: entity)
            summary.add(comparator.compare(entity, control: control, candidate: try await hybrid.observation(of: entity)))
        }
        return summary
    }
}

extension AppRun {
    /// One observation per entity, in order of ids.
    public func observations() async throws -> [Observation] {
        var observations: [Observation] = []
        for entity in try await store.entities() {
            if let observation = try await observation(of: entity) { observations.append(observation) }
        }
        return observations
    }

    /// What the run made of one entity; nil when it does not know it.
    func observation(of entity: EntityID) async throws -> Observation? {
        guard let outcome = try await bridge.outcome(of: entity) else { return nil }
        return Observation(entity: entity, path: options.mode.rawValue, outcome: outcome, ledger: try await store.ledger(of: entity))
    }
}

/// `lockstep compare`
struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the same deliveries through legacy alone and through hybrid, and compares outcomes, states and effects.",
        discussion: """
            \(Program.name) compare                        all fixtures
            \(Program.name) compare trace.jsonl --format json
            \(Program.name) compare --of work.sqlite       a database as it stands: legacy alone is played again, in memory, on what it accepted
            Differences that the plan declares are expected; anything else is a mismatch and ends with exit code 1.
            """)

    @OptionGroup var input: InputOptions
    @OptionGroup var watch: WatchOptions

    @Option(help: "Seed of the simulated outside; recorded traces do not depend on it.")
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp("Compare what this database has come to with legacy alone; nothing is played into it.", valueName: "database"))
    var of: String?

    func validate() throws {
        guard of == nil || (input.inputs.isEmpty && input.database == nil) else {
            throw ValidationError("--of compares a database as it stands: give neither inputs nor --database with it")
        }
    }

    func run() async throws { try await run(Program.app) }

    private func run(_ app: some Application) async throws {
        if let of { return try await compare(of, app) }
        let inputs = try input.load()
        let database = try input.database ?? InputOptions.freshDatabase("compare")
        let watching = try watch.watching()
        let comparison = try AppComparison(
            app.typed, plan: try input.loadPlan(), database: database, telemetry: watching.telemetry)
        let lines = inputs.lines
        try await watching.during(comparison.hybrid) {
            try await comparison.play(lines) { Console.progress("\($0.rawValue): \($1) of \(lines.count) deliveries, \($2)") }
        }
        Console.endProgress()
        let summary = try await comparison.summary()
        Console.print(input.format == .json ? try JSONValue(encoding: summary).canonicalText : Self.text(summary, database))
        if summary.mismatched > 0 { throw CommandFailure(.differences, "") }
    }

    private func compare(_ database: String, _ app: some Application) async throws {
        let stored = try await StoredRun(app.typed, database: database, plan: try input.loadPlan())
        let summary = try await stored.comparison { Console.progress("\($0) of \($1) \(Program.nouns)") }
        Console.endProgress()
        Console.print(input.format == .json ? try summary.json.canonicalText : Self.text(summary))
        if summary.comparison.mismatched > 0 { throw CommandFailure(.differences, "") }
    }

    private static func text(_ summary: StoredSummary) -> String {
        var lines = differences(summary.comparison)
        lines += ["", "\(summary.underWay) under way, \(summary.incomparable.count) that cannot be compared"]
        return (lines + summary.incomparable.prefix(20).map { "  " + Console.visible($0) }).joined(separator: "\n")
    }

    private static func text(_ summary: ComparisonSummary, _ database: String) -> String {
        (differences(summary) + ["", "databases \(database).legacy and .hybrid; see '\(Program.name) history show'"]).joined(
            separator: "\n")
    }

    private static func differences(_ summary: ComparisonSummary) -> [String] {
        var lines = [
            "\(summary.compared) compared: \(summary.matched) matched, \(summary.expectedDifferences) with expected differences, \(summary.mismatched) mismatched",
            "",
        ]
        if !summary.clusters.isEmpty {
            lines.append(
                Console.table(
                    [["layer", "path", Program.nouns, "unexpected", "example"]]
                        + summary.clusters.map {
                            [$0.layer.rawValue, $0.path, String($0.entities), String($0.unexpected), $0.example]
                        }))
        }
        for mismatch in summary.mismatches.prefix(20) {
            lines += ["", Console.visible("\(mismatch.entity)")]
            for difference in mismatch.differences where !difference.expected {
                lines.append(
                    "  \(difference.layer.rawValue) \(difference.path) \(difference.kind.rawValue): legacy \(difference.control?.canonicalText ?? "nothing"), hybrid \(difference.candidate?.canonicalText ?? "nothing")"
                )
            }
        }
        return lines
    }
}

extension StoredSummary {
    /// The members of a comparison, and `underWay` and `incomparable` beside them.
    fileprivate var json: JSONValue {
        get throws {
            var json = try JSONValue(encoding: comparison)
            json["underWay"] = .integer(underWay)
            json["incomparable"] = .array(incomparable.map { .string($0) })
            return json
        }
    }
}
