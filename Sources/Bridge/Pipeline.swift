import Cutover
import DurableWorkflow
import Events
import FoundationEssentials
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
    private let stepOfKind: [EventKind: StepNumber]
    private let queue = Mutex(EventQueue())
    private let outbox = Mutex<[OutboxMessage]>([])

    init(domain: Domain<State, Record>, plan: MigrationPlan, store: any HandoffStore, effects: any EffectPort) {
        self.domain = domain
        self.plan = plan
        self.store = store
        self.effects = effects
        let numbered = domain.durableSteps.map { (StepNumber(stringLiteral: $0.number), $0) }
        steps = Dictionary(numbered, uniquingKeysWith: { first, _ in first })
        stepOfKind = Dictionary(
            numbered.flatMap { number, step in step.events.map { ($0, number) } }, uniquingKeysWith: { first, _ in first })
    }

    /// The durable-owned step that declares `kind`; nil when legacy has it, or owns that step for `entity`.
    func durableStep(of kind: EventKind, for entity: EntityID) -> StepNumber? {
        guard let step = stepOfKind[kind], plan.owner(of: step, for: entity) == .durable else { return nil }
        return step
    }

    /// Commits and takes over what became runnable.
    func commit(_ change: Change) async throws {
        let committed = try await store.commit(change)
        enqueue(committed.queued)
        outbox.withLock { $0.append(contentsOf: committed.outbox) }
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

    func enqueue(_ messages: [OutboxMessage]) { outbox.withLock { $0.append(contentsOf: messages) } }
    func claim(at now: Timestamp) -> QueueMessage? { queue.withLock { $0.claim(at: now) } }
    func complete(_ sequence: Int) { queue.withLock { $0.complete(sequence) } }
    func retry(_ sequence: Int, at moment: Timestamp) { queue.withLock { $0.retry(sequence, at: moment) } }
    var nextVisible: Timestamp? { queue.withLock { $0.nextVisible } }

    func takeOutbox() -> [OutboxMessage] {
        outbox.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }

    func decode(_ record: StoredRecord) throws -> Record { try JSONDecoder().decode(Record.self, from: Data(record.body.utf8)) }

    func encode(_ record: Record) throws -> String { String(decoding: try JSONEncoder().encode(record), as: UTF8.self) }

    func state(_ record: StoredRecord) throws -> State {
        guard let state = State(rawValue: record.state) else {
            throw BridgeError(
                "a record in state \(record.state): expected a state of machine \(domain.machine.name); use the build that wrote it")
        }
        return state
    }

    /// The step a legacy state belongs to; a state of no step (a hold) stays in the step the entity is in.
    func legacyStep(_ state: State, _ ownership: Ownership) -> StepNumber {
        domain.machine.steps[state].map { StepNumber(stringLiteral: $0) } ?? ownership.step
    }

    /// When the sweeper should look at the record next.
    func dueAt(_ record: StoredRecord, state: State, entity: EntityID) -> Timestamp? {
        record.isFinal ? nil : domain.sweeper.nextDue(for: summary(record, state: state, entity: entity))
    }

    func summary(_ record: StoredRecord, state: State, entity: EntityID) -> RecordSummary<State> {
        RecordSummary(
            entity: entity, state: state, createdAt: record.createdAt, stepEnteredAt: record.stepEnteredAt,
            lastEventAt: record.lastEventAt, lastSweptAt: record.lastSweptAt)
    }
}

/// A state of affairs that the pipeline cannot go on from.
public struct BridgeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: ids, expected, found, remedy.
    public let description: String
    init(_ description: String) { self.description = description }
}
