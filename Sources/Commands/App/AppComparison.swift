import Bridge
public import Cutover
public import DurableWorkflow
public import Events
import HybridRouter
public import LegacyStateMachine
import Outcomes
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

    /// What the two paths made of every entity. `compared` is told of each comparison, after it was counted.
    public func summary(
        at moment: Timestamp = .distantPast, compared: (Comparison) async throws -> Void = { _ in }
    ) async throws -> ComparisonSummary {
        let comparator = hybrid.options.plan.comparator(at: moment)
        var summary = ComparisonSummary(comparator: comparator)
        try await add(to: &summary, by: comparator, compared: compared)
        return summary
    }

    /// Adds what `comparator` says of what the two paths made of every entity.
    func add(
        to summary: inout ComparisonSummary, by comparator: Comparator, compared: (Comparison) async throws -> Void = { _ in }
    ) async throws {
        let known = try await Set(legacy.store.entities()).union(hybrid.store.entities())
        for entity in known.sorted() {
            let control = try await legacy.observation(of: entity, withRecord: comparator.isStrict)
            let candidate = try await hybrid.observation(of: entity, withRecord: comparator.isStrict)
            let comparison = comparator.compare(entity, control: control, candidate: candidate)
            summary.add(comparison)
            try await compared(comparison)
        }
    }

    /// What legacy alone makes of the same lines a second time, in memory, compared with the first: whatever differs is noise, which
    /// no path can be blamed for.
    func noise(_ app: LockstepApp<State, Record>, _ lines: TraceFiles) async throws -> ComparisonSummary {
        let again = try AppRun(app, RunOptions(mode: .legacy, plan: hybrid.options.plan, database: ":memory:"))
        try await again.play(lines)
        let comparator = Comparator()
        var summary = ComparisonSummary(comparator: comparator)
        for entity in try await Set(legacy.store.entities()).union(again.store.entities()).sorted() {
            let first = try await legacy.observation(of: entity)
            summary.add(comparator.compare(entity, control: first, candidate: try await again.observation(of: entity)))
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

    /// What the run made of one entity; nil when it does not know it. `withRecord` adds the members of its record.
    func observation(of entity: EntityID, withRecord: Bool = false) async throws -> Observation? {
        guard var observation = try await bridge.observation(of: entity, options.mode) else { return nil }
        if withRecord, let body = try await store.snapshot(of: entity)?.record.body {
            observation.record = try JSONValue(parsing: body.text()).object
        }
        return observation
    }
}

extension HandoffStore {
    /// What a comparison of an entity is evidence for; nil when durable has ended no step of it.
    func evidence(of comparison: Comparison) async throws -> EvidenceCase? {
        let entity = comparison.entity
        let deliveries = try await rows(of: entity).map(\.event).filter(\.isFromOutside).map(\.id)
        return EvidenceCase(
            entity: entity, deliveries: deliveries, journal: try await journal(of: entity), isMismatch: comparison.verdict == .mismatched)
    }
}
