public import Bridge
public import BridgeTesting
public import Cutover
public import DurableWorkflow
public import Events
public import HybridRouter
public import LegacyStateMachine
public import Outcomes
public import SQLiteStorage
import Synchronization

/// Which path runs the entities.
public enum RunMode: String, Codable, Sendable, CaseIterable {
    /// The legacy machine alone.
    case legacy
    /// Legacy, and durable steps where the plan says so.
    case hybrid
}

/// What a run makes of a database that was run with another plan.
public enum PlanChange: Sendable {
    /// The next step of the migration: the plan is added to the database's history.
    case recorded
    /// Refused: what the database holds is the result of one plan over one input.
    case refused
}

/// What to run, and where.
public struct RunOptions: Sendable {
    /// Which path.
    public var mode: RunMode
    /// The plan; of a legacy run only its legacy steps count.
    public var plan: MigrationPlan
    /// The database's path; `:memory:` for none.
    public var database: String
    /// The effects log; nil for `<database>.effects.jsonl`, or memory with an in-memory database.
    public var effectsLog: String?
    /// Whether the run is one of deliveries that come in now, which calls the app's real parties.
    var isLive = false
    /// What senders sign live deliveries with, by source.
    var secrets: [String: String] = [:]
    /// What stands between the bridge and its ports.
    public var ports = PortWrapper.none
    /// What another plan than the one that the database was run with means.
    public var planChange = PlanChange.recorded
    /// Where the durable engine's metrics, spans and logs go.
    public var telemetry = Telemetry()
    /// The durable workflows kept in memory; one that is not is replayed from its history when something arrives for it.
    public var maximumLive = 1000

    /// Options.
    public init(mode: RunMode, plan: MigrationPlan, database: String, effectsLog: String? = nil) {
        self.mode = mode
        self.plan = plan
        self.database = database
        self.effectsLog = effectsLog
    }
}

/// One run of deliveries over one database: the composition that all verbs use.
public struct AppRun<State: MachineState, Record: Codable & Sendable>: Sendable {
    let options: RunOptions
    package let database: LockstepDatabase
    /// Where everything is kept.
    public let store: any HandoffStore
    /// The machine, the plan and the router.
    public let bridge: EventBridge<State, Record>
    /// The engine of the durable steps.
    public let engine: any DurableEngine & EngineUpkeep & VirtualTime
    /// The time of a run of recordings, which is its engine's clock.
    private let clock: VirtualClock
    package let outside: any Outside
    let effectsLog: EffectsLog?
    let shadow: ShadowFile?

    /// Opens the database and puts the bridge together. Throws a sentence when plan or database are refused.
    public init(
        _ app: LockstepApp<State, Record>, _ options: RunOptions, durability: LockstepDatabase.Durability = .grouped
    ) throws {
        try self.init(app, options, on: nil, durability, live: nil)
    }

    /// The same on a database that is open, live: on a time that goes on by itself.
    init(_ app: LockstepApp<State, Record>, _ options: RunOptions, on database: LockstepDatabase, _ time: any TimeSource) throws {
        try self.init(app, options, on: database, .grouped, live: time)
    }

    private init(
        _ app: LockstepApp<State, Record>, _ options: RunOptions, on open: LockstepDatabase?,
        _ durability: LockstepDatabase.Durability, live time: (any TimeSource)?
    ) throws {
        self.options = options
        let plan = options.mode == .legacy ? options.plan.legacyOnly() : options.plan
        try plan.check(against: app.domain.processSteps)
        let database = try open ?? LockstepDatabase(path: options.database, durability: durability)
        let store = options.ports.handoffs(SQLiteHandoffStore(database))
        let workflowStore = options.ports.workflows(SQLiteWorkflowStore(database))
        (outside, effectsLog) = try Self.outside(of: app, options)
        let clock = VirtualClock()
        let made = Mutex<(any OwnEngine & VirtualTime)?>(nil)
        let effects = options.ports.effects(outside)
        let domain = try Self.domain(of: app, options)
        shadow = try !plan.hasShadow ? nil : ShadowFile(beside: options.database)
        let version = try plan.followed.isEmpty ? nil : BuildIdentity.version(of: app, plan: plan)
        bridge = try EventBridge(domain: domain, plan: plan, store: store, effects: effects, shadow: shadow?.book, version: version) {
            workflows, activities in
            let engine = Engines.running(
                workflowStore, workflows + app.workflows, activities + app.activities,
                EngineOptions(maximumLive: options.maximumLive, isEager: time != nil, telemetry: options.telemetry), on: time ?? clock)
            made.withLock { $0 = engine }
            return engine
        }
        guard let engine = made.withLock({ $0 }) else { throw CommandFailure(.environment, "the durable engine was not made") }
        self.engine = engine
        self.clock = clock
        self.database = database
        self.store = store
    }

    /// The domain, with decoders that verify when the run is live and there are secrets.
    private static func domain(of app: LockstepApp<State, Record>, _ options: RunOptions) throws -> Domain<State, Record> {
        guard options.isLive, !options.secrets.isEmpty else { return app.domain }
        guard let verifying = app.verifying else {
            throw CommandFailure(
                .usage, "secrets: expected a program whose senders sign, found one without; give its LockstepApp verifying")
        }
        var domain = app.domain
        domain.decoders = try verifying(options.secrets)
        return domain
    }

