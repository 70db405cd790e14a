import Foundation
import GRDB
import SQLiteStorage
import Testing

/// The log beside a database has a bound, whoever writes; a reader's snapshot lifts it, and only for as long as it lives.
@Suite struct LogSizeTests {
    enum Kind: CaseIterable { case everyCommit, grouped, beside }

    private static let limit = 2 << 20
    private let path = NSTemporaryDirectory() + "lockstep-log-\(UUID().uuidString).sqlite"

    private var logBytes: Int {
        ((try? FileManager.default.attributesOfItem(atPath: path + "-wal"))?[.size] as? NSNumber)?.intValue ?? 0
    }

    private func open(_ kind: Kind, limit: Int) throws -> LockstepDatabase {
        let runner = try LockstepDatabase(
            path: path, durability: kind == .grouped ? .grouped : .everyCommit, access: .runner, logLimit: limit)
        try runner.write { try $0.execute(sql: "CREATE TABLE load (id INTEGER PRIMARY KEY, body BLOB NOT NULL)") }
        try runner.flush()
        return kind == .beside ? try LockstepDatabase(path: path, access: .beside(wait: .seconds(30)), logLimit: limit) : runner
    }

    /// Commits of 100 KB, in all twenty times the limit; the largest size that the log had.
    private func load(_ database: LockstepDatabase, commits: Int) throws -> Int {
        var largest = 0
        for number in 0..<commits {
            try database.write { database in
                for row in 0..<25 {
                    let id = number % 40 * 25 + row
                    try database.execute(sql: "INSERT OR REPLACE INTO load VALUES (?, randomblob(3900))", arguments: [id])
                }
            }
            try database.flush()
            largest = max(largest, logBytes)
        }
        return largest
    }

    @Test(arguments: Kind.allCases) func theLogStaysBelowItsLimitUnderLoad(kind: Kind) throws {
        let database = try open(kind, limit: Self.limit)
        let largest = try load(database, commits: 400)
        #expect(largest <= Self.limit && largest > 0, "\(largest)")
    }

    /// What the other tests forbid happens when the limit allows it.
    @Test func theLimitIsWhatBoundsIt() throws {
        let database = try open(.everyCommit, limit: 64 << 20)
        let reader = try Snapshot(path)
        #expect(try load(database, commits: 100) > Self.limit)
        reader.end()
    }

    @Test(arguments: Kind.allCases) func aReaderLiftsTheLimitWhileItLives(kind: Kind) throws {
        let database = try open(kind, limit: Self.limit)
        _ = try load(database, commits: 5)
        let reader = try Snapshot(path)
        #expect(try load(database, commits: 100) > 2 * Self.limit, "its snapshot is kept")
        reader.end()
        _ = try load(database, commits: 2)
        #expect(logBytes <= Self.limit, "\(logBytes)")
        #expect(try load(database, commits: 200) <= Self.limit)
    }

    /// Deleting most of what there is: its pages are used again, the log is cut, the file keeps its length.
    @Test func afterRetentionTheLogIsShortAndPagesAreUsedAgain() throws {
        let database = try open(.everyCommit, limit: Self.limit)
        _ = try load(database, commits: 40)
        try database.write { try $0.execute(sql: "DELETE FROM load") }
        let free = try #require(Int(try database.setting("freelist_count") ?? ""))
        let pages = try database.setting("page_count")
        #expect(free > 900)
        #expect(try load(database, commits: 38) <= Self.limit)
        #expect(try database.setting("page_count") == pages)
    }
}

/// A reader that holds a snapshot of a database until it is told to let go, on a thread of its own.
private final class Snapshot: Sendable {
    private let mayEnd = DispatchSemaphore(value: 0)
    private let hasEnded = DispatchSemaphore(value: 0)

    init(_ path: String) throws {
        let reader = try LockstepDatabase(path: path, access: .reader)
        let holds = DispatchSemaphore(value: 0)
        Thread.detachNewThread { [mayEnd, hasEnded] in
            _ = try? reader.readTogether { database in
                _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM load")
                holds.signal()
                mayEnd.wait()
            }
            hasEnded.signal()
        }
        holds.wait()
    }

    func end() {
        mayEnd.signal()
        hasEnded.wait()
    }
}
