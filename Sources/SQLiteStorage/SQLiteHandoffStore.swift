public import Events
import GRDB
public import HybridRouter
public import Outcomes
import Synchronization

/// Ownership, inbox, outbox, records, ledger and moves on one SQLite database.
public final class SQLiteHandoffStore: HandoffStore {
    let database: LockstepDatabase
    /// What counters have grown by since the last flush of a grouped database: counters are many and small.
    private let growth = Mutex<[String: Int]>([:])
    let owners = RecentOwners()

    /// A store on `database`.
    public init(_ database: LockstepDatabase) { self.database = database }

    /// See ``RecordStore``.
    public func snapshot(of entity: EntityID) async throws -> EntitySnapshot? {
        try database.read { try Rows.snapshot(entity, in: $0) }
    }

    /// See ``OwnershipStore``.
    public func row(_ sequence: Int) async throws -> InboxRow? {
        try database.read { try $0.first("SELECT \(Rows.inboxColumns) FROM inbox WHERE sequence = ?", [.int(sequence)], Rows.inboxRow) }
    }

    /// See ``OwnershipStore``.
    public func rows(of entity: EntityID) async throws -> [InboxRow] {
        let sql = "SELECT \(Rows.inboxColumns) FROM inbox WHERE entity = ? ORDER BY sequence"
        return try database.read { try $0.all(sql, [.id(entity)], Rows.inboxRow) }
    }

    /// See ``OwnershipStore``.
    public func ledger(of entity: EntityID) async throws -> [LedgerEntry] {
        let sql = "SELECT \(Rows.ledgerColumns) FROM ledger WHERE entity = ? ORDER BY sequence"
        return try database.read { try $0.all(sql, [.id(entity)], Rows.ledgerEntry) }
    }

    /// See ``EffectLedger``.
    public func reply(to key: EffectKey) async throws -> JSONValue? {
        try database.read { try Self.reply(to: key, in: $0) }
    }

    /// See ``OwnershipStore``.
    public func reads(of entity: EntityID) async throws -> [RecordedRead] {
        let sql = "SELECT operation, request, reply, owner, epoch, at FROM reading WHERE entity = ? ORDER BY sequence"
        return try database.read { try $0.all(sql, [.id(entity)]) { try Rows.read($0, of: entity) } }
    }

