public import Cutover
public import DurableWorkflow
public import Events
public import HybridRouter
public import LegacyStateMachine
public import Outcomes

/// The composition: an event comes in, goes to the owner of its step, and leaves its mark in record, ledger and audit.
///
/// `receive` makes deliveries durable, `pump` routes and handles what is visible, `sweep` is the cron job. All of them take the
/// moment as an argument: live code passes the system's time, recorded runs a virtual one.
public final class EventBridge<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// The domain that runs here.
    public let domain: Domain<State, Record>
    /// Which step stands on which stage.
    public let plan: MigrationPlan
    /// Where everything is kept.
    public let store: any HandoffStore
    /// The durable engine of the segments.
    public let engine: any DurableEngine
    let pipeline: Pipeline<State, Record>

    /// A bridge. `engine` makes the durable engine from the bridge's workflow and activities, for example an `EmbeddedEngine`.
    public init(
        domain: Domain<State, Record>, plan: MigrationPlan, store: any HandoffStore, effects: any EffectPort,
        engine: ([WorkflowType], [ActivityType]) throws -> any DurableEngine
    ) throws {
        let pipeline = Pipeline(domain: domain, plan: plan, store: store, effects: effects)
        self.domain = domain
        self.plan = plan
        self.store = store
        self.pipeline = pipeline
        self.engine = try engine([pipeline.segment()], pipeline.activities())
    }

    /// Takes up what an earlier process left: pending rows and unsent messages, which it sends.
    public func resume(at now: Timestamp) async throws {
        try await load()
        try await relay(at: now)
    }

    /// Takes up pending rows and unsent messages, without handling or sending any.
    public func load() async throws {
        pipeline.enqueue(try await store.pendingRows())
        pipeline.enqueue(try await store.pendingOutbox())
    }

    /// Takes up what another process has done beside this one, a recall for example; true when there may be something.
    @discardableResult
    public func loadForeignChange() async throws -> Bool {
        guard try await store.takeForeignChange() else { return false }
        try await load()
        return true
    }

    /// Makes deliveries durable. A duplicate is answered, counted and dropped; what cannot be read is kept as a dead letter.
    public func receive(_ messages: [WireMessage], at now: Timestamp) async throws -> [Acceptance] {
        let arrivals = try messages.flatMap(decode).map(arrival)
        let acceptances = try await store.accept(arrivals, at: now)
        pipeline.enqueue(
            acceptances.compactMap { acceptance in
                guard case .accepted(_, let row) = acceptance else { return nil }
                return row
            })
        return acceptances
    }

    /// The events of one delivery, by the decoder of its source.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        guard let decoder = domain.decoders.first(where: { $0.source == message.source }) else {
            let known = domain.decoders.map(\.source.rawValue).sorted().joined(separator: ", ")
            let letter = DeadLetter(
                id: message.derivedID(content: message.body), source: message.source, reason: .unknownSource,
                detail: "expected a source of \(known), found \(message.source)", body: message.body, receivedAt: message.receivedAt)
            return [.deadLetter(letter)]
        }
        return decoder.decode(message)
    }

    private func arrival(_ decoded: DecodedMessage) throws -> Arrival {
        switch decoded {
        case .deadLetter(let letter): return .deadLetter(letter)
        case .event(let incoming):
            guard let record = domain.birth(incoming), let first = plan.steps.first else { return .event(incoming, birth: nil) }
            let birth = Birth(step: first.number, state: domain.machine.initial.rawValue, body: RecordBody(record))
            return .event(incoming, birth: birth)
        }
    }

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
        guard let message = pipeline.claim(at: now) else { return false }
        try await handle(message, at: now)
        return true
    }

    private func handle(_ message: QueueMessage, at now: Timestamp) async throws {
        do {
            guard let row = try await store.row(message.sequence), row.disposition == .pending,
                let snapshot = try await store.snapshot(of: row.event.entity)
            else { return pipeline.complete(message.sequence) }
            // What another process did to the entity may put other rows before this one; after this read, its epoch tells.
            if try await loadForeignChange() { return pipeline.release(message.sequence) }
            switch Router.route(try facts(row.event, snapshot)) {
            case .legacy: try await pipeline.runLegacy(row, snapshot, at: now)
            case .signal: try await settle(row, snapshot, .signalled, at: now)
            case .park: try await settle(row, snapshot, .parked, at: now)
            case .late: try await settle(row, snapshot, .late, at: now)
            case .drop: try await settle(row, snapshot, .consumed, counter: "dropped", at: now)
            case .reject(let step): try await settle(row, snapshot, .dead, counter: "rejected", refusedBy: step, at: now)
            }
        } catch let error {
            pipeline.release(message.sequence)
            // The entity changed hands, or the migration was halted, between the read and the commit: decide anew.
            guard error is StaleEpoch || error is MigrationHalted else { throw error }
        }
    }

    private func facts(_ event: Event, _ snapshot: EntitySnapshot) throws -> RoutingFacts {
        let state = try pipeline.state(snapshot.record)
        let step = pipeline.durableStep(of: event.kind, for: snapshot.ownership)
        return RoutingFacts(
            ownership: snapshot.ownership, legacyStep: pipeline.legacyStep(state, snapshot.ownership), isFinal: snapshot.record.isFinal,
            durableStep: step, early: step.flatMap { pipeline.steps[$0]?.early[event.kind] },
            isInterrupt: domain.interrupts.contains(event.kind), legacyHandles: domain.machine.handles(event.kind, in: state))
    }

    private func settle(
        _ row: InboxRow, _ snapshot: EntitySnapshot, _ disposition: Disposition, counter: String? = nil, refusedBy step: StepNumber? = nil,
        at now: Timestamp
    ) async throws {
        let event = row.event
        let epoch = snapshot.ownership.epoch
        var change = Change(entity: event.entity, epoch: epoch, at: now)
        change.rows = [.init(sequence: row.sequence, disposition: disposition, epoch: disposition == .signalled ? epoch : nil)]
        if disposition == .signalled {
            change.outbox = [OutboxMessage(entity: event.entity, epoch: epoch, kind: .signal, payload: try JSONValue(encoding: event))]
        }
        if let step {
            change.deadLetter = DeadLetter(
                id: event.id, source: event.source, reason: .early,
                detail: "\(event.kind) for \(event.entity): expected step \(step) to be due, found \(snapshot.ownership.step)",
                body: event.payload.canonicalText, receivedAt: event.receivedAt)
        }
        let what = counter ?? disposition.rawValue
        pipeline.note(&change, snapshot, event, what, counter: what)
        try await pipeline.commit(change)
        pipeline.complete(row.sequence)
    }

    /// Sends what the transactions decided. Repeating a message is harmless: starts and signals are idempotent by their ids.
    public func relay(at now: Timestamp) async throws { while try await relayNext(at: now) {} }

    /// Sends one message; false when there is none.
    public func relayNext(at now: Timestamp) async throws -> Bool {
        guard let message = pipeline.nextToSend else { return false }
        switch message.kind {
        case .start:
            try await engine.start(
                workflowID: message.segmentID, type: Pipeline<State, Record>.segmentType, input: message.payload, at: now)
        case .signal:
            let event: Event = try message.payload.decoded()
            let signal = SignalMessage(id: event.id.rawValue, name: event.kind.rawValue, payload: message.payload)
            try await engine.signal(workflowID: message.segmentID, signal: signal, at: now)
        case .cancel: try await engine.cancel(workflowID: message.segmentID, at: now)
        }
        try await store.markDone(message)
        pipeline.sent(message)
        return true
    }

    /// True when a message waits to be sent.
    public var hasUnsent: Bool { pipeline.nextToSend != nil }

    /// The earliest moment at which an inbox row becomes visible; nil when none is pending.
    public var nextVisible: Timestamp? { pipeline.nextVisible }

    /// The cron job: finds the legacy-owned entities that are stuck and sends each its timers. Returns how many it sent.
    @discardableResult
    public func sweep(at now: Timestamp) async throws -> Int {
        var sent = 0
        for entity in try await store.due(at: now) {
            do { sent += try await sweep(entity, at: now) } catch {
                // Somebody wrote it between the read and the commit: it is not stuck, or the next sweep finds it.
                guard error is StaleEpoch || error is StaleRecord else { throw error }
            }
        }
        return sent
    }

    private func sweep(_ entity: EntityID, at now: Timestamp) async throws -> Int {
        guard let snapshot = try await store.snapshot(of: entity) else { return 0 }
        let state = try pipeline.state(snapshot.record)
        let timers = domain.sweeper.due(for: snapshot.record.times, in: state, at: now)
        var change = Change(entity: entity, epoch: snapshot.ownership.epoch, at: now)
        change.version = snapshot.record.version
        var stored = snapshot.record
        stored.lastSweptAt = now
        stored.dueAt = pipeline.dueAt(stored, state: state)
        change.record = stored
        change.append = timers.map { timer in
            Event(
                id: EventID("sweep/\(entity)/\(timer.name)/\(now.milliseconds)"), source: .timer, entity: entity, kind: timer.emits,
                payload: timer.payload(state: stored.state, snapshot.record.times), receivedAt: now)
        }
        change.counters = timers.map { _ in "sweeps" }
        try await pipeline.commit(change)
        return timers.count
    }

    /// What an entity amounts to now; nil for an unknown one.
    public func outcome(of entity: EntityID) async throws -> Outcome? {
        guard let snapshot = try await store.snapshot(of: entity) else { return nil }
        let record = try pipeline.decode(snapshot.record)
        return domain.outcome(record, try pipeline.state(snapshot.record), try await store.ledger(of: entity))
    }
}
