public import Events
import HeapModule
public import Outcomes
import Synchronization

/// A store that lives as long as the process: for tests and simulations. It keeps the same laws as the one on disk.
public final class InMemoryHandoffStore: HandoffStore {
    /// A class, so that looking at one member does not copy the others.
    fileprivate final class Entity {
        var ownership: Ownership
        var record: StoredRecord
        var rows: [Int] = []
        var open: [Int] = []
        var subjects: [String: String] = [:]
        var ledger: [LedgerEntry] = []
        var journal: [JournalEntry] = []

        init(ownership: Ownership, record: StoredRecord) {
            self.ownership = ownership
            self.record = record
        }
    }

    fileprivate struct Due: Comparable {
        let at: Timestamp
        let entity: EntityID
        static func < (left: Due, right: Due) -> Bool { (left.at, left.entity) < (right.at, right.entity) }
    }

    fileprivate struct Contents {
        var entities: [EntityID: Entity] = [:]
        var references: [String: EntityID] = [:]
        var rows: [InboxRow] = []
        var pending: Set<Int> = []
        var ids: [EventID: Int] = [:]
        var due = Heap<Due>()
        var outbox: [Int: OutboxMessage] = [:]
        var lastMessage = 0
        var counters: [String: Int] = [:]
        var deadLetters: [DeadLetter] = []
        var deadLetterIDs: Set<EventID> = []
        var values: [String: String] = [:]
    }

    private let contents = Mutex(Contents())

    /// An empty store.
    public init() {}

