import Cutover
import DurableWorkflow
public import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

// The way of one event: claimed from the queue, routed to its owner, and what it leads to sent to the engine.

extension EventBridge {
    /// Routes and handles every inbox row that is visible at `now`; returns how many.
    @discardableResult
    public func pump(at now: Timestamp) async throws -> Int {
        var handled = 0
        while try await handleNext(at: now) {
            try await relay(at: now)
            handled += 1
        }
        return handled
    }

    /// Routes and handles one inbox row that is visible at `now`; false when there is none.
    public func handleNext(at now: Timestamp) async throws -> Bool {
        guard let (message, event) = pipeline.claim(at: now) else { return false }
        do { try await handle(message, event, at: now) } catch {
            pipeline.release(message.sequence)
            // The entity changed hands or was written, or the migration was halted, between the read and the commit: decide anew.
            if error is StaleEpoch || error is StaleRecord || error is MigrationHalted { return true }
            if pipeline.waitForService(message.sequence, after: error, at: now) { return true }
            try await pipeline.setAside(message, after: error, at: now)
        }
        return true
    }

    func handle(_ message: QueueMessage, _ event: Event?, at now: Timestamp) async throws {
        // What another process did to the entity may put other rows before this one; after this, its epoch and version tell.
        if try await loadForeignChange() || pipeline.isLoading { return pipeline.release(message.sequence) }
        guard let row = try await row(message, event), row.disposition == .pending,
            let snapshot = try await pipeline.snapshot(of: row.event.entity)
        else { return pipeline.complete(message.sequence) }
        // Legacy begins its next step before it hears of anything else.
        if snapshot.ownership.owner == .legacy, pipeline.makesWay(message) { return }
        if try await pipeline.beginDurably(snapshot, at: now) { return pipeline.release(message.sequence) }
        if try await pipeline.reopen(snapshot, for: row.event, at: now) { return pipeline.release(message.sequence) }
        if try await pipeline.meetsAdded(row, snapshot, at: now) { return }
        if try await pipeline.makesUp(row, snapshot, at: now) { return }
        if let service = pipeline.machine.service, try await pipeline.attend(service, row, snapshot, at: now) { return }
        let reference = RowReference(row.sequence, row.event.kind)
        var facts = try pipeline.facts(row.event, snapshot)
        if facts.isUseless { facts.isWaiting = await isWaiting(snapshot.ownership) }
        switch Router.route(facts) {
        case .legacy: try await pipeline.runLegacy(row, snapshot, at: now)
        case .signal: try await pipeline.settle(row, snapshot, .signalled(reference), at: now)
        case .hold: try await pipeline.settle(row, snapshot, .held(reference), at: now)
        case .park(let step): try await pipeline.settle(row, snapshot, .parked(reference, until: step), at: now)
        case .late(let step): try await pipeline.settle(row, snapshot, .late(reference, after: step), at: now)
        case .drop(let step): try await pipeline.settle(row, snapshot, .dropped(reference, before: step), at: now)
        case .reject(let step): try await pipeline.settle(row, snapshot, .rejected(reference, before: step), at: now)
        case .ignore:
            let reason = "no step waits for it, and legacy is retired"
            try await pipeline.settle(row, snapshot, .ignored(reference, in: snapshot.record.state, reason: reason), at: now)
        }
    }

    /// True when the entity's segment waits for something to happen. Of a segment that was not started yet, or that cannot be asked, nobody
    /// knows where it will wait: it is taken to be at work.
    private func isWaiting(_ ownership: Ownership) async -> Bool {
        guard !pipeline.hasUnsent(for: ownership.entity),
            let segment = try? await engine.describe(workflowID: SegmentID(entity: ownership.entity, epoch: ownership.epoch).description)
        else { return false }
        return segment.activities.isEmpty && segment.taskDueAt == nil
    }

    /// The row of a message: from what is in hand, else as it is stored.
    private func row(_ message: QueueMessage, _ event: Event?) async throws -> InboxRow? {
        guard let event else { return try await store.row(message.sequence) }
        return InboxRow(
            sequence: message.sequence, event: event, disposition: .pending, priority: message.priority, attempt: message.attempt,
            visibleAt: message.visibleAt)
    }

    /// Sends what the transactions decided. Repeating a message is harmless: starts and signals are idempotent by their ids.
    public func relay(at now: Timestamp) async throws { while try await relayNext(at: now) {} }

