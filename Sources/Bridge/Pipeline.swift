import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import Synchronization

/// The state that both paths share: the store, the queue in front of its inbox, and what is to be sent to the engine.
final class Pipeline<State: MachineState, Record: Codable & Sendable>: Sendable {
    let domain: Domain<State, Record>
    let plan: MigrationPlan
    let store: any HandoffStore
    let effects: any EffectPort
    let steps: [StepNumber: DurableStep<Record>]
    private let stepsOfKind: [EventKind: [StepNumber]]
    private let legacySteps: [State: StepNumber]
    private let boundaries: [State: StepNumber]
    private let statesByName: [String: State]
    private let queue = Mutex(EventQueue())
    private let outbox = Mutex<[OutboxMessage]>([])

    init(domain: Domain<State, Record>, plan: MigrationPlan, store: any HandoffStore, effects: any EffectPort) {
        self.domain = domain
        self.plan = plan
        self.store = store
        self.effects = effects
        let numbered = domain.durableSteps.map { (StepNumber(stringLiteral: $0.number), $0) }
        steps = Dictionary(numbered, uniquingKeysWith: { first, _ in first })
        stepsOfKind = Dictionary(grouping: numbered.flatMap { number, step in step.events.map { (number, $0) } }, by: \.1)
            .mapValues { $0.map(\.0).sorted() }
        legacySteps = domain.machine.steps.mapValues { StepNumber(stringLiteral: $0) }
        boundaries = domain.machine.boundaries.mapValues { StepNumber(stringLiteral: $0) }
        statesByName = Dictionary(State.allCases.map { ($0.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The step that an event belongs to: the one the segment is in, else the first durable step that declares the event and is not
    /// completed, else the last that is; nil when legacy has it, or owns those steps for the entity.
    func durableStep(of kind: EventKind, for ownership: Ownership) -> StepNumber? {
        guard let declaring = stepsOfKind[kind] else { return nil }
        if ownership.owner == .durable, declaring.contains(ownership.step) { return ownership.step }
        let owned = declaring.filter { plan.owner(of: $0, for: ownership) == .durable }
        return owned.first { !ownership.completed.contains($0) } ?? owned.last
    }

    /// The plan as it holds now: while the migration is halted, every step is legacy's from its next boundary on.
    func presentPlan() async throws -> MigrationPlan {
        try await store.value(MigrationHalted.setting) == nil ? plan : plan.halted()
    }

    /// Commits and takes over what became runnable.
    func commit(_ change: Change) async throws {
        let committed = try await store.commit(change)
        enqueue(committed.outbox)
        enqueue(committed.queued)
    }

    func enqueue(_ rows: [QueuedRow]) {
        queue.withLock { queue in
            for row in rows {
                queue.enqueue(
                    QueueMessage(
                        sequence: row.sequence, entity: row.entity, priority: row.priority, attempt: row.attempt,
                        visibleAt: row.visibleAt))
            }
        }
    }

    /// Adds messages in their order; one that waits already is left alone.
    func enqueue(_ messages: [OutboxMessage]) {
        guard !messages.isEmpty else { return }
        outbox.withLock { waiting in
            let known = Set(waiting.map(\.sequence))
            waiting += messages.filter { !known.contains($0.sequence) }
            waiting.sort { $0.sequence < $1.sequence }
        }
    }
    func isQueued(_ entity: EntityID) -> Bool { queue.withLock { $0.contains(entity) } }
    func claim(at now: Timestamp) -> QueueMessage? { queue.withLock { $0.claim(at: now) } }
    func complete(_ sequence: Int) { queue.withLock { $0.complete(sequence) } }
    func retry(_ sequence: Int, at moment: Timestamp) { queue.withLock { $0.retry(sequence, at: moment) } }
    func release(_ sequence: Int) { queue.withLock { $0.release(sequence) } }
    var nextVisible: Timestamp? { queue.withLock { $0.nextVisible } }

    /// The message to send next; it stays in front until it is sent, so that an error loses none.
    var nextToSend: OutboxMessage? { outbox.withLock { $0.first } }
    func sent(_ message: OutboxMessage) { outbox.withLock { $0.removeAll { $0.sequence == message.sequence } } }

    func decode(_ record: StoredRecord) throws -> Record { try record.body.value() }

    func state(_ record: StoredRecord) throws -> State {
        guard let state = statesByName[record.state] else {
            throw BridgeError(
                "a record in state \(record.state): expected a state of machine \(domain.machine.name); use the build that wrote it")
        }
        return state
    }

    /// The step a legacy state belongs to; a state of no step (a hold) stays in the step the entity is in.
    func legacyStep(_ state: State, _ ownership: Ownership) -> StepNumber {
        legacySteps[state] ?? ownership.step
    }

    /// The step that is complete in `state`; nil when the state is no boundary.
    func completedStep(at state: State) -> StepNumber? { boundaries[state] }

    /// When the sweeper should look at the record next.
    func dueAt(_ record: StoredRecord, state: State) -> Timestamp? {
        record.isFinal ? nil : domain.sweeper.nextDue(for: record.times, in: state)
    }
}

extension StoredRecord {
    /// What the sweeper looks at.
    var times: RecordTimes {
        RecordTimes(createdAt: createdAt, stepEnteredAt: stepEnteredAt, lastEventAt: lastEventAt, lastSweptAt: lastSweptAt)
    }
}

/// A state of affairs that the pipeline cannot go on from.
public struct BridgeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: ids, expected, found, remedy.
    public let description: String
    init(_ description: String) { self.description = description }
}
