public import Events
import FoundationEssentials
import GRDB
public import HybridRouter

extension SQLiteHandoffStore {
    /// See ``OwnershipStore``.
    public func pendingRows() async throws -> [QueuedRow] {
        let (rows, bad) = try database.read { database in
            // By the index of what is open: in the order of its numbers the whole inbox would be read.
            let sql = """
                SELECT \(Rows.queuedColumns) FROM inbox INDEXED BY inbox_open
                WHERE \(Rows.isOpen) AND disposition NOT IN ('signalled', 'parked')
                    AND entity NOT IN (SELECT entity FROM quarantine) ORDER BY sequence
                """
            return try Self.readable(sql, .event, in: database) { try Rows.queuedRow($0).row }
        }
        for item in bad { try await quarantine(item) }
        let stopped = Set(bad.map(\.entity))
        return stopped.isEmpty ? rows : rows.filter { !stopped.contains($0.entity) }
    }

    /// See ``OwnershipStore``.
    public func pendingOutbox() async throws -> [OutboxMessage] {
        let (messages, bad) = try database.read { database in
            let sql = """
                SELECT \(Rows.outboxColumns) FROM outbox WHERE entity NOT IN (SELECT entity FROM quarantine) ORDER BY sequence
                """
            return try Self.readable(sql, .message, in: database, Rows.outboxMessage)
        }
        for item in bad { try await quarantine(item) }
        let stopped = Set(bad.map(\.entity))
        return stopped.isEmpty ? messages : messages.filter { !stopped.contains($0.entity) }
    }

    /// See ``OwnershipStore``.
    public func durableOwnerships(after entity: EntityID?, limit: Int) async throws -> [Ownership] {
        let (ownerships, bad) = try database.read { database in
            let sql = """
                SELECT 0, entity, \(Rows.ownershipColumns), sum FROM ownership
                WHERE owner = 'durable' AND entity > ? AND entity NOT IN (SELECT entity FROM quarantine) ORDER BY entity LIMIT ?
                """
            let values: [SQLValue] = [.text(entity?.rawValue ?? ""), .int(limit)]
            return try Self.readable(sql, .entity, values, in: database) { try Rows.ownership(EntityID($0.text(1)), $0, first: 2) }
        }
        for item in bad { try await quarantine(item) }
        // What is set aside is not found again: others take its place.
        return bad.isEmpty ? ownerships : try await durableOwnerships(after: entity, limit: limit)
    }

    /// The rows that can be read, and those that cannot. Their second column is the entity.
    private static func readable<Value>(
        _ sql: String, _ kind: Quarantined.Kind, _ arguments: [SQLValue] = [], in database: Database, _ read: (SQLRow) throws -> Value
    ) throws -> ([Value], [Quarantined]) {
        var values: [Value] = []
        var bad: [Quarantined] = []
        try database.each(sql, arguments) { row in
            do { values.append(try read(row)) } catch let error as UnreadableRow {
                bad.append(
                    Quarantined(
                        kind, key: kind == .entity ? row.text(1) : String(row.int(0)), entity: EntityID(row.text(1)),
                        reason: error.description, since: Timestamp(Date())))
            }
        }
        return (values, bad)
    }

    /// See ``OwnershipStore``.
    public func quarantine(_ item: Quarantined) async throws {
        try database.write { database in
            let isKnown = try database.first(
                "SELECT 1 FROM quarantine WHERE kind = ? AND key = ?", [.text(item.kind.rawValue), .text(item.key)]
            ) { _ in true }
            guard isKnown == nil else { return }
            try database.run(
                "INSERT INTO quarantine (kind, key, entity, reason, since) VALUES (?, ?, ?, ?, ?)",
                [.text(item.kind.rawValue), .text(item.key), .id(item.entity), .text(item.reason), .time(item.since)])
            try add(["quarantined": 1], in: database)
        }
    }

    /// See ``OwnershipStore``.
    public func quarantined() async throws -> [Quarantined] {
        try database.read { try $0.all("SELECT kind, key, entity, reason, since FROM quarantine ORDER BY sequence", [], Rows.quarantined) }
    }

    /// See ``OwnershipStore``.
    public func release(_ entity: EntityID) async throws -> [QueuedRow] {
        try database.write { database in
            try database.run("DELETE FROM quarantine WHERE entity = ?", [.id(entity)])
            let sql = """
                SELECT \(Rows.queuedColumns) FROM inbox
                WHERE entity = ? AND \(Rows.isOpen) AND disposition = 'pending' ORDER BY sequence
                """
            return try database.all(sql, [.id(entity)]) { try Rows.queuedRow($0).row }
        }
    }
}
