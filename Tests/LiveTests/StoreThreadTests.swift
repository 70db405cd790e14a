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
        let desk = try HeldDesk()
        let writing = Task.immediate { try await desk.store.set(HeldCalls.write, to: "value") }
        await desk.base.untilHeld(HeldCalls.write)
        #expect(try await desk.store.value(HeldCalls.write) == nil)
        desk.base.release(HeldCalls.write)
        try await writing.value
        #expect(try await desk.store.value(HeldCalls.write) == "value")
    }

    /// What another process has written is told once, whether a group is open or not; while one is open, the answer waits for nothing.
    @Test(.timeLimit(.minutes(2)), arguments: [false, true]) func whatAnotherProcessWroteIsToldOnce(inGroup: Bool) async throws {
        let desk = try HeldDesk()
        #expect(try await !desk.store.takeForeignChange())
        // Two writes gather for one group while a read is held.
        let reading = Task.immediate { try await desk.withoutReader.value(HeldCalls.read) }
        await desk.base.untilHeld(HeldCalls.read)
        let names = inGroup ? ["first", HeldCalls.write] : []
        let writing = names.map { name in Task.immediate { try await desk.store.set(name, to: "value") } }
        let other = SQLiteHandoffStore(try LockstepDatabase(path: desk.path, access: .beside(wait: .seconds(30))))
        try await other.set("name", to: "other")
        desk.base.release(HeldCalls.read)
        _ = try await reading.value
        if inGroup { await desk.base.untilHeld(HeldCalls.write) }
        #expect(try await desk.store.takeForeignChange())
        #expect(try await !desk.store.takeForeignChange())
        desk.base.release(HeldCalls.write)
        for task in writing { try await task.value }
        #expect(try await !desk.store.takeForeignChange(), "its own writes do not count")
    }
}

/// A database file whose stores share groups.
private final class HeldDesk: Sendable {
    let path = NSTemporaryDirectory() + "lockstep-groups-\(UUID().uuidString).sqlite"
    let base: HeldCalls
    let store: GroupCommitStore
    /// The same, which reads between the groups.
    let withoutReader: GroupCommitStore

    init() throws {
        let database = try LockstepDatabase(path: path, durability: .grouped)
        base = HeldCalls(SQLiteHandoffStore(database))
        let commits = GroupCommits(of: base)
        store = GroupCommitStore(base, commits, reading: try database.reader().map(SQLiteHandoffStore.init))
        withoutReader = GroupCommitStore(base, commits)
    }

    deinit { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
}

/// Holds the reading of one name and the writing of another, until it is told to go on.
private final class HeldCalls: ForwardingHandoffStore {
    static let read = "held reading"
    static let write = "held writing"

    private struct Gate {
        let held = AsyncStream.makeStream(of: Void.self)
        let goesOn = AsyncStream.makeStream(of: Void.self)
    }

    let base: any HandoffStore
    private let gates = [HeldCalls.read: Gate(), HeldCalls.write: Gate()]

    init(_ base: any HandoffStore) { self.base = base }

    func untilHeld(_ name: String) async {
        guard let gate = gates[name] else { return }
        for await _ in gate.held.stream {}
    }

    func release(_ name: String) { gates[name]?.goesOn.continuation.finish() }

    private func hold(_ name: String, _ gate: String) async {
        guard name == gate, let gate = gates[name] else { return }
        gate.held.continuation.finish()
        for await _ in gate.goesOn.stream {}
    }

    func value(_ name: String) async throws -> String? {
        await hold(name, Self.read)
        return try await base.value(name)
    }

    func set(_ name: String, to value: String?) async throws {
        await hold(name, Self.write)
        try await base.set(name, to: value)
    }
}
