import Foundation
import HybridRouter
import SQLiteStorage
import Testing

/// The laws of one database file.
@Suite struct LockstepDatabaseTests {
    private func path() -> String { NSTemporaryDirectory() + "lockstep-\(UUID().uuidString).sqlite" }

    @Test func syncsEveryCommit() throws {
        let database = try LockstepDatabase(path: path())
        #expect(try database.setting("synchronous") == "2")
        #expect(try database.setting("journal_mode") == "wal")
    }

    /// A run of recorded deliveries writes without a pause; its log must not grow with it.
    @Test func theLogOfAGroupedDatabaseStaysBounded() async throws {
        let path = path()
        let store = SQLiteHandoffStore(try LockstepDatabase(path: path, durability: .grouped))
        let megabyte = String(repeating: "x", count: 1 << 20)
        for round in 0..<200 {
            try await store.set("round", to: "\(round) \(megabyte)")
            try await store.flush()
        }
        let size = try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int
        #expect(try #require(size) < 64 << 20)
        try FileManager.default.removeItem(atPath: path)
    }

    @Test func refusesASecondRunner() throws {
        let path = path()
        let first = try LockstepDatabase(path: path)
        #expect { try LockstepDatabase(path: path) } throws: { "\($0)".contains("expected no other runner") }
        #expect(throws: Never.self) { try LockstepDatabase(path: path, readOnly: true) }
        withExtendedLifetime(first) {}
    }

    @Test func refusesANewerSchemaAndWhatIsNoDatabase() throws {
        let newer = path()
        try LockstepDatabase(path: newer).pretendMigration("v999_future")
        #expect { try LockstepDatabase(path: newer) } throws: { "\($0)".contains("found a newer one") }
        let text = path()
        try Data(String(repeating: "no database ", count: 200).utf8).write(to: URL(filePath: text))
        #expect { try LockstepDatabase(path: text) } throws: { "\($0)".contains("expected a Lockstep database") }
    }

    @Test func anUpgradedSchemaEqualsAFreshOne() throws {
        let fresh = try LockstepDatabase(path: path())
        let old = path()
        try LockstepDatabase.make(path: old, upTo: "v001_lockstep")
        let upgraded = try LockstepDatabase(path: old)
        #expect(try upgraded.schemaText() == fresh.schemaText())
    }

    @Test func aGroupIsDurableAfterItsFlush() async throws {
        let path = path()
        let store = SQLiteHandoffStore(try LockstepDatabase(path: path, durability: .grouped))
        try await store.set("a", to: "1")
        let reader = SQLiteHandoffStore(try LockstepDatabase(path: path, readOnly: true))
        #expect(try await reader.value("a") == nil)
        try await store.flush()
        #expect(try await reader.value("a") == "1")
    }
}
