import Events
import HeapModule
import Outcomes

/// What a store in memory holds.
struct InMemoryContents {
    /// A class, so that a change of one member does not copy the others.
    final class Entity {
        var snapshot: EntitySnapshot
        var rows: [Int] = []
        var open: [Int] = []
        var subjects: [String: Subject] = [:]
        var ledger: [LedgerEntry] = []
        var reads: [RecordedRead] = []
        var journal: [JournalEntry] = []

        init(_ snapshot: EntitySnapshot) { self.snapshot = snapshot }
    }

    struct Due: Comparable {
        let at: Timestamp
        let entity: EntityID
        static func < (left: Due, right: Due) -> Bool { (left.at, left.entity) < (right.at, right.entity) }
    }

    /// An id is unique within its sender.
    struct Delivery: Hashable {
        let source: EventSource
        let id: EventID
    }

    /// An internal event whose id was used before: two decisions derived the same id.
    struct KnownEvent: Error { let id: EventID }

    var entities: [EntityID: Entity] = [:]
    var references: [String: EntityID] = [:]
    var rows: [InboxRow] = []
    var pending: Set<Int> = []
    var seen: Set<Delivery> = []
    var due = Heap<Due>()
    var outbox: [Int: OutboxMessage] = [:]
    var lastMessage = 0
    var counters: [String: Int] = [:]
    var deadLetters: [DeadLetter] = []
    var deadLetterIDs: Set<Delivery> = []
    var letterCount = 0
    /// Deliveries that an entity can still claim, with the number of their letter.
    var unclaimed: [(letter: Int, incoming: IncomingEvent)] = []
    var intentions: [EffectKey: (number: Int, call: EffectCall)] = [:]
    var lastIntention = 0
    var quarantined: [Quarantined] = []
    var values: [String: String] = [:]
}

extension InMemoryContents {
    var nextDue: Due? {
        mutating get {
            while let first = due.min, entities[first.entity]?.snapshot.record.dueAt != first.at || isQuarantined(first.entity) {
                due.removeMin()
            }
            return due.min
        }
    }

    mutating func due(at now: Timestamp) -> [EntityID] {
        var found: [Due] = []
        while let first = nextDue, first.at <= now { found.append(due.removeMin()) }
        due.insert(contentsOf: found)
        return found.map(\.entity)
    }

    func isQuarantined(_ entity: EntityID) -> Bool { !quarantined.isEmpty && quarantined.contains { $0.entity == entity } }

    mutating func quarantine(_ item: Quarantined) {
        guard !quarantined.contains(where: { $0.kind == item.kind && $0.key == item.key }) else { return }
        quarantined.append(item)
        counters["quarantined", default: 0] += 1
    }

    // MARK: Accepting

    mutating func accept(_ arrival: Arrival, at now: Timestamp) -> Acceptance {
        switch arrival {
        case .deadLetter(let letter): return keepArrived(letter)
        case .event(let incoming, let birth):
            let delivery = Delivery(source: incoming.source, id: incoming.id)
            if seen.contains(delivery) { return duplicate(delivery) }
            guard let entity = resolve(incoming.reference, mayBeBorn: birth != nil) else { return keepUnclaimed(incoming) }
            supersede(delivery)
            if let birth, entities[entity] == nil { create(entity, birth, at: incoming.receivedAt) }
            return insert(incoming, for: entity, delivery)
        }
    }

    private mutating func duplicate(_ delivery: Delivery) -> Acceptance {
        seen.insert(delivery)
        counters["duplicates", default: 0] += 1
        return .duplicate(delivery.id)
    }

    private func resolve(_ reference: EntityReference, mayBeBorn: Bool) -> EntityID? {
        switch reference {
        case .entity(let entity): mayBeBorn || entities[entity] != nil ? entity : nil
        case .external(let ids): ids.lazy.compactMap { entity(knownAs: $0) }.first
        }
    }

    /// The entity that is known by the id; nil when none is.
    func entity(knownAs id: String) -> EntityID? { references[id] ?? (entities[EntityID(id)] == nil ? nil : EntityID(id)) }

    private mutating func create(_ entity: EntityID, _ birth: Birth, at now: Timestamp) {
        let created = Entity(birth.snapshot(entity, at: now))
        created.journal = [birth.entry(entity, at: now)]
        entities[entity] = created
        if let at = birth.dueAt { due.insert(Due(at: at, entity: entity)) }
    }

    mutating func insert(_ incoming: IncomingEvent, for entity: EntityID, _ delivery: Delivery) -> Acceptance {
        let event = incoming.event(for: entity)
        if let subject = incoming.subject, let entity = entities[event.entity] {
            let calls = entity.ledger.times(of: incoming.answers)
            let word = Subject(event, answering: calls)
            let known = entity.subjects[subject]
            if known?.isRepeated(by: word, saidAt: event.occurredAt, answering: calls) == true { return duplicate(delivery) }
            entity.subjects[subject] = word
        }
        seen.insert(delivery)
        return .accepted(event.id, append(event, priority: 1))
    }

    private mutating func append(_ event: Event, priority: Int) -> QueuedRow {
        let row = InboxRow(
            sequence: rows.count + 1, event: event, disposition: .pending, priority: priority, attempt: 1, visibleAt: .distantPast)
        rows.append(row)
        pending.insert(row.sequence)
        entities[event.entity]?.open.append(row.sequence)
        entities[event.entity]?.rows.append(row.sequence)
        return row.queued
    }

