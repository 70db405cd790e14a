import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

/// What the outbox keeps of a segment's start: its record is read when the message is sent.
struct SegmentOrder: Codable, Sendable {
    var steps: [StepNumber]
    var entry: StepEntry
    var answers: Bool?

    /// An order under `plan`, which says who answers what belongs to no step.
    init(_ steps: [StepNumber], entry: StepEntry, under plan: MigrationPlan) {
        self.steps = steps
        self.entry = entry
        answers = plan.interrupts == .durable ? true : nil
    }
}

/// The live runtime of durable steps: effects are performed under the segment's epoch, ownership and record are written.
struct LiveSteps<Record: Codable & Sendable>: StepRuntime {
    let pipeline: Pipeline<Record>

    /// Makes a wait point true: the legacy state that corresponds to it, the record there, and which events have led to it.
    func enter(_ position: StepPosition, _ context: ActivityContext) async throws {
        try await settingAside(context) { try await enter(position, at: context) }
    }

    /// A row that cannot be read ends the segment: its entity is set aside, and goes back to legacy once it was released.
    func settingAside<Value>(_ context: ActivityContext, _ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch {
            let isStored = error is HybridRouter.UnreadableRow || error is UnknownRecord || error is DecodingError || error is JSONError
            guard isStored, let id = SegmentID(context.workflowID) else { throw error }
            try await pipeline.setAside(id.entity, after: error, at: context.now)
            throw ApplicationError(type: "SetAside", message: "\(id.entity): \(error)", isNonRetryable: true)
        }
    }

    private func enter(_ position: StepPosition, at context: ActivityContext) async throws {
        let snapshot = try await owned(context)
        let mark = SegmentMark(context)
        if let mark, snapshot.record.reached?.isBeyond(mark) == true { return }
        var stored = snapshot.record
        stored.reached = mark
        stored.state = position.state
        stored.body = try body(position.record, in: stored)
        stored.isFinal =
            try pipeline.legacy.place(of: stored.state).isFinal
            && !pipeline.isBehindTheLast(position.after?.next ?? snapshot.ownership.step)
        stored.wasChecked(at: position.checkedAt)
        stored.lastEventAt = context.now
        let used = try await rows(position.used, snapshot.ownership.entity)
        var transaction = EntityTransaction(entity: snapshot.ownership.entity, epoch: snapshot.ownership.epoch, at: context.now)
        var step = snapshot.ownership.step
        if let after = position.after, let next = after.next, after.step == step {
            transaction.moves = [try await completion(of: after, snapshot), .wentOn(to: next)]
            (stored.stepEnteredAt, step) = (context.now, next)
        }
        transaction.moves.append(.entered(step, state: position.state, used: used))
        transaction.record = stored
        transaction.references = try newReferences(stored, snapshot)
        do { try await pipeline.commit(transaction, on: snapshot) } catch let stale as StaleEpoch { throw Self.lost(stale.description) }
    }

    /// Makes an event that the code refuses a dead letter.
    func refuse(_ refusal: StepRefusal, _ context: ActivityContext) async throws {
        try await settingAside(context) {
            let snapshot = try await owned(context)
            guard let sequence = try await rows([refusal.signal], snapshot.ownership.entity).first,
                let row = try await pipeline.store.row(sequence), row.disposition != .dead
            else { return }
            var transaction = EntityTransaction(
                entity: snapshot.ownership.entity, epoch: snapshot.ownership.epoch, at: context.now,
                moves: [.deadLettered(RowReference(sequence, row.event.kind), reason: refusal.reason)])
            transaction.letter = DeadLetter(
                row.event, .failed, "\(row.event.kind) for \(row.event.entity): \(refusal.reason)")
            do { try await pipeline.commit(transaction, on: snapshot) } catch let stale as StaleEpoch { throw Self.lost(stale.description) }
        }
    }

    /// Performs a step's activity under the epoch of its segment, and stores the effects whether it succeeded or not.
    func perform(_ activity: DurableActivity<Record>, on before: JSONValue, _ context: ActivityContext) async throws -> JSONValue {
        try await settingAside(context) { try await perform(activity, before, context) }
    }

    private func perform(_ activity: DurableActivity<Record>, _ before: JSONValue, _ context: ActivityContext) async throws -> JSONValue {
        var record = try before.decoded(as: Record.self)
        let snapshot: EntitySnapshot
        do { snapshot = try await owned(context) } catch let lost as ApplicationError {
            try await recollect(activity, record, context)
            throw lost
        }
        let session = pipeline.session(snapshot.ownership, attempt: context.attempt, at: context.now)
        let known = pipeline.references(record)
        let result: Result<Void, any Error>
        do { result = .success(try await activity.run(&record, session)) } catch { result = .failure(error) }
        try await store(session, snapshot, pipeline.references(record).filter { !known.contains($0) })
        if let key = session.unresolved { try await pipeline.setAside(key, of: session.entity, at: context.now) }
        let changes = before.mergePatch(to: try JSONValue(encoding: record))
        do { try result.get() } catch let error as EffectError {
            throw ApplicationError(error, activity.retry, attempt: context.attempt, after: changes)
        }
        return changes
    }

