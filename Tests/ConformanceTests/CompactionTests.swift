import Events
import Foundation
import GRDB
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// Packing what is over changes nothing that anybody sees, but for the contents that it says are gone.
@Suite struct CompactionTests {
    enum Kind: CaseIterable { case memory, disk, grouped }

    private let start = Timestamp(milliseconds: 1_772_442_000_000)

    private func database(_ kind: Kind) throws -> LockstepDatabase {
        let path = kind == .memory ? ":memory:" : NSTemporaryDirectory() + "lockstep-compaction-\(UUID().uuidString).sqlite"
        return try LockstepDatabase(path: path, durability: kind == .grouped ? .grouped : .everyCommit)
    }

    private func incoming(_ id: String, of entity: EntityID, day: Int, source: EventSource = "tcr") -> IncomingEvent {
        IncomingEvent(
            id: EventID(id), source: source, reference: .entity(entity), kind: "x", payload: ["id": .string(id)], receivedAt: at(day))
    }

    private func at(_ day: Int) -> Timestamp { start + .hours(24 * day) }

    private func accept(_ event: IncomingEvent, _ store: any HandoffStore, isBirth: Bool = false) async throws -> Acceptance? {
        let birth = isBirth ? Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}")) : nil
        return try await store.accept([.event(event, birth: birth)], at: event.receivedAt).first
    }

    /// An entity that was told something every day from `days.lowerBound` on, and has handled all of it.
    @discardableResult
    private func live(_ entity: EntityID, _ days: Range<Int>, _ store: any HandoffStore) async throws -> [QueuedRow] {
        var rows: [QueuedRow] = []
        for day in days {
            let event = incoming("\(entity)/\(day)", of: entity, day: day)
            guard case .accepted(_, let row)? = try await accept(event, store, isBirth: day == 0) else { continue }
            rows.append(row)
            var transaction = EntityTransaction(entity: entity, epoch: 1, at: at(day))
            transaction.moves = [.handled(RowReference(row.sequence, "x"), from: "DRAFT", to: "DRAFT"), .drawn("5.2", .legacy)]
            transaction.record = try await store.snapshot(of: entity)?.record
            transaction.effects = [
                LedgerEntry(
                    key: EffectKey(entity: entity, step: "1", operation: "a.b", ordinal: day + 1), request: [:], reply: [:], owner: .legacy,
                    epoch: 1, attempt: 1, at: at(day))
            ]
            transaction.reads = [
                RecordedRead(entity: entity, operation: "a.c", request: [:], reply: [:], owner: .legacy, epoch: 1, at: at(day))
            ]
            _ = try await store.commit(transaction)
        }
        return rows
    }

    /// What anybody sees of an entity but the contents of what it was told.
    private struct Seen: Equatable {
        let journal: [JournalEntry]
        let snapshot: EntitySnapshot?
        let ledger: [LedgerEntry]

        init(_ entity: EntityID, _ store: any HandoffStore) async throws {
            journal = try await store.journal(of: entity)
            snapshot = try await store.snapshot(of: entity)
            ledger = try await store.ledger(of: entity)
        }
    }

    @Test(arguments: Kind.allCases) func whatIsPackedIsSeenAsBefore(kind: Kind) async throws {
        let store = SQLiteHandoffStore(try database(kind))
        for day in 0..<10 {
            try await live("R-1", day..<day + 1, store)
            if day < 3 { try await live("R-2", day..<day + 1, store) }
        }
        let (first, second) = (try await Seen("R-1", store), try await Seen("R-2", store))
        let counters = try await store.counters()
        let done = try await store.compact(before: at(5), limit: 4)
        #expect(done.transactions == 6 + 4, "the birth and a transaction a day")
        #expect(done.events == 5 + 3 && done.reads == 5 + 3)
        #expect(try await Seen("R-1", store) == first)
        #expect(try await Seen("R-2", store) == second)
        #expect(try await store.counters() == counters)
        #expect(try await store.rows(of: "R-1").map(\.event.id) == (5..<10).map { EventID("R-1/\($0)") })
        #expect(try await store.reads(of: "R-1").count == 5)
    }

    @Test(arguments: Kind.allCases) func packingGoesOnWhereItStopped(kind: Kind) async throws {
        let (store, whole) = (SQLiteHandoffStore(try database(kind)), SQLiteHandoffStore(try database(kind)))
        for day in 0..<8 {
            try await live("R-1", day..<day + 1, store)
            try await live("R-1", day..<day + 1, whole)
            _ = try await store.compact(before: at(day), limit: 1)
        }
        let again = try await store.compact(before: at(7))
        #expect(again.transactions == 0 && again.events == 0, "it was packed before")
        #expect(try await Seen("R-1", store) == Seen("R-1", whole))
    }

    @Test(arguments: Kind.allCases) func whatComesAgainIsStillADuplicate(kind: Kind) async throws {
        let store = SQLiteHandoffStore(try database(kind))
        try await live("R-1", 0..<6, store)
        _ = try await store.compact(before: at(5))
        #expect(try await store.rows(of: "R-1").map(\.event.id) == ["R-1/5"])
        for day in 0..<6 {
            #expect(try await accept(incoming("R-1/\(day)", of: "R-1", day: 9), store) == .duplicate(EventID("R-1/\(day)")))
        }
        guard case .accepted? = try await accept(incoming("R-1/1", of: "R-1", day: 9, source: "customer"), store) else {
            Issue.record("an id is unique within its sender")
            return
        }
        #expect(try await store.counters()["duplicates"] == 6)
        #expect(try await store.compactedDeliveries(of: "R-1").contains(DeliveryName("tcr", "R-1/2")))
        #expect(try await store.compactedDeliveries(of: "R-9").isEmpty)
    }

    @Test(arguments: Kind.allCases) func noNumberIsGivenTwice(kind: Kind) async throws {
        let store = SQLiteHandoffStore(try database(kind))
        let rows = try await live("R-1", 0..<4, store)
        _ = try await store.compact(before: at(100))
        let next = try await live("R-1", 4..<5, store)
        #expect(rows.map(\.sequence).max() ?? 0 < next.first?.sequence ?? 0)
    }

    @Test(arguments: Kind.allCases) func whatWaitsIsLeftAsItIs(kind: Kind) async throws {
        let store = SQLiteHandoffStore(try database(kind))
        for entity: EntityID in ["R-1", "R-2", "R-3", "R-4"] { try await live(entity, 0..<3, store) }
        _ = try await accept(incoming("waits", of: "R-1", day: 3), store)
        try await tell("R-2", store)
        try await store.quarantine(Quarantined(.entity, key: "R-3", entity: "R-3", reason: "expected sense, found none", since: at(3)))
        #expect(try await store.compact(before: at(100)).entities == 1)
        for entity: EntityID in ["R-1", "R-2", "R-3"] {
            #expect(try await store.rows(of: entity).prefix(3).map(\.event.payload) == (0..<3).map { ["id": .string("\(entity)/\($0)")] })
        }
    }

    /// The durable side may have an entity for years. What its segment has used is over; what it was told and has not used is not.
    @Test(arguments: Kind.allCases) func whatASegmentHasUsedIsPacked(kind: Kind) async throws {
        let store = SQLiteHandoffStore(try database(kind))
        for entity: EntityID in ["R-1", "R-2"] { try await live(entity, 0..<3, store) }
        let told = try await tell("R-1", store)
        try await tell("R-2", store)
        let entered = Move.entered("5.2", state: "WAITING", used: [told])
        _ = try await store.commit(EntityTransaction(entity: "R-1", epoch: 2, at: at(4), moves: [entered]))
        let before = try await Seen("R-1", store)
        #expect(try await store.compact(before: at(100)).entities == 1)
        #expect(try await Seen("R-1", store) == before)
        #expect(try await store.rows(of: "R-1").isEmpty)
        #expect(try await store.rows(of: "R-2").count == 4)
        guard case .duplicate? = try await accept(incoming("R-1/told", of: "R-1", day: 9), store) else {
            Issue.record("expected a duplicate, found news")
            return
        }
    }

    /// Hands an entity off and tells its segment something; returns the row.
    @discardableResult
    private func tell(_ entity: EntityID, _ store: any HandoffStore) async throws -> Int {
        let accepted = try await accept(incoming("\(entity)/told", of: entity, day: 3), store)
        guard case .accepted(_, let row)? = accepted else { return 0 }
        let moves: [Move] = [.handedOff(["5.2"]), .signalled(RowReference(row.sequence, "x"))]
        _ = try await store.commit(EntityTransaction(entity: entity, epoch: 1, at: at(3), moves: moves))
        return row.sequence
    }

    @Test func whatCannotBeReadStaysAndStopsNobody() async throws {
        let database = try database(.memory)
        let store = SQLiteHandoffStore(database)
        for entity: EntityID in ["R-1", "R-2", "R-3"] { try await live(entity, 0..<3, store) }
        let expected = try await Seen("R-3", store)
        try database.write { try $0.execute(sql: "UPDATE move SET epoch = 9 WHERE sequence = (SELECT min(sequence) FROM move)") }
        #expect(try await store.compact(before: at(100)).entities == 2)
        #expect(try await Seen("R-3", store) == expected)
        try database.write { try $0.execute(sql: "UPDATE archive SET moves = '' WHERE entity = 'R-2'") }
        await #expect(throws: UnreadableRow.self) { try await store.journal(of: "R-2") }
        let answer = try await accept(incoming("R-2/1", of: "R-2", day: 9), store)
        #expect(answer == .deadLetter("R-2/1", .unreadableRow), "nobody knows whether it was handled")
    }

    @Test func itIsForgottenLikeEverythingElse() async throws {
        let database = try database(.memory)
        let store = SQLiteHandoffStore(database)
        try await live("R-1", 0..<3, store)
        var end = EntityTransaction(entity: "R-1", epoch: 1, at: at(3))
        end.record = try await store.snapshot(of: "R-1")?.record
        end.record?.isFinal = true
        end.moves = [.recalled("5.2", reason: "Ann Marker asked for it")]
        _ = try await store.commit(end)
        let moves = try await store.journal(of: "R-1").count
        _ = try await store.compact(before: at(100))
        let remains = try store.forget("R-1") { $0 }
        #expect(remains.deliveries == 3)
        let journal = try await store.journal(of: "R-1")
        #expect(journal.count == moves)
        #expect(!journal.contains { "\($0.move)".contains("Marker") })
        try database.write { try $0.execute(sql: "UPDATE archive SET moves = 'Ann Marker'") }
        #expect(try store.forget("R-1") { $0 }.moves == 0, "what cannot be read is erased like everything else")
        #expect(try await store.journal(of: "R-1").isEmpty)
    }
}
