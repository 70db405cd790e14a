import Events
import GRDB
import GRDBSQLite

/// A value bound to a statement, without the existentials that make up half of a small write.
enum SQLValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case text(String)
    case integer(Int64)
    case blob([UInt8])
    case null

    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int64) { self = .integer(value) }
    static func int(_ value: Int) -> SQLValue { .integer(Int64(value)) }
    static func int(_ value: Int?) -> SQLValue { value.map { .integer(Int64($0)) } ?? .null }
    static func time(_ value: Timestamp) -> SQLValue { .integer(value.milliseconds) }
    static func time(_ value: Timestamp?) -> SQLValue { value.map { .integer($0.milliseconds) } ?? .null }
    static func id(_ value: some TextIdentifier) -> SQLValue { .text(value.rawValue) }
    static func optional(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }
}

/// The row that a running statement stands at.
struct SQLRow {
    fileprivate let statement: OpaquePointer

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }
    func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(statement, column)) }
    func int(ifAny column: Int32) -> Int? { isNull(column) ? nil : int(column) }
    func time(_ column: Int32) -> Timestamp { Timestamp(milliseconds: integer(column)) }
    func time(ifAny column: Int32) -> Timestamp? { isNull(column) ? nil : time(column) }
    func sum(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
    func text(ifAny column: Int32) -> String? { isNull(column) ? nil : text(column) }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(statement, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
    }

    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(statement, column) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }
}

extension Database {
    /// Runs a statement that returns no rows.
    func run(_ sql: String, _ values: [SQLValue] = []) throws {
        let statement = try bound(sql, values)
        defer { sqlite3_reset(statement) }
        let code = sqlite3_step(statement)
        guard code == SQLITE_DONE || code == SQLITE_ROW else { throw failure(code, sql) }
    }

    /// Hands each row to `body`, which must run no other call of the same statement; no further one once `isEnough` says so.
    func each(
        _ sql: String, _ values: [SQLValue] = [], until isEnough: () -> Bool = { false }, _ body: (SQLRow) throws -> Void
    ) throws {
        let statement = try bound(sql, values)
        defer { sqlite3_reset(statement) }
        while !isEnough() {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw failure(code, sql) }
            try body(SQLRow(statement: statement))
        }
    }

    /// The first row as `body` reads it; nil when there is none.
    func first<Value>(_ sql: String, _ values: [SQLValue] = [], _ body: (SQLRow) throws -> Value) throws -> Value? {
        let statement = try bound(sql, values)
        defer { sqlite3_reset(statement) }
        let code = sqlite3_step(statement)
        if code == SQLITE_DONE { return nil }
        guard code == SQLITE_ROW else { throw failure(code, sql) }
        return try body(SQLRow(statement: statement))
    }

    /// All rows as `body` reads them.
    func all<Value>(_ sql: String, _ values: [SQLValue] = [], _ body: (SQLRow) throws -> Value) throws -> [Value] {
        var found: [Value] = []
        try each(sql, values) { found.append(try body($0)) }
        return found
    }

    private func bound(_ sql: String, _ values: [SQLValue]) throws -> OpaquePointer {
        let statement = try cachedStatement(sql: sql).sqliteStatement
        // GRDB leaves a statement that it has run as it is until it runs it again, and values can be put only into one that is reset.
        sqlite3_reset(statement)
        for (index, value) in values.enumerated() {
            let place = Int32(index + 1)
            let code =
                switch value {
                case .text(let text): bind(text, statement, place)
                case .integer(let integer): sqlite3_bind_int64(statement, place, integer)
                case .blob(let bytes): sqlite3_bind_blob(statement, place, bytes, Int32(bytes.count), Self.copies)
                case .null: sqlite3_bind_null(statement, place)
                }
            guard code == SQLITE_OK else { throw failure(code, sql) }
        }
        return statement
    }

    /// SQLite copies the bytes: they are gone when the call returns.
    private static var copies: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    private func bind(_ text: String, _ statement: OpaquePointer, _ place: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return sqlite3_bind_text(statement, place, "", 0, Self.copies) }
            return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                sqlite3_bind_text(statement, place, $0, Int32(bytes.count), Self.copies)
            }
        }
    }

    private func failure(_ code: Int32, _ sql: String) -> DatabaseError {
        let extended = sqlite3_extended_errcode(sqliteConnection)
        let message = String(cString: sqlite3_errmsg(sqliteConnection))
        return DatabaseError(resultCode: ResultCode(rawValue: extended == SQLITE_OK ? code : extended), message: message, sql: sql)
    }
}

extension LockstepDatabase {
    /// The version of SQLite that this process uses.
    package static var libraryVersion: String { String(cString: sqlite3_libversion()) }
}
