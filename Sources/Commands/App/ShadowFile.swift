import HybridRouter
import SQLiteStorage

/// The file beside a database in which a shadow keeps what it has seen and found. It belongs to one database: both know the same word.
struct ShadowFile {
    private static let setting = "shadow"
    private let path: String
    private let database: LockstepDatabase

    /// Opens or creates the file beside the database at `path`.
    init(beside path: String) throws {
        self.path = path == ":memory:" ? path : path + SQLiteShadowBook.suffix
        database = try LockstepDatabase(path: self.path, durability: .grouped)
    }

    var book: SQLiteShadowBook { SQLiteShadowBook(database) }

    /// Refuses the file of another database; one that is new becomes this one's.
    func claim(for store: some HandoffStore) async throws {
        let own = SQLiteHandoffStore(database)
        let (known, found) = (try await store.value(Self.setting), try await own.value(Self.setting))
        if let found, found != known {
            throw CommandFailure(
                .environment,
                "\(path): expected what the shadow of this database has found, found that of another; delete it, or put its own back")
        }
        let word = known ?? String(UInt64.random(in: .min ... .max), radix: 16)
        if known == nil { try await store.set(Self.setting, to: word) }
        if found == nil { try await own.set(Self.setting, to: word) }
        try await own.flush()
    }
}
