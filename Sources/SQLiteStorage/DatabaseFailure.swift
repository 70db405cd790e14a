import GRDB

/// A database that was open could not be read or written: the disk is full, an I/O error, another process that holds it.
///
/// What was acknowledged before is kept. Once the cause is gone, a new engine on the database, opened again, goes on.
public struct DatabaseFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The database.
    public let path: String
    /// SQLite's extended result code.
    public let code: Int
    /// True when COMMIT failed: whether its transaction is kept is known once the database has been opened again.
    public let isOutcomeUnknown: Bool
    /// One sentence: path, expected, found, remedy.
    public let description: String

    /// What `error` means for who uses the database at `path`; errors that the environment does not cause stay as they are.
    static func explain(_ error: any Error, path: String, isWrite: Bool) -> any Error {
        let cause = (error as? FailedCommit)?.cause ?? error
        guard let cause = cause as? DatabaseError, let advice = Advice(cause.resultCode) else { return cause }
        // A COMMIT that found the database busy has not begun.
        let isUnknown = error is FailedCommit && cause.resultCode != .SQLITE_BUSY
        let outcome =
            isUnknown
            ? "whether the last write is kept is known once it has been opened again; " : isWrite ? "nothing of this write is kept; " : ""
        let code = Int(cause.extendedResultCode.rawValue)
        return DatabaseFailure(
            path: path, code: code, isOutcomeUnknown: isUnknown,
            description: "\(path): expected \(advice.expected), found: \(cause.message ?? "an error") (SQLite code \(code)); \(outcome)"
                + "\(advice.remedy), then open it again")
    }

    /// The file `name`, which is the database at `path` or its log, is not there any more.
    static func gone(_ name: String, of path: String) -> DatabaseFailure {
        DatabaseFailure(
            path: path, code: Int(ResultCode.SQLITE_IOERR.rawValue), isOutcomeUnknown: false,
            description: "\(path): expected the files that were opened, found that \(name) was deleted, moved or replaced;"
                + " nothing of this write is kept; put it back, or restore a copy, then open it again")
    }

    private init(path: String, code: Int, isOutcomeUnknown: Bool, description: String) {
        self.path = path
        self.code = code
        self.isOutcomeUnknown = isOutcomeUnknown
        self.description = description
    }
}

/// A COMMIT that failed: unlike everything before it, it may have come true.
struct FailedCommit: Error { let cause: any Error }

/// What was expected when an error of the environment came, and what helps.
private struct Advice {
    let expected: String
    let remedy: String

    init?(_ code: ResultCode) {
        switch code {
        case .SQLITE_FULL: (expected, remedy) = ("room for another write", "make room")
        case .SQLITE_IOERR: (expected, remedy) = ("a disk that reads and writes", "look at the disk, its quota and the system's log")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            (expected, remedy) = ("no other connection that writes for so long", "end the transaction that holds it")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN:
            (expected, remedy) = ("files and a folder that can be written", "check their permissions")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: (expected, remedy) = ("a whole database", "restore a copy")
        default: return nil
        }
    }
}
