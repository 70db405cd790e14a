public import A2PRegistration
package import Bridge
public import BridgeTesting
public import Cutover
public import DurableWorkflow
public import Events
import FoundationEssentials
import HybridRouter
import LegacyFixtures
import LegacyStateMachine
import Migrations
public import Outcomes
public import SQLiteStorage
import Synchronization

/// Which path runs the registrations.
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

/// One run of recorded deliveries over one database: the composition that all verbs use.
public struct A2PRun: Sendable {
    /// What to run, and where.
    public struct Options: Sendable {
        /// Which path.
        public var mode: RunMode
        /// The plan; of a legacy run only its legacy steps count.
        public var plan: MigrationPlan
        /// The database's path; `:memory:` for none.
        public var database: String
        /// The effects log; nil for `<database>.effects.jsonl`, or memory with an in-memory database.
        public var effectsLog: String?
        /// The durable steps that exist as code.
        public var steps: [DurableStep<Registration>]
        /// The outside that reacts to calls; nil for a recorded one.
        public var simulator: Simulator?
        /// What the outside does with a key that it knows.
        package var parties = PartyKind.refusesKnownKeys
        /// What stands between the bridge and its ports.
        public var ports = PortWrapper.none
        /// What another plan than the one that the database was run with means.
        public var planChange = PlanChange.recorded
        /// Where the durable engine's metrics, spans and logs go.
        public var telemetry = Telemetry()

        /// Options.
        public init(
            mode: RunMode, plan: MigrationPlan, database: String, effectsLog: String? = nil,
            steps: [DurableStep<Registration>] = A2PDomain.durableSteps,
            simulator: Simulator? = nil
        ) {
            self.mode = mode
            self.plan = plan
            self.database = database
            self.effectsLog = effectsLog
            self.steps = steps
            self.simulator = simulator
        }
    }

    let options: Options
    let database: LockstepDatabase
    let store: any HandoffStore
    package let bridge: EventBridge<RegistrationState, Registration>
    let engine: EmbeddedEngine
    let world: World
    let effectsLog: EffectsLog?

    /// Opens the database and puts the bridge together. Throws a sentence when plan or database are refused.
    public init(_ options: Options, durability: LockstepDatabase.Durability = .grouped) throws {
        try self.init(options, on: nil, durability, isEager: false)
    }

    /// The same on a database that is open.
    init(_ options: Options, on database: LockstepDatabase, isEager: Bool) throws {
        try self.init(options, on: database, .grouped, isEager: isEager)
    }

    private init(_ options: Options, on open: LockstepDatabase?, _ durability: LockstepDatabase.Durability, isEager: Bool) throws {
        self.options = options
        let domain = A2PDomain.make(steps: options.steps)
        let plan = options.mode == .legacy ? options.plan.legacyOnly() : options.plan
        try A2PDomain.validate(plan, domain)
        let database = try open ?? LockstepDatabase(path: options.database, durability: durability)
        let store = options.ports.handoffs(SQLiteHandoffStore(database))
        let workflowStore = options.ports.workflows(SQLiteWorkflowStore(database))
        let isMemory = options.database == ":memory:" && options.effectsLog == nil
        effectsLog = isMemory ? nil : try EffectsLog(path: options.effectsLog ?? options.database + ".effects.jsonl")
        let journal: any EffectJournal = effectsLog ?? MemoryJournal()
        let simulator = options.simulator
        let world = World(
            journal: journal, limits: simulator == nil ? .none : .published, parties: options.parties, onCall: { simulator?.react(to: $0) })
        let made = Mutex<EmbeddedEngine?>(nil)
        let effects = options.ports.effects(world)
        bridge = try EventBridge(domain: domain, plan: plan, store: store, effects: effects) { workflows, activities in
            let engine = EmbeddedEngine(
                store: workflowStore, workflows: workflows, activities: activities,
                options: EngineOptions(isEager: isEager, telemetry: options.telemetry))
            made.withLock { $0 = engine }
            return engine
        }
        guard let engine = made.withLock({ $0 }) else { throw CommandFailure(.environment, "the durable engine was not made") }
        self.engine = engine
        self.database = database
        self.store = store
        self.world = world
    }

    /// Plays a whole trace from where the database stands. `operate` is what operators do, see ``TraceRunner``.
    public func play(
        _ lines: [TraceLine], groupSize: Int = 1024, operate: @escaping @Sendable (Timestamp) async throws -> Void = { _ in },
        progress: (Int, Timestamp) -> Void = { _, _ in }
    ) async throws {
        try await requireRecordings()
        try await claim(input: nil)
        let runner = runner(groupSize, try await remember(BookKeeper(ReferenceBook(lines))), operate)
        try await runner.run(lines, reactions: { options.simulator?.takeLines() ?? [] }, progress: progress)
    }

