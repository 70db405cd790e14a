import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

// The end of a step: complete, interrupted, moved elsewhere, or failed. What follows (the next durable step, an earlier one, legacy) is one
// transaction with it.

extension LiveSteps {
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
            if snapshot.ownership.step != end.step { return successor(of: end.step, snapshot.ownership) }
            return try await settle(end, snapshot, at: context.now)
        } catch is StaleEpoch { return nil }
    }

    /// With which step the segment went on when `step` ended. More may have ended since: the process died in a workflow task in which a step
    /// had nothing to wait for, and the task, which is begun anew, has to run that step's code again.
    private func successor(of step: StepNumber, _ ownership: Ownership) -> StepSuccessor {
        StepSuccessor(ownership.completions.keys.filter { $0 > step && $0 < ownership.step }.min() ?? ownership.step)
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
        let standing = try pipeline.standing(in: snapshot.record.state, from: end.step)
        if standing != end.step {
            try await goOnWhereItStood(end, snapshot, move, in: standing, at: now)
        } else if let back = place.step, back < end.step, !place.isFinal, end.state != nil {
            try await goBack(end, snapshot, used, to: back, at: now)
        } else if let next = plan.next(after: end.step, for: snapshot.ownership),
            !place.isFinal || pipeline.isAtTheEnd(end.step), pipeline.steps[next] != nil,
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
        transaction.moves.append(.handedBack(to: try pipeline.standing(in: snapshot.record.state, from: end.step)))
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
        var after = snapshot
        transaction.add([.handedBack(to: end.step)], to: &after.ownership)
        var ownership = try pipeline.walk(&transaction, after, to: state, place, on: kind)
        if stays, state != snapshot.record.state {
            transaction.add([.entered(end.step, state: state, used: [])], to: &ownership)
        }
        if place.isFinal, !snapshot.record.isFinal {
            try await pipeline.endOrGoOn(&transaction, ownership, from: end.step, at: state, record)
            return try await pipeline.commit(transaction, on: snapshot)
        }
        try await pipeline.leaveBoundary(&transaction, ownership, at: state, isEntered: true, record)
        if let step = place.step, place.completed == nil {
            try await pipeline.takeOver(&transaction, ownership, step, in: state, record)
        }
        try await pipeline.commit(transaction, on: snapshot)
    }

    /// The step has ended in a state of an earlier one, which the entity visits again: its code begins there, or legacy goes on.
    private func goBack(
        _ end: StepEnd, _ snapshot: EntitySnapshot, _ used: [Int], to step: StepNumber, at now: Timestamp
    ) async throws {
        var kind = EventKind.continue
        if let last = used.last, let row = try await pipeline.store.row(last) { kind = row.event.kind }
        var transaction = try ending(end, snapshot, .interrupted(end.step, by: kind, used: used), isComplete: true, at: now)
        var after = snapshot.ownership
        let state = end.state ?? snapshot.record.state
        transaction.add([.handedBack(to: step), .entered(step, state: state, used: [])], to: &after)
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
        transaction.record?.isFinal = false
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
        transaction.add([.handedBack(to: done), .completed(done, visit: after.visit(of: done), used: [])], to: &after)
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
        stored.isFinal = try pipeline.legacy.place(of: stored.state).isFinal && (isComplete || !pipeline.isBehindTheLast(end.step))
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
}
