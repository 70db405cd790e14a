import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

extension Pipeline {
    /// Lets the legacy machine handle one inbox row, and makes everything that follows from it true in one transaction.
    func runLegacy(_ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws {
        switch machine {
        case .inProcess(let runtime): try await run(runtime, row, snapshot, at: now)
        case .service(let service, _): try await ask(service, row, snapshot, at: now)
        }
    }

    private func run(_ legacy: any LegacyRuntime, _ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws {
        let session = session(snapshot.ownership, attempt: row.attempt, at: now)
        let result = try await legacy.handle(
            row.event, in: snapshot.record.state, record: snapshot.record.body, times: snapshot.record.times, attempt: row.attempt,
            effects: session)
        if let key = session.unresolved { throw Unresolved(key: key, performed: session.entries) }
        var transaction = EntityTransaction(
            entity: row.event.entity, epoch: snapshot.ownership.epoch, version: snapshot.record.version, at: now)
        let reference = RowReference(row.sequence, row.event.kind)
        let state = snapshot.record.state
        add(session, to: &transaction)
        transaction.references = result.references
        switch result.handling {
        case .moved(let to):
            transaction.moves.append(.handled(reference, from: state, to: to))
            try await move(&transaction, snapshot, to: to, result.record, row.event)
        case .exhausted(let to, let reason):
            transaction.moves.append(.exhausted(reference, from: state, to: to, reason: reason))
            try await move(&transaction, snapshot, to: to, result.record, row.event)
        case .ignored(let reason):
            transaction.moves.append(.ignored(reference, in: state, reason: reason))
            try await leaveBoundary(&transaction, snapshot.ownership, at: state, isEntered: false, snapshot.record)
        case .undefined:
            transaction.moves.append(.undefined(reference, in: state))
            try await leaveBoundary(&transaction, snapshot.ownership, at: state, isEntered: false, snapshot.record)
        case .failed(let reason):
            transaction.moves.append(.deadLettered(reference, reason: reason))
            transaction.letter = DeadLetter(row.event, .failed, "\(row.event.kind) for \(row.event.entity): \(reason)")
            try await leaveBoundary(&transaction, snapshot.ownership, at: state, isEntered: false, snapshot.record)
        case .retry(let wait, let reason):
            let next = live.present(now) + wait
            transaction.moves.append(.retried(reference, attempt: row.attempt + 1, at: next, reason: reason))
            try await keeping(session) { try await commit(transaction, on: snapshot, event: row.event) }
            return retry(row.sequence, at: next)
        }
        try await keeping(session) { try await commit(transaction, on: snapshot, event: row.event) }
        complete(row.sequence)
    }

    /// What was performed stays performed, also when the transaction that speaks of it may not be made.
    private func keeping(_ session: EffectSession, _ commit: () async throws -> Void) async throws {
        do { try await commit() } catch {
            if error is StaleEpoch || error is StaleRecord || error is MigrationHalted, !session.entries.isEmpty {
                try await store.keep(session.entries)
            }
            throw error
        }
    }

    private func move(
        _ transaction: inout EntityTransaction, _ snapshot: EntitySnapshot, to state: String, _ body: RecordBody?, _ event: Event
    ) async throws {
        let place = try legacy.place(of: state)
        let left = try legacyStep(snapshot.record.state, snapshot.ownership)
        var stored = snapshot.record
        stored.state = state
        if let body { stored.body = body }
        stored.isFinal = place.isFinal
        if left != place.step ?? snapshot.ownership.step { stored.stepEnteredAt = transaction.at }
        if event.source != .timer { stored.lastEventAt = transaction.at }
        stored.dueAt = try dueAt(stored)
        transaction.record = stored
        let ownership = try walk(&transaction, snapshot, to: state, place, on: event.kind)
        if place.isFinal {
            guard !snapshot.record.isFinal else { return }
            return try await endOrGoOn(&transaction, ownership, from: left, at: state, stored)
        }
        let isEntered = state != snapshot.record.state
        try await leaveBoundary(&transaction, ownership, at: state, isEntered: isEntered, stored)
        if let step = place.step, place.completed == nil, try canTakeOver(step, after: left) {
            try await takeOver(&transaction, ownership, step, in: state, stored)
        }
    }

    /// True when durable may take `step` over where legacy enters it: legacy cannot stop between `left` and `step`, or it comes back.
    private func canTakeOver(_ step: StepNumber, after left: StepNumber) throws -> Bool {
        step < left || step > left && !seams.contains(left)
    }

    /// Legacy has entered a durable step in the middle of a transition, in `state`: the step's code begins there, when it can.
    func takeOver(
        _ transaction: inout EntityTransaction, _ ownership: Ownership, _ step: StepNumber, in state: String, _ record: StoredRecord
    ) async throws {
        let plan = try await presentPlan()
        // A service has to let go first, and it does that where a step is complete.
        guard steps[step]?.adopts.contains(state) == true, machine.service == nil else { return }
        let drawn = draw(&transaction, ownership, plan, after: nil, through: step)
        guard plan.owner(of: step, for: drawn) == .durable else { return }
        try handOff(&transaction, drawn, to: step, plan, record, in: state, since: record.stepEnteredAt)
    }

    /// Pins what canaries decide about the steps after `passed` (nil: about `next` alone) up to `next`; returns the ownership with it.
    func draw(
        _ transaction: inout EntityTransaction, _ ownership: Ownership, _ plan: MigrationPlan, after passed: StepNumber?,
        through next: StepNumber
    ) -> Ownership {
        var drawn = ownership
        for planned in plan.steps where planned.number <= next && plan.isPinned(planned.number) {
            guard passed.map({ planned.number > $0 }) ?? (planned.number == next), drawn.pins[planned.number] == nil else { continue }
            let owner = plan.owner(of: planned.number, for: ownership)
            drawn.pins[planned.number] = owner == .durable ? .durable : .legacy
            transaction.moves.append(.drawn(planned.number, owner))
        }
        return drawn
    }

    /// Gives a newborn entity whose first step is durable to that step, before legacy has handled anything; false for every other one.
    func beginDurably(_ snapshot: EntitySnapshot, at now: Timestamp) async throws -> Bool {
        let ownership = snapshot.ownership
        guard ownership.owner == .legacy, ownership.epoch == 1, snapshot.record.version == 1, ownership.step == plan.steps.first?.number,
            steps[ownership.step] != nil
        else { return false }
        let plan = try await presentPlan()
        var transaction = EntityTransaction(
            entity: ownership.entity, epoch: ownership.epoch, version: snapshot.record.version, at: now)
        let drawn = draw(&transaction, ownership, plan, after: nil, through: ownership.step)
        guard plan.owner(of: ownership.step, for: drawn) == .durable else { return false }
        try handOff(&transaction, drawn, to: ownership.step, plan, snapshot.record)
        try await commit(transaction, on: snapshot)
        return true
    }

    /// Where legacy is gone, an event that belongs to no step and finds an entity that has ended is answered by the durable code of a step
    /// that can take it over there; false for everything else.
    func reopen(_ snapshot: EntitySnapshot, for event: Event, at now: Timestamp) async throws -> Bool {
        let (ownership, record) = (snapshot.ownership, snapshot.record)
        guard plan.isWithoutLegacy, ownership.owner == .legacy, interrupts.contains(event.kind),
            try legacy.handles(event.kind, in: record.state),
            let step = plan.steps.map(\.number).last(where: { step in
                step <= ownership.step && steps[step]?.adopts.contains(record.state) == true
            })
        else { return false }
        var transaction = EntityTransaction(
            entity: ownership.entity, epoch: ownership.epoch, version: record.version, at: now)
        try handOff(&transaction, ownership, to: step, plan, record, in: record.state, since: record.stepEnteredAt)
        try await commit(transaction, on: snapshot)
        return true
    }

    /// The steps that legacy leaves, enters and completes by going to `state`; returns the ownership as it then is.
    func walk(
        _ transaction: inout EntityTransaction, _ snapshot: EntitySnapshot, to state: String, _ place: LegacyPlace, on kind: EventKind
    ) throws -> Ownership {
        var ownership = snapshot.ownership
        let from = try legacy.place(of: snapshot.record.state)
        guard state != snapshot.record.state, let step = place.step else { return ownership }
        func add(_ move: Move) { transaction.add([move], to: &ownership) }
        if let left = from.step, left < step, left > ownership.passed ?? "0" {
            add(.completed(left, visit: ownership.visit(of: left), used: []))
        }
        // A step that takes no time is over in the transition that begins it.
        if kind == .continue, let last = from.completed, let begun = legacySteps.filter({ $0 > last }).min(), begun < step {
            add(.completed(begun, visit: ownership.visit(of: begun), used: []))
        }
        guard let done = place.completed else {
            if step != ownership.step || ownership.passed != nil { add(.entered(step, state: state, used: [])) }
            return ownership
        }
        // Back from a hold where it was held, the steps that were complete stay complete. Somebody who sends it further back wants them again.
        if from.step == nil, let passed = ownership.passed, passed >= done, !legacySteps.contains(where: { done < $0 && $0 <= passed }) {
            return ownership
        }
        if step != ownership.step || ownership.passed != nil { add(.entered(step, state: state, used: [])) }
        add(.completed(done, visit: ownership.visit(of: done), used: []))
        return ownership
    }

    /// In a boundary state a step is complete: the plan says who goes on. A canary's draw is pinned to the entity.
    func leaveBoundary(
        _ transaction: inout EntityTransaction, _ ownership: Ownership, at state: String, isEntered: Bool, _ record: StoredRecord
    ) async throws {
        let place = try legacy.place(of: state)
        if place.isFinal, !record.isFinal { return try await endOrGoOn(&transaction, ownership, from: ownership.step, at: state, record) }
        guard let done = place.completed else { return }
        let plan = try await presentPlan()
        let passed = max(done, ownership.passed ?? done)
        guard let next = plan.next(after: passed, for: ownership) else { return }
        let drawn = draw(&transaction, ownership, plan, after: passed, through: next)
        if plan.owner(of: next, for: drawn) == .durable, machine.service != nil {
            transaction.moves.append(.handOffAsked(next))
        } else if plan.owner(of: next, for: drawn) == .durable {
            try handOff(&transaction, drawn, to: next, plan, record)
        } else if isEntered {
            transaction.moves.append(.continued)
        }
    }

    func handOff(
        _ transaction: inout EntityTransaction, _ ownership: Ownership, to step: StepNumber, _ plan: MigrationPlan, _ record: StoredRecord,
        in state: String? = nil, since enteredAt: Timestamp? = nil, alone: Bool = false
    ) throws {
        var stored = record
        stored.stepEnteredAt = enteredAt ?? transaction.at
        stored.dueAt = nil
        if machine.service != nil { stored.mark = LegacyMark(version: record.mark?.version ?? 0, epoch: transaction.epoch + 1) }
        transaction.record = stored
        // A service that has let go does not take it back because of a halt in this moment.
        transaction.unlessHalted = machine.service == nil && !plan.isRetired(step)
        let steps = alone ? [step] : plan.segment(from: step, for: ownership)
        let entry = StepEntry(state: state, createdAt: stored.createdAt, enteredAt: stored.stepEnteredAt, heardAt: transaction.at)
        transaction.segment = try JSONValue(encoding: SegmentOrder(steps, entry: entry, under: plan))
        transaction.moves.append(.handedOff(steps))
    }
}

/// An effect was begun, and nobody knows whether it was done.
struct Unresolved: Error {
    let key: EffectKey
    /// What the same handling had performed before.
    let performed: [LedgerEntry]
}

extension DeadLetter {
    /// The letter of an event that no machine will handle.
    init(_ event: Event, _ reason: Reason, _ detail: String) {
        self.init(
            id: event.id, source: event.source, reason: reason, detail: detail, body: event.payload.canonicalText,
            receivedAt: event.receivedAt)
    }
}