    /// The same for trace files.
    func play(_ files: TraceFiles, progress: (Int, Timestamp) -> Void = { _, _ in }) async throws {
        try await requireRecordings()
        try await claim(input: files.digest)
        let runner = runner(1024, try await remember(BookKeeper(files.book)))
        try await runner.run(files, progress: progress)
        try await DatabaseIdentity.noteEnd(of: files.digest, plan: identity, in: notes)
    }

    /// Plays what a stream yields as it comes; `acknowledge` is told what is durable. At the end of input what waits goes on waiting,
    /// unless the run `drains`.
    package func play(
        stream next: () async throws -> StreamedLine?, drains: Bool = false,
        acknowledge: @escaping TraceRunner<RegistrationState, Registration>.Acknowledge
    ) async throws {
        try await requireRecordings()
        try await claim(input: nil)
        let runner = runner(1, try await remember(BookKeeper(ReferenceBook())), acknowledge: acknowledge)
        try await runner.run(stream: next, drains: drains)
    }

    private func runner(
        _ groupSize: Int, _ book: BookKeeper, _ operate: @escaping @Sendable (Timestamp) async throws -> Void = { _ in },
        acknowledge: @escaping TraceRunner<RegistrationState, Registration>.Acknowledge = { _, _ in }
    ) -> TraceRunner<RegistrationState, Registration> {
        let (world, notes) = (world, notes)
        let forgets = options.database == ":memory:"
        return TraceRunner(
            bridge: bridge, engine: engine, groupSize: groupSize,
            occur: { line in
                try book.happen(line, world)
                guard !forgets, line.lost || line.source == .world else { return }
                try await notes.set("world/\(StableHash.hexadecimal(line.text))", to: line.text)
            }, operate: operate, acknowledge: acknowledge)
    }

    private func requireRecordings() async throws {
        guard try await notes.value(LiveRun.setting) != nil else { return }
        throw CommandFailure(
            .usage,
            "\(options.database): expected a database of recordings, found one that runs live, on the system's time;"
                + " deliver to it with --events and --live, or pass another --database")
    }

    /// Tells the outside what it was told before by other inputs, whose lines do not come again.
    func remember(_ book: BookKeeper) async throws -> BookKeeper {
        let entities = try await notes.entities()
        guard !entities.isEmpty else { return book }
        for entity in entities { book.add(entity) }
        for text in try await notes.values(prefix: "world/").values.sorted() { try book.happen(try TraceLine(parsing: text), world) }
        try await notes.replayAccepted { world.occur($0.kind, $0.payload, entity: $0.entity, at: $0.occurredAt) }
        return book
    }

    /// The database as the composition uses it: for what it notes of a run, and for what it tells the outside.
    var notes: SQLiteHandoffStore { SQLiteHandoffStore(database) }

    /// What every registration amounts to.
    public func outcomes() async throws -> [EntityID: Outcome] {
        var outcomes: [EntityID: Outcome] = [:]
        for entity in try await store.entities() { outcomes[entity] = try await bridge.outcome(of: entity) }
        return outcomes
    }

    /// What somebody does who finds out which effects of unknown outcome were performed; returns how many were open.
    package func settleEffects(at now: Timestamp) async throws -> Int {
        let keys = try await store.quarantined().filter { $0.kind == .effect }.compactMap { EffectKey($0.key) }
        for key in keys { _ = try await bridge.settle(key, reply: world.performed(key), at: now) }
        return keys.count
    }

    /// The same before the run begins: what an earlier process has left is answered, and the run never hears that it was open. Returns
    /// the keys of those that were performed.
    package func settleLeftEffects() async throws -> [EffectKey] {
        var performed: [EffectKey] = []
        for call in try await store.intentions() {
            guard let reply = world.performed(call.key) else {
                try await store.withdraw(call.key)
                continue
            }
            try await store.keep([LedgerEntry(call, reply: reply)])
            performed.append(call.key)
        }
        return performed
    }

    /// The effects of a registration, in the order performed.
    public func ledger(of entity: EntityID) async throws -> [LedgerEntry] { try await store.ledger(of: entity) }
}

/// Whose ids are whose; of a stream, the registrations are not known in advance.
final class BookKeeper: Sendable {
    private let book: Mutex<ReferenceBook>

    init(_ book: ReferenceBook) { self.book = Mutex(book) }

    func add(_ entity: EntityID) { book.withLock { $0.add(entity) } }

    func happen(_ line: TraceLine, _ world: World) throws {
        let known = book.withLock { book in
            book.add(line)
            return book
        }
        try world.happen(line, registrations: known)
    }
}

/// Why a command ends, with the exit code that says whose move it is.
public struct CommandFailure: Error, Sendable, CustomStringConvertible {
    /// Exit codes: 0 ok, 1 differences or violations, 2 bad usage, 3 environment.
    public enum Code: Int32, Sendable {
        /// Differences or violations were found.
        case differences = 1
        /// The call's words are wrong.
        case usage = 2
        /// The machine has to change: file, lock, schema.
        case environment = 3
    }

    /// Whose move it is.
    public let code: Code
    /// One sentence.
    public let description: String

    /// A failure.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
