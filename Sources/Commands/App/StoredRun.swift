public import Bridge
public import Cutover
public import Events
import FoundationEssentials
import HybridRouter
public import LegacyStateMachine
public import MigrationReport
import SQLiteStorage
public import ShadowComparator

/// A database as it stands, also beside the process that runs on it: what it says of the migration, without playing anything into it.
public struct StoredRun<State: MachineState, Record: Codable & Sendable>: Sendable {
    private let app: LockstepApp<State, Record>
    private let database: LockstepDatabase
    private let store: SQLiteHandoffStore
    private let bridge: EventBridge<State, Record>

    /// Opens the database at `path` to be read. Throws a sentence when it is another machine's.
    public init(_ app: LockstepApp<State, Record>, database path: String, plan: MigrationPlan) async throws {
        try plan.check(against: app.domain.processSteps)
        self.app = app
        database = try LockstepDatabase(path: path, access: .reader)
        store = SQLiteHandoffStore(database)
        let identity = DatabaseIdentity(machine: app.domain.machine.name, mode: .hybrid, plan: plan)
        try await identity.checkMove(in: store, path: path, toDurable: false)
        bridge = try EventBridge(domain: app.domain, plan: plan, store: store, effects: Nobody()) { _, _ in Nobody.engine }
    }

    /// Compares one entity with what legacy alone makes of its deliveries; see ``Bridge/EventBridge/compare(_:resting:at:with:)``.
    public func compare(_ entity: EntityID) async throws -> StoredComparison {
        try await compare(entity, bridge.plan.comparator(at: Timestamp(Date())))
    }

    private func compare(_ entity: EntityID, _ comparator: Comparator) async throws -> StoredComparison {
        try await bridge.compare(entity, resting: Set(app.completions.keys), at: try await store.timeOfRun(), with: comparator)
    }

    /// Compares all entities that have ended or rest. `progress` is told how many of how many were looked at.
    public func comparison(progress: (Int, Int) -> Void = { _, _ in }) async throws -> StoredSummary {
        try await comparison(progress: progress, evidence: { _ in })
    }

    /// The same; `evidence` is told what each comparison is evidence for.
    func comparison(progress: (Int, Int) -> Void, evidence: (EvidenceCase?) -> Void) async throws -> StoredSummary {
        let comparator = bridge.plan.comparator(at: Timestamp(Date()))
        var summary = StoredSummary(comparator)
        let entities = try await store.entities()
        for (index, entity) in entities.enumerated() {
            let one = try await compare(entity, comparator)
            summary.add(entity, one)
            if case .compared(let found, _) = one { evidence(try await store.evidence(of: found)) }
            if index % 64 == 0 { progress(index, entities.count) }
        }
        return summary
    }

    /// Everything that the report shows, from this database alone. Throws when one of `audited` is none of its entities.
    /// Without `evidence` no gate is open.
    public func report(
        auditing audited: [EntityID] = [], evidence: EvidenceSummary? = nil, progress: (Int, Int) -> Void = { _, _ in }
    ) async throws -> Report {
        let summary = try await comparison(progress: progress)
        let tally = try await JournalTally(of: store, app)
        var details: [MismatchDetail] = []
        for mismatch in summary.comparison.mismatches.prefix(25) {
            let candidate = Timeline(path: "hybrid", journal: try await store.journal(of: mismatch.entity))
            let control = Timeline(path: "legacy", journal: summary.journals[mismatch.entity] ?? [])
            details.append(MismatchDetail(comparison: mismatch, control: control, candidate: candidate))
        }
        return Report(
            title: app.title, generatedAt: Timestamp(Date()), plan: PlanProgress(bridge.plan, figures: tally.figures),
            runs: [try await bridge.figures(of: "stored")], comparison: summary.comparison, mismatches: details,
            segments: try await SegmentAudit.all(of: details.map(\.comparison.entity) + audited, store, database),
            matrix: MatrixView(app.domain.machineDescription, taken: tally.taken),
            costs: try app.stepCosts(of: bridge.plan.steps.map(\.number)), evidence: evidence)
    }
}

/// What the comparison of a database with legacy alone comes to.
public struct StoredSummary: Sendable {
    /// The entities that were compared.
    public private(set) var comparison: ComparisonSummary
    /// How many are in the middle of a step.
    public private(set) var underWay = 0
    /// Why others cannot be compared, one sentence each.
    public private(set) var incomparable: [String] = []
    /// What legacy alone did with the entities that differ.
    private(set) var journals: [EntityID: [JournalEntry]] = [:]

    init(_ comparator: Comparator) { comparison = ComparisonSummary(comparator: comparator) }

    mutating func add(_ entity: EntityID, _ one: StoredComparison) {
        switch one {
        case .underWay: underWay += 1
        case .incomparable(let reason): incomparable.append(reason)
        case .compared(let found, let control):
            comparison.add(found)
            if found.verdict == .mismatched, journals.count < 25 { journals[entity] = control }
        }
    }
}
