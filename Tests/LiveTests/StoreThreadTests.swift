import Bridge
import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import HybridRouter
import Outcomes
import SQLiteStorage
import Synchronization
import Testing

/// A store that notes on which thread it is called.
private final class ThreadNotingStore: ForwardingHandoffStore {
    let base: any HandoffStore
    private let noted = Mutex<[String?]>([])

    var threads: [String?] { noted.withLock { $0 } }

    init(_ base: any HandoffStore) { self.base = base }

    private func note() { noted.withLock { $0.append(ThreadExecutor.current) } }

    func durableOwnerships(after entity: EntityID?, limit: Int) async throws -> [Ownership] {
        note()
        return try await base.durableOwnerships(after: entity, limit: limit)
    }

    func quarantine(_ item: Quarantined) async throws {
        note()
        try await base.quarantine(item)
    }

    func flush() async throws {
        note()
        try await base.flush()
    }
}

@Suite struct StoreThreadTests {
    /// Whatever the stores do is done on their thread: hopping to the pool for each call took two thirds of the live service's time.
    @Test func readsWritesAndCommitsRunOnTheStoresThread() async throws {
        let base = ThreadNotingStore(InMemoryHandoffStore())
        let store = GroupCommitStore(base, GroupCommits(of: base))
        _ = try await store.durableOwnerships(after: nil, limit: 1)
        try await store.quarantine(Quarantined(.entity, key: "E-1", entity: EntityID("E-1"), reason: "damaged", since: .distantPast))
        #expect(base.threads.count >= 3 && Set(base.threads) == ["lockstep.store"], "\(base.threads)")
    }

    /// A read waits for no group that is under way, and sees nothing of it.
    @Test(.timeLimit(.minutes(2))) func aReadIsMadeBesideAGroup() async throws {
        let (base, store, path) = try onFile()
        defer { remove(path) }
        let writing = Task.immediate { try await store.set("name", to: "value") }
        await base.untilHeld()
        #expect(try await store.value("name") == nil)
        base.release()
        try await writing.value
        #expect(try await store.value("name") == "value")
    }

    /// What another process has written is told once, whether a group is under way or not.
    @Test(.timeLimit(.minutes(2)), arguments: [false, true]) func whatAnotherProcessWroteIsToldOnce(inGroup: Bool) async throws {
        let (base, store, path) = try onFile()
        defer { remove(path) }
        #expect(try await !store.takeForeignChange())
        let other = SQLiteHandoffStore(try LockstepDatabase(path: path, access: .beside(wait: .seconds(30))))
        try await other.set("name", to: "other")
        let writing = inGroup ? Task.immediate { try await store.set("name", to: "value") } : nil
        if inGroup { await base.untilHeld() }
        #expect(try await store.takeForeignChange())
        #expect(try await !store.takeForeignChange())
        base.release()
        try await writing?.value
        #expect(try await !store.takeForeignChange(), "its own writes do not count")
    }

    private func onFile() throws -> (HeldGroups, GroupCommitStore, String) {
        let path = NSTemporaryDirectory() + "lockstep-groups-\(UUID().uuidString).sqlite"
        let database = try LockstepDatabase(path: path, durability: .grouped)
        let base = HeldGroups(SQLiteHandoffStore(database))
        let reading = try database.reader().map(SQLiteHandoffStore.init)
        return (base, GroupCommitStore(base, GroupCommits(of: base), reading: reading), path)
    }

    private func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
}

/// Holds its first group before the commit, until it is told to go on.
private final class HeldGroups: ForwardingHandoffStore {
    let base: any HandoffStore
    private let (held, hold) = AsyncStream.makeStream(of: Void.self)
    private let (goesOn, go) = AsyncStream.makeStream(of: Void.self)

    init(_ base: any HandoffStore) { self.base = base }

    func untilHeld() async { for await _ in held {} }

    func release() { go.finish() }

    func flush() async throws {
        hold.finish()
        for await _ in goesOn {}
        try await base.flush()
    }
}