    /// Whom the run calls, and the log of what was performed, where there is one.
    private static func outside(of app: LockstepApp<State, Record>, _ options: RunOptions) throws -> (any Outside, EffectsLog?) {
        if options.isLive, let parties = app.effects {
            let log = try options.effectsLog.map { try EffectsLog(path: $0) }
            return (Parties(parties, log: log), log)
        }
        let isMemory = options.database == ":memory:" && options.effectsLog == nil
        let log = isMemory ? nil : try EffectsLog(path: options.effectsLog ?? options.database + ".effects.jsonl")
        return (app.recorded(log ?? MemoryJournal()), log)
    }

    /// Plays a whole trace from where the database stands. `operate` is what operators do, see ``TraceRunner``.
    public func play(
        _ lines: [TraceLine], groupSize: Int = 1024, operate: @escaping @Sendable (Timestamp) async throws -> Void = { _ in },
        progress: (Int, Timestamp) -> Void = { _, _ in }
    ) async throws {
        try await requireRecordings()
        try await claim(input: nil)
        try await remind()
        try await runner(groupSize, operate).run(lines, reactions: { outside.takeLines() }, progress: progress)
    }

    /// The same for trace files.
    package func play(_ files: TraceFiles, progress: (Int, Timestamp) -> Void = { _, _ in }) async throws {
        try await requireRecordings()
        try await claim(input: files.digest)
        try await remind()
        try await runner(1024).run(files, progress: progress)
        try await DatabaseIdentity.noteEnd(of: files.digest, plan: identity, in: notes)
    }

    /// Plays what a stream yields as it comes; `acknowledge` is told what is durable. At the end of input what waits goes on waiting,
    /// unless the run `drains`.
    package func play(
        stream next: () async throws -> StreamedLine?, drains: Bool = false,
        acknowledge: @escaping TraceRunner<State, Record>.Acknowledge
    ) async throws {
        try await requireRecordings()
        try await claim(input: nil)
        try await remind()
        try await runner(1, acknowledge: acknowledge).run(stream: next, drains: drains)
    }

    private func runner(
        _ groupSize: Int, _ operate: @escaping @Sendable (Timestamp) async throws -> Void = { _ in },
        acknowledge: @escaping TraceRunner<State, Record>.Acknowledge = { _, _ in }
    ) -> TraceRunner<State, Record> {
        let (outside, notes, bridge) = (outside, notes, bridge)
        let forgets = options.database == ":memory:"
        return TraceRunner(
            bridge: bridge, engine: engine, clock: clock, groupSize: groupSize,
            occur: { line in
                try outside.happen(line)
                guard !forgets, line.lost && bridge.isAboutSomebody(line) || line.source == .world else { return }
                try await notes.set("world/\(StableHash.hexadecimal(line.text))", to: line.kept.text)
            }, operate: operate, acknowledge: acknowledge)
    }

    private func requireRecordings() async throws {
        guard try await notes.value(LiveTime.setting) != nil else { return }
        throw CommandFailure(
            .usage,
            "\(options.database): expected a database of recordings, found one that runs live, on the system's time;"
                + " deliver to it with --events and --live, or pass another --database")
    }

    /// Tells the outside what it was told before by other inputs, whose lines do not come again.
    func remind() async throws {
        let entities = try await notes.entities()
        guard !entities.isEmpty else { return }
        for entity in entities { outside.recall(entity) }
        for text in try await notes.values(prefix: "world/").values.sorted() { try outside.happen(try TraceLine(parsing: text)) }
        try await notes.replayAccepted { outside.recall($0) }
    }

    /// The database as the composition uses it: for what it notes of a run, and for what it tells the outside.
    var notes: SQLiteHandoffStore { SQLiteHandoffStore(database) }

    /// What every entity amounts to.
    public func outcomes() async throws -> [EntityID: Outcome] {
        var outcomes: [EntityID: Outcome] = [:]
        for entity in try await store.entities() { outcomes[entity] = try await bridge.outcome(of: entity) }
        return outcomes
    }

    /// What somebody does who finds out which effects of unknown outcome were performed; returns how many were open.
    package func settleEffects(at now: Timestamp) async throws -> Int {
        let keys = try await store.quarantined().filter { $0.kind == .effect }.compactMap { EffectKey($0.key) }
        for key in keys { _ = try await bridge.settle(key, reply: outside.performed(key), at: now) }
        return keys.count
    }

    /// The same before the run begins: what an earlier process has left is answered, and the run never hears that it was open. Returns
    /// the keys of those that were performed.
    package func settleLeftEffects() async throws -> [EffectKey] {
        var performed: [EffectKey] = []
        for call in try await store.intentions() {
            guard let reply = outside.performed(call.key) else {
                try await store.withdraw(call.key)
                continue
            }
            try await store.keep([LedgerEntry(call, reply: reply)])
            performed.append(call.key)
        }
        return performed
    }

    /// The effects of an entity, in the order performed.
    public func ledger(of entity: EntityID) async throws -> [LedgerEntry] { try await store.ledger(of: entity) }
}

extension EventBridge {
    /// Whether a line names an entity. One that does not is not kept: nothing could forget it.
    fileprivate func isAboutSomebody(_ line: TraceLine) -> Bool {
        decode(line.message).contains { decoded in
            guard case .event(let incoming) = decoded else { return false }
            return incoming.reference != .external([])
        }
    }
}
