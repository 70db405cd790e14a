import Events
import GRDB
public import HybridRouter
public import Outcomes

extension SQLiteHandoffStore {
    /// See ``OwnershipStore``.
    public func commit(_ transaction: EntityTransaction) async throws -> Committed {
        try database.write { database in
            let (before, version) = try fenced(transaction, in: database)
            let consequences = try Consequences(of: transaction, before, version: version) {
                try Self.openRows(of: transaction.entity, in: database)
            }
            return try write(transaction, consequences, before, version: version, in: database)
        }
    }

    /// The stored ownership and the version of the record, when the transaction may be made.
    private func fenced(_ transaction: EntityTransaction, in database: Database) throws -> (Ownership, Int) {
        let entity = transaction.entity
        let sql = """
            SELECT \(Rows.ownershipColumns), sum, (SELECT version FROM record r WHERE r.entity = o.entity) FROM ownership o WHERE entity = ?
            """
        let stored = try database.first(sql, [.id(entity)]) { row in
            (try owners.ownership(of: entity, sum: row.sum(6)) ?? Rows.ownership(entity, row), row.int(7))
        }
        guard let (ownership, version) = stored, ownership.epoch == transaction.epoch else {
            throw StaleEpoch(entity: entity, found: transaction.epoch, expected: stored?.0.epoch ?? 0)
        }
        if let expected = transaction.version, expected != version {
            throw StaleRecord(entity: entity, found: expected, expected: version)
        }
        if transaction.unlessHalted, try Self.isHalted(in: database) { throw MigrationHalted() }
        return (ownership, version)
    }

    private static func isHalted(in database: Database) throws -> Bool {
        try database.first("SELECT 1 FROM setting WHERE name = ?", [.text(MigrationHalted.setting)]) { _ in true } ?? false
    }

    private static func openRows(of entity: EntityID, in database: Database) throws -> [OpenRow] {
        let sql = """
            SELECT \(Rows.queuedColumns) FROM inbox
            WHERE entity = ? AND \(Rows.isOpen) ORDER BY sequence
            """
        return try database.all(sql, [.id(entity)], Rows.queuedRow)
    }

    private func write(
        _ transaction: EntityTransaction, _ consequences: Consequences, _ before: Ownership, version: Int, in database: Database
    ) throws -> Committed {
        let entity = transaction.entity
        var record = transaction.record
        record?.version = version + 1
        if let record {
            let sql = """
                UPDATE record SET state = ?, body = ?, version = ?, final = ?, created_at = ?, step_entered_at = ?, last_event_at = ?,
                    last_swept_at = ?, due_at = ?, legacy_version = ?, legacy_epoch = ?, segment_run = ?,
                    segment_activity = ?, sum = ? WHERE entity = ?
                """
            try database.run(sql, try Rows.values(entity, record) + [.id(entity)])
        }
        if consequences.ownership != before {
            let sql = """
                UPDATE ownership SET epoch = ?, owner = ?, step = ?, passed = ?, completions = ?, pins = ?, sum = ? WHERE entity = ?
                """
            try database.run(sql, Rows.values(consequences.ownership) + [.id(entity)])
        }
        owners.note(consequences.ownership)
        let referred = try transaction.references.map { ($0, try Self.refer($0, to: entity, in: database)) }
        let refused = referred.compactMap(\.1)
        try Self.write(
            transaction.moves + refused, of: entity, at: transaction.at, owner: before.owner, epoch: before.epoch, in: database)
        try Self.writeEffects(transaction, in: database)
        try add(consequences.counters.merging(refused.isEmpty ? [:] : ["referencesRefused": refused.count]) { $0 + $1 }, in: database)
        for change in consequences.rows { try Self.apply(change, consequences, of: entity, in: database) }
        let appended = try consequences.appended.map { event in
            try Self.append(event, priority: event.isNext ? 0 : 1, in: database)
        }
        let known = referred.filter { $0.1 == nil }.map(\.0) + (version == 1 ? [entity.rawValue] : [])
        let claimed = try claim(known, for: entity, at: transaction.at, in: database)
        let outbox = try consequences.outbox.map { try Self.send($0, in: database) }
        return Committed(
            ownership: consequences.ownership, record: record, queued: consequences.requeued + appended + claimed, outbox: outbox)
    }

