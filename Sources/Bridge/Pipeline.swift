import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import Synchronization

/// Where the legacy machine runs.
enum LegacySide: Sendable {
    /// In this process; its records lie in our database.
    case inProcess(any LegacyRuntime)
    /// Elsewhere; it keeps its records itself.
    case service(any LegacyService, ServiceTable)

    /// Where its states lie.
    var table: any LegacyTable {
        switch self {
        case .inProcess(let runtime): runtime
        case .service(_, let table): table
        }
    }

    /// The service; nil for a machine in this process.
    var service: (any LegacyService)? {
        guard case .service(let service, _) = self else { return nil }
        return service
    }
}

/// What both paths share: the ports, and what this process has in memory of the store: queue, unsent messages, recent entities.
final class Pipeline<Record: Codable & Sendable>: Sendable {
    let legacy: any LegacyTable
    let machine: LegacySide
    let interrupts: Set<EventKind>
    let references: @Sendable (Record) -> [String]
    let plan: MigrationPlan
    let store: any HandoffStore
    let effects: any EffectPort
    let steps: [StepNumber: DurableStep<Record>]
    /// The steps after which legacy can stop: it has a state in which they are complete.
    let seams: Set<StepNumber>
    /// The steps that legacy has states for.
    let legacySteps: Set<StepNumber>
    /// The last of them.
    let lastLegacyStep: StepNumber?
    /// The steps of the plan that entities make up for; few plans have one.
    let retroactive: [PlannedStep]
    private let stepsOfKind: [EventKind: [StepNumber]]
    /// What a service that runs live is told.
    let live = LiveHooks()
    /// What follows the owner in its shadow; nil when no step is shadowed.
    let shadow: ShadowDesk?
    private let work = Mutex(WorkInHand())

