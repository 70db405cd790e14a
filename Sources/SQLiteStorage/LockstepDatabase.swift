import FoundationEssentials
public import GRDB
import Migrations
import Synchronization

/// Why a database cannot be opened. The caller exits with 3: the environment has to change.
public struct DatabaseRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: path, expected, found, remedy.
    public let description: String
    /// True when another process runs on the database.
    public var isHeld = false
}

/// One SQLite file in WAL: every store port and the embedded engine share it, so that a hand-off is one transaction.
///
/// Commits are synchronous (`synchronous=FULL`). In a `grouped` database the writes of many calls share one transaction until
/// ``flush()``: for recorded runs, in which nothing is acknowledged to anybody before the flush.
public final class LockstepDatabase: Sendable {
    /// When a write becomes durable.
    public enum Durability: Sendable {
        /// With each call.
        case everyCommit
        /// With the next ``LockstepDatabase/flush()``.
        case grouped
    }

    /// What a process opens a database for.
    public enum Access: Hashable, Sendable {
        /// Runs on it: creates what does not exist, brings the schema up to date, keeps every other runner out.
        case runner
        /// Moves entities while nobody runs on it, and keeps runners out meanwhile.
        case alone
        /// Reads and writes beside a runner, without its lock; a write waits for the runner's transaction no longer than `wait`.
        case beside(wait: Duration)
        /// Reads beside a runner.
        case reader
    }

    /// The file's path; `:memory:` for a database that goes with the process.
    public let path: String
    private let access: Access
    private let queue: DatabaseQueue
    /// Reads beside the commits of ``queue``.
    private let reading: DatabaseQueue?
    /// How many calls write, or wait for those who do.
    private let writers = Atomic(0)
    private let durability: Durability
    let file: DatabaseFile?
    private let lock: FileLock?
    private let checkpoints: Checkpoints?
    private let turnstile: Turnstile?
    private let seen = Mutex(SeenVersion())

    private struct SeenVersion {
        var version: Int64?
        /// True once it was read inside the open group: nobody else can commit before the group does.
        var holdsUntilFlush = false
    }

    /// Opens or creates the database at `path` as a runner, or to read it: see ``init(path:durability:access:)``.
    public convenience init(path: String, durability: Durability = .everyCommit, readOnly: Bool = false) throws {
        try self.init(path: path, durability: durability, access: readOnly ? .reader : .runner)
    }

    /// Opens the database at `path`; only a runner creates it or changes its schema.
    ///
    /// Throws ``DatabaseRefusal`` when another process runs on it and `access` wants none, when its schema is newer than this build
    /// (older, for all but a runner), when there is none, or when the file is no database.
    ///
    /// The log beside the database (`-wal`) stays below `logLimit` bytes, as long as nobody holds a snapshot for long and no single
    /// transaction writes half of that. While a reader lives the log grows, for it needs what stands there; the second commit after its end makes it shorter again.
    public convenience init(
        path: String, durability: Durability = .everyCommit, access: Access, logLimit: Int = LockstepDatabase.defaultLogLimit
    ) throws {
        try self.init(path: path, durability: durability, access: access, logLimit: logLimit, patience: .seconds(30))
    }

    /// The bytes that the log beside a database may have unless another limit is given: 64 MiB.
    public static let defaultLogLimit = 64 << 20

