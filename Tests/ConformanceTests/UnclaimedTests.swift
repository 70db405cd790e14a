import Events
import Foundation
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// A delivery that comes before anybody knows its subject is handled when its subject becomes known, on every store.
@Suite struct UnclaimedTests {
    enum Kind: CaseIterable { case inMemory, memory, grouped }

    private let now = Timestamp(milliseconds: 1_772_442_000_000)

    private func store(_ kind: Kind) throws -> any HandoffStore {
        if kind == .inMemory { return InMemoryHandoffStore() }
        return SQLiteHandoffStore(try LockstepDatabase(path: ":memory:", durability: kind == .grouped ? .grouped : .everyCommit))
    }

    private func incoming(
        _ id: String, _ names: [String], kind: EventKind = "x", subject: String? = nil, source: EventSource = "tcr"
    ) -> IncomingEvent {
        IncomingEvent(
            id: EventID(id), source: source, reference: .external(names), kind: kind, payload: ["id": .string(id)], subject: subject,
            receivedAt: now, occurredAt: Timestamp(milliseconds: now.milliseconds - 5))
    }

    private func born(_ entity: String, _ store: any HandoffStore) async throws {
        let birth = IncomingEvent(
            id: EventID("birth-\(entity)"), source: "customer", reference: .entity(EntityID(entity)), kind: "birth", receivedAt: now)
        _ = try await store.accept([.event(birth, birth: Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}")))], at: now)
    }

    /// The commit in which an entity gets ids.
    private func commit(
        _ entity: EntityID, _ references: [String], _ store: any HandoffStore, after delay: Duration = .zero
    ) async throws -> [QueuedRow] {
        var transaction = EntityTransaction(entity: entity, epoch: 1, at: now + delay)
        transaction.references = references
        return try await store.commit(transaction).queued
    }

    @Test(arguments: Kind.allCases) func itIsHandledWhenItsSubjectBecomesKnown(kind: Kind) async throws {
        let store = try store(kind)
        try await born("R-1", store)
        let early = incoming("a", ["nobody", "B1"])
        #expect(try await store.accept([.event(early, birth: nil)], at: now) == [.deadLetter("a", .unknownEntity)])
        #expect(try await commit("R-1", ["B2"], store).isEmpty)
        let rows = try await commit("R-1", ["B1"], store, after: .seconds(1))
        #expect(rows.map(\.event) == [early.event(for: "R-1")])
        #expect(try await store.pendingRows().map(\.sequence).contains(rows.first?.sequence ?? 0))
        #expect(try await store.deadLetters().isEmpty)
        #expect(try await store.counters()["takenBack"] == 1)
        #expect(try await commit("R-1", ["B1"], store).isEmpty, "once")
        #expect(try await store.accept([.event(early, birth: nil)], at: now) == [.duplicate("a")])
    }

    @Test(arguments: Kind.allCases) func itIsHandledWhenItsSubjectIsBorn(kind: Kind) async throws {
        let store = try store(kind)
        _ = try await store.accept([.event(incoming("a", ["R-1"]), birth: nil)], at: now)
        try await born("R-1", store)
        #expect(try await commit("R-1", [], store).compactMap(\.event?.id) == ["a"])
    }

    @Test(arguments: Kind.allCases) func itIsADeadLetterAfterADay(kind: Kind) async throws {
        let store = try store(kind)
        try await born("R-1", store)
        _ = try await store.accept([.event(incoming("a", ["B1"]), birth: nil), .event(incoming("b", ["B2"]), birth: nil)], at: now)
        #expect(try await commit("R-1", ["B1"], store, after: .seconds(86_400)).count == 1)
        #expect(try await commit("R-1", ["B2"], store, after: .seconds(86_401)).isEmpty)
        #expect(try await store.deadLetters() == ["unknown-entity": 1])
    }

    /// A sender who means another system does not fill the disk.
    @Test(arguments: Kind.allCases) func onlyTheLastTenThousandAreTakenBack(kind: Kind) async throws {
        let store = try store(kind)
        try await born("R-1", store)
        _ = try await store.accept((0...EarlyDelivery.most).map { .event(incoming("e\($0)", ["B\($0)"]), birth: nil) }, at: now)
        #expect(try await commit("R-1", ["B0"], store).isEmpty)
        #expect(try await commit("R-1", ["B1"], store).count == 1)
        #expect(try await store.deadLetters() == ["unknown-entity": EarlyDelivery.most])
    }

    @Test(arguments: Kind.allCases) func anIdOfAnotherOneClaimsNothing(kind: Kind) async throws {
        let store = try store(kind)
        try await born("R-1", store)
        try await born("R-2", store)
        _ = try await commit("R-1", ["B1"], store)
        _ = try await store.accept([.event(incoming("a", ["B2"]), birth: nil)], at: now)
        #expect(try await commit("R-2", ["B1"], store).isEmpty)
        #expect(try await store.deadLetters() == ["unknown-entity": 1])
    }

    @Test(arguments: Kind.allCases) func theLetterOfAFailureSaysWhyItFailed(kind: Kind) async throws {
        let store = try store(kind)
        let early = incoming("a", ["B1"])
        _ = try await store.accept([.event(early, birth: nil)], at: now)
        try await born("R-1", store)
        var transaction = EntityTransaction(entity: "R-1", epoch: 1, at: now + .seconds(90_000))
        transaction.references = ["B1"]
        _ = try await store.commit(transaction)
        #expect(try await store.deadLetters() == ["unknown-entity": 1], "too late to be taken back")
        guard case .accepted(_, let row) = try await store.accept([.event(early, birth: nil)], at: now)[0], let event = row.event else {
            Issue.record("delivered again, it is accepted")
            return
        }
        #expect(try await store.counters()["duplicates"] == 1, "the first delivery counts as a duplicate of the second")
        var failure = EntityTransaction(
            entity: "R-1", epoch: 1, at: now, moves: [.deadLettered(RowReference(row.sequence, event.kind), reason: "it failed")])
        failure.letter = DeadLetter(id: event.id, source: event.source, reason: .failed, detail: "it failed", body: "{}", receivedAt: now)
        _ = try await store.commit(failure)
        #expect(try await store.deadLetters() == ["failed": 1])
    }

    /// Whatever comes in which order: delivered = rows + duplicates + letters that never were rows; all stores agree.
    @Test(arguments: 0..<60) func theBooksAddUp(seed: Int) async throws {
        var found: [[String]] = []
        for kind in Kind.allCases {
            let store = try store(kind)
            var random = SeededRandom(seed: UInt64(seed))
            var said: [String] = []
            var delivered = 1
            try await born("R-0", store)
            for _ in 0..<120 {
                let number = Int.random(in: 0..<6, using: &random)
                switch Int.random(in: 0..<8, using: &random) {
                case 0:
                    delivered += 1
                    try await born("R-\(number)", store)
                case 1: said.append("\(try await known(number, by: &random, store).map(\.sequence))")
                default:
                    let subject = ["s", "t", nil].randomElement(using: &random) ?? nil
                    let event = incoming(
                        "e\(Int.random(in: 0..<40, using: &random))", ["B\(number)", "R-\(number)"],
                        kind: ["x", "y"].randomElement(using: &random) ?? "x", subject: subject,
                        source: ["tcr", "telnyx"].randomElement(using: &random) ?? "tcr")
                    delivered += 1
                    said.append("\(try await store.accept([.event(event, birth: nil)], at: now))")
                }
                try await check(store, delivered, seed)
            }
            found.append(said)
        }
        #expect(found[0] == found[1] && found[1] == found[2], "seed \(seed)")
    }

    /// An entity gets an id, if it is there.
    private func known(_ number: Int, by random: inout SeededRandom, _ store: any HandoffStore) async throws -> [QueuedRow] {
        let entity = EntityID("R-\(Int.random(in: 0..<6, using: &random))")
        let delay = Duration.seconds([0, 100_000].randomElement(using: &random) ?? 0)
        guard try await store.snapshot(of: entity) != nil else { return [] }
        return try await commit(entity, ["B\(number)"], store, after: delay)
    }

    private func check(_ store: any HandoffStore, _ delivered: Int, _ seed: Int) async throws {
        var rows = 0
        try await store.replayAccepted { _ in rows += 1 }
        let letters = try await store.deadLetters().values.reduce(0, +)
        let duplicates = try await store.counters()["duplicates"] ?? 0
        #expect(rows + letters + duplicates == delivered, "seed \(seed)")
    }
}
