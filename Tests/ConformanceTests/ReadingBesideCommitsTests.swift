import Foundation
import GRDB
import SQLiteStorage
import Testing

/// A commit waits for the disk. Who only reads what is committed does not wait for that commit.
@Suite struct ReadingBesideCommitsTests {
    @Test func aReadDoesNotWaitForATransaction() throws {
        let path = NSTemporaryDirectory() + "lockstep-reading-\(UUID().uuidString).sqlite"
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        let database = try LockstepDatabase(path: path)
        let (hasBegun, hasRead, hasEnded) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        Thread.detachNewThread {
            try? database.write { database in
                try database.execute(sql: "INSERT INTO workflow_schedule VALUES ('open', '{}')")
                hasBegun.signal()
                // A read that waits for this transaction comes after it.
                _ = hasRead.wait(timeout: .now() + 10)
            }
            hasEnded.signal()
        }
        hasBegun.wait()
        #expect(try schedules(database) == 0, "not committed yet")
        hasRead.signal()
        hasEnded.wait()
        #expect(try schedules(database) == 1)
    }

    private func schedules(_ database: LockstepDatabase) throws -> Int {
        try database.readCommitted { try Int.fetchOne($0, sql: "SELECT count(*) FROM workflow_schedule") ?? 0 }
    }
}
