import Bridge
import Cutover
import DurableWorkflow
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import Outcomes
import SQLiteStorage

/// A database as operators' moves see it: the domain and a plan, no engine and nobody to call. A move is one transaction that a run
/// takes up, beside it or later.
struct OperatorDesk {
    let path: String
    let store: SQLiteHandoffStore
    let bridge: any OperatorMoves

    init(_ path: String, _ access: LockstepDatabase.Access, plan: MigrationPlan? = nil) async throws {
        try await self.init(Program.app, path, access, plan)
    }

    private init(_ app: some Application, _ path: String, _ access: LockstepDatabase.Access, _ plan: MigrationPlan?) async throws {
        let domain = app.typed.domain
        let plan = try plan ?? app.plan(nil)
        try plan.check(against: domain.processSteps)
        self.path = path
        store = SQLiteHandoffStore(try LockstepDatabase(path: path, access: access))
        let identity = DatabaseIdentity(machine: domain.machine.name, mode: .hybrid, plan: plan)
        try await identity.checkMove(in: store, path: path, toDurable: access == .alone)
        bridge = try EventBridge(domain: domain, plan: plan, store: store, effects: Nobody()) { _, _ in Nobody.engine }
    }

    /// Refuses ids that a store does not have, before anything is moved.
    static func requireKnown(_ entities: [EntityID], of store: any HandoffStore, _ path: String) async throws {
        var unknown: [String] = []
        for entity in entities where try await store.snapshot(of: entity) == nil { unknown.append(entity.rawValue) }
        guard !unknown.isEmpty else { return }
        throw CommandFailure(
            .environment,
            "\(unknown.joined(separator: ", ")): expected \(Program.nouns) of \(path), found none such; nothing was moved; see '\(Program.name) history list'"
        )
    }

    /// The time of the run, which may go on meanwhile; the system's before the first round. Records, timers and journals of a database
    /// have no other.
    func now() async throws -> Timestamp { try await store.timeOfRun() }

    /// Refuses ids that the database does not have, before anything is moved.
    func requireKnown(_ entities: [EntityID]) async throws { try await Self.requireKnown(entities, of: store, path) }
}

/// The bridge that runs in this process, for a command that it was asked for.
struct RunningBridge: Sendable {
    @TaskLocal static var present: RunningBridge?

    let bridge: any OperatorMoves
    let store: any HandoffStore
    let now: @Sendable () -> Timestamp
}

extension HandoffStore {
    /// The time of the run: of its recording, or the system's where there is none.
    func timeOfRun() async throws -> Timestamp { try await clock() ?? Timestamp(Date()) }
}

/// What operators do with a bridge, whatever its machine is.
protocol OperatorMoves: Sendable {
    var plan: MigrationPlan { get }

    func load() async throws
    func recall(_ entity: EntityID, reason: String, at now: Timestamp) async throws -> MoveResult
    func adopt(_ entity: EntityID, at now: Timestamp) async throws -> MoveResult
    func halt(at now: Timestamp) async throws
    func resumeMigration() async throws
    func settle(_ key: EffectKey, reply: JSONValue?, at now: Timestamp) async throws -> Bool
}

extension EventBridge: OperatorMoves {}

extension MigrationPlan {
    /// `hybrid-5.2 version 1`
    var title: String { "\(name) version \(version)" }
}
