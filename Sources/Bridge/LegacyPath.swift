import Cutover
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
        let handling = await domain.machine.handle(
            event, in: state, record: &record, context: ActionContext(now: now, attempt: row.attempt, effects: session))

        var change = Change(entity: event.entity, epoch: snapshot.ownership.epoch, at: now)
        change.ledger = session.entries
        switch handling {
        case .moved(let to):
            try move(&change, snapshot, from: state, to: to, before: before, record: record, event: event)
            change.rows = [.init(sequence: row.sequence, disposition: .consumed)]
        case .ignored(let reason):
            note(&change, snapshot, event, "ignored in \(state.rawValue): \(reason)", counter: "ignored")
            try stay(&change, snapshot, state, event)
            change.rows = [.init(sequence: row.sequence, disposition: .consumed, note: reason)]
        case .undefined:
            note(&change, snapshot, event, "undefined in \(state.rawValue)", counter: "undefined")
            try stay(&change, snapshot, state, event)
            change.rows = [.init(sequence: row.sequence, disposition: .consumed, note: "undefined")]
        case .retry(let after, let reason):
            try await retry(&change, snapshot, row, at: now + after, reason: reason)
            return
        case .exhausted(let parked?, let reason):
            try move(&change, snapshot, from: state, to: parked, before: before, record: record, event: event)
            change.rows = [.init(sequence: row.sequence, disposition: .consumed, note: reason)]
            change.counters.append("exhausted")
        case .exhausted(nil, let reason), .failed(let reason):
            bury(&change, snapshot, row, reason: reason)
            try stay(&change, snapshot, state, event)
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
    ) throws {
        let left = legacyStep(from, snapshot.ownership)
        let after = legacyStep(to, snapshot.ownership)
        var stored = snapshot.record
        stored.state = to.rawValue
        stored.body = try encode(record)
        stored.isFinal = domain.machine.final.contains(to)
        if left != after { stored.stepEnteredAt = change.at }
        if event.source != .timer { stored.lastEventAt = change.at }
        stored.dueAt = dueAt(stored, state: to, entity: event.entity)
        change.record = stored
        change.references = newReferences(record, since: before)
        change.unpark = stored.isFinal && !snapshot.record.isFinal
        if after != snapshot.ownership.step {
            change.ownership = snapshot.ownership
            change.ownership?.step = after
        }
        note(&change, snapshot, event, from == to ? "handled in \(to.rawValue)" : "\(from.rawValue) -> \(to.rawValue)", counter: nil)
        try leaveBoundary(&change, snapshot, at: to, entered: from != to, record: record, event: event)
    }

    /// An event that changed nothing still gives a held-back hand off its chance.
    private func stay(_ change: inout Change, _ snapshot: EntitySnapshot, _ state: State, _ event: Event) throws {
        try leaveBoundary(&change, snapshot, at: state, entered: false, record: decode(snapshot.record), event: event)
    }

    /// In a boundary state a step is complete: the plan says who goes on.
    private func leaveBoundary(
        _ change: inout Change, _ snapshot: EntitySnapshot, at state: State, entered: Bool, record: Record, event: Event
    ) throws {
        guard let step = domain.machine.boundaries[state].map({ StepNumber(stringLiteral: $0) }) else { return }
        guard let next = nextStep(after: step, snapshot.ownership) else { return }
        if plan.owner(of: next, for: event.entity) == .durable {
            try handOff(&change, snapshot, to: next, record: record)
        } else if entered {
            change.append.append(continueEvent(snapshot.ownership, version: snapshot.record.version, at: change.at))
        }
    }

    func nextStep(after step: StepNumber, _ ownership: Ownership) -> StepNumber? {
        var next = plan.next(after: step, for: ownership.entity)
        while let candidate = next, ownership.completed.contains(candidate.number) {
            next = plan.next(after: candidate.number, for: ownership.entity)
        }
        return next?.number
    }

    func continueEvent(_ ownership: Ownership, version: Int, at now: Timestamp) -> Event {
        Event(
            id: EventID("continue/\(ownership.entity)/\(ownership.epoch)/\(version)"), source: .lockstep, entity: ownership.entity,
            kind: .continue, receivedAt: now)
    }

    private func handOff(_ change: inout Change, _ snapshot: EntitySnapshot, to step: StepNumber, record: Record) throws {
        var next = snapshot.ownership
        next.epoch += 1
        next.owner = .durable
        next.step = step
        change.ownership = next
        change.unpark = true
        var stored = change.record ?? snapshot.record
        stored.dueAt = nil
        change.record = stored
        let input = SegmentInput(
            entity: next.entity, epoch: next.epoch,
            steps: plan.segment(from: step, for: next.entity).filter { !next.completed.contains($0) },
            record: try JSONValue(encoding: record))
        change.outbox.append(
            OutboxMessage(entity: next.entity, epoch: next.epoch, kind: .start, payload: try JSONValue(encoding: input)))
        change.counters.append("handOffs")
        change.journal.append(
            JournalEntry(
                entity: next.entity, at: change.at, owner: .durable, epoch: next.epoch, what: "hand off",
                detail: "steps \(input.steps.map(\.description).joined(separator: ", ")) to segment \(next.segmentID)"))
    }

    /// The external ids that the stored record did not have yet.
    func newReferences(_ record: Record, since before: Record) -> [String] {
        let known = Set(domain.references(before))
        return domain.references(record).filter { !known.contains($0) }
    }

    func note(_ change: inout Change, _ snapshot: EntitySnapshot, _ event: Event, _ detail: String, counter: String?) {
        change.journal.append(
            JournalEntry(
                entity: event.entity, at: change.at, owner: snapshot.ownership.owner, epoch: snapshot.ownership.epoch,
                what: event.kind.rawValue, detail: detail))
        if let counter { change.counters.append(counter) }
    }
}
