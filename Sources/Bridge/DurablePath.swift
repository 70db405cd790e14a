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
    var entry: StepEntry
}

/// How a step of a segment ended: the input of the activity that makes it true.
struct StepEnd: Codable, Sendable {
    var entity: EntityID
    var epoch: Int
    /// The step it is about.
    var step: StepNumber
    /// How it ended.
    var how: How
    /// The legacy state in which the step ended; nil to stay in the one it entered last.
    var state: String?
    /// The events the segment has used.
    var used: [EventID]
    /// The step that the segment would go on with.
    var next: StepNumber?
    var record: JSONValue

    enum How: Codable, Sendable {
        case completed
        case interrupted(by: EventKind)
        case failed(reason: String)
    }
}

/// Where a segment stands, for operators: `lockstep workflow query … progress`. No personal data.
struct SegmentProgress: Codable, Sendable {
    static let query = Query<Nothing, SegmentProgress>("progress")

    var entity: EntityID
    var epoch: Int
    var step: StepNumber?
    var enteredAt: Timestamp
    var signalsUsed: [String]
}

extension Pipeline {
    static var segmentType: String { "segment" }
    static var endStepActivity: String { "lockstep.endStep" }

    /// The workflow of every segment: its steps in order, each made true before the next begins.
    func segment() -> WorkflowType {
        let steps = steps
        let interrupts = domain.interrupts
        return WorkflowType(Self.segmentType) { workflow, input in
            let input = try input.decoded(as: SegmentInput.self)
            var record = try input.record.decoded(as: Record.self)
            var entry = input.entry
            var current = input.steps.first
            workflow.onQuery(SegmentProgress.query) { _ in
                SegmentProgress(
                    entity: input.entity, epoch: input.epoch, step: current, enteredAt: entry.enteredAt, signalsUsed: workflow.signalsUsed)
            }
            for (index, number) in input.steps.enumerated() {
                current = number
                guard let step = steps[number] else { throw BridgeError("step \(number): expected durable code for it, found none") }
                var end = StepEnd(
                    entity: input.entity, epoch: input.epoch, step: number, how: .completed, state: nil, used: [],
                    next: index + 1 < input.steps.count ? input.steps[index + 1] : nil, record: input.record)
                var used: [String] = []
                do {
                    end.state = try await step.run(StepContext(workflow: workflow, entry: entry, interrupts: interrupts), &record)
                    used = workflow.signalsUsed
                } catch let interruption as StepInterruption {
                    end.how = .interrupted(by: interruption.event.kind)
                    used = workflow.signalsUsed.filter { $0 != interruption.event.id.rawValue }
                } catch let error as ActivityError {
                    end.how = .failed(reason: error.description)
                }
                end.used = used.map { EventID($0) }
                end.record = try workflow.json(record)
                let goesOn = try await workflow.execute(Self.endStepActivity, input: try workflow.json(end))
                guard goesOn.bool == true else { return .null }
                entry = StepEntry(createdAt: entry.createdAt, enteredAt: workflow.now, heardAt: workflow.now)
            }
            return .null
        }
    }

    /// All activities: the steps' own, the wait points and the end of a step.
    func activities() -> [ActivityType] {
        let own = steps.values.flatMap(\.activities).map { activity in
            ActivityType(activity.name) { [self] context, input in try await perform(activity, input, context) }
        }
        let end = ActivityType(Self.endStepActivity) { [self] context, input in
            .bool(try await endStep(try input.decoded(as: StepEnd.self), at: context.now))
        }
        let enter = ActivityType(StepPosition.activity) { [self] context, input in
            try await self.enter(try input.decoded(as: StepPosition.self), context)
            return .null
        }
        return own + [enter, end]
    }