    /// Required by ``HandoffStore``, which says what it does.
    public func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        contents.withLock { contents in arrivals.map { contents.accept($0) } }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func snapshot(of entity: EntityID) async throws -> EntitySnapshot? {
        contents.withLock { $0.entities[entity].map { EntitySnapshot(ownership: $0.ownership, record: $0.record) } }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func row(_ sequence: Int) async throws -> InboxRow? {
        contents.withLock { $0.rows.indices.contains(sequence - 1) ? $0.rows[sequence - 1] : nil }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func rows(of entity: EntityID) async throws -> [InboxRow] {
        contents.withLock { contents in contents.entities[entity]?.rows.map { contents.rows[$0 - 1] } ?? [] }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func commit(_ change: Change) async throws -> Committed { try contents.withLock { try $0.commit(change) } }

    /// Required by ``HandoffStore``, which says what it does.
    public func keep(_ effects: [LedgerEntry]) async throws {
        contents.withLock { contents in for entry in effects { contents.keep(entry) } }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func ledger(of entity: EntityID) async throws -> [LedgerEntry] { contents.withLock { $0.entities[entity]?.ledger ?? [] } }

    /// Required by ``HandoffStore``, which says what it does.
    public func reply(to key: EffectKey) async throws -> JSONValue? {
        contents.withLock { $0.entities[key.entity]?.ledger.first { $0.key == key }?.reply }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func pendingRows() async throws -> [QueuedRow] {
        contents.withLock { contents in contents.pending.sorted().map { contents.rows[$0 - 1].queued } }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func pendingOutbox() async throws -> [OutboxMessage] {
        contents.withLock { $0.outbox.values.sorted { $0.sequence < $1.sequence } }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func markDone(_ message: OutboxMessage) async throws {
        contents.withLock { _ = $0.outbox.removeValue(forKey: message.sequence) }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func due(at now: Timestamp) async throws -> [EntityID] {
        contents.withLock { contents in
            var due: [Due] = []
            while let first = contents.nextDue, first.at <= now { due.append(contents.due.removeMin()) }
            contents.due.insert(contentsOf: due)
            return due.map(\.entity)
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func nextDue() async throws -> Timestamp? { contents.withLock { $0.nextDue?.at } }

    /// Required by ``HandoffStore``, which says what it does.
    public func entities() async throws -> [EntityID] { contents.withLock { $0.entities.keys.sorted() } }

    /// Required by ``HandoffStore``, which says what it does.
    public func journal(of entity: EntityID) async throws -> [JournalEntry] { contents.withLock { $0.entities[entity]?.journal ?? [] } }

    /// Required by ``HandoffStore``, which says what it does.
    public func counters() async throws -> [String: Int] { contents.withLock { $0.counters } }

    /// Required by ``HandoffStore``, which says what it does.
    public func deadLetters() async throws -> [String: Int] {
        contents.withLock { Dictionary($0.deadLetters.map { ($0.reason.rawValue, 1) }, uniquingKeysWith: +) }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func value(_ name: String) async throws -> String? { contents.withLock { $0.values[name] } }

    /// Required by ``HandoffStore``, which says what it does.
    public func set(_ name: String, to value: String?) async throws { contents.withLock { $0.values[name] = value } }

    /// Required by ``HandoffStore``, which says what it does.
    public func values(prefix: String) async throws -> [String: String] {
        contents.withLock { $0.values.filter { $0.key.hasPrefix(prefix) } }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func replayAccepted(_ body: (Event) throws -> Void) async throws {
        for row in contents.withLock({ $0.rows }) where row.event.source != .lockstep && !row.event.id.rawValue.hasPrefix("sweep/") {
            try body(row.event)
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func flush() async throws {}

    /// Required by ``HandoffStore``, which says what it does.
    public func takeForeignChange() async throws -> Bool { false }
}

/// An internal event whose id was used before: two decisions derived the same id.
private struct KnownEvent: Error {
    let id: EventID
}

extension InboxRow {
    fileprivate var queued: QueuedRow {
        QueuedRow(sequence: sequence, entity: event.entity, priority: priority, attempt: attempt, visibleAt: visibleAt)
    }

    fileprivate var isOpen: Bool { disposition == .pending || disposition == .signalled || disposition == .parked }
}

extension InMemoryHandoffStore.Contents {
    var nextDue: InMemoryHandoffStore.Due? {
        mutating get {
            while let first = due.min, entities[first.entity]?.record.dueAt != first.at { due.removeMin() }
            return due.min
        }
    }

    // MARK: Accepting

    mutating func accept(_ arrival: Arrival) -> Acceptance {
        switch arrival {
        case .deadLetter(let letter): return keep(letter)
        case .event(let incoming, let birth):
            guard let entity = resolve(incoming.reference, mayBeBorn: birth != nil) else { return keep(.unknownEntity(incoming)) }
            if let birth, entities[entity] == nil { create(entity, birth, at: incoming.receivedAt) }
            return insert(incoming.event(for: entity), subject: incoming.subject)
        }
    }

    private func resolve(_ reference: EntityReference, mayBeBorn: Bool) -> EntityID? {
        switch reference {
        case .entity(let entity): mayBeBorn || entities[entity] != nil ? entity : nil
        case .external(let ids): ids.lazy.compactMap { references[$0] }.first
        }
    }

    private mutating func create(_ entity: EntityID, _ birth: Birth, at now: Timestamp) {
        entities[entity] = .init(
            ownership: Ownership(entity: entity, epoch: 1, owner: .legacy, step: birth.step),
            record: StoredRecord(
                state: birth.state, body: birth.body, version: 1, isFinal: false, createdAt: now, stepEnteredAt: now, lastEventAt: now,
                lastSweptAt: .distantPast, dueAt: nil))
    }

    private mutating func insert(_ event: Event, subject: String?) -> Acceptance {
        let content = "\(event.kind) \(event.payload.canonicalText)"
        let isKnown = ids[event.id] != nil || subject.map { entities[event.entity]?.subjects[$0] == content } == true
        if isKnown {
            counters["duplicates", default: 0] += 1
            return .duplicate(event.id)
        }
        if let subject { entities[event.entity]?.subjects[subject] = content }
        return .accepted(event.id, append(event, priority: 1))
    }

    private mutating func append(_ event: Event, priority: Int) -> QueuedRow {
        let row = InboxRow(
            sequence: rows.count + 1, event: event, disposition: .pending, priority: priority, attempt: 1, visibleAt: .distantPast)
        rows.append(row)
        pending.insert(row.sequence)
        ids[event.id] = row.sequence
        entities[event.entity]?.open.append(row.sequence)
        entities[event.entity]?.rows.append(row.sequence)
        return row.queued
    }

    private mutating func keep(_ letter: DeadLetter) -> Acceptance {
        if deadLetterIDs.insert(letter.id).inserted { deadLetters.append(letter) }
        return .deadLetter(letter.id, letter.reason)
    }

    mutating func keep(_ entry: LedgerEntry) {
        guard entities[entry.key.entity]?.ledger.contains(where: { $0.key == entry.key }) == false else { return }
        entities[entry.key.entity]?.ledger.append(entry)
    }

    // MARK: Committing

    mutating func commit(_ change: Change) throws -> Committed {
        guard let entity = entities[change.entity], entity.ownership.epoch == change.epoch else {
            throw StaleEpoch(entity: change.entity, found: change.epoch, expected: entities[change.entity]?.ownership.epoch ?? 0)
        }
        if let version = change.version, version != entity.record.version {
            throw StaleRecord(entity: change.entity, found: version, expected: entity.record.version)
        }
        if change.unlessHalted, values[MigrationHalted.setting] != nil { throw MigrationHalted() }
        if let known = change.append.first(where: { ids[$0.id] != nil }) { throw KnownEvent(id: known.id) }
        if let record = change.record {
            let version = entity.record.version + 1
            entity.record = record
            entity.record.version = version
            if let at = record.dueAt { due.insert(.init(at: at, entity: change.entity)) }
        }
        if let ownership = change.ownership { entity.ownership = ownership }
        entity.journal += change.journal
        for update in change.rows { apply(update) }
        for id in change.consumedEvents {
            if let sequence = ids[id], rows[sequence - 1].event.entity == change.entity { dispose(of: sequence, as: .consumed) }
        }
        var queued = requeue(change, entity)
        entity.open.removeAll { !rows[$0 - 1].isOpen }
        for entry in change.ledger { keep(entry) }
        for external in change.references { references[external] = change.entity }
        for name in change.counters { counters[name, default: 0] += 1 }
        if let letter = change.deadLetter { _ = keep(letter) }
        queued += change.append.map { append($0, priority: $0.kind == .continue ? 0 : 1) }
        return Committed(queued: queued, outbox: change.outbox.map { send($0) })
    }

    private mutating func apply(_ update: Change.RowUpdate) {
        let index = update.sequence - 1
        if let retry = update.retry {
            rows[index].attempt = retry.attempt
            rows[index].visibleAt = retry.at
        } else {
            dispose(of: update.sequence, as: update.disposition)
        }
    }

    private mutating func dispose(of sequence: Int, as disposition: Disposition) {
        rows[sequence - 1].disposition = disposition
        if disposition == .pending { pending.insert(sequence) } else { pending.remove(sequence) }
    }

    private mutating func requeue(_ change: Change, _ entity: InMemoryHandoffStore.Entity) -> [QueuedRow] {
        guard change.requeueSignalled || change.unpark else { return [] }
        return entity.open.compactMap { sequence in
            let disposition = rows[sequence - 1].disposition
            guard (disposition == .signalled && change.requeueSignalled) || (disposition == .parked && change.unpark) else { return nil }
            dispose(of: sequence, as: .pending)
            return rows[sequence - 1].queued
        }
    }

    private mutating func send(_ message: OutboxMessage) -> OutboxMessage {
        lastMessage += 1
        var stored = message
        stored.sequence = lastMessage
        outbox[lastMessage] = stored
        return stored
    }
}
