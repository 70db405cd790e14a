import Events
import GRDBSQLite

/// The writes of a run: which statement, with which values, in order.
struct RecordedWrites: Sendable {
    /// A value as it was bound.
    enum Value: Sendable {
        case null
        case integer(Int64)
        case real(Double)
        case text(String)
        case blob([UInt8])
    }

    struct Write: Sendable {
        let statement: Int
        let values: [Value]
    }

    private(set) var statements: [String] = []
    private(set) var writes: [Write] = []
    private var known: [String: Int] = [:]
    private(set) var commits = 0

    var count: Int { writes.count }

    /// Notes a statement that was run: as it was prepared, and with its values in place. Reads are left out.
    mutating func add(_ sql: String, _ expanded: () -> String) {
        let verb = sql.prefix { $0.isLetter }.uppercased()
        guard ["INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT"].contains(verb) else { return }
        if verb == "COMMIT" { commits += 1 }
        let statement = known[sql] ?? statements.count
        if statement == statements.count {
            known[sql] = statement
            statements.append(sql)
        }
        writes.append(Write(statement: statement, values: Self.values(Array(sql.utf8), Array(expanded().utf8))))
    }

    /// The literals that stand where the prepared text has a parameter.
    private static func values(_ template: [UInt8], _ expanded: [UInt8]) -> [Value] {
        var values: [Value] = []
        var place = 0
        var isQuoted = false
        for byte in template {
            if byte == UInt8(ascii: "'") { isQuoted.toggle() }
            guard byte == UInt8(ascii: "?"), !isQuoted else {
                place += 1
                continue
            }
            values.append(literal(expanded, &place))
        }
        return values
    }

    private static func literal(_ text: [UInt8], _ place: inout Int) -> Value {
        if text[place] == UInt8(ascii: "'") { return .text(String(decoding: quoted(text, &place), as: UTF8.self)) }
        if text[place] == UInt8(ascii: "x"), place + 1 < text.count, text[place + 1] == UInt8(ascii: "'") {
            place += 1
            let digits = quoted(text, &place)
            return .blob(stride(from: 0, to: digits.count - 1, by: 2).map { hex(digits[$0]) << 4 | hex(digits[$0 + 1]) })
        }
        let start = place
        while place < text.count, !" ,)\n".utf8.contains(text[place]) { place += 1 }
        let word = String(decoding: text[start..<place], as: UTF8.self)
        if let integer = Int64(word) { return .integer(integer) }
        return Double(word).map { .real($0) } ?? .null
    }

    private static func hex(_ digit: UInt8) -> UInt8 {
        digit <= UInt8(ascii: "9") ? digit - UInt8(ascii: "0") : (digit | 0x20) - UInt8(ascii: "a") + 10
    }

    /// What stands between quotes, doubled ones as one.
    private static func quoted(_ text: [UInt8], _ place: inout Int) -> [UInt8] {
        var bytes: [UInt8] = []
        place += 1
        while place < text.count {
            if text[place] == UInt8(ascii: "'") {
                guard place + 1 < text.count, text[place + 1] == UInt8(ascii: "'") else { break }
                place += 1
            }
            bytes.append(text[place])
            place += 1
        }
        place += 1
        return bytes
    }
}

/// Bare SQLite through its C interface, doing recorded writes again: every statement prepared once, the same values, the same commits.
struct WriteReplay {
    private let database: OpaquePointer
    private let statements: [OpaquePointer]
    private let writes: [RecordedWrites.Write]

    /// Opens the database at `path`, which has the schema.
    init(path: String, _ recorded: RecordedWrites) throws {
        var handle: OpaquePointer?
        guard sqlite3_open(path, &handle) == SQLITE_OK, let handle else { throw Floor.Failure(message: "cannot open \(path)") }
        sqlite3_exec(
            handle, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=8192", nil, nil,
            nil)
        database = handle
        writes = recorded.writes
        statements = try recorded.statements.map { sql in
            var statement: OpaquePointer?
            guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
                throw Floor.Failure(message: String(cString: sqlite3_errmsg(handle)))
            }
            return statement
        }
    }

    func close() {
        for statement in statements { sqlite3_finalize(statement) }
        sqlite3_close(database)
    }

    func run() throws {
        for write in writes {
            let statement = statements[write.statement]
            for (index, value) in write.values.enumerated() { bind(value, statement, Int32(index + 1)) }
            let result = sqlite3_step(statement)
            sqlite3_reset(statement)
            guard result == SQLITE_DONE || result == SQLITE_ROW else {
                throw Floor.Failure(message: String(cString: sqlite3_errmsg(database)))
            }
        }
    }

    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    private func bind(_ value: RecordedWrites.Value, _ statement: OpaquePointer, _ place: Int32) {
        switch value {
        case .null: sqlite3_bind_null(statement, place)
        case .integer(let integer): sqlite3_bind_int64(statement, place, integer)
        case .real(let real): sqlite3_bind_double(statement, place, real)
        case .text(let text): sqlite3_bind_text(statement, place, text, Int32(text.utf8.count), Self.transient)
        case .blob(let bytes): sqlite3_bind_blob(statement, place, bytes, Int32(bytes.count), Self.transient)
        }
    }
}
