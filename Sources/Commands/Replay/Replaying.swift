import Bridge
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import MigrationReport
import Outcomes
import SQLiteStorage
import ShadowComparator

/// Plays a few deliveries through both paths, in memory, and sets side by side what they did.
struct Replaying {
    /// The plan of the hybrid path.
    let plan: MigrationPlan
    /// When its rules are asked.
    let moment: Timestamp
    /// The one that is wanted; nil for all.
    var entity: EntityID?
    /// Whether those are shown, too, that do not differ.
    var wantsAll = false

    /// What the paths made of the lines; those with a difference that nothing explains come first.
    func run(_ lines: TraceFiles, _ app: some Application) async throws -> Replay { try await run(lines, app.typed) }

    private func run<State: MachineState, Record: Codable & Sendable>(
        _ lines: TraceFiles, _ app: LockstepApp<State, Record>
    ) async throws -> Replay {
        let paths = try AppComparison(app, plan: plan, database: ":memory:")
        try await paths.play(lines)
        let known = try await Set(paths.legacy.store.entities()).union(paths.hybrid.store.entities()).sorted()
        let wanted = try wanted(of: known)
        var replay = Replay(played: known.count)
        for entity in wanted {
            let one = try await paths.replayed(entity, by: plan.comparator(at: moment))
            replay.compared += 1
            if wantsAll || !one.comparison.differences.isEmpty { replay.add(one) }
        }
        return replay
    }

    private func wanted(of known: [EntityID]) throws -> [EntityID] {
        guard let entity else { return known }
        guard known.contains(entity) else {
            let some = known.prefix(5).map(\.rawValue).joined(separator: ", ")
            throw CommandFailure(
                .usage,
                "--entity: expected \(Program.aNoun) of these inputs, one of \(some)\(known.count > 5 ? ", …" : ""), found \(entity)")
        }
        return [entity]
    }
}

/// What a replay shows.
struct Replay {
    /// How many entities both paths have played.
    let played: Int
    /// How many of them were compared.
    var compared = 0
    /// Those that are to be shown; unexplained ones first, then by id.
    private(set) var entities: [ReplayedEntity] = []

    /// True when nothing explains a difference of one of them.
    var isMismatch: Bool { entities.contains { $0.comparison.verdict == .mismatched } }

    init(played: Int) { self.played = played }

    mutating func add(_ one: ReplayedEntity) {
        entities.append(one)
        let isWorse = { (one: ReplayedEntity) in one.comparison.verdict == .mismatched }
        entities = entities.filter(isWorse) + entities.filter { !isWorse($0) }
    }
}

/// One entity on both paths.
struct ReplayedEntity {
    let comparison: Comparison
    let sides: SideBySide
    /// How both paths are called, the control's first.
    let names: (control: String, candidate: String)
}

extension AppComparison {
    /// What both paths did with an entity.
    fileprivate func replayed(_ entity: EntityID, by comparator: Comparator) async throws -> ReplayedEntity {
        let control = try await legacy.observation(of: entity)
        let candidate = try await hybrid.observation(of: entity)
        let comparison = comparator.compare(entity, control: control, candidate: candidate)
        var differing: [LocatedEffect] = []
        if let control, let candidate { differing = comparator.located(comparison, control: control, candidate: candidate) }
        let (left, right) = (try await legacy.played(entity), try await hybrid.played(entity))
        return ReplayedEntity(
            comparison: comparison, sides: SideBySide(control: left, candidate: right, differing: differing),
            names: (left.name, right.name))
    }
}

extension AppRun {
    /// What the run did with an entity.
    fileprivate func played(_ entity: EntityID) async throws -> PlayedPath {
        let journal = try await store.journal(of: entity)
        let workflows = SQLiteWorkflowStore(database)
        var timers: [PlayedPath.Timer] = []
        for run in try await workflows.segmentRuns(of: entity, journal) { timers += try await workflows.history(run.key).timersFired }
        return PlayedPath(name: options.mode.rawValue, journal: journal, ledger: try await store.ledger(of: entity), timers: timers)
    }
}

extension [HistoryEvent] {
    /// The timers that fired, by the names under which they were started.
    fileprivate var timersFired: [PlayedPath.Timer] {
        let started = filter { $0.kind == .timerStarted }.map { ($0.id, $0.fields.text(.timerID)) }
        let names = Dictionary(started, uniquingKeysWith: { $1 })
        return filter { $0.kind == .timerFired }.map { event in
            let name = event.fields.text(.timerID)
            return PlayedPath.Timer(name: name.isEmpty ? names[event.fields.integer(.startedEventID) ?? 0] ?? "" : name, at: event.at)
        }
    }
}