    /// Makes the session's effects part of the ledger, also when the entity has changed hands meanwhile: they were performed.
    private func store(_ session: EffectSession, _ snapshot: EntitySnapshot, _ references: [String]) async throws {
        var transaction = EntityTransaction(entity: session.entity, epoch: snapshot.ownership.epoch, at: session.now)
        pipeline.add(session, to: &transaction)
        // What has only failed is stored nowhere.
        guard !session.entries.isEmpty || !session.reads.isEmpty || !references.isEmpty else {
            return pipeline.observe(transaction, on: snapshot)
        }
        transaction.references = references
        do { try await pipeline.commit(transaction, on: snapshot) } catch let stale as StaleEpoch {
            try await pipeline.store.keep(session.entries)
            throw Self.lost(stale.description)
        }
    }

    /// Makes part of the ledger what a killed process had performed for this activity before the entity changed hands. It asks the
    /// other side by the keys and performs nothing.
    private func recollect(_ activity: DurableActivity<Record>, _ record: Record, _ context: ActivityContext) async throws {
        guard let id = SegmentID(context.workflowID), let ownership = try await pipeline.store.snapshot(of: id.entity)?.ownership else {
            return
        }
        var record = record
        let session = EffectSession(
            entity: id.entity, now: context.now, owner: .durable, epoch: id.epoch, attempt: context.attempt,
            completions: ownership.completions, ledger: pipeline.store, port: PastEffects(parties: pipeline.effects))
        let result: Result<Void, any Error>
        do { result = .success(try await activity.run(&record, session)) } catch { result = .failure(error) }
        if !session.entries.isEmpty { try await pipeline.store.keep(session.entries) }
        if case .failure(let error as EffectError) = result, error.isRetryable {
            throw ApplicationError(error, activity.retry, attempt: context.attempt)
        }
    }

    /// The names by which senders know the entity from now on.
    func newReferences(_ stored: StoredRecord, _ snapshot: EntitySnapshot) throws -> [String] {
        let known = pipeline.references(try snapshot.record.body.value())
        return pipeline.references(try stored.body.value()).filter { !known.contains($0) }
    }

    /// The record that a step has led to. What a legacy service keeps in its own record and our type does not know stays as it is.
    func body(_ json: JSONValue, in stored: StoredRecord) throws -> RecordBody {
        let record = try json.decoded(as: Record.self)
        guard stored.mark != nil else { return RecordBody(record) }
        let known = try JSONValue(encoding: stored.body.value(as: Record.self))
        let patch = known.mergePatch(to: try JSONValue(encoding: record))
        return RecordBody(text: try JSONValue(parsing: try stored.body.text()).merging(patch).canonicalText)
    }

    /// The inbox rows behind the ids of signals. A signal of an older build has its event's id; one of an operator has no row.
    func rows(_ signals: [String], _ entity: EntityID) async throws -> [Int] {
        let numbers = signals.compactMap { Int($0) }
        guard numbers.count < signals.count else { return numbers }
        let ids = Set(signals.map { EventID($0) })
        return numbers + (try await pipeline.store.rows(of: entity)).filter { ids.contains($0.event.id) }.map(\.sequence)
    }

    /// The entity of a segment's activity; throws when it has changed hands.
    private func owned(_ context: ActivityContext) async throws -> EntitySnapshot {
        guard let id = SegmentID(context.workflowID), let snapshot = try await pipeline.store.snapshot(of: id.entity),
            snapshot.ownership.epoch == id.epoch
        else { throw Self.lost("\(context.workflowID): the entity has changed hands") }
        return snapshot
    }

    private static func lost(_ message: String) -> ApplicationError {
        ApplicationError(type: "StaleEpoch", message: message, isNonRetryable: true)
    }
}

extension SegmentMark {
    /// Where an activity of a segment is in its run; nil for one whose id is no number.
    init?(_ context: ActivityContext) {
        guard let activity = Int(context.activityID) else { return nil }
        self.init(run: context.runID, activity: activity)
    }
}

extension ApplicationError {
    /// What an activity throws whose effect has failed. A party may ask for a longer wait than the retry policy has, not for a shorter one.
    /// What only a person can settle is tried again every hour. The last attempt tells what it has changed in the record.
    init(_ error: EffectError, _ retry: RetryPolicy, attempt: Int, after changes: JSONValue = .null) {
        let wait = error.code == .unresolved ? Duration.hours(1) : error.retryAfter.map { max($0, retry.backoff(afterAttempt: attempt)) }
        let isPointless = !error.isRetryable && error.code != .unresolved
        let isLast = isPointless || attempt == retry.maximumAttempts
        self.init(
            type: error.code.rawValue, message: error.description, isNonRetryable: isPointless, nextRetryDelay: wait,
            details: isLast && changes != .object([:]) ? changes : .null)
    }
}
