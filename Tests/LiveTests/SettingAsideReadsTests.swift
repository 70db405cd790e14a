import Bridge
import BridgeTesting
import Events
import Foundation
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// A store that finds rows it cannot read, and sets them aside.
private struct DamagedStore: ForwardingHandoffStore {
    let base: any HandoffStore

    private func setAside(_ key: String) async throws {
        try await base.quarantine(Quarantined(.entity, key: key, entity: EntityID(key), reason: "damaged", since: .distantPast))
    }

    func durableOwnerships(after entity: EntityID?, limit: Int) async throws -> [Ownership] {
        try await setAside("ownership")
        return []
    }

    func pendingRows() async throws -> [QueuedRow] {
        try await setAside("row")
        return []
    }

    func pendingOutbox() async throws -> [OutboxMessage] {
        try await setAside("message")
        return []
    }
}

@Suite struct SettingAsideReadsTests {
    /// What reads for taking up work set aside is durable when they return: a process that dies then tells it.
    @Test func whatAReadSetsAsideIsDurable() async throws {
        let path = NSTemporaryDirectory() + "lockstep-aside-\(UUID().uuidString).sqlite"
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        let base = SQLiteHandoffStore(try LockstepDatabase(path: path, durability: .grouped))
        let store = GroupCommitStore(DamagedStore(base: base), GroupCommits(of: base))
        let reads: [(String, () async throws -> Void)] = [
            ("ownership", { _ = try await store.durableOwnerships(after: nil, limit: 1) }), ("row", { _ = try await store.pendingRows() }),
            ("message", { _ = try await store.pendingOutbox() }),
        ]
        for (key, read) in reads {
            try await read()
            let beside = SQLiteHandoffStore(try LockstepDatabase(path: path, readOnly: true))
            #expect(try await beside.quarantined().contains { $0.key == key }, "\(key): set aside, and not durable")
        }
    }
}
