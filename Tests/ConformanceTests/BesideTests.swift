import Events
import Foundation
import HybridRouter
import Outcomes
import SQLiteStorage
import Synchronization
import Testing

/// What holds when a second process works on the database of a runner.
@Suite struct BesideTests {
    private let now = Timestamp(milliseconds: 1_772_442_000_000)

    private func path() -> String { NSTemporaryDirectory() + "lockstep-beside-\(UUID().uuidString).sqlite" }

    private func beside(_ path: String, wait: Duration = .seconds(60)) throws -> SQLiteHandoffStore {
        SQLiteHandoffStore(try LockstepDatabase(path: path, access: .beside(wait: wait)))
    }

    private func born(_ id: EventID, _ store: any HandoffStore) async throws {
        let event = IncomingEvent(
            id: id, source: "tcr", reference: .entity("R-1"), kind: "x", payload: [:], subject: nil, receivedAt: now)
        _ = try await store.accept([.event(event, birth: Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}")))], at: now)
    }

    @Test(arguments: HandoffStoreTests.Kind.allCases) func ownWritesAreNoForeignChange(kind: HandoffStoreTests.Kind) async throws {
        let store: any HandoffStore =
            switch kind {
            case .inMemory: InMemoryHandoffStore()
            case .memory: SQLiteHandoffStore(try LockstepDatabase(path: ":memory:"))
            case .disk: SQLiteHandoffStore(try LockstepDatabase(path: path()))
            case .grouped: SQLiteHandoffStore(try LockstepDatabase(path: path(), durability: .grouped))
            }
        #expect(try await store.takeForeignChange() == false)
        try await born("a", store)
        #expect(try await store.takeForeignChange() == false)
        try await store.flush()
        #expect(try await store.takeForeignChange() == false)
    }

    @Test(arguments: [LockstepDatabase.Durability.everyCommit, .grouped])
    func aForeignChangeIsTakenOnce(durability: LockstepDatabase.Durability) async throws {
        let path = path()
        let store = SQLiteHandoffStore(try LockstepDatabase(path: path, durability: durability))
        try await born("a", store)
        try await store.flush()
        let other = try beside(path)
        try await born("b", other)
        #expect(try await store.takeForeignChange())
        #expect(try await store.pendingRows().count == 2)
        #expect(try await store.takeForeignChange() == false)
        #expect(try await other.takeForeignChange() == false)
        try await born("c", other)
        try await born("d", store)
        #expect(try await store.takeForeignChange(), "an own write does not hide a foreign one")
        try await store.flush()
        #expect(try await other.takeForeignChange())
    }

    @Test func aGroupThatStaysOpenRefusesAWriteInOneSentence() async throws {
        let path = path()
        let store = SQLiteHandoffStore(try LockstepDatabase(path: path, durability: .grouped))
        try await store.set("a", to: "1")
        let other = try beside(path, wait: .zero)
        await #expect {
            try await other.set("b", to: "1")
        } throws: {
            "\($0)".contains("found process \(getpid()) in a transaction; nothing was written; try again")
        }
        #expect(try await other.value("b") == nil)
        try await store.flush()
        try await other.set("b", to: "1")
        #expect(try await store.value("b") == "1")
    }

    /// The runner begins its next group at once, as a run of recorded deliveries does; the other one gets in between all the same.
    @Test func aWriteGetsInBetweenTwoGroups() async throws {
        let path = path()
        let store = SQLiteHandoffStore(try LockstepDatabase(path: path, durability: .grouped))
        let (hasBegun, isWritten) = (Flag(), Flag())
        let other = try beside(path)
        let writer = Task.detached {
            defer { isWritten.raise() }
            hasBegun.raise()
            try await other.set("b", to: "1")
        }
        var groups = 0
        while !isWritten.isRaised {
            if hasBegun.isRaised { groups += 1 }
            for round in 0..<500 { try await store.set("a", to: String(round)) }
            try await store.flush()
            try await store.set("a", to: "next")
        }
        try await writer.value
        #expect(groups < 100, "it got in by chance; thousands of groups pass before that")
        try await store.flush()
        #expect(try await store.value("b") == "1")
    }

    @Test(arguments: [LockstepDatabase.Access.beside(wait: .zero), .alone, .reader])
    func onlyARunnerMakesOrChangesADatabase(access: LockstepDatabase.Access) throws {
        let none = path()
        #expect { try LockstepDatabase(path: none, access: access) } throws: { "\($0)".contains("found no such file") }
        #expect(!FileManager.default.fileExists(atPath: none))
        let older = path()
        try LockstepDatabase.make(path: older, upTo: "v001_lockstep")
        #expect { try LockstepDatabase(path: older, access: access) } throws: {
            "\($0)".contains("found v001_lockstep; start 'lockstep run'")
        }
        let newer = path()
        try LockstepDatabase(path: newer).pretendMigration("v999_future")
        #expect { try LockstepDatabase(path: newer, access: access) } throws: { "\($0)".contains("found a newer one") }
    }

    @Test func aloneWantsNoRunnerAndKeepsThemOut() throws {
        let path = path()
        var runner: LockstepDatabase? = try LockstepDatabase(path: path)
        #expect { try LockstepDatabase(path: path, access: .alone) } throws: { "\($0)".contains("stop it, repeat this command") }
        withExtendedLifetime(runner) {}
        runner = nil
        let alone = try LockstepDatabase(path: path, access: .alone)
        #expect { try LockstepDatabase(path: path) } throws: { "\($0)".contains("expected no other runner") }
        withExtendedLifetime(alone) {}
    }

    @Test func aWriteBesideIsSyncedToo() throws {
        let path = path()
        _ = try LockstepDatabase(path: path)
        let beside = try LockstepDatabase(path: path, access: .beside(wait: .zero))
        #expect(try beside.setting("synchronous") == "2")
        #expect(try beside.setting("journal_mode") == "wal")
    }
}

private final class Flag: Sendable {
    private let value = Mutex(false)
    var isRaised: Bool { value.withLock { $0 } }
    func raise() { value.withLock { $0 = true } }
}
