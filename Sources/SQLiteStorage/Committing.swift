import Events
import GRDB
public import HybridRouter
public import Outcomes

extension SQLiteHandoffStore {
    /// Required by ``HandoffStore``, which says what it does.
    public func commit(_ change: Change) async throws -> Committed {
        try database.write { database in
            try Self.fence(change, in: database)
            try Self.writeRecord(change, in: database)
            try Self.writeAudit(change, in: database)
            let retried = try change.rows.compactMap { try Self.update($0, of: change.entity, in: database) }
            let requeued = try Self.requeue(change, in: database)
            let appended = try Self.append(change, in: database)
            let outbox = try change.outbox.map { try Self.send($0, in: database) }
            return Committed(queued: retried + requeued + appended, outbox: outbox)
        }
    }

    private static func fence(_ change: Change, in database: Database) throws {
        let statement = try database.cachedStatement(sql: "SELECT epoch FROM ownership WHERE entity = ?")
        let stored = try Int.fetchOne(statement, arguments: [change.entity.rawValue]) ?? 0
        guard stored == change.epoch else { throw StaleEpoch(entity: change.entity, found: change.epoch, expected: stored) }
        if let version = change.version {
            let record = try database.cachedStatement(sql: "SELECT version FROM record WHERE entity = ?")
            let stored = try Int.fetchOne(record, arguments: [change.entity.rawValue]) ?? 0
            guard stored == version else { throw StaleRecord(entity: change.entity, found: version, expected: stored) }
        }
        guard change.unlessHalted else { return }
        let halted = try database.cachedStatement(sql: "SELECT 1 FROM setting WHERE name = ?")
        if try Int.fetchOne(halted, arguments: [MigrationHalted.setting]) != nil { throw MigrationHalted() }
    }

    private static func writeRecord(_ change: Change, in database: Database) throws {
        if let record = change.record {
            try database.cachedStatement(
                sql: """
                    UPDATE record SET state = ?, body = ?, version = version + 1, final = ?, step_entered_at = ?, last_event_at = ?,
                        last_swept_at = ?, due_at = ?
                    WHERE entity = ?
                    """
            ).execute(arguments: [
                record.state, try record.body.text(), record.isFinal, record.stepEnteredAt.milliseconds, record.lastEventAt.milliseconds,
                record.lastSweptAt.milliseconds, record.dueAt?.milliseconds, change.entity.rawValue,
            ])
        }
        if let ownership = change.ownership {
            try database.cachedStatement(
                sql: "UPDATE ownership SET epoch = ?, owner = ?, step = ?, completed = ?, pins = ? WHERE entity = ?"
            ).execute(arguments: [
                ownership.epoch, ownership.owner.rawValue, ownership.step.description,
                ownership.completed.map(\.description).joined(separator: " "), Rows.text(ownership.pins), change.entity.rawValue,
            ])
        }
    }

    private static func writeAudit(_ change: Change, in database: Database) throws {
        for entry in change.ledger { try write(entry, in: database) }
        for entry in change.journal { try write(entry, in: database) }
        for external in change.references {
            try database.cachedStatement(sql: "INSERT OR REPLACE INTO reference (external, entity) VALUES (?, ?)")
                .execute(arguments: [external, change.entity.rawValue])
        }
        for name in change.counters { try count(name, in: database) }
        if let letter = change.deadLetter { _ = try keep(letter, in: database) }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func keep(_ effects: [LedgerEntry]) async throws {
        try database.write { database in for entry in effects { try Self.write(entry, in: database) } }
    }

    private static func write(_ entry: LedgerEntry, in database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO ledger (key, entity, request, reply, owner, epoch, attempt, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            entry.key.description, entry.key.entity.rawValue, entry.request.canonicalText, entry.reply.canonicalText, entry.owner,
            entry.epoch, entry.attempt, entry.at.milliseconds,
        ])
    }

    private static func write(_ entry: JournalEntry, in database: Database) throws {
        try database.cachedStatement(
            sql: "INSERT INTO journal (entity, at, owner, epoch, what, detail) VALUES (?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            entry.entity.rawValue, entry.at.milliseconds, entry.owner.rawValue, entry.epoch, entry.what, entry.detail,
        ])
    }

    private static func update(_ row: Change.RowUpdate, of entity: EntityID, in database: Database) throws -> QueuedRow? {
        if let retry = row.retry {
            try database.cachedStatement(sql: "UPDATE inbox SET attempt = ?, visible_at = ?, note = ? WHERE sequence = ?")
                .execute(arguments: [retry.attempt, retry.at.milliseconds, row.note, row.sequence])
            return nil
        }
        try database.cachedStatement(sql: "UPDATE inbox SET disposition = ?, epoch = ?, note = ? WHERE sequence = ?")
            .execute(arguments: [row.disposition.rawValue, row.epoch, row.note, row.sequence])
        return nil
    }

    private static func requeue(_ change: Change, in database: Database) throws -> [QueuedRow] {
        for id in change.consumedEvents {
            try database.cachedStatement(sql: "UPDATE inbox SET disposition = 'consumed' WHERE event_id = ? AND entity = ?")
                .execute(arguments: [id.rawValue, change.entity.rawValue])
        }
        guard change.requeueSignalled || change.unpark else { return [] }
        let open = try Row.fetchAll(
            database.cachedStatement(
                sql: """
                    SELECT sequence, entity, priority, attempt, visible_at, disposition FROM inbox
                    WHERE entity = ? AND disposition IN ('pending', 'signalled', 'parked') ORDER BY sequence
                    """), arguments: [change.entity.rawValue])
        let chosen = open.filter { row in
            let disposition: String = row[5]
            return (disposition == "signalled" && change.requeueSignalled) || (disposition == "parked" && change.unpark)
        }
        let back = try database.cachedStatement(sql: "UPDATE inbox SET disposition = 'pending', epoch = NULL WHERE sequence = ?")
        for row in chosen { try back.execute(arguments: [row[0] as Int]) }
        return chosen.map(Rows.queuedRow)
    }

    private static func append(_ change: Change, in database: Database) throws -> [QueuedRow] {
        try change.append.map { event in
            try append(event, priority: event.kind == .continue ? 0 : 1, in: database)
        }
    }

    private static func send(_ message: OutboxMessage, in database: Database) throws -> OutboxMessage {
        try database.cachedStatement(sql: "INSERT INTO outbox (entity, epoch, kind, payload) VALUES (?, ?, ?, ?)")
            .execute(arguments: [message.entity.rawValue, message.epoch, message.kind.rawValue, message.payload.canonicalText])
        var stored = message
        stored.sequence = Int(database.lastInsertedRowID)
        return stored
    }
}