    /// Keeps a letter of a delivery; one that is kept already came twice, and counts as that.
    mutating func keepArrived(_ letter: DeadLetter) -> Acceptance {
        if deadLetterIDs.contains(Delivery(source: letter.source, id: letter.id)) { counters["duplicates", default: 0] += 1 }
        return keep(letter)
    }

    mutating func keep(_ letter: DeadLetter) -> Acceptance {
        if deadLetterIDs.insert(Delivery(source: letter.source, id: letter.id)).inserted {
            letterCount += 1
            deadLetters.append(letter)
        }
        return .deadLetter(letter.id, letter.reason)
    }

    mutating func keep(_ entry: LedgerEntry) {
        intentions[entry.key] = nil
        guard entities[entry.key.entity]?.ledger.contains(where: { $0.key == entry.key }) == false else { return }
        entities[entry.key.entity]?.ledger.append(entry)
    }

    // MARK: Committing

    mutating func commit(_ transaction: EntityTransaction, _ bend: InMemoryHandoffStore.Bend?) throws -> Committed {
        let entity = try fenced(transaction)
        var transaction = transaction
        var consequences = Consequences(of: transaction, entity.snapshot.ownership, version: entity.snapshot.record.version) {
            entity.open.map { OpenRow(rows[$0 - 1].queued, rows[$0 - 1].disposition, epoch: rows[$0 - 1].epoch) }
        }
        bend?(&consequences, &transaction, entity.snapshot)
        if let known = consequences.appended.first(where: { seen.contains(Delivery(source: $0.source, id: $0.id)) }) {
            throw KnownEvent(id: known.id)
        }
        return write(transaction, consequences, entity)
    }

    private func fenced(_ transaction: EntityTransaction) throws -> Entity {
        let stored = entities[transaction.entity]?.snapshot
        guard let entity = entities[transaction.entity], entity.snapshot.ownership.epoch == transaction.epoch else {
            throw StaleEpoch(entity: transaction.entity, found: transaction.epoch, expected: stored?.ownership.epoch ?? 0)
        }
        if let version = transaction.version, version != entity.snapshot.record.version {
            throw StaleRecord(entity: transaction.entity, found: version, expected: entity.snapshot.record.version)
        }
        if transaction.unlessHalted, values[MigrationHalted.setting] != nil { throw MigrationHalted() }
        return entity
    }

    private mutating func write(_ transaction: EntityTransaction, _ consequences: Consequences, _ entity: Entity) -> Committed {
        let before = entity.snapshot.ownership
        let isNew = entity.snapshot.record.version == 1
        if let record = transaction.record {
            let version = entity.snapshot.record.version + 1
            entity.snapshot.record = record
            entity.snapshot.record.version = version
            if let at = record.dueAt { due.insert(Due(at: at, entity: transaction.entity)) }
        }
        entity.snapshot.ownership = consequences.ownership
        var moves = transaction.moves
        let known = transaction.references.filter { refer($0, to: transaction.entity, &moves) }
        entity.journal += JournalEntry.entries(
            moves, of: transaction.entity, at: transaction.at, owner: before.owner, epoch: before.epoch)
        for change in consequences.rows { apply(change, entity) }
        entity.open.removeAll { !rows[$0 - 1].isOpen }
        for entry in transaction.effects { keep(entry) }
        entity.reads += transaction.reads
        counters.merge(consequences.counters, uniquingKeysWith: +)
        if let letter = transaction.letter { _ = keep(letter) }
        let appended = consequences.appended.map { event in
            seen.insert(Delivery(source: event.source, id: event.id))
            return append(event, priority: event.isNext ? 0 : 1)
        }
        let claimed = claim(known + (isNew ? [transaction.entity.rawValue] : []), for: transaction.entity, at: transaction.at)
        return Committed(
            ownership: entity.snapshot.ownership, record: transaction.record.map { _ in entity.snapshot.record },
            queued: consequences.requeued + appended + claimed, outbox: consequences.outbox.map { send($0) })
    }

    /// True when the id is the entity's now.
    private mutating func refer(_ external: String, to entity: EntityID, _ moves: inout [Move]) -> Bool {
        if let holder = references[external], holder != entity {
            moves.append(.referenceRefused(external, holder: holder))
            counters["referencesRefused", default: 0] += 1
            return false
        }
        references[external] = entity
        return true
    }

    private mutating func apply(_ change: Consequences.RowChange, _ entity: Entity) {
        let index = change.sequence - 1
        guard rows.indices.contains(index), rows[index].event.entity == entity.snapshot.ownership.entity else { return }
        rows[index].attempt = change.attempt ?? rows[index].attempt
        rows[index].visibleAt = change.visibleAt ?? rows[index].visibleAt
        (rows[index].disposition, rows[index].epoch) = (change.disposition, change.epoch)
        if change.disposition == .pending { pending.insert(change.sequence) } else { pending.remove(change.sequence) }
    }

    private mutating func send(_ message: OutboxMessage) -> OutboxMessage {
        lastMessage += 1
        var stored = message
        stored.sequence = lastMessage
        outbox[lastMessage] = stored
        return stored
    }
}

extension InboxRow {
    /// What the queue needs of it, with the event.
    package var queued: QueuedRow {
        QueuedRow(sequence: sequence, entity: event.entity, priority: priority, attempt: attempt, visibleAt: visibleAt, event: event)
    }

    fileprivate var isOpen: Bool { disposition == .pending || disposition == .signalled || disposition == .parked }
}