    /// The same; a runner waits for other connections no longer than `patience`.
    package init(
        path: String, durability: Durability = .everyCommit, access: Access = .runner, logLimit: Int = LockstepDatabase.defaultLogLimit,
        patience: Duration
    ) throws {
        self.path = path
        self.access = access
        self.durability = durability
        let isFile = path != ":memory:"
        if access != .runner { try Self.requireFile(path) }
        let file = isFile ? try DatabaseFile(path: path, writes: access != .reader, creating: access == .runner) : nil
        self.file = file
        if let file { try DatabaseOwner(file: file, firstSchema: EmbeddedSchema.versions.first?.name ?? "").require() }
        switch access {
        case .runner: lock = try file.map { try FileLock($0, remedy: "wait for it, stop it, or pass another --database") }
        case .alone: lock = try file.map { try FileLock($0, remedy: "stop it, repeat this command, then start it again") }
        case .beside, .reader: lock = nil
        }
        try file?.requireOwnLog()
        lock?.note()
        switch access {
        case .beside: turnstile = file.map(Turnstile.init)
        case .runner where durability == .grouped: turnstile = file.map(Turnstile.init)
        case .runner, .alone, .reader: turnstile = nil
        }
        queue = try Self.open(Self.name(path, file, access), access, patience)
        // Off the commit path, where somebody waits for each commit.
        let hasOwnCheckpoints = isFile && access == .runner
        try Self.prepare(queue, path: path, access, logLimit: logLimit, hasOwnCheckpoints: hasOwnCheckpoints)
        checkpoints = hasOwnCheckpoints ? try Checkpoints(path: Self.name(path, file, access), logLimit: logLimit) : nil
        if let checkpoints { queue.unsafeReentrantWrite(checkpoints.watch) }
        reading = hasOwnCheckpoints && durability == .everyCommit ? try Self.open(Self.name(path, file, access), .reader, patience) : nil
        _ = try takeForeignChange()
    }

    /// True when writes share a transaction until ``flush()``.
    var isGrouped: Bool { durability == .grouped }

    /// The file is let go of when nothing of SQLite has it open any more, see ``DatabaseFile``.
    deinit {
        do {
            try checkpoints?.close()
            try reading?.close()
            try queue.close()
        } catch {
            // SQLite closes it later, when its last statement is gone; until then, and therefore for good, it counts as in use.
            if let file { _ = Unmanaged.passRetained(file) }
        }
    }

    /// The name by which SQLite opens the database. One that nothing can be made beside is read as it is.
    private static func name(_ path: String, _ file: DatabaseFile?, _ access: Access) -> String {
        guard let file else { return path }
        guard access == .reader, file.isInReadOnlyFolder, !file.hasLog else { return file.realPath }
        return DatabaseOwner.immutable(file.realPath)
    }

    /// Another connection to the file, to read what is committed while this one has a group open; nil in memory, where there is no other.
    public func reader() throws -> LockstepDatabase? {
        path == ":memory:" ? nil : try LockstepDatabase(path: path, access: .reader)
    }

    private static func requireFile(_ path: String) throws {
        guard !FileManager.default.fileExists(atPath: path) else { return }
        throw DatabaseRefusal(
            description: "\(path): expected a database that a run has made, found no such file; check the path")
    }

