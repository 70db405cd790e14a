public import Events
import GRDB
public import HybridRouter
import Outcomes

extension SQLiteHandoffStore {
    /// See ``OwnershipStore``.
    public func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        try database.write { database in
            try arrivals.map { arrival in
                do { return try accept(arrival, in: database) } catch let error as HybridRouter.UnreadableRow {
                    return try keepArrived(DeadLetter(arrival, met: error), in: database)
                }
            }
        }
    }

    private func accept(_ arrival: Arrival, in database: Database) throws -> Acceptance {
        switch arrival {
        case .deadLetter(let letter): return try keepArrived(letter, in: database)
        case .event(let incoming, let birth):
            if try Self.isKnown(incoming, in: database) { return try duplicate(incoming, in: database) }
            let resolved = try Self.resolve(incoming.reference, mayBeBorn: birth != nil, in: database)
            guard let (entity, exists) = resolved else { return try keepUnclaimed(incoming, in: database) }
            if exists, try Self.wasPacked(incoming, of: entity, in: database) { return try duplicate(incoming, in: database) }
            try supersede(incoming, in: database)
            if let birth, !exists { try Self.create(entity, birth, at: incoming.receivedAt, in: database) }
            return try insert(incoming, for: entity, in: database)
        }
    }

    /// True when the sender's id was accepted before, or was that of a repetition.
    private static func isKnown(_ incoming: IncomingEvent, in database: Database) throws -> Bool {
        let values: [SQLValue] = [.id(incoming.source), .id(incoming.id)]
        let sql = """
            SELECT 1 FROM inbox WHERE source = ?1 AND event_id = ?2 UNION ALL SELECT 1 FROM repetition WHERE source = ?1 AND event_id = ?2
            """
        return try database.first(sql, values) { _ in true } ?? false
    }

    /// True when a delivery of this name was accepted, and its contents are gone.
    private static func wasPacked(_ incoming: IncomingEvent, of entity: EntityID, in database: Database) throws -> Bool {
        try Archive.of(entity, in: database)?.contains(DeliveryName(incoming.source, incoming.id)) ?? false
    }

    private func duplicate(_ incoming: IncomingEvent, in database: Database) throws -> Acceptance {
        try add(["duplicates": 1], in: database)
        return .duplicate(incoming.id)
    }

    /// The entity that the sender means, and whether it exists; nil for nobody we know.
    private static func resolve(_ reference: EntityReference, mayBeBorn: Bool, in database: Database) throws -> (EntityID, Bool)? {
        switch reference {
        case .entity(let entity):
            let exists = try exists(entity, in: database)
            return exists || mayBeBorn ? (entity, exists) : nil
        case .external(let ids):
            for id in ids {
                if let entity = try holder(of: id, in: database) { return (entity, true) }
                if try exists(EntityID(id), in: database) { return (EntityID(id), true) }
            }
            return nil
        }
    }

    static func exists(_ entity: EntityID, in database: Database) throws -> Bool {
        try database.first("SELECT 1 FROM ownership WHERE entity = ?", [.id(entity)]) { _ in true } ?? false
    }

    /// The entity that had an external id first. A row that does not fit its checksum names nobody: the delivery is a dead letter.
    static func holder(of external: String, in database: Database) throws -> EntityID? {
        let found = try database.first("SELECT entity, sum FROM reference WHERE external = ?", [.text(external)]) { row in
            (entity: EntityID(row.text(0)), sum: row.sum(1))
        }
        guard let found, found.sum == nil || found.sum == Sum(.text(external), .id(found.entity)).value else { return nil }
        return try exists(found.entity, in: database) ? found.entity : nil
    }

    private static func create(_ entity: EntityID, _ birth: Birth, at now: Timestamp, in database: Database) throws {
        let snapshot = birth.snapshot(entity, at: now)
        try database.run(
            "INSERT INTO ownership (entity, \(Rows.ownershipColumns), sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [.id(entity)] + Rows.values(snapshot.ownership))
        try database.run(
            "INSERT INTO record (entity, \(Rows.recordColumns), sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [.id(entity)] + Rows.values(entity, snapshot.record))
        try write([birth.entry(entity, at: now).move], of: entity, at: now, owner: .legacy, epoch: 1, in: database)
    }

    func insert(_ incoming: IncomingEvent, for entity: EntityID, in database: Database) throws -> Acceptance {
        let event = incoming.event(for: entity)
        if let subject = incoming.subject, try Self.isRepetition(event, of: subject, answering: incoming.answers, in: database) {
            try database.run("INSERT INTO repetition (source, event_id) VALUES (?, ?)", [.id(event.source), .id(event.id)])
            return try duplicate(incoming, in: database)
        }
        return .accepted(event.id, try Self.append(event, priority: 1, in: database))
    }

    /// True when the event repeats the last word about `subject`; else it is the last word now.
    private static func isRepetition(_ event: Event, of subject: String, answering calls: [String], in database: Database) throws -> Bool {
        let times = try Self.times(of: calls, for: event.entity, in: database)
        let word = Subject(event, answering: times)
        let known = try database.first(
            "SELECT content, calls, sum FROM subject WHERE entity = ? AND subject = ?", [.id(event.entity), .text(subject)]
        ) { row in
            let known = Subject(content: row.text(0), calls: row.int(1))
            try sum(event.entity, subject, known).check(row.sum(2), table: "subject", key: "\(event.entity) \(subject)")
            return known
        }
        if let known, known.isRepeated(by: word, saidAt: event.occurredAt, answering: times) { return true }
        try database.run(
            "INSERT OR REPLACE INTO subject (entity, subject, content, calls, sum) VALUES (?, ?, ?, ?, ?)",
            [.id(event.entity), .text(subject), .text(word.content), .int(word.calls), sum(event.entity, subject, word).stored])
        return false
    }

    /// When calls of `operations` were performed for the entity.
    private static func times(of operations: [String], for entity: EntityID, in database: Database) throws -> [Timestamp] {
        guard !operations.isEmpty else { return [] }
        var times: [Timestamp] = []
        try database.each("SELECT \(Rows.ledgerColumns) FROM ledger WHERE entity = ?", [.id(entity)]) { row in
            if let time = try Rows.time(row, ofCallOf: operations) { times.append(time) }
        }
        return times
    }

    private static func sum(_ entity: EntityID, _ subject: String, _ word: Subject) -> Sum {
        Sum(.id(entity), .text(subject), .text(word.content), .int(word.calls))
    }

    static func append(_ event: Event, priority: Int, in database: Database) throws -> QueuedRow {
        let payload = event.payload.canonicalText
        let sum = Rows.eventSum(
            event.entity.rawValue, event.id.rawValue, event.source.rawValue, event.kind.rawValue, payload, event.receivedAt,
            event.occurredAt)
        let place = Rows.placeSum(.pending, nil, priority, 1, .distantPast)
        try database.run(
            """
            INSERT INTO inbox (\(Rows.inboxColumns)) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', NULL, ?, 1, ?, ?)
            """,
            [
                .id(event.entity), .id(event.id), .id(event.source), .id(event.kind), .text(payload),
                .time(event.receivedAt), .time(event.occurredAt), sum.stored, .int(priority), .time(.distantPast), place.stored,
            ])
        return QueuedRow(
            sequence: Int(database.lastInsertedRowID), entity: event.entity, priority: priority, attempt: 1, visibleAt: .distantPast,
            event: event)
    }

    /// Keeps a letter of a delivery; one that is kept already came twice, and counts as that.
    private func keepArrived(_ letter: DeadLetter, in database: Database) throws -> Acceptance {
        let kept = try Self.keep(letter, in: database)
        if database.changesCount == 0 { try add(["duplicates": 1], in: database) }
        return kept
    }

    static func keep(_ letter: DeadLetter, in database: Database) throws -> Acceptance {
        try database.run(
            "INSERT OR IGNORE INTO dead_letter (event_id, source, reason, detail, type, body, received_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                .id(letter.id), .id(letter.source), .id(letter.reason), .text(letter.detail), .optional(letter.type), .text(letter.body),
                .time(letter.receivedAt),
            ])
        return .deadLetter(letter.id, letter.reason)
    }
}

extension DeadLetter {
    /// The letter of a delivery that met a stored row which cannot be read.
    fileprivate init(_ arrival: Arrival, met error: HybridRouter.UnreadableRow) {
        switch arrival {
        case .deadLetter(let letter): self = letter
        case .event(let incoming, _):
            self.init(
                id: incoming.id, source: incoming.source, reason: .unreadableRow, detail: "\(incoming.kind): \(error)",
                body: incoming.payload.canonicalText, receivedAt: incoming.receivedAt)
        }
    }
}