    /// Makes a wait point true: the legacy state that corresponds to it, the record there, and which events have led to it.
    private func enter(_ position: StepPosition, _ context: ActivityContext) async throws {
        let snapshot = try await owned(context)
        var stored = snapshot.record
        stored.state = position.state
        stored.body = RecordBody(try position.record.decoded(as: Record.self))
        _ = try state(stored)
        stored.lastEventAt = context.now
        var change = Change(entity: snapshot.ownership.entity, epoch: snapshot.ownership.epoch, at: context.now)
        change.record = stored
        change.consumedEvents = position.used.map { EventID($0) }
        change.journal = [
            JournalEntry(
                entity: change.entity, at: context.now, owner: .durable, epoch: change.epoch, what: "enter",
                detail: "\(snapshot.record.state) -> \(position.state)")
        ]
        do { try await commit(change) } catch let stale as StaleEpoch { throw Self.lost(stale.description) }
    }

    /// The entity of a segment's activity; throws when it has changed hands.
    private func owned(_ context: ActivityContext) async throws -> EntitySnapshot {
        guard let id = SegmentID(context.workflowID), let snapshot = try await store.snapshot(of: id.entity),
            snapshot.ownership.epoch == id.epoch
        else { throw Self.lost("\(context.workflowID): the entity has changed hands") }
        return snapshot
    }

    private static func lost(_ message: String) -> ApplicationError {
        ApplicationError(type: "StaleEpoch", message: message, isNonRetryable: true)
    }

    /// Performs a step's activity under the epoch of its segment, and stores the effects whether it succeeded or not.
    private func perform(_ activity: DurableActivity<Record>, _ input: JSONValue, _ context: ActivityContext) async throws -> JSONValue {
        var record = try input.decoded(as: Record.self)
        let snapshot: EntitySnapshot
        do { snapshot = try await owned(context) } catch let lost as ApplicationError {
            try await recollect(activity, record, context)
            throw lost
        }
        let session = session(snapshot.ownership, attempt: context.attempt, at: context.now)
        let result: Result<Void, any Error>
        do { result = .success(try await activity.run(&record, session)) } catch { result = .failure(error) }
        try await store(session, record, snapshot, what: activity.name)
        do { try result.get() } catch let error as EffectError { throw Self.failure(error, activity.retry, context.attempt) }
        return try JSONValue(encoding: record)
    }

    /// Makes the session's effects part of the ledger, also when the entity has changed hands meanwhile: they were performed.
    private func store(_ session: EffectSession, _ record: Record, _ snapshot: EntitySnapshot, what: String) async throws {
        guard !session.entries.isEmpty else { return }
        var change = Change(entity: session.entity, epoch: snapshot.ownership.epoch, at: session.now)
        change.ledger = session.entries
        change.references = newReferences(record, since: try decode(snapshot.record))
        change.journal = session.entries.map { entry in
            JournalEntry(
                entity: session.entity, at: session.now, owner: .durable, epoch: snapshot.ownership.epoch, what: what,
                detail: "performed \(entry.key)")
        }
        do { try await commit(change) } catch let stale as StaleEpoch {
            try await store.keep(session.entries)
            throw Self.lost(stale.description)
        }
    }

    /// Makes part of the ledger what a killed process had performed for this activity before the entity changed hands. It asks the
    /// other side by the keys and performs nothing.
    private func recollect(_ activity: DurableActivity<Record>, _ record: Record, _ context: ActivityContext) async throws {
        guard let id = SegmentID(context.workflowID) else { return }
        var record = record
        let session = EffectSession(
            entity: id.entity, now: context.now, owner: Owner.durable.rawValue, epoch: id.epoch, attempt: context.attempt,
            port: PastEffects(parties: effects), recall: { [store] in try await store.reply(to: $0) })
        let result: Result<Void, any Error>
        do { result = .success(try await activity.run(&record, session)) } catch { result = .failure(error) }
        if !session.entries.isEmpty { try await store.keep(session.entries) }
        if case .failure(let error as EffectError) = result, error.isRetryable {
            throw Self.failure(error, activity.retry, context.attempt)
        }
    }

    /// A party's wish to be left alone for a while does not shorten the wait that the policy has.
    private static func failure(_ error: EffectError, _ retry: RetryPolicy, _ attempt: Int) -> ApplicationError {
        ApplicationError(
            type: error.code.rawValue, message: error.description, isNonRetryable: !error.isRetryable,
            nextRetryDelay: error.retryAfter.map { max($0, retry.backoff(afterAttempt: attempt)) })
    }

