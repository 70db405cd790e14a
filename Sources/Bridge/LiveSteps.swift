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
    private func settingAside<Value>(_ context: ActivityContext, _ body: () async throws -> Value) async throws -> Value {
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
        stored.isFinal = try pipeline.legacy.place(of: stored.state).isFinal
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
        do { try result.get() } catch let error as EffectError { throw ApplicationError(error, activity.retry, attempt: context.attempt) }
        return before.mergePatch(to: try JSONValue(encoding: record))
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

    /// Makes the end of a step true in one transaction; returns the step with which the segment goes on, as the plan has it now: one that
    /// was put in since the segment began is not passed over.
    ///
    /// The last completed step, an interruption and a failure give the entity back to legacy. Repeating it, or coming too late,
    /// changes nothing.
    func end(_ end: StepEnd, _ context: ActivityContext) async throws -> StepSuccessor? {
        try await settingAside(context) { try await settle(end, context) }
    }

    private func settle(_ end: StepEnd, _ context: ActivityContext) async throws -> StepSuccessor? {
        guard let id = SegmentID(context.workflowID), var snapshot = try await pipeline.store.snapshot(of: id.entity),
            snapshot.ownership.epoch == id.epoch
        else { return nil }
        snapshot.record.reached = SegmentMark(context)
        do {
            if let after = end.after?.first, after.step == snapshot.ownership.step {
                guard let later = try await leave(after, before: end, snapshot, at: context.now) else { return nil }
                snapshot = later
            }
            if snapshot.ownership.step != end.step { return StepSuccessor(snapshot.ownership.step) }
            return try await settle(end, snapshot, at: context.now)
        } catch is StaleEpoch { return nil }
    }

    private func settle(_ end: StepEnd, _ snapshot: EntitySnapshot, at now: Timestamp) async throws -> StepSuccessor? {
        switch end.how {
        case .failed(let reason):
            if try await setAsideRetired(snapshot, "it has failed: \(reason)", at: now) { return nil }
            _ = try await pipeline.takeBack(snapshot, .failed(snapshot.ownership.step, reason: reason), at: now)
            return nil
        case .interrupted(let kind):
            let used = try await rows(end.used, snapshot.ownership.entity)
            if try await goesOnRetired(end, snapshot, by: kind, used, at: now) { return nil }
            try await interrupt(end, snapshot, by: kind, used, at: now)
            return nil
        case .moved(let kind):
            let used = try await rows(end.used, snapshot.ownership.entity)
            try await move(end, snapshot, by: kind, used, at: now)
            return nil
        case .completed:
            let plan = try await pipeline.presentPlan()
            do { return try await complete(end, snapshot, plan, at: now) } catch is MigrationHalted {
                return try await complete(end, snapshot, plan.halted(), at: now)
            }
        }
    }

    /// Where the entity goes from a complete step; the step with which the segment goes on, when it keeps the entity.
    private func complete(
        _ end: StepEnd, _ snapshot: EntitySnapshot, _ plan: MigrationPlan, at now: Timestamp
    ) async throws -> StepSuccessor? {
        let move = try await completion(of: end, snapshot)
        let used = move.used
        let place = try pipeline.legacy.place(of: end.state ?? snapshot.record.state)
        let isBetween = end.state == snapshot.record.state && place.step == end.step && place.completed == nil
        if let back = place.step, back < end.step, !place.isFinal, end.state != nil {
            try await goBack(end, snapshot, used, to: back, plan, at: now)
        } else if let next = plan.next(after: end.step, for: snapshot.ownership), !place.isFinal, pipeline.steps[next] != nil,
            plan.owner(of: next, for: snapshot.ownership) == .durable
        {
            if isBetween { return StepSuccessor(next, isTold: false) }
            try await goOn(end, snapshot, move, to: next, at: now)
            return StepSuccessor(next)
        } else if let last = used.last, isBetween, plan.next(after: end.step, for: snapshot.ownership) != nil,
            let event = try await pipeline.store.row(last)?.event
        {
            // Legacy cannot stop here: what has completed the step is what it goes on with.
            var end = end
            end.state = nil
            try await interrupt(end, snapshot, by: event.kind, Array(used.dropLast()), at: now)
        } else {
            try await handBack(end, snapshot, move, plan, at: now)
        }
        return nil
    }

    func interrupt(_ end: StepEnd, _ snapshot: EntitySnapshot, by kind: EventKind, _ used: [Int], at now: Timestamp) async throws {
        var transaction = try ending(end, snapshot, .interrupted(end.step, by: kind, used: used), isComplete: false, at: now)
        transaction.moves.append(.handedBack(to: end.step))
        try await pipeline.commit(transaction, on: snapshot)
    }

    /// What belongs to no step has moved the entity to another state: it is where legacy's table would have left it, and whoever runs the
    /// step there goes on.
    private func move(_ end: StepEnd, _ snapshot: EntitySnapshot, by kind: EventKind, _ used: [Int], at now: Timestamp) async throws {
        let state = end.state ?? snapshot.record.state
        let place = try pipeline.legacy.place(of: state)
        let stays = place.step == end.step && place.completed == nil
        var transaction = try ending(end, snapshot, .interrupted(end.step, by: kind, used: used), isComplete: !stays, at: now)
        guard let record = transaction.record else { return }
        transaction.moves.append(.handedBack(to: end.step))
        var after = snapshot
        after.ownership.apply(.handedBack(to: end.step))
        var ownership = try pipeline.walk(&transaction, after, to: state, place, on: kind)
        if stays, state != snapshot.record.state {
            let entered = Move.entered(end.step, state: state, used: [])
            transaction.moves.append(entered)
            ownership.apply(entered)
        }
        if place.isFinal, !snapshot.record.isFinal { transaction.moves.append(.ended(state: state)) }
        try await pipeline.leaveBoundary(&transaction, ownership, at: state, isEntered: true, record)
        if let step = place.step, place.completed == nil {
            try await pipeline.takeOver(&transaction, ownership, step, in: state, record)
        }
        try await pipeline.commit(transaction, on: snapshot)
    }

    /// The step has ended in a state of an earlier one, which the entity visits again: its code begins there, or legacy goes on.
    private func goBack(
        _ end: StepEnd, _ snapshot: EntitySnapshot, _ used: [Int], to step: StepNumber, _ plan: MigrationPlan, at now: Timestamp
    ) async throws {
        var kind = EventKind.continue
        if let last = used.last, let row = try await pipeline.store.row(last) { kind = row.event.kind }
        var transaction = try ending(end, snapshot, .interrupted(end.step, by: kind, used: used), isComplete: true, at: now)
        var after = snapshot.ownership
        let state = end.state ?? snapshot.record.state
        for move in [Move.handedBack(to: step), .entered(step, state: state, used: [])] {
            transaction.moves.append(move)
            after.apply(move)
        }
        if let record = transaction.record { try await pipeline.takeOver(&transaction, after, step, in: state, record) }
        try await pipeline.commit(transaction, on: snapshot)
    }

    /// The move that says that a step is done.
    func completion(of end: StepEnd, _ snapshot: EntitySnapshot) async throws -> Move {
        let used = try await rows(end.used, snapshot.ownership.entity)
        return .completed(end.step, visit: snapshot.ownership.visit(of: end.step), used: used)
    }

    /// The step is done and the next one is durable too: the segment keeps the entity.
    func goOn(
        _ end: StepEnd, _ snapshot: EntitySnapshot, _ move: Move, to next: StepNumber, unlessHalted: Bool = true, at now: Timestamp
    ) async throws {
        var transaction = try ending(end, snapshot, move, isComplete: true, at: now)
        transaction.unlessHalted = unlessHalted && !pipeline.plan.isRetired(next)
        transaction.record?.dueAt = nil
        transaction.record?.reached = snapshot.record.reached
        transaction.moves.append(.wentOn(to: next))
        try await pipeline.commit(transaction, on: snapshot)
    }

    private func handBack(
        _ end: StepEnd, _ snapshot: EntitySnapshot, _ move: Move, _ plan: MigrationPlan, at now: Timestamp
    ) async throws {
        let state = end.state ?? snapshot.record.state
        let place = try pipeline.legacy.place(of: state)
        guard let next = plan.next(after: end.step, for: snapshot.ownership) else {
            return try await handBackLast(end, snapshot, move, isOver: place.isFinal || place.step != end.step, at: now)
        }
        var transaction = try ending(end, snapshot, move, isComplete: true, at: now)
        guard let record = transaction.record, !record.isFinal else {
            transaction.moves += [.handedBack(to: next), .ended(state: state)]
            return try await pipeline.commit(transaction, on: snapshot)
        }
        var after = snapshot.ownership
        after.apply(move)
        guard let done = place.completed, done > end.step, done >= next else {
            transaction.moves += [.handedBack(to: next), .continued]
            return try await pipeline.commit(transaction, on: snapshot)
        }
        // The step has done the work of the steps after it, too: they are complete, and the plan says who goes on from there.
        for further in [Move.handedBack(to: done), .completed(done, visit: after.visit(of: done), used: [])] {
            transaction.moves.append(further)
            after.apply(further)
        }
        try await pipeline.leaveBoundary(&transaction, after, at: state, isEntered: true, record)
        try await pipeline.commit(transaction, on: snapshot)
    }

    /// The last step of the plan has ended. When legacy goes on in a state of that same step, the step is not complete: its effects keep
    /// their keys.
    private func handBackLast(_ end: StepEnd, _ snapshot: EntitySnapshot, _ move: Move, isOver: Bool, at now: Timestamp) async throws {
        let reached = end.state ?? snapshot.record.state
        let stays = Move.entered(end.step, state: reached, used: move.used)
        var transaction = try ending(end, snapshot, isOver ? move : stays, isComplete: isOver, at: now)
        let isFinal = transaction.record?.isFinal == true
        transaction.moves += [.handedBack(to: end.step), isFinal ? .ended(state: reached) : .continued]
        try await pipeline.commit(transaction, on: snapshot)
    }

    /// What every end of a step has in common: the record, and the move that says how the step ended.
    func ending(
        _ end: StepEnd, _ snapshot: EntitySnapshot, _ move: Move, isComplete: Bool, at now: Timestamp
    ) throws -> EntityTransaction {
        var stored = snapshot.record
        stored.body = try body(end.record, in: stored)
        stored.state = end.state ?? stored.state
        stored.isFinal = try pipeline.legacy.place(of: stored.state).isFinal
        stored.wasChecked(at: end.checkedAt)
        if isComplete { stored.stepEnteredAt = now }
        stored.lastEventAt = now
        stored.reached = nil
        stored.dueAt = try pipeline.dueAt(stored)
        var transaction = EntityTransaction(entity: snapshot.ownership.entity, epoch: snapshot.ownership.epoch, at: now, moves: [move])
        transaction.record = stored
        transaction.references = try newReferences(stored, snapshot)
        return transaction
    }

    /// The names by which senders know the entity from now on.
    private func newReferences(_ stored: StoredRecord, _ snapshot: EntitySnapshot) throws -> [String] {
        let known = pipeline.references(try snapshot.record.body.value())
        return pipeline.references(try stored.body.value()).filter { !known.contains($0) }
    }

    /// The record that a step has led to. What a legacy service keeps in its own record and our type does not know stays as it is.
    private func body(_ json: JSONValue, in stored: StoredRecord) throws -> RecordBody {
        let record = try json.decoded(as: Record.self)
        guard stored.mark != nil else { return RecordBody(record) }
        let known = try JSONValue(encoding: stored.body.value(as: Record.self))
        let patch = known.mergePatch(to: try JSONValue(encoding: record))
        return RecordBody(text: try JSONValue(parsing: try stored.body.text()).merging(patch).canonicalText)
    }

    /// The inbox rows behind the ids of signals. A signal of an older build has its event's id; one of an operator has no row.
    private func rows(_ signals: [String], _ entity: EntityID) async throws -> [Int] {
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
    /// What only a person can settle is tried again every hour.
    init(_ error: EffectError, _ retry: RetryPolicy, attempt: Int) {
        let wait = error.code == .unresolved ? Duration.hours(1) : error.retryAfter.map { max($0, retry.backoff(afterAttempt: attempt)) }
        self.init(
            type: error.code.rawValue, message: error.description, isNonRetryable: !error.isRetryable && error.code != .unresolved,
            nextRetryDelay: wait)
    }
}
