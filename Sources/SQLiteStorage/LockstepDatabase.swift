import FoundationEssentials
public import GRDB
import Migrations

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why a database cannot be opened. The caller exits with 3: the environment has to change.
public struct DatabaseRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: path, expected, found, remedy.
    public let description: String
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

    /// The file's path; `:memory:` for a database that goes with the process.
    public let path: String
    private let queue: DatabaseQueue
    private let durability: Durability
    private let lock: FileLock?

    /// Opens or creates the database at `path`, brings its schema up to date and takes the lock that keeps a second runner out.
    ///
    /// Throws ``DatabaseRefusal`` when another process runs on it, when its schema is newer than this build, or when the file is
    /// no database. `readOnly` takes no lock and works beside a running process.
    public init(path: String, durability: Durability = .everyCommit, readOnly: Bool = false) throws {
        self.path = path
        self.durability = durability
        lock = path == ":memory:" || readOnly ? nil : try FileLock(database: path)
        queue = try Self.open(path, readOnly: readOnly)
        try Self.prepare(queue, path: path, readOnly: readOnly)
    }

    private static func open(_ path: String, readOnly: Bool) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(30)
        configuration.readonly = readOnly
        do {
            return path == ":memory:"
                ? try DatabaseQueue(configuration: configuration) : try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw refusal(path, error)
        }
    }

    private static func prepare(_ queue: DatabaseQueue, path: String, readOnly: Bool) throws {
        let migrator = schema()
        do {
            if try queue.read(migrator.hasBeenSuperseded) {
                throw DatabaseRefusal(
                    description: "\(path): expected schema \(EmbeddedSchema.versions.last?.name ?? "none") or older, found a newer one;"
                        + " use the build that wrote it, or another --database")
            }
            guard !readOnly else { return }
            try queue.writeWithoutTransaction { database in
                try database.execute(
                    sql: """
                        PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
                        PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=8192
                        """)
            }
            try migrator.migrate(queue)
        } catch let error as DatabaseError {
            throw refusal(path, error)
        }
    }

    private static func refusal(_ path: String, _ error: any Error) -> DatabaseRefusal {
        let found = (error as? DatabaseError)?.message ?? "\(error)"
        return DatabaseRefusal(
            description:
                "\(path): expected a Lockstep database or a path that can be created, found: \(found); check the path or pass another --database"
        )
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
        try queue.unsafeRead(body)
    }

    /// Runs `body` as one transaction: all of it or nothing. In a grouped database it is a savepoint of the open group.
    public func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try queue.writeWithoutTransaction { database in
            if durability == .grouped, !database.isInsideTransaction { try database.beginTransaction(.immediate) }
            var result: Value?
            try database.inSavepoint {
                result = try body(database)
                return .commit
            }
            guard let result else { throw DatabaseError(resultCode: .SQLITE_INTERNAL, message: "a write returned nothing") }
            return result
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

    /// Commits the open group.
    public func flush() throws {
        try queue.writeWithoutTransaction { database in
            if database.isInsideTransaction { try database.commit() }
        }
    }
}

/// An advisory lock beside the database; the kernel releases it when its process ends, however it ends.
final class FileLock: Sendable {
    private let descriptor: CInt

    init(database: String) throws {
        let path = database + "-lock"
        descriptor = unsafe_open(path)
        guard descriptor >= 0 else {
            throw DatabaseRefusal(
                description:
                    "\(database): expected a folder that can be written, found: \(String(cString: strerror(errno))); pass another --database"
            )
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.holder(path)
            close(descriptor)
            throw DatabaseRefusal(
                description:
                    "\(database): expected no other runner, found process \(holder) running on it; wait for it, stop it, or pass another --database"
            )
        }
        let text = "\(getpid())\n"
        _ = ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    }

    deinit { close(descriptor) }

    private static func holder(_ path: String) -> String {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return "unknown" }
        let text = String(decoding: data, as: UTF8.self).filter(\.isNumber)
        return text.isEmpty ? "unknown" : text
    }
}

private func unsafe_open(_ path: String) -> CInt { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