    /// Sends one message; false when there is none. The engine's clock has to show `now`.
    public func relayNext(at now: Timestamp) async throws -> Bool {
        guard let message = pipeline.nextToSend else { return false }
        do { try await send(message) } catch {
            try await pipeline.setAside(message, after: error, at: now)
            return true
        }
        try await store.markDone(message)
        pipeline.sent(message)
        return true
    }

    func send(_ message: OutboxMessage) async throws {
        switch message.kind {
        case .start: try await start(message)
        case .signal:
            guard let row = message.row, let event = try await event(of: message, row) else { return }
            try await engine.signal(workflowID: message.segmentID, signal: try domain.signal(String(row), of: event))
        case .cancel:
            // A segment that was never needed was never started.
            do { try await engine.cancel(workflowID: message.segmentID) } catch is WorkflowNotFound {}
        }
    }

    private func event(of message: OutboxMessage, _ row: Int) async throws -> Event? {
        if let event = message.event { return event }
        return try await store.row(row)?.event
    }

    /// Starts a segment; one whose entity has changed hands meanwhile is never needed.
    private func start(_ message: OutboxMessage) async throws {
        guard let snapshot = try await pipeline.snapshot(of: message.entity, in: message.epoch) else { return }
        let order = try (message.segment ?? .null).decoded(as: SegmentOrder.self)
        let record: Record = try snapshot.record.body.value()
        let input = SegmentInput(
            entity: message.entity, epoch: message.epoch, steps: order.steps, record: try JSONValue(encoding: record), entry: order.entry,
            answers: order.answers)
        try await engine.startOnce(
            workflowID: message.segmentID, type: SegmentWorkflow<Record>.type, input: try JSONValue(encoding: input))
    }

    /// True when a message waits to be sent.
    public var hasUnsent: Bool { pipeline.nextToSend != nil }

    /// The earliest moment at which an inbox row becomes visible; nil when none is pending.
    public var nextVisible: Timestamp? { pipeline.nextVisible }
}

extension Pipeline {
    func facts(_ event: Event, _ snapshot: EntitySnapshot) throws -> RoutingFacts {
        let state = snapshot.record.state
        let step = durableStep(of: event.kind, for: snapshot.ownership)
        let place = try legacy.place(of: state)
        var facts = RoutingFacts(
            ownership: snapshot.ownership, legacyStep: place.step ?? snapshot.ownership.step, isFinal: snapshot.record.isFinal,
            durableStep: step, early: step.flatMap { steps[$0]?.early[event.kind] }, isInterrupt: interrupts.contains(event.kind),
            legacyHandles: try legacy.handles(event.kind, in: state), isLegacyGone: plan.isWithoutLegacy,
            isLegacyAhead: snapshot.ownership.owner == .legacy
                || plan.isLegacyAhead(of: snapshot.ownership.step, for: snapshot.ownership))
        facts.isAtBoundary = event.isFromOutside && isDurableNext(after: place.completed, snapshot.ownership)
        facts.isBesideSteps = place.isBesideSteps
        return facts
    }

    private func isDurableNext(after step: StepNumber?, _ ownership: Ownership) -> Bool {
        guard let step, let next = plan.next(after: step, for: ownership), steps[next] != nil else { return false }
        return plan.owner(of: next, for: ownership) == .durable
    }

    /// True for what was decided by what the record says, and is decided anew when somebody has written it meanwhile: all but what a segment
    /// is told. A segment that goes on with its next step keeps its epoch, so the epoch does not tell.
    private func needsRecord(_ move: Move, _ owner: Owner) -> Bool {
        if case .signalled = move { owner == .legacy } else { true }
    }

    /// Makes what became of a row true, when no machine handles it now.
    func settle(_ row: InboxRow, _ snapshot: EntitySnapshot, _ move: Move, at now: Timestamp) async throws {
        var transaction = EntityTransaction(entity: row.event.entity, epoch: snapshot.ownership.epoch, at: now, moves: [move])
        if needsRecord(move, snapshot.ownership.owner) { transaction.version = snapshot.record.version }
        if case .rejected(_, let step) = move {
            let detail = "\(row.event.kind) for \(row.event.entity): expected step \(step) to be due, found \(snapshot.ownership.step)"
            transaction.letter = DeadLetter(row.event, .early, detail)
        }
        let (ownership, record) = (snapshot.ownership, snapshot.record)
        if ownership.owner == .legacy, !record.isFinal, try legacy.place(of: record.state).isFinal {
            try await endOrGoOn(&transaction, ownership, from: ownership.step, at: record.state, record)
        }
        try await commit(transaction, on: snapshot, event: row.event)
        complete(row.sequence)
    }
}