    private static func writeEffects(_ transaction: EntityTransaction, in database: Database) throws {
        for entry in transaction.effects { try write(entry, in: database) }
        for read in transaction.reads {
            try database.run(
                "INSERT INTO reading (entity, operation, request, reply, owner, epoch, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    .id(read.entity), .text(read.operation), .text(read.request.canonicalText), .text(read.reply.canonicalText),
                    .text(read.owner.rawValue), .int(read.epoch), .time(read.at),
                ])
        }
        if let letter = transaction.letter { _ = try keep(letter, in: database) }
    }

    /// Gives an external id to the entity; returns a refusal when another one has it.
    private static func refer(_ external: String, to entity: EntityID, in database: Database) throws -> Move? {
        if let holder = try holder(of: external, in: database) {
            return holder == entity ? nil : .referenceRefused(external, holder: holder)
        }
        try database.run(
            "INSERT OR REPLACE INTO reference (external, entity, sum) VALUES (?, ?, ?)",
            [.text(external), .id(entity), Sum(.text(external), .id(entity)).stored])
        return nil
    }

    /// See ``OwnershipStore``.
    public func keep(_ effects: [LedgerEntry]) async throws {
        try database.write { database in for entry in effects { try Self.write(entry, in: database) } }
    }

    private static func write(_ entry: LedgerEntry, in database: Database) throws {
        let (key, request, reply) = (entry.key.description, entry.request.canonicalText, entry.reply.canonicalText)
        let sum = Rows.ledgerSum(key, request, reply, entry.owner.rawValue, entry.epoch, entry.attempt, entry.at)
        try database.run(
            "INSERT OR IGNORE INTO ledger (entity, \(Rows.ledgerColumns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .id(entry.key.entity), .text(key), .text(request), .text(reply), .text(entry.owner.rawValue), .int(entry.epoch),
                .int(entry.attempt), .time(entry.at), sum.stored,
            ])
        try database.run("DELETE FROM intention WHERE key = ?", [.text(key)])
    }

    static func write(
        _ moves: [Move], of entity: EntityID, at now: Timestamp, owner: Owner, epoch: Int, in database: Database
    ) throws {
        guard !moves.isEmpty else { return }
        let text = JSONValue.array(moves.map(\.json)).canonicalText
        try database.run(
            "INSERT INTO move (entity, at, owner, epoch, moves, sum) VALUES (?, ?, ?, ?, ?, ?)",
            [
                .id(entity), .time(now), .text(owner.rawValue), .int(epoch), .text(text),
                Rows.moveSum(entity, now, owner.rawValue, epoch, text).stored,
            ])
    }

    private static func apply(
        _ change: Consequences.RowChange, _ consequences: Consequences, of entity: EntityID, in database: Database
    ) throws {
        guard change.disposition == .pending else {
            let sum = Rows.placeSum(change.disposition, change.epoch, 1, 1, .distantPast)
            return try database.run(
                "UPDATE inbox SET disposition = ?, epoch = ?, place_sum = ? WHERE sequence = ? AND entity = ?",
                [.text(change.disposition.rawValue), .int(change.epoch), sum.stored, .int(change.sequence), .id(entity)])
        }
        let known = try database.first("SELECT priority, attempt, visible_at FROM inbox WHERE sequence = ?", [.int(change.sequence)]) {
            (priority: $0.int(0), attempt: $0.int(1), visibleAt: $0.time(2))
        }
        guard let known else { return }
        let (attempt, visibleAt) = (change.attempt ?? known.attempt, change.visibleAt ?? known.visibleAt)
        let sum = Rows.placeSum(.pending, nil, known.priority, attempt, visibleAt)
        try database.run(
            """
            UPDATE inbox SET disposition = 'pending', epoch = NULL, attempt = ?, visible_at = ?, place_sum = ?
            WHERE sequence = ? AND entity = ?
            """, [.int(attempt), .time(visibleAt), sum.stored, .int(change.sequence), .id(entity)])
    }

    private static func send(_ message: OutboxMessage, in database: Database) throws -> OutboxMessage {
        let (kind, segment) = (message.kind.rawValue, message.segment?.canonicalText)
        let sum = Rows.outboxSum(message.entity.rawValue, message.epoch, kind, message.row, segment)
        try database.run(
            "INSERT INTO outbox (entity, epoch, kind, row, segment, sum) VALUES (?, ?, ?, ?, ?, ?)",
            [.id(message.entity), .int(message.epoch), .text(kind), .int(message.row), .optional(segment), sum.stored])
        var stored = message
        stored.sequence = Int(database.lastInsertedRowID)
        return stored
    }
}