    private static func open(_ path: String, _ access: Access, _ patience: Duration) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(patience / .seconds(1))
        if case .beside(let wait) = access { configuration.busyMode = .timeout(wait / .seconds(1)) }
        configuration.readonly = access == .reader
        do {
            return path == ":memory:"
                ? try DatabaseQueue(configuration: configuration) : try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw refusal(path, access, error)
        }
    }

    private static func prepare(_ queue: DatabaseQueue, path: String, _ access: Access, logLimit: Int, hasOwnCheckpoints: Bool) throws {
        let migrator = schema()
        do {
            try check(try queue.read(migrator.appliedIdentifiers), path: path, mayBeOlder: access == .runner)
            guard access != .reader else { return }
            try queue.writeWithoutTransaction { database in
                if access == .runner {
                    // Before the log: whoever meets the file from here on sees whose it is.
                    if try Int64.fetchOne(database, sql: "PRAGMA application_id") == 0 {
                        try database.execute(sql: "PRAGMA application_id=\(DatabaseOwner.applicationID)")
                    }
                    try database.execute(sql: "PRAGMA journal_mode=WAL")
                }
                try database.execute(
                    sql: """
                        PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536;
                        PRAGMA wal_autocheckpoint=\(hasOwnCheckpoints ? 0 : max(1, logLimit / 2 / 4096));
                        PRAGMA journal_size_limit=\(logLimit / 2)
                        """)
            }
            if access == .runner { try migrator.migrate(queue) }
        } catch let error as DatabaseError {
            throw refusal(path, access, error)
        }
    }

    private static func check(_ applied: Set<String>, path: String, mayBeOlder: Bool) throws {
        let known = EmbeddedSchema.versions.map(\.name)
        let latest = known.last ?? "none"
        if !applied.isSubset(of: known) {
            throw DatabaseRefusal(
                description: "\(path): expected schema \(latest)\(mayBeOlder ? " or older" : ""), found a newer one;"
                    + " use the build that wrote it, or another --database")
        }
        if !mayBeOlder, applied.count < known.count {
            throw DatabaseRefusal(
                description: "\(path): expected schema \(latest), found \(known.last(where: applied.contains) ?? "none");"
                    + " start 'lockstep run' on it with this build, which brings it up to date, or use the build that wrote it")
        }
    }

    private static func refusal(_ path: String, _ access: Access, _ error: any Error) -> DatabaseRefusal {
        let found = (error as? DatabaseError)?.message ?? "\(error)"
        let expected = access == .runner ? "a Lockstep database or a path that can be created" : "a Lockstep database"
        return DatabaseRefusal(description: "\(path): expected \(expected), found: \(found); check the path or pass another --database")
    }

    private static func schema() -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for version in EmbeddedSchema.versions {
            migrator.registerMigration(version.name) { database in try database.execute(sql: version.sql) }
        }
        return migrator
    }

    /// Reads, seeing every write made so far, flushed or not.
    public func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try explaining { try queue.unsafeRead(body) }
    }

    /// Reads with one statement what is committed, and waits for no commit that is under way: then, in the database of a runner, it reads on a
    /// connection of its own. In a grouped database it is the same as ``read(_:)``.
    package func readCommitted<Value>(_ body: (Database) throws -> Value) throws -> Value {
        let free = writers.load(ordering: .relaxed) == 0 ? queue : reading
        return try explaining { try (free ?? queue).unsafeRead(body) }
    }

    /// Reads at one moment: all statements of `body` see the same commits.
    public func readTogether<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try explaining {
            try queue.unsafeRead { database in
                guard !database.isInsideTransaction else { return try body(database) }
                try database.beginTransaction(.deferred)
                defer { try? database.rollback() }
                return try body(database)
            }
        }
    }

    private func explaining<Value>(isWrite: Bool = false, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch { throw DatabaseFailure.explain(error, path: path, isWrite: isWrite) }
    }

    /// Runs `body` as one transaction: all of it or nothing. In a grouped database it is a savepoint of the open group.
    ///
    /// Beside a runner it throws ``DatabaseRefusal`` when the runner's transaction does not end in time; what else the environment does
    /// to a write is a ``DatabaseFailure``.
    public func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        guard case .beside(let wait) = access, let turnstile else { return try explaining(isWrite: true) { try transact(body) } }
        do { return try turnstile.held { try explaining(isWrite: true) { try transact(body) } } } catch let error as DatabaseFailure
            where error.code & 0xFF == Int(ResultCode.SQLITE_BUSY.rawValue)
        {
            throw DatabaseRefusal(
                description: "\(path): expected to write within \(wait.description), found \(FileLock.runner(of: file)) in a transaction;"
                    + " nothing was written; try again, wait longer with --wait, or stop that process")
        }
    }

    private func transact<Value>(_ body: (Database) throws -> Value) throws -> Value {
        writers.add(1, ordering: .relaxed)
        defer { writers.subtract(1, ordering: .relaxed) }
        return try queue.writeWithoutTransaction { database in
            switch durability {
            case .everyCommit:
                let result = try transaction(database, body)
                checkpoints?.noteCommit(of: database)
                return result
            case .grouped:
                if !database.isInsideTransaction {
                    try database.beginTransaction(.immediate)
                    seen.withLock { $0.holdsUntilFlush = false }
                }
                return try Self.savepoint(database, body)
            }
        }
    }

    /// GRDB's own transactions compile their statements each time, a twentieth of a small commit.
    private func transaction<Value>(_ database: Database, _ body: (Database) throws -> Value) throws -> Value {
        try database.run("BEGIN IMMEDIATE TRANSACTION")
        do {
            let result = try body(database)
            try file?.requireInPlace()
            do { try database.run("COMMIT TRANSACTION") } catch { throw FailedCommit(cause: error) }
            file?.noteCompanions()
            return result
        } catch {
            if database.isInsideTransaction { try? database.rollback() }
            throw error
        }
    }

    /// GRDB's own savepoints compile two statements each time, a tenth of a small write.
    private static func savepoint<Value>(_ database: Database, _ body: (Database) throws -> Value) throws -> Value {
        try database.run("SAVEPOINT call")
        do {
            let result = try body(database)
            try database.run("RELEASE call")
            return result
        } catch {
            // A full disk may have ended the whole transaction.
            if database.isInsideTransaction {
                try database.run("ROLLBACK TO call")
                try database.run("RELEASE call")
            }
            throw error
        }
    }

    /// Hands every statement that is run to `body`: as it was prepared, and with its values in place.
    package func observe(_ body: @escaping @Sendable (_ sql: String, _ expanded: () -> String) -> Void) {
        queue.unsafeReentrantWrite { database in
            database.trace(options: .statement) { event in
                if case .statement(let statement) = event { body(statement.sql) { statement.expandedSQL } }
            }
        }
    }

    /// The value of a pragma as the connection has it.
    package func setting(_ pragma: String) throws -> String? {
        try queue.unsafeRead { try String.fetchOne($0, sql: "PRAGMA \(pragma)") }
    }

    /// Marks a schema version as applied that this build does not know, as the next release would.
    package func pretendMigration(_ name: String) throws {
        try queue.writeWithoutTransaction { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES (?)", arguments: [name]) }
    }

    /// Creates a database as an older release would have.
    package static func make(path: String, upTo version: String) throws {
        try schema().migrate(try DatabaseQueue(path: path), upTo: version)
    }

    /// The names of every table's columns.
    package func columns() throws -> [String: [String]] {
        let sql = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
        let rows = try queue.unsafeRead { try Row.fetchAll($0, sql: sql).map { ($0[0] as String, [$0[1] as String]) } }
        return Dictionary(rows, uniquingKeysWith: +)
    }

    /// Every table's columns and every index.
    package func schemaText() throws -> [String] {
        try queue.unsafeRead { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '')
                    FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'
                    UNION ALL SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1
                    """)
        }
    }

    /// Writes the whole file anew, so that nothing of what was deleted or written over is left in it or in its log. A process that reads
    /// the file meanwhile keeps its log: then it throws ``DatabaseRefusal``.
    package func rewrite() throws {
        try explaining(isWrite: true) {
            try queue.writeWithoutTransaction { database in
                // A copy in memory could be as large as the file.
                try database.execute(sql: "PRAGMA temp_store=FILE; VACUUM")
                let isBusy = try Int64.fetchOne(database, sql: "PRAGMA wal_checkpoint(TRUNCATE)") != 0
                guard isBusy else { return }
                throw DatabaseRefusal(
                    description: "\(path): expected to empty its log, found a process that reads it; what was erased may still stand in"
                        + " \(path)-wal; end that process and repeat the command")
            }
        }
    }

    /// Commits the open group, and lets those who wait to write beside it do so before the next one.
    public func flush() throws {
        try explaining(isWrite: true) {
            try queue.writeWithoutTransaction { database in
                try file?.requireInPlace()
                do { if database.isInsideTransaction { try database.commit() } } catch { throw FailedCommit(cause: error) }
                file?.noteCompanions()
                checkpoints?.noteCommit(of: database)
            }
        }
        seen.withLock { $0.holdsUntilFlush = false }
        turnstile?.pass()
    }

    /// True when another connection has committed since this was last asked, or since the database was opened.
    public func takeForeignChange() throws -> Bool {
        if seen.withLock(\.holdsUntilFlush) { return false }
        return try queue.unsafeRead { database in
            let version = try Int64.fetchOne(database.cachedStatement(sql: "PRAGMA data_version"))
            return seen.withLock { seen in
                defer { seen = SeenVersion(version: version, holdsUntilFlush: database.isInsideTransaction) }
                return seen.version != version
            }
        }
    }
}