    init(
        machine: LegacySide, steps: [DurableStep<Record>], interrupts: Set<EventKind>,
        references: @escaping @Sendable (Record) -> [String], plan: MigrationPlan,
        store: any HandoffStore, effects: any EffectPort, seams: Set<StepNumber>, legacySteps: Set<StepNumber>, shadow: ShadowDesk?
    ) {
        self.machine = machine
        legacy = machine.table
        self.interrupts = interrupts
        self.references = references
        self.plan = plan
        self.store = store
        self.effects = effects
        self.seams = seams
        self.legacySteps = legacySteps
        lastLegacyStep = legacySteps.max()
        retroactive = plan.steps.filter(\.isRetroactive)
        self.shadow = shadow
        self.steps = Dictionary(steps.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        stepsOfKind = Dictionary(grouping: steps.flatMap { step in step.events.map { (step.number, $0) } }, by: \.1)
            .mapValues { $0.map(\.0).sorted() }
    }

    /// The step that an event belongs to: the one the segment is in, else the next durable step that declares the event, else the last;
    /// nil when legacy has it, or owns those steps for the entity.
    func durableStep(of kind: EventKind, for ownership: Ownership) -> StepNumber? {
        guard let declaring = stepsOfKind[kind] else { return nil }
        if ownership.owner == .durable, declaring.contains(ownership.step) { return ownership.step }
        let owned = declaring.filter { plan.owner(of: $0, for: ownership) == .durable }
        return owned.first { $0 > ownership.passed ?? ownership.step } ?? owned.last
    }

    /// The plan as it holds now: while the migration is halted, every step is legacy's from its next boundary on.
    func presentPlan() async throws -> MigrationPlan {
        try await store.haltedSince() == nil ? plan : plan.halted()
    }

    /// The entity as it is in memory, else as it is stored; nil for an unknown one.
    func snapshot(of entity: EntityID) async throws -> EntitySnapshot? {
        if let known = work.withLock({ $0.entities[entity] }) { return known }
        guard let stored = try await store.snapshot(of: entity) else { return nil }
        return work.withLock { work in
            work.remember(stored)
            return work.entities[entity] ?? stored
        }
    }

    /// The entity when it is in `epoch`; what is in memory may be older than what is stored.
    func snapshot(of entity: EntityID, in epoch: Int) async throws -> EntitySnapshot? {
        if let known = try await snapshot(of: entity), known.ownership.epoch >= epoch {
            return known.ownership.epoch == epoch ? known : nil
        }
        forget(entity)
        let stored = try await snapshot(of: entity)
        return stored?.ownership.epoch == epoch ? stored : nil
    }

    /// Drops an entity from memory, so that it is read from the store again.
    func forget(_ entity: EntityID) { work.withLock { $0.entities[entity] = nil } }

    /// Drops all entities from memory.
    func forgetAll() { work.withLock { $0.entities.removeAll() } }

    /// Commits, and queues the rows and messages that follow. `event` is the event that is being handled: a signal that tells of it needs
    /// no second read, and a shadow is told of it.
    func commit(_ transaction: EntityTransaction, on snapshot: EntitySnapshot, event: Event? = nil) async throws {
        let loads = work.withLock { $0.beginWriting(snapshot.ownership) }
        let committed: Committed
        do { committed = try await store.commit(transaction) } catch {
            work.withLock { work in
                work.entities[transaction.entity] = nil
                work.endWriting(snapshot.ownership)
            }
            live.ring()
            throw error
        }
        let after = EntitySnapshot(ownership: committed.ownership, record: committed.record ?? snapshot.record)
        shadow?.observe(ObservedCommit(before: snapshot, after: after, transaction: transaction, event: event))
        let messages = committed.outbox.map { message in
            var message = message
            if message.kind == .signal { message.event = event }
            return message
        }
        work.withLock { work in
            work.remember(after)
            work.outbox.add(messages)
            work.enqueue(committed.queued, since: loads)
            work.endWriting(snapshot.ownership)
        }
        live.ring()
    }

    /// Tells the shadow of failures that no commit speaks of.
    func observe(_ transaction: EntityTransaction, on snapshot: EntitySnapshot) {
        guard !transaction.failures.isEmpty else { return }
        shadow?.observe(ObservedCommit(before: snapshot, after: snapshot, transaction: transaction, event: nil))
    }

    /// The effects of one handling under the entity's present ownership.
    func session(_ ownership: Ownership, attempt: Int, at now: Timestamp) -> EffectSession {
        EffectSession(
            entity: ownership.entity, now: now, owner: ownership.owner, epoch: ownership.epoch, attempt: attempt,
            completions: ownership.completions, ledger: store, port: effects)
    }

    /// Adds to a transaction what its session has performed and read.
    func add(_ session: EffectSession, to transaction: inout EntityTransaction) {
        transaction.effects = session.entries
        transaction.reads = session.reads
        transaction.failures = session.failures
        transaction.moves += session.entries.map { .performed($0.key) }
    }

    /// The step a legacy state belongs to; a state of no step (a hold) stays in the step the entity is in.
    func legacyStep(_ state: String, _ ownership: Ownership) throws -> StepNumber { try legacy.place(of: state).step ?? ownership.step }

    /// When the sweeper should look at the record next.
    func dueAt(_ record: StoredRecord) throws -> Timestamp? {
        record.isFinal ? nil : try legacy.nextDue(for: record.times, in: record.state)
    }
}

extension Pipeline {
    // MARK: The queue

