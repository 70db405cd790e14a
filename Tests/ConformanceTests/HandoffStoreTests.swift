import Events
import Foundation
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// The laws of ownership, inbox and outbox, on every database that exists.
@Suite struct HandoffStoreTests {
    enum Kind: CaseIterable { case inMemory, memory, disk, grouped }

    private let now = Timestamp(milliseconds: 1_772_442_000_000)

    private func store(_ kind: Kind) throws -> any HandoffStore {
        if kind == .inMemory { return InMemoryHandoffStore() }
        let path = kind == .memory ? ":memory:" : NSTemporaryDirectory() + "lockstep-\(UUID().uuidString).sqlite"
        return SQLiteHandoffStore(try LockstepDatabase(path: path, durability: kind == .grouped ? .grouped : .everyCommit))
    }

    private func event(_ id: String, kind: EventKind = "x", subject: String? = nil, payload: JSONValue = [:]) -> IncomingEvent {
        IncomingEvent(
            id: EventID(id), source: "tcr", reference: .entity("R-1"), kind: kind, payload: payload, subject: subject, receivedAt: now)
    }

    private func born(_ store: any HandoffStore) async throws {
        _ = try await store.accept([.event(event("birth"), birth: Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}")))], at: now)
    }

    @Test(arguments: Kind.allCases) func anIdIsAcceptedOnce(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let answers = try await store.accept([.event(event("a"), birth: nil), .event(event("a"), birth: nil)], at: now)
        guard case .accepted = answers[0], case .duplicate = answers[1] else {
            Issue.record("\(answers)")
            return
        }
        #expect(try await store.counters()["duplicates"] == 1)
    }

    @Test(arguments: Kind.allCases) func contentCountsAgainAfterAnotherContent(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let kinds: [EventKind] = ["SUSPENDED", "SUSPENDED", "UNSUSPENDED", "SUSPENDED"]
        let answers = try await store.accept(
            kinds.enumerated().map { .event(event("e\($0.offset)", kind: $0.element, subject: "mno/1"), birth: nil) }, at: now)
        let accepted = answers.map { if case .accepted = $0 { true } else { false } }
        #expect(accepted == [true, false, true, true])
    }

    @Test(arguments: Kind.allCases) func anUnknownEntityIsADeadLetter(kind: Kind) async throws {
        let store = try store(kind)
        let answers = try await store.accept([.event(event("a"), birth: nil)], at: now)
        #expect(answers == [.deadLetter("a", .unknownEntity)])
        #expect(try await store.deadLetters() == ["unknown-entity": 1])
    }

    @Test(arguments: Kind.allCases) func aStaleEpochWritesNothing(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        var move = Change(entity: "R-1", epoch: 1, at: now)
        move.ownership = Ownership(entity: "R-1", epoch: 2, owner: .durable, step: "5.2")
        _ = try await store.commit(move)
        var stale = Change(entity: "R-1", epoch: 1, at: now)
        stale.counters = ["written"]
        stale.ledger = [
            LedgerEntry(
                key: EffectKey(entity: "R-1", step: "1", operation: "a.b"), request: [:], reply: [:], owner: "legacy", epoch: 1, attempt: 1,
                at: now)
        ]
        await #expect(throws: StaleEpoch(entity: "R-1", found: 1, expected: 2)) { try await store.commit(stale) }
        #expect(try await store.counters()["written"] == nil)
        #expect(try await store.ledger(of: "R-1").isEmpty)
    }

    @Test(arguments: Kind.allCases) func aMoveDecidedOnAnOlderRecordWritesNothing(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let record = try #require(try await store.snapshot(of: "R-1")?.record)
        var write = Change(entity: "R-1", epoch: 1, at: now)
        write.record = record
        write.record?.state = "NEXT"
        _ = try await store.commit(write)
        var move = Change(entity: "R-1", epoch: 1, at: now)
        move.version = record.version
        move.record = record
        move.counters = ["moved"]
        await #expect(throws: StaleRecord(entity: "R-1", found: 1, expected: 2)) { try await store.commit(move) }
        #expect(try await store.counters()["moved"] == nil)
        move.version = 2
        _ = try await store.commit(move)
        #expect(try await store.counters()["moved"] == 1)
    }

    @Test(arguments: Kind.allCases) func handBackReturnsWhatTheSegmentDidNotUse(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let accepted = try await store.accept(["a", "b", "c"].map { .event(event($0), birth: nil) }, at: now)
        let rows = accepted.compactMap { if case .accepted(_, let row) = $0 { row.sequence } else { nil } }
        var signal = Change(entity: "R-1", epoch: 1, at: now)
        signal.rows =
            rows.prefix(2).map { .init(sequence: $0, disposition: .signalled, epoch: 1) } + [.init(sequence: rows[2], disposition: .parked)]
        _ = try await store.commit(signal)
        var back = Change(entity: "R-1", epoch: 1, at: now)
        back.consumedEvents = ["a"]
        back.requeueSignalled = true
        back.unpark = true
        let committed = try await store.commit(back)
        #expect(committed.queued.map(\.sequence) == Array(rows[1...]))
        #expect(try await store.row(rows[0])?.disposition == .consumed)
    }

    @Test(arguments: Kind.allCases) func theOutboxIsSentInOrderUntilDone(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        var change = Change(entity: "R-1", epoch: 1, at: now)
        change.outbox = [
            .init(entity: "R-1", epoch: 2, kind: .start, payload: [:]), .init(entity: "R-1", epoch: 2, kind: .signal, payload: [:]),
        ]
        let sent = try await store.commit(change).outbox
        try await store.markDone(sent[0])
        #expect(try await store.pendingOutbox() == [sent[1]])
    }

    @Test(arguments: Kind.allCases) func nothingMovesToDurableWhileHalted(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        try await store.set(MigrationHalted.setting, to: now.description)
        var move = Change(entity: "R-1", epoch: 1, at: now)
        move.ownership = Ownership(entity: "R-1", epoch: 2, owner: .durable, step: "5.2")
        move.unlessHalted = true
        move.counters = ["handOffs"]
        await #expect(throws: MigrationHalted()) { try await store.commit(move) }
        #expect(try await store.counters()["handOffs"] == nil)
        try await store.set(MigrationHalted.setting, to: nil)
        _ = try await store.commit(move)
        #expect(try await store.snapshot(of: "R-1")?.ownership.owner == .durable)
    }

    @Test(arguments: Kind.allCases) func pinsAndCompletedStepsAreKept(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let row = Ownership(
            entity: "R-1", epoch: 2, owner: .legacy, step: "6", completed: ["2", "5.2"], pins: ["5.2": .legacy, "6": .durable])
        var move = Change(entity: "R-1", epoch: 1, at: now)
        move.ownership = row
        _ = try await store.commit(move)
        #expect(try await store.snapshot(of: "R-1")?.ownership == row)
    }

    @Test(arguments: Kind.allCases) func aPerformedEffectIsKeptUnderAnyEpoch(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let entry = LedgerEntry(
            key: EffectKey(entity: "R-1", step: "1", operation: "a.b"), request: [:], reply: ["x": 1], owner: "durable", epoch: 9,
            attempt: 1, at: now)
        try await store.keep([entry, entry])
        #expect(try await store.ledger(of: "R-1") == [entry])
        #expect(try await store.reply(to: entry.key) == ["x": 1])
    }

    @Test(arguments: Kind.allCases) func whatIsDueComesEarliestFirst(kind: Kind) async throws {
        let store = try store(kind)
        for (id, hours) in [("R-2", 2), ("R-1", 3), ("R-3", 1)] {
            let birth = IncomingEvent(
                id: EventID(id), source: "tcr", reference: .entity(EntityID(id)), kind: "x", payload: [:], subject: nil, receivedAt: now)
            _ = try await store.accept([.event(birth, birth: Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}")))], at: now)
            var change = Change(entity: EntityID(id), epoch: 1, at: now)
            change.record = try await store.snapshot(of: EntityID(id))?.record
            change.record?.dueAt = now + .hours(hours)
            _ = try await store.commit(change)
        }
        #expect(try await store.nextDue() == now + .hours(1))
        #expect(try await store.due(at: now + .hours(2)) == ["R-3", "R-2"])
        var change = Change(entity: "R-3", epoch: 1, at: now)
        change.record = try await store.snapshot(of: "R-3")?.record
        change.record?.dueAt = nil
        _ = try await store.commit(change)
        #expect(try await store.due(at: now + .hours(2)) == ["R-2"])
    }
}

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
