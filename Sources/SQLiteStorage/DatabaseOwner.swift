import GRDB

/// Whether a file is a database of ours. It is asked before anything is written, and in a way that leaves no file beside another
/// application's.
struct DatabaseOwner {
    /// What SQLite keeps in the file's head for `file(1)` and for us: `LkSp`.
    static let applicationID: UInt32 = 0x4C6B_5370
    private static let magic = Array("SQLite format 3\0".utf8)
    private static let headLength = 100
    private static let applicationOffset = 68

    let file: DatabaseFile
    /// The first version of the schema: a database of an older build has no mark in its head.
    let firstSchema: String

    /// Throws a sentence for what is not ours. An empty file is one that a run is about to fill.
    func require() throws {
        guard file.size > 0 else { return }
        let head = file.head(Self.headLength)
        guard head.count == Self.headLength, head.starts(with: Self.magic) else { throw refusal("a file that is no database") }
        let mark = head[Self.applicationOffset..<(Self.applicationOffset + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        if mark == Self.applicationID { return }
        guard mark == 0, try isOfOlderBuild() else { throw refusal("another application's database") }
    }

    private func refusal(_ found: String) -> DatabaseRefusal {
        DatabaseRefusal(
            description: "\(file.path): expected a Lockstep database, found \(found); nothing was written; pass another --database")
    }

    /// Asked of the file alone, and of its log only when the file has no table yet.
    private func isOfOlderBuild() throws -> Bool {
        if let answer = (try? look(at: Self.immutable(file.realPath))) ?? nil { return answer }
        guard file.hasLog else { return true }
        do { return try look(at: file.realPath) ?? true } catch {
            throw refusal("one that cannot be read: \((error as? DatabaseError)?.message ?? "\(error)")")
        }
    }

    /// True for ours, false for others', nil for a database without tables.
    private func look(at path: String) throws -> Bool? {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        return try queue.read { database in
            guard try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") != 0 else { return nil }
            guard try database.tableExists("grdb_migrations") else { return false }
            return try Int.fetchOne(
                database, sql: "SELECT 1 FROM grdb_migrations WHERE identifier = ?", arguments: [firstSchema]) != nil
        }
    }

    /// A name under which SQLite reads a file as if nobody could change it, and makes no file beside it.
    static func immutable(_ path: String) -> String {
        let plain = path.utf8.map { byte in
            let isPlain = byte > 0x20 && byte < 0x7F && ![UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#")].contains(byte)
            let digits = String(byte, radix: 16)
            return isPlain ? String(Unicode.Scalar(byte)) : "%\(digits.count == 1 ? "0" : "")\(digits)"
        }
        return "file:\(plain.joined())?immutable=1"
    }
}
