import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

extension Pipeline {
    /// Lets the legacy machine handle one inbox row, and makes everything that follows from it true in one transaction.
    func runLegacy(_ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws {
        let event = row.event
        let state = try state(snapshot.record)
        let before = try decode(snapshot.record)
        var record = before
        let session = session(snapshot.ownership, attempt: row.attempt, at: now)
        let handling: Handling<State> =
            if let reason = domain.sweeper.reasonToIgnore(event, in: state, snapshot.record.times) { .ignored(reason) } else {
                await domain.machine.handle(
                    event, in: state, record: &record, context: ActionContext(now: now, attempt: row.attempt, effects: session))
            }

        var change = Change(entity: event.entity, epoch: snapshot.ownership.epoch, at: now)
        change.ledger = session.entries
        switch handling {
        case .moved(let to):
            try await move(&change, snapshot, from: state, to: to, before: before, record: record, event: event)
            change.rows = [.init(sequence: row.sequence, disposition: .consumed)]
        case .ignored(let reason):
            note(&change, snapshot, event, "ignored in \(state.rawValue): \(reason)", counter: "ignored")
            try await stay(&change, snapshot, state, event)
            change.rows = [.init(sequence: row.sequence, disposition: .consumed, note: reason)]
        case .undefined:
            note(&change, snapshot, event, "undefined in \(state.rawValue)", counter: "undefined")
            try await stay(&change, snapshot, state, event)
            change.rows = [.init(sequence: row.sequence, disposition: .consumed, note: "undefined")]
        case .retry(let after, let reason):
            try await retry(&change, snapshot, row, at: now + after, reason: reason)
            return
        case .exhausted(let parked?, let reason):
            try await move(&change, snapshot, from: state, to: parked, before: before, record: record, event: event)
            change.rows = [.init(sequence: row.sequence, disposition: .consumed, note: reason)]
            change.counters.append("exhausted")
        case .exhausted(nil, let reason), .failed(let reason):
            bury(&change, snapshot, row, reason: reason)
            try await stay(&change, snapshot, state, event)
        }
        try await commit(change)
        complete(row.sequence)
    }

    /// The effects of one handling under the entity's present ownership.
    func session(_ ownership: Ownership, attempt: Int, at now: Timestamp) -> EffectSession {
        EffectSession(
            entity: ownership.entity, now: now, owner: ownership.owner.rawValue, epoch: ownership.epoch, attempt: attempt, port: effects,
            recall: { [store] in try await store.reply(to: $0) })
    }

    private func retry(_ change: inout Change, _ snapshot: EntitySnapshot, _ row: InboxRow, at moment: Timestamp, reason: String)
        async throws
    {
        note(&change, snapshot, row.event, "attempt \(row.attempt) failed, again at \(moment): \(reason)", counter: "retries")
        change.rows = [
            .init(sequence: row.sequence, disposition: .pending, retry: .init(attempt: row.attempt + 1, at: moment), note: reason)
        ]
        try await commit(change)
        retry(row.sequence, at: moment)
    }

    private func bury(_ change: inout Change, _ snapshot: EntitySnapshot, _ row: InboxRow, reason: String) {
        note(&change, snapshot, row.event, "dead letter: \(reason)", counter: "failed")
        change.rows = [.init(sequence: row.sequence, disposition: .dead, note: reason)]
        change.deadLetter = DeadLetter(
            id: row.event.id, source: row.event.source, reason: .failed, detail: "\(row.event.kind) for \(row.event.entity): \(reason)",
            body: row.event.payload.canonicalText, receivedAt: row.event.receivedAt)
    }

    private func move(
        _ change: inout Change, _ snapshot: EntitySnapshot, from: State, to: State, before: Record, record: Record, event: Event
    ) async throws {
        let left = legacyStep(from, snapshot.ownership)
        let after = legacyStep(to, snapshot.ownership)
        var stored = snapshot.record
        stored.state = to.rawValue
        stored.body = RecordBody(record)
        stored.isFinal = domain.machine.final.contains(to)
        if left != after { stored.stepEnteredAt = change.at }
        if event.source != .timer { stored.lastEventAt = change.at }
        stored.dueAt = dueAt(stored, state: to)
        change.record = stored
        change.references = newReferences(record, since: before)
        change.unpark = left != after || (stored.isFinal && !snapshot.record.isFinal)
        if after != snapshot.ownership.step {
            change.ownership = snapshot.ownership
            change.ownership?.step = after
        }
        note(&change, snapshot, event, from == to ? "handled in \(to.rawValue)" : "\(from.rawValue) -> \(to.rawValue)", counter: nil)
        try await leaveBoundary(&change, snapshot, at: to, entered: from != to, record: record)
    }

    /// An event that changed nothing still gives a held-back hand off its chance.
    private func stay(_ change: inout Change, _ snapshot: EntitySnapshot, _ state: State, _ event: Event) async throws {
        guard completedStep(at: state) != nil else { return }
        try await leaveBoundary(&change, snapshot, at: state, entered: false, record: decode(snapshot.record))
    }

    /// In a boundary state a step is complete: the plan says who goes on. A canary's draw is pinned to the entity.
    private func leaveBoundary(
        _ change: inout Change, _ snapshot: EntitySnapshot, at state: State, entered: Bool, record: Record
    ) async throws {
        guard let step = completedStep(at: state) else { return }
        let plan = try await presentPlan()
        var ownership = change.ownership ?? snapshot.ownership
        guard let next = drawn(after: step, plan, &ownership) else { return }
        if ownership != change.ownership ?? snapshot.ownership { change.ownership = ownership }
        if plan.owner(of: next, for: ownership) == .durable {
            try handOff(&change, snapshot, from: ownership, to: next, plan, record: record)
        } else if entered {
            change.append.append(continueEvent(snapshot.ownership, version: snapshot.record.version, at: change.at))
        }
    }

    /// The step that follows `step`; what canaries on the way have drawn is pinned in `ownership`.
    private func drawn(after step: StepNumber, _ plan: MigrationPlan, _ ownership: inout Ownership) -> StepNumber? {
        let next = plan.next(after: step, for: ownership)
        for planned in plan.steps where planned.number > step && planned.number <= (next ?? planned.number) {
            guard plan.isPinned(planned.number), !ownership.completed.contains(planned.number) else { continue }
            ownership.pins[planned.number] = plan.owner(of: planned.number, for: ownership)
        }
        return next
    }

    func continueEvent(_ ownership: Ownership, version: Int, at now: Timestamp) -> Event {
        Event(
            id: EventID("continue/\(ownership.entity)/\(ownership.epoch)/\(version)"), source: .lockstep, entity: ownership.entity,
            kind: .continue, receivedAt: now)
    }

    private func handOff(
        _ change: inout Change, _ snapshot: EntitySnapshot, from ownership: Ownership, to step: StepNumber, _ plan: MigrationPlan,
        record: Record
    ) throws {
        var stored = change.record ?? snapshot.record
        stored.stepEnteredAt = change.at
        let entry = StepEntry(createdAt: stored.createdAt, enteredAt: change.at, heardAt: change.at)
        let steps = plan.segment(from: step, for: ownership)
        try take(&change, ownership, stored, steps, entry, record: record)
        change.counters.append("handOffs")
        change.journal.append(
            JournalEntry(
                entity: change.entity, at: change.at, owner: .durable, epoch: ownership.epoch + 1, what: "hand off",
                detail: "steps \(steps.map(\.description).joined(separator: ", ")) to segment \(change.entity)/\(ownership.epoch + 1)"))
    }

    /// Gives the entity to the durable side: the next epoch, and a segment that begins at `entry`.
    func take(
        _ change: inout Change, _ ownership: Ownership, _ stored: StoredRecord, _ steps: [StepNumber], _ entry: StepEntry, record: Record
    ) throws {
        var next = ownership
        next.epoch += 1
        next.owner = .durable
        next.step = steps.first ?? ownership.step
        change.ownership = next
        change.unlessHalted = true
        change.unpark = true
        change.record = stored
        change.record?.dueAt = nil
        let input = SegmentInput(
            entity: next.entity, epoch: next.epoch, steps: steps, record: try JSONValue(encoding: record), entry: entry)
        change.outbox.append(
            OutboxMessage(entity: next.entity, epoch: next.epoch, kind: .start, payload: try JSONValue(encoding: input)))
    }

    /// The external ids that the stored record did not have yet.
    func newReferences(_ record: Record, since before: Record) -> [String] {
        let (known, present) = (domain.references(before), domain.references(record))
        return present == known ? [] : present.filter { !known.contains($0) }
    }

    func note(_ change: inout Change, _ snapshot: EntitySnapshot, _ event: Event, _ detail: String, counter: String?) {
        change.journal.append(
            JournalEntry(
                entity: event.entity, at: change.at, owner: snapshot.ownership.owner, epoch: snapshot.ownership.epoch,
                what: event.kind.rawValue, detail: detail))
        if let counter { change.counters.append(counter) }
    }
}
