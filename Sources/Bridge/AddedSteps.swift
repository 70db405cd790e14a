import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

// An added step and the entities that are on their way when a plan puts it in: who stands just before it meets it, and who is past it makes
// up for it when the plan says `retroactive: true`.

extension Pipeline {
    /// Gives an entity to an added step that was put in after legacy was told to go on; false for every other row.
    func meetsAdded(_ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws -> Bool {
        let (ownership, state) = (snapshot.ownership, snapshot.record.state)
        guard row.event.source == .lockstep, row.event.kind == .continue, ownership.owner == .legacy, machine.service == nil,
            let done = try legacy.place(of: state).completed
        else { return false }
        // Who was taken back from a step here goes on in legacy.
        guard !ownership.pins.contains(where: { $0.key > done && $0.value == .recalled }) else { return false }
        let passed = max(done, ownership.passed ?? done)
        // Few plans have one, so it is not read first whether the migration is halted, when it has none.
        guard let next = plan.next(after: passed, for: ownership), plan.planned(next)?.isAdded == true,
            try await presentPlan().next(after: passed, for: ownership) == next
        else { return false }
        let reference = RowReference(row.sequence, row.event.kind)
        var transaction = EntityTransaction(
            entity: ownership.entity, epoch: ownership.epoch, version: snapshot.record.version, at: now,
            moves: [.ignored(reference, in: state, reason: "step \(next), which was put in, is first")])
        try await leaveBoundary(&transaction, ownership, at: state, isEntered: false, snapshot.record)
        try await commit(transaction, on: snapshot, event: row.event)
        complete(row.sequence)
        return true
    }

    /// Gives an entity that is past a retroactive step to that step, before the event of the row is handled; the event waits. False when
    /// nothing is to be made up for.
    func makesUp(_ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws -> Bool {
        guard let step = try owed(before: row.event.kind, snapshot),
            try await presentPlan().owner(of: step, for: snapshot.ownership) == .durable
        else { return false }
        if try await givesWay(row, snapshot, at: now) { return true }
        var ownership = snapshot.ownership
        var transaction = EntityTransaction(
            entity: ownership.entity, epoch: ownership.epoch, version: snapshot.record.version, at: now,
            moves: [.parked(RowReference(row.sequence, row.event.kind), until: nil)])
        if ownership.owner == .durable {
            transaction.isCancelling = true
            let step = ownership.step
            transaction.add([.interrupted(step, by: row.event.kind, used: []), .handedBack(to: step)], to: &ownership)
        }
        let drawn = draw(&transaction, ownership, plan, after: nil, through: step)
        try handOff(
            &transaction, drawn, to: step, plan, snapshot.record, in: snapshot.record.state, since: snapshot.record.stepEnteredAt,
            alone: true)
        try await commit(transaction, on: snapshot, event: row.event)
        complete(row.sequence)
        return true
    }

    /// The retroactive step that an entity is past without having made it, and that comes before an event of `kind` now.
    private func owed(before kind: EventKind, _ snapshot: EntitySnapshot) throws -> StepNumber? {
        let (ownership, state) = (snapshot.ownership, snapshot.record.state)
        return try retroactive.first { planned in
            guard planned.number != ownership.step, ownership.completions[planned.number] == nil,
                let makeUp = steps[planned.number]?.makesUp, makeUp.event == kind, makeUp.states.contains(state),
                plan.owner(of: planned.number, for: ownership) == .durable
            else { return false }
            return try makeUp.isNeeded(snapshot.record.body.value())
        }?.number
    }

    /// What belongs to no step and waits for legacy goes first: the step would be interrupted by it as soon as it began. False when nothing
    /// waits.
    private func givesWay(_ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws -> Bool {
        guard snapshot.ownership.owner == .legacy else { return false }
        let waiting = try await store.rows(of: snapshot.ownership.entity).first {
            $0.disposition == .pending && $0.visibleAt <= now && interrupts.contains($0.event.kind)
        }
        guard let waiting else { return false }
        try await runLegacy(waiting, snapshot, at: now)
        release(row.sequence)
        return true
    }

    /// The step in which an entity goes on that is given back from `step`: the one of its state, when it has only made up for `step`.
    func standing(in state: String, from step: StepNumber) throws -> StepNumber {
        guard steps[step]?.makesUp?.states.contains(state) == true else { return step }
        return try legacy.place(of: state).step ?? step
    }
}

extension LiveSteps {
    /// The entity has made up for the step: it goes on in the state and the step in which it was, and what waited is handled there.
    func goOnWhereItStood(
        _ end: StepEnd, _ snapshot: EntitySnapshot, _ completed: Move, in step: StepNumber, at now: Timestamp
    ) async throws {
        var transaction = try ending(end, snapshot, completed, isComplete: false, at: now)
        guard let record = transaction.record else { return }
        var after = snapshot.ownership
        after.apply(completed)
        transaction.add([.handedBack(to: step), .entered(step, state: record.state, used: [])], to: &after)
        try await pipeline.takeOver(&transaction, after, step, in: record.state, record)
        try await pipeline.commit(transaction, on: snapshot)
    }
}