    /// See ``EffectLedger``. It is durable when the call returns, in a grouped database too.
    public func intend(_ call: EffectCall) async throws -> IntentionResult {
        let result: IntentionResult = try database.write { database in
            if let reply = try Self.reply(to: call.key, in: database) { return .performed(reply) }
            if let begun = try Self.intention(call.key, in: database) { return .begun(begun) }
            try database.run(
                "INSERT INTO intention (key, request, owner, epoch, attempt, at) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    .text(call.key.description), .text(call.request.canonicalText), .text(call.owner.rawValue), .int(call.epoch),
                    .int(call.attempt), .time(call.at),
                ])
            return .noted
        }
        try await flush()
        return result
    }

    /// See ``EffectLedger``.
    public func withdraw(_ key: EffectKey) async throws {
        try database.write { try $0.run("DELETE FROM intention WHERE key = ?", [.text(key.description)]) }
    }

    /// See ``EffectLedger``.
    public func intention(_ key: EffectKey) async throws -> EffectCall? {
        try database.read { try Self.intention(key, in: $0) }
    }

    /// See ``OwnershipStore``.
    public func intentions() async throws -> [EffectCall] {
        let sql = "SELECT key, request, owner, epoch, attempt, at FROM intention ORDER BY sequence"
        return try database.read { try $0.all(sql, [], Rows.intention) }
    }

    /// See ``OwnershipStore``.
    public func markDone(_ message: OutboxMessage) async throws {
        try database.write { try $0.run("DELETE FROM outbox WHERE sequence = ?", [.int(message.sequence)]) }
    }

    /// See ``RecordStore``.
    public func due(at now: Timestamp) async throws -> [EntityID] {
        let sql = """
            SELECT entity FROM record WHERE due_at <= ? AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.entity = record.entity) ORDER BY due_at, entity
            """
        return try database.read { try $0.all(sql, [.time(now)]) { EntityID($0.text(0)) } }
    }

    /// See ``RecordStore``.
    public func nextDue() async throws -> Timestamp? {
        let sql = """
            SELECT due_at FROM record
            WHERE due_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.entity = record.entity) ORDER BY due_at LIMIT 1
            """
        return try database.read { try $0.first(sql) { $0.time(0) } }
    }

    /// See ``OwnershipStore``.
    public func entities() async throws -> [EntityID] {
        try database.read { try $0.all("SELECT entity FROM ownership ORDER BY entity") { EntityID($0.text(0)) } }
    }

    /// See ``OwnershipStore``.
    public func journal(of entity: EntityID) async throws -> [JournalEntry] {
        let sql = "SELECT \(Rows.moveColumns) FROM move WHERE entity = ? ORDER BY sequence"
        return try database.readTogether { database in
            let packed = try Archive.of(entity, in: database)?.journal(of: entity) ?? []
            return packed + (try database.all(sql, [.id(entity)]) { try Rows.journalEntries(of: entity, $0) }).flatMap { $0 }
        }
    }

    /// See ``OwnershipStore``.
    public func counters() async throws -> [String: Int] {
        let stored = try database.read { try Self.pairs("SELECT name, value FROM counter", in: $0) }
        return stored.merging(growth.withLock { $0 }, uniquingKeysWith: +)
    }

    /// See ``OwnershipStore``.
    public func deadLetters() async throws -> [String: Int] {
        try database.read { try Self.pairs("SELECT reason, count(*) FROM dead_letter GROUP BY reason", in: $0) }
    }

    static func pairs(_ sql: String, in database: Database) throws -> [String: Int] {
        Dictionary(try database.all(sql) { ($0.text(0), $0.int(1)) }, uniquingKeysWith: { $1 })
    }

    /// See ``OwnershipStore``.
    public func value(_ name: String) async throws -> String? {
        let found = try database.read { database in
            try database.first("SELECT value, sum FROM setting WHERE name = ?", [.text(name)]) { row in
                try Sum(.text(name), .text(row.text(0))).check(row.sum(1), table: "setting", key: name)
                return row.text(0)
            }
        }
        return found
    }

    /// See ``OwnershipStore``.
    public func set(_ name: String, to value: String?) async throws {
        try database.write { try Self.set(name, to: value, in: $0) }
    }

    static func set(_ name: String, to value: String?, in database: Database) throws {
        guard let value else { return try database.run("DELETE FROM setting WHERE name = ?", [.text(name)]) }
        try database.run(
            "INSERT OR REPLACE INTO setting (name, value, sum) VALUES (?, ?, ?)",
            [.text(name), .text(value), Sum(.text(name), .text(value)).stored])
    }

    /// See ``OwnershipStore``.
    public func values(prefix: String) async throws -> [String: String] {
        let sql = "SELECT name, value, sum FROM setting WHERE name >= ?1 AND name < ?1 || x'f7bfbfbf' AND substr(name, 1, length(?1)) = ?1"
        return try database.read { database in
            let pairs = try database.all(sql, [.text(prefix)]) { row in
                try Sum(.text(row.text(0)), .text(row.text(1))).check(row.sum(2), table: "setting", key: row.text(0))
                return (row.text(0), row.text(1))
            }
            return Dictionary(pairs, uniquingKeysWith: { $1 })
        }
    }

    /// See ``OwnershipStore``.
    public func replayAccepted(_ body: (Event) throws -> Void) async throws {
        let sql = "SELECT \(Rows.inboxColumns) FROM inbox WHERE source <> 'lockstep' AND event_id NOT LIKE 'sweep/%' ORDER BY sequence"
        try database.read { database in
            try database.each(sql) { row in
                // What cannot be read is set aside when it is to be handled.
                guard let event = try? Rows.inboxRow(row).event else { return }
                try body(event)
            }
        }
    }

    /// See ``OwnershipStore``.
    public func flush() async throws {
        let grown = growth.withLock { growth in
            defer { growth = [:] }
            return growth
        }
        if !grown.isEmpty { try database.write { try Self.write(grown, in: $0) } }
        try database.flush()
    }

    /// See ``OwnershipStore``.
    public func takeForeignChange() async throws -> Bool { try database.takeForeignChange() }

    /// Adds to counters, now or with the next flush.
    func add(_ counts: [String: Int], in database: Database) throws {
        guard !counts.isEmpty else { return }
        guard self.database.isGrouped else { return try Self.write(counts, in: database) }
        growth.withLock { $0.merge(counts, uniquingKeysWith: +) }
    }

    private static func write(_ counts: [String: Int], in database: Database) throws {
        for (name, count) in counts {
            try database.run(
                "INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                [.text(name), .int(count)])
        }
    }

    private static func reply(to key: EffectKey, in database: Database) throws -> JSONValue? {
        try database.first("SELECT \(Rows.ledgerColumns) FROM ledger WHERE key = ?", [.text(key.description)], Rows.ledgerEntry)?.reply
    }

    private static func intention(_ key: EffectKey, in database: Database) throws -> EffectCall? {
        let sql = "SELECT key, request, owner, epoch, attempt, at FROM intention WHERE key = ?"
        return try database.first(sql, [.text(key.description)], Rows.intention)
    }
}
