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

    @Test(arguments: Kind.allCases) func aRepetitionThatWasDroppedNeverCounts(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        func accept(_ id: String, _ kind: EventKind) async throws -> Bool {
            let answers = try await store.accept([.event(event(id, kind: kind, subject: "mno/1"), birth: nil)], at: now)
            if case .accepted = answers[0] { return true } else { return false }
        }
        #expect(try await accept("a", "SUSPENDED"))
        #expect(try await !accept("b", "SUSPENDED"))
        #expect(try await accept("c", "UNSUSPENDED"))
        #expect(try await !accept("b", "SUSPENDED"), "it was acknowledged before")
    }

    @Test(arguments: Kind.allCases) func anIDIsUniqueWithinItsSender(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        var other = event("7")
        other.source = "customer"
        let answers = try await store.accept([.event(event("7"), birth: nil), .event(other, birth: nil)], at: now)
        guard case .accepted = answers[0], case .accepted = answers[1] else {
            Issue.record("\(answers)")
            return
        }
    }

    @Test(arguments: Kind.allCases) func theSameWordIsNewsAfterSomethingOfOurs(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        func accept(_ id: String, _ minutes: Int) async throws -> Bool {
            let incoming = IncomingEvent(
                id: EventID(id), source: "tcr", reference: .entity("R-1"), kind: "UNVERIFIED", subject: "brand/identity",
                answers: ["registry.revet"],
                receivedAt: now + .minutes(90), occurredAt: now + .minutes(minutes))
            let answers = try await store.accept([.event(incoming, birth: nil)], at: now)
            if case .accepted = answers[0] { return true } else { return false }
        }
        #expect(try await accept("a", 1))
        var revet = EntityTransaction(entity: "R-1", epoch: 1, at: now + .minutes(60))
        revet.effects = [
            LedgerEntry(
                key: EffectKey(entity: "R-1", step: "4", operation: "registry.revet"), request: [:], reply: [:], owner: .legacy, epoch: 1,
                attempt: 1, at: now + .minutes(60))
        ]
        _ = try await store.commit(revet)
        #expect(try await !accept("late", 2), "a word from before it")
        #expect(try await accept("b", 61))
        #expect(try await !accept("c", 62))
    }

    @Test(arguments: Kind.allCases) func aReferenceBelongsToWhoHadItFirst(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        _ = try await store.accept(
            [.event(incoming("birth-2", .entity("R-2")), birth: Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}")))], at: now)
        for entity: EntityID in ["R-1", "R-2"] {
            var claim = EntityTransaction(entity: entity, epoch: 1, at: now, moves: [.continued])
            claim.references = ["B1"]
            _ = try await store.commit(claim)
        }
        let answers = try await store.accept([.event(incoming("x", .external(["nobody", "B1"])), birth: nil)], at: now)
        guard case .accepted(_, let row) = answers[0] else {
            Issue.record("\(answers)")
            return
        }
        #expect(row.entity == "R-1")
        #expect(try await store.counters()["referencesRefused"] == 1)
        #expect(try await store.journal(of: "R-2").map(\.move).contains(.referenceRefused("B1", holder: "R-1")))
    }

    /// A birth comes after the duplicate check: a repeated id makes nobody.
    @Test(arguments: Kind.allCases) func aRepeatedIDCreatesNothing(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let birth = Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}"))
        let answers = try await store.accept([.event(incoming("birth", .entity("R-9")), birth: birth)], at: now)
        #expect(answers == [.duplicate("birth")])
        #expect(try await store.entities() == ["R-1"])
    }

    /// The cron job finds also what nobody has handled since its birth.
    @Test(arguments: Kind.allCases) func whatIsBornIsDue(kind: Kind) async throws {
        let store = try store(kind)
        let later = now + .days(100)
        let birth = Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}"), dueAt: later)
        _ = try await store.accept([.event(incoming("birth", .entity("R-9")), birth: birth)], at: now)
        #expect(try await store.nextDue() == later)
        #expect(try await store.due(at: later + (.zero - .milliseconds(1))) == [])
        #expect(try await store.due(at: later) == ["R-9"])
    }

    private func incoming(_ id: String, _ reference: EntityReference) -> IncomingEvent {
        IncomingEvent(id: EventID(id), source: "tcr", reference: reference, kind: "x", receivedAt: now)
    }

    @Test(arguments: Kind.allCases) func anUnknownEntityIsADeadLetter(kind: Kind) async throws {
        let store = try store(kind)
        let answers = try await store.accept([.event(event("a"), birth: nil)], at: now)
        #expect(answers == [.deadLetter("a", .unknownEntity)])
        #expect(try await store.deadLetters() == ["unknown-entity": 1])
        #expect(try await store.counters()["duplicates"] == nil)
    }

    /// The books add up: what is delivered is an inbox row, a dead letter or a duplicate.
    @Test(arguments: Kind.allCases) func aRepeatedDeadLetterIsADuplicate(kind: Kind) async throws {
        let store = try store(kind)
        for _ in 0..<3 { #expect(try await store.accept([.event(event("a"), birth: nil)], at: now) == [.deadLetter("a", .unknownEntity)]) }
        #expect(try await store.deadLetters() == ["unknown-entity": 1])
        #expect(try await store.counters()["duplicates"] == 2)
        try await born(store)
        let answer = try await store.accept([.event(event("a"), birth: nil)], at: now).first
        if case .accepted = answer {
        } else {
            Issue.record("what came too early is accepted once its entity exists, found \(answer as Any)")
        }
        #expect(try await store.counters()["duplicates"] == 3)
        #expect(try await store.deadLetters().isEmpty)
    }

    private static let handOff: [Move] = [.handedOff(["5.2"])]

    @Test(arguments: Kind.allCases) func aStaleEpochWritesNothing(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        _ = try await store.commit(EntityTransaction(entity: "R-1", epoch: 1, at: now, moves: Self.handOff))
        var stale = EntityTransaction(entity: "R-1", epoch: 1, at: now, moves: [.swept(rule: "x", sends: "timer.x")])
        stale.effects = [entry(owner: .legacy, epoch: 1)]
        await #expect(throws: StaleEpoch(entity: "R-1", found: 1, expected: 2)) { try await store.commit(stale) }
        #expect(try await store.counters()["sweeps"] == nil)
        #expect(try await store.ledger(of: "R-1").isEmpty)
    }

    private func entry(owner: Owner, epoch: Int) -> LedgerEntry {
        LedgerEntry(
            key: EffectKey(entity: "R-1", step: "1", operation: "a.b"), request: [:], reply: ["x": 1], owner: owner, epoch: epoch,
            attempt: 1, at: now)
    }

    @Test(arguments: Kind.allCases) func aMoveDecidedOnAnOlderRecordWritesNothing(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let record = try #require(try await store.snapshot(of: "R-1")?.record)
        var write = EntityTransaction(entity: "R-1", epoch: 1, version: 1, at: now)
        write.record = record
        write.record?.state = "NEXT"
        #expect(try await store.commit(write).record?.version == 2)
        var move = EntityTransaction(entity: "R-1", epoch: 1, version: 1, at: now, moves: Self.handOff)
        await #expect(throws: StaleRecord(entity: "R-1", found: 1, expected: 2)) { try await store.commit(move) }
        #expect(try await store.counters()["handOffs"] == nil)
        move.version = 2
        _ = try await store.commit(move)
        #expect(try await store.counters()["handOffs"] == 1)
        #expect(try await store.snapshot(of: "R-1")?.record.state == "NEXT")
    }

    @Test(arguments: Kind.allCases) func handBackReturnsWhatTheSegmentDidNotUse(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let accepted = try await store.accept(["a", "b", "c"].map { .event(event($0), birth: nil) }, at: now)
        let rows = accepted.compactMap { if case .accepted(_, let row) = $0 { row.sequence } else { nil } }
        _ = try await store.commit(EntityTransaction(entity: "R-1", epoch: 1, at: now, moves: Self.handOff))
        let told: [Move] = rows.prefix(2).map { .signalled(RowReference($0, "x")) } + [.parked(RowReference(rows[2], "x"), until: nil)]
        let signals = try await store.commit(EntityTransaction(entity: "R-1", epoch: 2, at: now, moves: told)).outbox
        #expect(signals.map(\.row) == rows.prefix(2).map { $0 })
        let back = EntityTransaction(
            entity: "R-1", epoch: 2, at: now, moves: [.completed("5.2", visit: 1, used: [rows[0]]), .handedBack(to: "6")])
        let committed = try await store.commit(back)
        #expect(committed.queued.map(\.sequence) == Array(rows[1...]))
        #expect(try await store.row(rows[0])?.disposition == .consumed)
        #expect(committed.ownership.completions == ["5.2": 1])
    }

    @Test(arguments: Kind.allCases) func theOutboxIsSentInOrderUntilDone(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        var start = EntityTransaction(entity: "R-1", epoch: 1, at: now, moves: Self.handOff)
        start.segment = ["steps": ["5.2"]]
        let first = try await store.commit(start).outbox
        let second = try await store.commit(EntityTransaction(entity: "R-1", epoch: 2, at: now, moves: [.recalled("5.2", reason: "x")]))
            .outbox
        #expect(try await store.pendingOutbox() == first + second)
        try await store.markDone(first[0])
        #expect(try await store.pendingOutbox() == second)
        #expect(first[0].segment == ["steps": ["5.2"]])
    }

    @Test(arguments: Kind.allCases) func nothingMovesToDurableWhileHalted(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        try await store.set(MigrationHalted.setting, to: now.description)
        var move = EntityTransaction(entity: "R-1", epoch: 1, at: now, moves: Self.handOff)
        move.unlessHalted = true
        await #expect(throws: MigrationHalted()) { try await store.commit(move) }
        #expect(try await store.counters()["handOffs"] == nil)
        try await store.set(MigrationHalted.setting, to: nil)
        _ = try await store.commit(move)
        #expect(try await store.snapshot(of: "R-1")?.ownership.owner == .durable)
    }

    @Test(arguments: Kind.allCases) func pinsVisitsAndMovesAreKept(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let moves: [Move] = [
            .drawn("6", .durable), .completed("1", visit: 1, used: []), .handedOff(["5.2"]), .recalled("5.2", reason: "x"),
        ]
        _ = try await store.commit(EntityTransaction(entity: "R-1", epoch: 1, at: now, moves: moves))
        let found = try #require(try await store.snapshot(of: "R-1")?.ownership)
        let expected = Ownership(
            entity: "R-1", epoch: 3, owner: .legacy, step: "5.2", passed: "1", completions: ["1": 1],
            pins: ["5.2": .recalled, "6": .durable])
        #expect(found == expected)
        let journal = try await store.journal(of: "R-1")
        #expect(journal.map(\.move) == [.born(step: "1", state: "DRAFT")] + moves)
        #expect(journal.map(\.epoch) == [1, 1, 1, 2, 3])
        #expect(journal.map(\.owner) == [.legacy, .legacy, .legacy, .durable, .legacy])
    }

    @Test(arguments: Kind.allCases) func aPerformedEffectIsKeptUnderAnyEpoch(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let entry = entry(owner: .durable, epoch: 9)
        try await store.keep([entry, entry])
        #expect(try await store.ledger(of: "R-1") == [entry])
        #expect(try await store.reply(to: entry.key) == ["x": 1])
    }

    @Test(arguments: Kind.allCases) func anIntentionIsReplacedByItsEffect(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let entry = entry(owner: .legacy, epoch: 1)
        let call = EffectCall(key: entry.key, request: ["a": 1], owner: .legacy, epoch: 1, attempt: 2, at: now)
        #expect(try await store.intend(call) == .noted)
        #expect(try await store.intention(entry.key) == call)
        try await store.keep([entry])
        #expect(try await store.intention(entry.key) == nil)
        try await store.withdraw(entry.key)
        #expect(try await store.reply(to: entry.key) == entry.reply)
    }

    /// Two owners of one entity may be about to make the same call: the one that was recalled, and legacy.
    @Test(arguments: Kind.allCases) func oneOfTwoMayBegin(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let entry = entry(owner: .legacy, epoch: 3)
        let first = EffectCall(key: entry.key, request: [:], owner: .legacy, epoch: 3, attempt: 1, at: now)
        let second = EffectCall(key: entry.key, request: [:], owner: .durable, epoch: 2, attempt: 1, at: now)
        #expect(try await store.intend(first) == .noted)
        #expect(try await store.intend(second) == .begun(first), "legacy's call is under way")
        try await store.keep([entry])
        #expect(try await store.intend(second) == .performed(entry.reply), "legacy's call has come to its end")
        #expect(try await store.intention(entry.key) == nil)
    }

    /// A person answers them in that order, and their order in the ledger is the order performed.
    @Test(arguments: Kind.allCases) func intentionsAreInTheOrderBegun(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let keys = ["zones.add", "billing.fee", "mail.send"].map { EffectKey(entity: "R-1", step: "1", operation: $0) }
        for key in keys { _ = try await store.intend(EffectCall(key: key, request: [:], owner: .legacy, epoch: 1, attempt: 1, at: now)) }
        #expect(try await store.intentions().map(\.key) == keys)
        try await store.withdraw(keys[0])
        _ = try await store.intend(EffectCall(key: keys[0], request: [:], owner: .legacy, epoch: 1, attempt: 2, at: now))
        #expect(try await store.intentions().map(\.key) == [keys[1], keys[2], keys[0]])
    }

    @Test(arguments: Kind.allCases) func whatWasReadIsRecorded(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        let read = RecordedRead(
            entity: "R-1", operation: "registry.brand", request: ["a": 1], reply: ["b": 2], owner: .durable, epoch: 2, at: now)
        var transaction = EntityTransaction(entity: "R-1", epoch: 1, at: now)
        transaction.reads = [read]
        _ = try await store.commit(transaction)
        #expect(try await store.reads(of: "R-1") == [read])
    }

    @Test(arguments: Kind.allCases) func whatIsSetAsideStopsItsEntityAlone(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        _ = try await store.accept([.event(event("a"), birth: nil)], at: now)
        _ = try await store.accept(
            [.event(incoming("birth-2", .entity("R-2")), birth: Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}")))], at: now)
        let item = Quarantined(.event, key: "2", entity: "R-1", reason: "expected sense, found none", since: now)
        try await store.quarantine(item)
        try await store.quarantine(item)
        #expect(try await store.quarantined() == [item])
        #expect(try await store.pendingRows().map(\.entity) == ["R-2"])
        #expect(try await store.release("R-1").count == 2)
        #expect(try await store.pendingRows().count == 3)
        #expect(try await store.quarantined().isEmpty)
    }

    @Test(arguments: Kind.allCases) func whatDurableOwnsIsListed(kind: Kind) async throws {
        let store = try store(kind)
        try await born(store)
        #expect(try await store.durableOwnerships(after: nil, limit: 10).isEmpty)
        let committed = try await store.commit(EntityTransaction(entity: "R-1", epoch: 1, at: now, moves: Self.handOff))
        #expect(try await store.durableOwnerships(after: nil, limit: 10) == [committed.ownership])
        for id in ["R-3", "R-2"] {
            let birth = Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}"))
            _ = try await store.accept([.event(incoming(id, .entity(EntityID(id))), birth: birth)], at: now)
            _ = try await store.commit(EntityTransaction(entity: EntityID(id), epoch: 1, at: now, moves: Self.handOff))
        }
        let pages: [(EntityID?, [EntityID])] = [(nil, ["R-1", "R-2"]), ("R-2", ["R-3"]), ("R-3", []), ("R-20", ["R-3"])]
        for (last, page) in pages {
            #expect(try await store.durableOwnerships(after: last, limit: 2).map(\.entity) == page, "after \(last?.rawValue ?? "nothing")")
        }
    }

    @Test(arguments: Kind.allCases) func whatIsDueComesEarliestFirst(kind: Kind) async throws {
        let store = try store(kind)
        for (id, hours) in [("R-2", 2), ("R-1", 3), ("R-3", 1)] {
            let birth = Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}"))
            _ = try await store.accept([.event(incoming(id, .entity(EntityID(id))), birth: birth)], at: now)
            try await setDue(EntityID(id), now + .hours(hours), store)
        }
        #expect(try await store.nextDue() == now + .hours(1))
        #expect(try await store.due(at: now + .hours(2)) == ["R-3", "R-2"])
        try await setDue("R-3", nil, store)
        #expect(try await store.due(at: now + .hours(2)) == ["R-2"])
    }

    private func setDue(_ entity: EntityID, _ due: Timestamp?, _ store: any HandoffStore) async throws {
        var transaction = EntityTransaction(entity: entity, epoch: 1, at: now)
        transaction.record = try await store.snapshot(of: entity)?.record
        transaction.record?.dueAt = due
        _ = try await store.commit(transaction)
    }
}
