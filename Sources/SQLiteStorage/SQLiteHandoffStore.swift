public import Events
import FoundationEssentials
import GRDB
public import HybridRouter
public import Outcomes

/// Ownership, inbox, outbox, records, ledger and audit on one SQLite database.
public struct SQLiteHandoffStore: HandoffStore {
    let database: LockstepDatabase

    /// A store on `database`.
    public init(_ database: LockstepDatabase) { self.database = database }

    /// Required by ``HandoffStore``, which says what it does.
    public func snapshot(of entity: EntityID) async throws -> EntitySnapshot? {
        try database.read { try Rows.snapshot(entity, in: $0) }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func row(_ sequence: Int) async throws -> InboxRow? {
        try database.read { database in
            let statement = try database.cachedStatement(sql: "SELECT * FROM inbox WHERE sequence = ?")
            return try Row.fetchOne(statement, arguments: [sequence]).map(Rows.inboxRow)
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func rows(of entity: EntityID) async throws -> [InboxRow] {
        try database.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM inbox WHERE entity = ? ORDER BY sequence", arguments: [entity.rawValue])
                .map(Rows.inboxRow)
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func ledger(of entity: EntityID) async throws -> [LedgerEntry] {
        try database.read { database in
            let statement = try database.cachedStatement(sql: "SELECT * FROM ledger WHERE entity = ? ORDER BY sequence")
            return try Row.fetchAll(statement, arguments: [entity.rawValue]).map(Rows.ledgerEntry)
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func reply(to key: EffectKey) async throws -> JSONValue? {
        try database.read { database in
            let statement = try database.cachedStatement(sql: "SELECT reply FROM ledger WHERE key = ?")
            return try String.fetchOne(statement, arguments: [key.description]).map { try JSONValue(parsing: $0) }
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func pendingRows() async throws -> [QueuedRow] {
        try database.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT sequence, entity, priority, attempt, visible_at FROM inbox WHERE disposition = 'pending' ORDER BY sequence"
            ).map(Rows.queuedRow)
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func pendingOutbox() async throws -> [OutboxMessage] {
        try database.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM outbox WHERE done = 0 ORDER BY sequence").map(Rows.outboxMessage)
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func markDone(_ message: OutboxMessage) async throws {
        try database.write { database in
            try database.cachedStatement(sql: "UPDATE outbox SET done = 1 WHERE sequence = ?").execute(arguments: [message.sequence])
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func due(at now: Timestamp) async throws -> [EntityID] {
        try database.read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT entity FROM record WHERE due_at <= ? ORDER BY due_at, entity")
            return try String.fetchAll(statement, arguments: [now.milliseconds]).map { EntityID($0) }
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func nextDue() async throws -> Timestamp? {
        try database.read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT due_at FROM record WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1")
            return try Int64.fetchOne(statement).map { Timestamp(milliseconds: $0) }
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func entities() async throws -> [EntityID] {
        try database.read { try String.fetchAll($0, sql: "SELECT entity FROM ownership ORDER BY entity").map { EntityID($0) } }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func journal(of entity: EntityID) async throws -> [JournalEntry] {
        try database.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM journal WHERE entity = ? ORDER BY sequence", arguments: [entity.rawValue])
                .map(Rows.journalEntry)
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func counters() async throws -> [String: Int] {
        try database.read { try Self.pairs("SELECT name, value FROM counter", in: $0) }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func deadLetters() async throws -> [String: Int] {
        try database.read { try Self.pairs("SELECT reason, count(*) FROM dead_letter GROUP BY reason", in: $0) }
    }

    static func pairs(_ sql: String, in database: Database) throws -> [String: Int] {
        let rows = try Row.fetchAll(database, sql: sql)
        return Dictionary(rows.map { ($0[0] as String, $0[1] as Int) }, uniquingKeysWith: { $1 })
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func value(_ name: String) async throws -> String? {
        try database.read { database in
            let statement = try database.cachedStatement(sql: "SELECT value FROM setting WHERE name = ?")
            return try String.fetchOne(statement, arguments: [name])
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func set(_ name: String, to value: String?) async throws {
        try database.write { database in
            guard let value else {
                return try database.cachedStatement(sql: "DELETE FROM setting WHERE name = ?").execute(arguments: [name])
            }
            try database.cachedStatement(sql: "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)")
                .execute(arguments: [name, value])
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func values(prefix: String) async throws -> [String: String] {
        try database.read { database in
            let sql = "SELECT name, value FROM setting WHERE substr(name, 1, ?) = ?"
            let rows = try Row.fetchAll(database, sql: sql, arguments: [prefix.count, prefix])
            return Dictionary(rows.map { ($0[0] as String, $0[1] as String) }, uniquingKeysWith: { $1 })
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func replayAccepted(_ body: (Event) throws -> Void) async throws {
        try database.read { database in
            let sql = "SELECT * FROM inbox WHERE source <> 'lockstep' AND event_id NOT LIKE 'sweep/%' ORDER BY sequence"
            let rows = try Row.fetchCursor(database, sql: sql)
            while let row = try rows.next() { try body(try Rows.inboxRow(row).event) }
        }
    }

    /// Required by ``HandoffStore``, which says what it does.
    public func flush() async throws { try database.flush() }

    /// Required by ``HandoffStore``, which says what it does.
    public func takeForeignChange() async throws -> Bool { try database.takeForeignChange() }
}
