import Cutover
import DurableWorkflow
public import Events
public import HybridRouter
import LegacyStateMachine
public import Outcomes
public import ShadowComparator

/// What a database says of one entity: what really became of it against what legacy alone makes of the same deliveries.
public enum StoredComparison: Sendable {
    /// Both were looked at as they stand now. The journal is that of legacy alone.
    case compared(Comparison, control: [JournalEntry])
    /// The entity is in the middle of a step, or has gone on while it was looked at: legacy alone is ahead of it or behind it.
    case underWay
    /// The database does not hold what legacy alone needs; the sentence says what.
    case incomparable(String)
}

extension EventBridge {
    /// Compares one entity of the store with legacy alone, which is played again in memory: the deliveries that were accepted, at the
    /// moments at which they came, up to `now`. Parties are not called: calls are answered from the ledger, reads from what was read.
    ///
    /// An entity is compared when it has ended, or rests in one of the states `resting`. A call that legacy alone makes and that was never
    /// made is a difference, and ends its run: nobody knows what would have been answered. `comparator` says what is explained; nil for
    /// what the plan announces, without its rules.
    public func compare(
        _ entity: EntityID, resting: Set<State> = [], at now: Timestamp, with comparator: Comparator? = nil
    ) async throws -> StoredComparison {
        guard let snapshot = try await store.snapshot(of: entity), let outcome = try await outcome(of: entity) else {
            return .incomparable("\(entity): expected an entity of this database, found none")
        }
        guard domain.service == nil else {
            return .incomparable("\(entity): its legacy machine is a service, which plays nothing again")
        }
        guard try await store.value(Forgotten.setting(of: entity)) == nil else {
            return .incomparable("\(entity): it was forgotten, and what it was told with it")
        }
        guard try await store.compactedDeliveries(of: entity).isEmpty else {
            return .incomparable("\(entity): it was compacted, and what it was told long ago is gone")
        }
        guard snapshot.record.isFinal || State(rawValue: snapshot.record.state).map(resting.contains) == true else { return .underWay }
        let ledger = try await store.ledger(of: entity)
        let effects = RecordedEffects(ledger: ledger, reads: try await store.reads(of: entity))
        let again = try LegacyAgain(domain: domain, plan: plan.legacyOnly(), effects: effects)
        let events = try await store.rows(of: entity).map(\.event).filter(\.isFromOutside)
        // Beside a run that has gone on meanwhile, these are not of one moment.
        guard try await store.snapshot(of: entity)?.record.version == snapshot.record.version else { return .underWay }
        try await again.play(events, until: now)
        if let read = effects.missingReads.first {
            return .incomparable("\(entity): legacy alone asks \(read.operation), which nobody has asked, so its answer is unknown")
        }
        guard let control = try await again.observation(of: entity) else {
            return .incomparable("\(entity): expected the delivery that it began with, found none; legacy alone cannot begin it")
        }
        let comparator = comparator ?? Comparator(announcements: plan.announcements)
        let moves = try await store.journal(of: entity)
        var candidate = Observation(entity: entity, path: "hybrid", outcome: outcome, ledger: ledger, journal: moves)
        candidate.waits = moves.waits(stepOf: domain.step(waitingIn:))
        let journal = try await again.journal(of: entity)
        guard let call = effects.missingCalls.first else {
            return .compared(comparator.compare(control: control, candidate: candidate), control: journal)
        }
        // Nothing after the call can be compared.
        (candidate.ledger, candidate.visits, candidate.failures) = ([], [:], [:])
        let stopped = Observation(
            entity: entity, path: "legacy", outcome: outcome, ledger: [LedgerEntry(call, reply: .null)], journal: journal)
        return .compared(comparator.compare(control: stopped, candidate: candidate), control: journal)
    }
}

