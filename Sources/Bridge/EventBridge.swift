public import Cutover
public import DurableWorkflow
public import Events
public import HybridRouter
public import LegacyStateMachine
public import Outcomes
public import ShadowComparator

/// The composition: an event comes in, goes to the owner of its step, and leaves its mark in record, ledger and audit.
///
/// `receive` makes deliveries durable, `pump` routes and handles what is visible, `sweep` is the cron job. All of them take the
/// moment as an argument: live code passes the system's time, recorded runs a virtual one. The engine has its own clock, which has to
/// show that moment: whoever drives a bridge drives both, see ``BridgeService`` and ``TraceRunner``.
public final class EventBridge<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// The domain that runs here.
    public let domain: Domain<State, Record>
    /// Which step stands on which stage.
    public let plan: MigrationPlan
    /// Where everything is kept.
    public let store: any HandoffStore
    /// The durable engine of the segments.
    public let engine: any DurableEngine
    let pipeline: Pipeline<Record>

    /// A bridge. `engine` makes the durable engine from the bridge's workflow and activities, for example an embedded one. Steps on
    /// stage `shadow` are followed when there is a `shadow` to keep what is seen and found; without one, they are legacy's alone. What
    /// legacy follows is evidence of `version`, and without one of nothing.
    public init(
        domain: Domain<State, Record>, plan: MigrationPlan, store: any HandoffStore, effects: any EffectPort,
        shadow book: (any ShadowBook)? = nil, version: EvidenceVersion? = nil,
        engine: ([WorkflowType], [ActivityType]) throws -> any DurableEngine
    ) throws {
        let pipeline = Pipeline(
            machine: domain.side(under: plan), steps: domain.durableSteps,
            interrupts: domain.interrupts, references: domain.references, plan: plan, store: store,
            effects: effects, seams: Set(domain.machine.boundaries.values), legacySteps: Set(domain.machine.steps.values),
            shadow: book.flatMap { ShadowDesk($0, domain, plan, version: version) })
        self.domain = domain
        self.plan = plan
        self.store = store
        self.pipeline = pipeline
        let segment = SegmentWorkflow(pipeline.steps, interrupts: domain.interrupts)
        self.engine = try engine([segment.workflow], segment.activities(LiveSteps(pipeline: pipeline)))
    }

    /// What follows the owner in its shadow; nil when no step is shadowed.
    public var shadow: ShadowDesk? { pipeline.shadow }

    /// Takes up what an earlier process left: pending rows and unsent messages, which it sends, effects that were begun and have no
    /// result, and segments that ended without a word.
    public func resume(at now: Timestamp) async throws {
        try await load()
        try await strand(at: now)
        try await relay(at: now)
        try await reconcile(at: now)
    }

    /// Takes up pending rows and unsent messages, without handling or sending any.
    public func load() async throws { try await pipeline.load(read) }

    private func read() async throws {
        let rows = try await store.pendingRows()
        let messages = try await store.pendingOutbox()
        var stops = pipeline.stops
        while !pipeline.stop(exactly: Set(try await store.quarantined().map(\.entity)), since: stops) { stops = pipeline.stops }
        pipeline.load(rows)
        pipeline.enqueue(messages)
    }

    /// Takes up what another process has done beside this one, a recall for example; true when there may be something.
    @discardableResult
    public func loadForeignChange() async throws -> Bool {
        guard try await store.takeForeignChange() else { return false }
        pipeline.forgetAll()
        try await load()
        return true
    }

    /// Makes deliveries durable. A duplicate is answered, counted and dropped; what cannot be read is kept as a dead letter.
    public func receive(_ messages: [WireMessage], at now: Timestamp) async throws -> [Acceptance] {
        try await accept(messages.flatMap(decode).map { try arrival($0, at: now) }, at: now)
    }

    /// Stores arrivals, and queues the rows of those that are new.
    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        let loads = pipeline.loads
        let acceptances = try await store.accept(arrivals, at: now)
        let rows: [QueuedRow] = acceptances.compactMap { acceptance in
            guard case .accepted(_, let row) = acceptance else { return nil }
            return row
        }
        pipeline.enqueue(rows, since: loads)
        return acceptances
    }

    /// The events of one delivery, by the decoder of its source.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        guard let decoder = domain.decoders.first(where: { $0.source == message.source }) else {
            let known = domain.decoders.map(\.source.rawValue).sorted().joined(separator: ", ")
            let letter = DeadLetter(
                id: message.derivedID(content: message.body), source: message.source, reason: .unknownSource,
                detail: "expected a source of \(known), found \(message.source)", body: Redaction.remains(of: message.bytes),
                receivedAt: message.receivedAt)
            return [.deadLetter(letter)]
        }
        return decoder.decode(message)
    }

    private func arrival(_ decoded: DecodedMessage, at now: Timestamp) throws -> Arrival {
        switch decoded {
        case .deadLetter(let letter): return .deadLetter(letter)
        case .event(let incoming):
            guard let record = domain.birth(incoming), let first = plan.steps.first else { return .event(incoming, birth: nil) }
            let state = domain.machine.initial.rawValue
            let times = RecordTimes(createdAt: now, stepEnteredAt: now, lastEventAt: now, lastSweptAt: .distantPast)
            let dueAt = try pipeline.legacy.nextDue(for: times, in: state)
            return .event(incoming, birth: Birth(step: first.number, state: state, body: RecordBody(record), dueAt: dueAt))
        }
    }

    /// The cron job: finds the legacy-owned entities that are stuck and sends each its timers. Returns how many it sent.
    @discardableResult
    public func sweep(at now: Timestamp) async throws -> Int {
        var sent = 0
        for entity in try await store.due(at: now) where !pipeline.isStopped(entity) && !pipeline.isClaimed(entity) {
            do { sent += try await pipeline.sweep(entity, at: now) } catch {
                // Somebody wrote it between the read and the commit: it is not stuck, or the next sweep finds it.
                if error is StaleEpoch || error is StaleRecord { continue }
                try await pipeline.setAside(entity, after: error, at: now)
            }
        }
        return sent
    }

    /// What an entity amounts to now; nil for an unknown one. One whose rows cannot be read is `quarantined`, with the reason.
    public func outcome(of entity: EntityID) async throws -> Outcome? {
        do {
            guard let snapshot = try await store.snapshot(of: entity) else { return nil }
            guard let state = State(rawValue: snapshot.record.state) else { return .quarantined("its state is none of this build's") }
            return domain.outcome(try snapshot.record.body.value(), state, try await store.ledger(of: entity))
        } catch let error as HybridRouter.UnreadableRow {
            return .quarantined(error.description)
        } catch is DecodingError {
            return .quarantined("its record is none of this build's")
        } catch let error as JSONError {
            return .quarantined("its record is no JSON: \(error)")
        }
    }
}

extension Outcome {
    fileprivate static func quarantined(_ reason: String) -> Outcome {
        Outcome(status: "quarantined", state: "", facts: ["problem": .string(reason)])
    }
}

extension Pipeline {
    func sweep(_ entity: EntityID, at now: Timestamp) async throws -> Int {
        guard let snapshot = try await snapshot(of: entity) else { return 0 }
        let timers = try legacy.timers(for: snapshot.record.times, in: snapshot.record.state, at: now)
        var stored = snapshot.record
        stored.lastSweptAt = now
        stored.dueAt = try dueAt(stored)
        var transaction = EntityTransaction(
            entity: entity, epoch: snapshot.ownership.epoch, version: snapshot.record.version, at: now,
            moves: timers.map { .swept(rule: $0.name, sends: $0.emits) })
        transaction.record = stored
        for timer in timers { transaction.timers[timer.name] = timer.payload(state: stored.state, snapshot.record.times) }
        try await commit(transaction, on: snapshot)
        return timers.count
    }
}