    /// How often rows were read again from the store.
    var loads: Int { work.withLock { $0.loads } }
    /// True while rows are being read from the store.
    var isLoading: Bool { work.withLock { $0.loading > 0 } }
    func load(_ body: () async throws -> Void) async rethrows {
        work.withLock { $0.loading += 1 }
        defer { work.withLock { $0.loading -= 1 } }
        try await body()
    }
    /// Queues rows that were accepted after so many ``loads``.
    func enqueue(_ rows: [QueuedRow], since loads: Int) {
        work.withLock { $0.enqueue(rows, since: loads) }
        live.ring()
    }
    /// Queues rows as they were read from the store.
    func load(_ rows: [QueuedRow]) {
        work.withLock { $0.load(rows) }
        live.ring()
    }
    func makesWay(_ message: QueueMessage) -> Bool { work.withLock { $0.makesWay(message) } }
    func isQueued(_ entity: EntityID) -> Bool { work.withLock { $0.queue.contains(entity) } }
    func claim(at now: Timestamp) -> (message: QueueMessage, event: Event?)? { work.withLock { $0.claim(at: now) } }
    func complete(_ sequence: Int) { work.withLock { $0.complete(sequence) } }
    func retry(_ sequence: Int, at moment: Timestamp) { work.withLock { $0.queue.retry(sequence, at: moment) } }
    func expireClaims(after timeout: Duration) { work.withLock { $0.queue = EventQueue(visibilityTimeout: timeout) } }
    func postpone(_ sequence: Int, until moment: Timestamp) { work.withLock { $0.queue.postpone(sequence, until: moment) } }
    var redelivered: EntityID? { work.withLock { $0.queue.redelivered } }
    func isClaimed(_ entity: EntityID) -> Bool { work.withLock { $0.queue.isClaimed(entity) } }
    func release(_ sequence: Int) { work.withLock { $0.queue.release(sequence) } }
    /// The events that wait for nothing but a lane.
    var waitingCount: Int { work.withLock { $0.queue.waitingCount } }
    var nextVisible: Timestamp? { work.withLock { $0.queue.nextVisible } }
    /// How often the handling of a row has failed in this process, this time included.
    func failures(of sequence: Int) -> Int { work.withLock { $0.fail(sequence) } }
    /// How often a row has waited for a legacy service before, and whether that has answered anybody since.
    func waits(of sequence: Int) -> (count: Int, isAnswered: Bool) {
        let answers = live.serviceAnswers
        return work.withLock { $0.wait(sequence, answers: answers) }
    }
    /// How often it has failed so far.
    func failureCount(of sequence: Int) -> Int { work.withLock { $0.failureCount(of: sequence) } }

    // MARK: The outbox

    /// Adds messages in their order; one that waits already is left alone.
    func enqueue(_ messages: [OutboxMessage]) {
        work.withLock { $0.outbox.add(messages) }
        live.ring()
    }
    /// True when the engine is to be told something of the entity, and was not told yet.
    func hasUnsent(for entity: EntityID) -> Bool { work.withLock { $0.outbox.holds(entity) } }
    /// The message to send next; it stays in front until it is sent, so that an error loses none.
    var nextToSend: OutboxMessage? { work.withLock { $0.outbox.first } }
    /// A message that is sent while those of other entities are.
    func claimMessage() -> OutboxMessage? { work.withLock { $0.outbox.claim() } }
    func releaseMessage(_ message: OutboxMessage) { work.withLock { $0.outbox.release(message) } }
    func sent(_ message: OutboxMessage) { work.withLock { $0.outbox.remove(message) } }

    // MARK: What is set aside

    func isStopped(_ entity: EntityID) -> Bool { work.withLock { $0.stopped.contains(entity) } }
    /// How many entities are set aside.
    var stoppedCount: Int { work.withLock { $0.stopped.count } }
    func stop(_ entity: EntityID) { work.withLock { $0.stop($0.stopped.union([entity])) } }
    var stops: Int { work.withLock { $0.stops } }
    /// Stops these entities and no others; false when others were stopped since `stops` was so many.
    func stop(exactly entities: Set<EntityID>, since stops: Int) -> Bool {
        work.withLock { work in
            guard work.stops == stops else { return false }
            work.stop(entities)
            return true
        }
    }
    func resume(_ entity: EntityID) { work.withLock { _ = $0.stopped.remove(entity) } }
}

extension StoredRecord {
    /// What the sweeper looks at.
    var times: RecordTimes {
        RecordTimes(createdAt: createdAt, stepEnteredAt: stepEnteredAt, lastEventAt: lastEventAt, lastSweptAt: lastSweptAt)
    }
}