extension Observation {
    /// What a path made of an entity, with the visits and the failures of durable code that its `journal` has.
    package init(entity: EntityID, path: String, outcome: Outcome, ledger: [LedgerEntry], journal: [JournalEntry]) {
        self.init(entity: entity, path: path, outcome: outcome, ledger: ledger, visits: .durable(in: journal))
        failures = .failed(in: journal)
        unhandled = Set(journal.compactMap(\.move.unhandled))
    }
}

extension Move {
    /// The event that the table dropped or says nothing about; nil for every other move.
    fileprivate var unhandled: Observation.Unhandled? {
        switch self {
        case .ignored(let row, let state, _), .undefined(let row, let state): Observation.Unhandled(event: row.kind, state: state)
        default: nil
        }
    }
}

extension [StepNumber: Int] {
    /// How often durable has completed each step.
    public static func durable(in journal: [JournalEntry]) -> [StepNumber: Int] {
        var visits: [StepNumber: Int] = [:]
        for entry in journal where entry.owner == .durable {
            if case .completed(let step, _, _) = entry.move { visits[step, default: 0] += 1 }
        }
        return visits
    }

    /// How often the durable code of each step failed, as the journal says.
    static func failed(in journal: [JournalEntry]) -> [StepNumber: Int] {
        var failures: [StepNumber: Int] = [:]
        for entry in journal { if case .failed(let step, _) = entry.move { failures[step, default: 0] += 1 } }
        return failures
    }
}

/// Legacy alone, in memory and in virtual time, on deliveries that a database has.
private struct LegacyAgain<State: MachineState, Record: Codable & Sendable> {
    private let bridge: EventBridge<State, Record>
    private let engine: any VirtualTime
    private let clock = VirtualClock()

    init(domain: Domain<State, Record>, plan: MigrationPlan, effects: RecordedEffects) throws {
        var domain = domain
        domain.decoders = domain.decoders.map { StoredEventDecoder(source: $0.source) }
        let engine = inMemoryEngine(on: clock)
        bridge = try EventBridge(domain: domain, plan: plan, store: InMemoryHandoffStore(), effects: effects) { _, _ in engine }
        self.engine = engine
    }

    func play(_ events: [Event], until now: Timestamp) async throws {
        var lines = try events.map { TraceLine(receivedAt: $0.receivedAt, source: $0.source, body: try JSONValue(encoding: $0)) }
        // What is due after the last delivery is done, up to now.
        lines.append(TraceLine(receivedAt: now, source: .world, body: [:]))
        var next = lines.makeIterator()
        try await TraceRunner(bridge: bridge, engine: engine, clock: clock, occur: { _ in }).run(stream: { next.next().map { .line($0) } })
    }

    func observation(of entity: EntityID) async throws -> Observation? {
        guard let outcome = try await bridge.outcome(of: entity) else { return nil }
        let journal = try await journal(of: entity)
        var observation = Observation(
            entity: entity, path: "legacy", outcome: outcome, ledger: try await bridge.store.ledger(of: entity), journal: journal)
        observation.waits = journal.waits(stepOf: bridge.domain.step(waitingIn:))
        return observation
    }

    func journal(of entity: EntityID) async throws -> [JournalEntry] { try await bridge.store.journal(of: entity) }
}

/// Reads events that were decoded before.
private struct StoredEventDecoder: WireDecoder {
    let source: EventSource

    func decode(_ message: WireMessage) -> [DecodedMessage] {
        do {
            let event: Event = try JSONValue(parsing: message.body).decoded()
            let incoming = IncomingEvent(
                id: event.id, source: event.source, reference: .entity(event.entity), kind: event.kind, payload: event.payload,
                receivedAt: event.receivedAt, occurredAt: event.occurredAt)
            return [.event(incoming)]
        } catch {
            let letter = DeadLetter(
                id: message.derivedID(content: message.body), source: source, reason: .malformed, detail: "expected a stored event",
                body: message.body, receivedAt: message.receivedAt)
            return [.deadLetter(letter)]
        }
    }
}