    /// Makes the end of a step true in one transaction; returns whether the segment goes on with its next step.
    ///
    /// The last completed step, an interruption and a failure give the entity back to legacy. Repeating it, or coming too late,
    /// changes nothing.
    func endStep(_ end: StepEnd, at now: Timestamp) async throws -> Bool {
        guard let snapshot = try await store.snapshot(of: end.entity), snapshot.ownership.epoch == end.epoch else { return false }
        if snapshot.ownership.completed.contains(end.step) { return true }
        do {
            switch end.how {
            case .failed(let reason):
                _ = try await recall(snapshot, reason: "step \(end.step) failed: \(reason)", counter: "failures", at: now)
            case .completed where try await presentPlan().goesOn(to: end.next, snapshot.ownership):
                do {
                    try await commit(try goOnChange(end, snapshot, at: now))
                    return true
                } catch is MigrationHalted { try await commit(try handBackChange(end, snapshot, presentPlan().halted(), at: now)) }
            case .completed, .interrupted: try await commit(try handBackChange(end, snapshot, presentPlan(), at: now))
            }
        } catch is StaleEpoch { return false }
        return false
    }

    /// The step is done and the next one is durable too: the segment keeps the entity.
    private func goOnChange(_ end: StepEnd, _ snapshot: EntitySnapshot, at now: Timestamp) throws -> Change {
        var change = try endChange(end, snapshot, at: now)
        change.unlessHalted = true
        change.ownership?.step = end.next ?? end.step
        change.counters = ["stepsCompleted", "segmentsWentOn"]
        change.record?.dueAt = nil
        change.journal = [entry(end, snapshot.ownership, owner: .durable, what: "step end", "completed \(end.step)", at: now)]
        return change
    }

    private func handBackChange(_ end: StepEnd, _ snapshot: EntitySnapshot, _ plan: MigrationPlan, at now: Timestamp) throws -> Change {
        var change = try endChange(end, snapshot, at: now)
        var next = change.ownership ?? snapshot.ownership
        next.epoch += 1
        next.owner = .legacy
        var detail = "completed \(end.step)"
        if case .interrupted(let kind) = end.how {
            detail = "step \(end.step) interrupted by \(kind)"
        } else {
            if let following = plan.next(after: end.step, for: next) { next.step = following }
            change.counters = ["stepsCompleted"]
            if change.record?.isFinal != true { change.append = [continueEvent(next, version: snapshot.record.version, at: now)] }
        }
        change.ownership = next
        change.requeueSignalled = true
        change.counters.append("handBacks")
        change.journal = [entry(end, next, owner: .legacy, what: "hand back", detail, at: now)]
        return change
    }

    /// What both have in common: the record, the used events, the completed step.
    private func endChange(_ end: StepEnd, _ snapshot: EntitySnapshot, at now: Timestamp) throws -> Change {
        let record = try end.record.decoded(as: Record.self)
        var stored = snapshot.record
        stored.body = RecordBody(record)
        stored.state = end.state ?? stored.state
        let state = try state(stored)
        stored.isFinal = domain.machine.final.contains(state)
        if case .completed = end.how { stored.stepEnteredAt = now }
        stored.lastEventAt = now
        stored.dueAt = dueAt(stored, state: state)
        var change = Change(entity: end.entity, epoch: end.epoch, at: now)
        change.record = stored
        change.ownership = snapshot.ownership
        if case .completed = end.how { change.ownership?.completed.append(end.step) }
        change.consumedEvents = end.used
        change.unpark = true
        change.references = newReferences(record, since: try decode(snapshot.record))
        return change
    }

    private func entry(_ end: StepEnd, _ ownership: Ownership, owner: Owner, what: String, _ detail: String, at now: Timestamp)
        -> JournalEntry
    {
        JournalEntry(entity: end.entity, at: now, owner: owner, epoch: ownership.epoch, what: what, detail: detail)
    }
}

extension MigrationPlan {
    /// True when the segment keeps the entity for `next`.
    fileprivate func goesOn(to next: StepNumber?, _ ownership: Ownership) -> Bool {
        next.map { owner(of: $0, for: ownership) == .durable } ?? false
    }
}
