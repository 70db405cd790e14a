import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

/// What a segment starts with.
struct SegmentInput: Codable, Sendable {
    var entity: EntityID
    var epoch: Int
    var steps: [StepNumber]
    var record: JSONValue
}

/// What a segment ends with, and the input of its last activity.
struct HandBack: Codable, Sendable {
    var entity: EntityID
    var epoch: Int
    var completed: [StepNumber]
    var used: [EventID]
    var interruptedBy: EventKind?
    var record: JSONValue
}

extension Pipeline {
    static var segmentType: String { "segment" }
    static var handBackActivity: String { "lockstep.handBack" }

    /// The workflow of every segment: its steps in order, then the hand back.
    func segment() -> WorkflowType {
        let steps = steps
        let interrupts = domain.interrupts
        return WorkflowType(Self.segmentType) { workflow, input in
            let input = try input.decoded(as: SegmentInput.self)
            var record = try input.record.decoded(as: Record.self)
            var back = HandBack(entity: input.entity, epoch: input.epoch, completed: [], used: [], interruptedBy: nil, record: input.record)
            do {
                for number in input.steps {
                    guard let step = steps[number] else { throw BridgeError("step \(number): expected durable code for it, found none") }
                    try await step.run(StepContext(workflow: workflow, interrupts: interrupts), &record)
                    back.completed.append(number)
                }
                back.used = workflow.signalsUsed.map { EventID($0) }
            } catch let interruption as StepInterruption {
                back.interruptedBy = interruption.event.kind
                back.used = workflow.signalsUsed.map { EventID($0) }.filter { $0 != interruption.event.id }
            }
            back.record = try JSONValue(encoding: record)
            return try await workflow.execute(Self.handBackActivity, input: try JSONValue(encoding: back), retry: RetryPolicy())
        }
    }

    /// All activities: the steps' own and the hand back.
    func activities() -> [ActivityType] {
        let own = steps.values.flatMap(\.activities).map { activity in
            ActivityType(activity.name) { [self] context, input in try await perform(activity, input, context) }
        }
        let back = ActivityType(Self.handBackActivity) { [self] context, input in
            try await handBack(try input.decoded(as: HandBack.self), at: context.now)
            return .null
        }
        return own + [back]
    }

    /// Performs a step's activity under the epoch of its segment, and stores the effects whether it succeeded or not.
    private func perform(_ activity: DurableActivity<Record>, _ input: JSONValue, _ context: ActivityContext) async throws -> JSONValue {
        var record = try input.decoded(as: Record.self)
        guard let (entity, epoch) = Self.segment(context.workflowID), let snapshot = try await store.snapshot(of: entity),
            snapshot.ownership.epoch == epoch
        else {
            throw ActivityFailure(type: "StaleEpoch", message: "\(context.workflowID): the entity has changed hands", nonRetryable: true)
        }
        let session = session(snapshot.ownership, attempt: context.attempt, at: context.now)
        let result: Result<Void, any Error>
        do { result = .success(try await activity.run(&record, session)) } catch { result = .failure(error) }
        try await store(session, record, snapshot, what: activity.name)
        do { try result.get() } catch let error as EffectError { throw Self.failure(error) }
        return try JSONValue(encoding: record)
    }

    private func store(_ session: EffectSession, _ record: Record, _ snapshot: EntitySnapshot, what: String) async throws {
        var change = Change(entity: session.entity, epoch: snapshot.ownership.epoch, at: session.now)
        change.ledger = session.entries
        change.references = newReferences(record, since: try decode(snapshot.record))
        change.journal = session.entries.map { entry in
            JournalEntry(
                entity: session.entity, at: session.now, owner: .durable, epoch: snapshot.ownership.epoch, what: what,
                detail: "performed \(entry.key)")
        }
        if !change.ledger.isEmpty { try await commit(change) }
    }

    private static func failure(_ error: EffectError) -> ActivityFailure {
        ActivityFailure(
            type: error.code.rawValue, message: error.description, nonRetryable: !error.isRetryable, retryAfter: error.retryAfter)
    }

    static func segment(_ workflowID: String) -> (EntityID, Int)? {
        guard let slash = workflowID.lastIndex(of: "/"), let epoch = Int(workflowID[workflowID.index(after: slash)...]) else { return nil }
        return (EntityID(String(workflowID[..<slash])), epoch)
    }

    /// Gives the entity back to legacy in one transaction. Repeating it, or coming too late, does nothing.
    func handBack(_ back: HandBack, at now: Timestamp) async throws {
        guard let snapshot = try await store.snapshot(of: back.entity), snapshot.ownership.epoch == back.epoch else { return }
        let record = try back.record.decoded(as: Record.self)
        let change = try handBackChange(back, snapshot, record, at: now)
        do { try await commit(change) } catch is StaleEpoch { return }
    }

    private func handBackChange(_ back: HandBack, _ snapshot: EntitySnapshot, _ record: Record, at now: Timestamp) throws -> Change {
        var next = snapshot.ownership
        next.epoch += 1
        next.owner = .legacy
        next.completed += back.completed
        let following = nextStep(after: back.completed.last ?? next.step, next)
        if back.interruptedBy == nil, let following { next.step = following }

        var change = Change(entity: back.entity, epoch: back.epoch, at: now)
        var stored = snapshot.record
        stored.body = try encode(record)
        stored.stepEnteredAt = now
        stored.lastEventAt = now
        stored.dueAt = dueAt(stored, state: try state(stored), entity: back.entity)
        change.record = stored
        change.ownership = next
        change.consumedEvents = back.used
        change.requeueSignalled = true
        change.unpark = true
        change.references = newReferences(record, since: try decode(snapshot.record))
        change.counters = ["handBacks"]
        if back.interruptedBy == nil { change.append = [continueEvent(next, version: stored.version, at: now)] }
        change.journal = [
            JournalEntry(
                entity: back.entity, at: now, owner: .legacy, epoch: next.epoch, what: "hand back",
                detail: back.interruptedBy.map { "step \(snapshot.ownership.step) interrupted by \($0)" }
                    ?? "completed \(back.completed.map(\.description).joined(separator: ", "))")
        ]
        return change
    }
}
