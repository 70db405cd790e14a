public import Events
import GRDB
public import HybridRouter

extension SQLiteHandoffStore {
    /// Required by ``HandoffStore``, which says what it does.
    public func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        try database.write { database in try arrivals.map { try Self.accept($0, at: now, in: database) } }
    }

    private static func accept(_ arrival: Arrival, at now: Timestamp, in database: Database) throws -> Acceptance {
        switch arrival {
        case .deadLetter(let letter): return try keep(letter, in: database)
        case .event(let incoming, let birth):
            guard let entity = try resolve(incoming.reference, mayBeBorn: birth != nil, in: database) else {
                return try keep(.unknownEntity(incoming), in: database)
            }
            if let birth { try create(entity, birth, at: incoming.receivedAt, in: database) }
            return try insert(incoming.event(for: entity), subject: incoming.subject, in: database)
        }
    }

    private static func resolve(_ reference: EntityReference, mayBeBorn: Bool, in database: Database) throws -> EntityID? {
        switch reference {
        case .entity(let entity):
            if mayBeBorn { return entity }
            let statement = try database.cachedStatement(sql: "SELECT 1 FROM ownership WHERE entity = ?")
            return try Int.fetchOne(statement, arguments: [entity.rawValue]) == nil ? nil : entity
        case .external(let ids):
            let statement = try database.cachedStatement(sql: "SELECT entity FROM reference WHERE external = ?")
            for id in ids {
                if let entity = try String.fetchOne(statement, arguments: [id]) { return EntityID(entity) }
            }
            return nil
        }
    }

    private static func create(_ entity: EntityID, _ birth: Birth, at now: Timestamp, in database: Database) throws {
        let time = now.milliseconds
        try database.cachedStatement(
            sql: "INSERT OR IGNORE INTO ownership (entity, epoch, owner, step, completed) VALUES (?, 1, 'legacy', ?, '')"
        ).execute(arguments: [entity.rawValue, birth.step.description])
        try database.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO record
                    (entity, state, body, version, final, created_at, step_entered_at, last_event_at, last_swept_at)
                VALUES (?, ?, ?, 1, 0, ?, ?, ?, 0)
                """
        ).execute(arguments: [entity.rawValue, birth.state, try birth.body.text(), time, time, time])
    }

    private static func insert(_ event: Event, subject: String?, in database: Database) throws -> Acceptance {
        guard try isNews(event, subject: subject, in: database) else {
            try count("duplicates", in: database)
            return .duplicate(event.id)
        }
        let row = try append(event, priority: 1, in: database)
        if let subject { try remember(event, subject: subject, in: database) }
        return .accepted(event.id, row)
    }

    private static func isNews(_ event: Event, subject: String?, in database: Database) throws -> Bool {
        let seen = try database.cachedStatement(sql: "SELECT 1 FROM inbox WHERE event_id = ?")
        guard try Int.fetchOne(seen, arguments: [event.id.rawValue]) == nil else { return false }
        guard let subject else { return true }
        let last = try database.cachedStatement(sql: "SELECT content FROM subject WHERE entity = ? AND subject = ?")
        return try String.fetchOne(last, arguments: [event.entity.rawValue, subject]) != content(event)
    }

    private static func remember(_ event: Event, subject: String, in database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO subject (entity, subject, content) VALUES (?, ?, ?)")
            .execute(arguments: [event.entity.rawValue, subject, content(event)])
    }

    private static func content(_ event: Event) -> String { "\(event.kind) \(event.payload.canonicalText)" }

    static func append(_ event: Event, priority: Int, in database: Database) throws -> QueuedRow {
        try database.cachedStatement(
            sql: """
                INSERT INTO inbox (entity, event_id, source, kind, payload, received_at, occurred_at, disposition, priority, attempt,
                    visible_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, 1, ?)
                """
        ).execute(arguments: [
            event.entity.rawValue, event.id.rawValue, event.source.rawValue, event.kind.rawValue, event.payload.canonicalText,
            event.receivedAt.milliseconds, event.occurredAt.milliseconds, priority, Timestamp.distantPast.milliseconds,
        ])
        return QueuedRow(
            sequence: Int(database.lastInsertedRowID), entity: event.entity, priority: priority, attempt: 1, visibleAt: .distantPast)
    }

    static func keep(_ letter: DeadLetter, in database: Database) throws -> Acceptance {
        try database.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO dead_letter (event_id, source, reason, detail, body, received_at) VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            letter.id.rawValue, letter.source.rawValue, letter.reason.rawValue, letter.detail, letter.body,
            letter.receivedAt.milliseconds,
        ])
        return .deadLetter(letter.id, letter.reason)
    }

    static func count(_ name: String, in database: Database) throws {
        try database.cachedStatement(
            sql: "INSERT INTO counter (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
        ).execute(arguments: [name])
    }
}
