import Events
import Outcomes
import SQLiteStorage
import ShadowComparator
import Testing

/// What a book of shadows promises.
@Suite struct ShadowBookTests {
    private let book: SQLiteShadowBook
    private let database: LockstepDatabase

    init() throws {
        database = try LockstepDatabase(path: ":memory:", durability: .grouped)
        book = SQLiteShadowBook(database, mostWaiting: 3)
    }

    private static func note(
        _ entity: EntityID, _ from: Int, _ to: Int, begins: Bool = false, ends state: String? = nil, visit: Int = 1
    ) -> ShadowNote {
        var note = ShadowNote(
            visit: ShadowVisit(entity: entity, step: "3", number: visit), at: Timestamp(milliseconds: Int64(to)), from: from, to: to,
            state: state ?? "WAITING")
        if begins {
            note.beginning = ShadowNote.Beginning(state: nil, createdAt: .distantPast, completions: ["2": 1])
            note.record = ["name": "Example"]
        }
        note.isLast = state != nil
        return note
    }

    private static func result(_ visit: ShadowVisit, _ verdict: ShadowResult.Verdict, path: String) -> ShadowResult {
        var result = ShadowResult(visit: visit, at: Timestamp(milliseconds: 9), path: path, verdict: verdict)
        (result.answered, result.unanswered) = (2, 1)
        return result
    }

    @Test func notesComeBackAsTheyWere() async throws {
        var told = Self.note("R-1", 1, 2, ends: "DONE")
        told.told = Event(
            id: "e", source: "desk", entity: "R-1", kind: "done", payload: ["a": 1], receivedAt: Timestamp(milliseconds: 5))
        told.calls.failures = [
            RecordedFailure(
                ReadQuery(entity: "R-1", operation: "desk.read", at: Timestamp(milliseconds: 4)),
                EffectError(.temporary, vendorCode: "429", message: "busy", retryAfter: .seconds(3)))
        ]
        let notes = [Self.note("R-1", 1, 1, begins: true), told]
        try await book.add(notes)
        #expect(try await book.notes(of: notes[0].visit) == notes)
        #expect(ShadowRecord(notes)?.endedAt == Timestamp(milliseconds: 2))
        #expect(try await book.counts()["3"]?.open == 1)
    }

    @Test func theRarestPathComesFirst() async throws {
        for entity in ["R-1", "R-2"] as [EntityID] {
            try await book.add([Self.note(entity, 1, 1, begins: true), Self.note(entity, 1, 2, ends: "COMMON")])
        }
        try await book.add([Self.note("R-3", 1, 1, begins: true), Self.note("R-3", 1, 2, ends: "RARE")])
        let first = try #require(try await book.next())
        #expect(first.entity == "R-1")
        try await book.add(Self.result(first, .matched, path: "time, COMMON"))
        let second = try #require(try await book.next())
        #expect(second.entity == "R-3")
        try await book.add(Self.result(second, .mismatched, path: "time, RARE"))
        #expect(try await book.next()?.entity == "R-2")
        let counts = try #require(try await book.counts()["3"])
        #expect(counts.visits == [.matched: 1, .mismatched: 1])
        #expect((counts.answered, counts.unanswered, counts.open) == (4, 2, 1))
        #expect(try await book.results(limit: 10).map(\.visit.entity) == ["R-3"])
    }

    @Test func moreThanWaitsIsDroppedFromTheCommonestPath() async throws {
        try await book.add([Self.note("R-0", 1, 1, begins: true), Self.note("R-0", 1, 2, ends: "RARE")])
        for number in 1...5 {
            let entity = EntityID("R-\(number)")
            try await book.add([Self.note(entity, 1, 1, begins: true), Self.note(entity, 1, 2, ends: "COMMON")])
        }
        let counts = try #require(try await book.counts()["3"])
        #expect(counts.visits == [.dropped: 3])
        #expect(counts.open == 3)
        #expect(try await book.next()?.entity == "R-0")
    }

    @Test func aVisitThatWasNeverEndedGoesWithTheNext() async throws {
        try await book.add([Self.note("R-1", 1, 1, begins: true), Self.note("R-1", 1, 2)])
        try await book.add([Self.note("R-1", 4, 4, begins: true, visit: 2)])
        #expect(try await book.notes(of: ShadowVisit(entity: "R-1", step: "3", number: 1)) == [])
        // One that is over stays until it is its turn.
        try await book.add([Self.note("R-1", 4, 5, ends: "DONE", visit: 2), Self.note("R-1", 5, 5, begins: true, visit: 3)])
        #expect(try await book.notes(of: ShadowVisit(entity: "R-1", step: "3", number: 2)).count == 2)
    }

    @Test func whatChangesNothingCostsNoRow() async throws {
        try await book.add([Self.note("R-1", 1, 1, begins: true)])
        for version in 1..<50 { try await book.add([Self.note("R-1", version, version + 1)]) }
        try await book.add([Self.note("R-1", 50, 51, ends: "DONE")])
        let notes = try await book.notes(of: ShadowVisit(entity: "R-1", step: "3", number: 1))
        #expect(notes.count == 2)
        #expect(ShadowRecord(notes) != nil)
    }

    @Test(arguments: [[0, 1, 3], [0, 2, 3], [1, 2, 3], [0, 1, 2]]) func aGapIsMissed(kept: [Int]) async throws {
        var told = Self.note("R-1", 2, 3)
        told.record = [:]
        let notes = [Self.note("R-1", 1, 1, begins: true), Self.note("R-1", 1, 2), told, Self.note("R-1", 3, 4, ends: "DONE")]
        #expect(ShadowRecord(notes) != nil)
        try await book.add(kept.map { notes[$0] })
        #expect(ShadowRecord(try await book.notes(of: notes[0].visit)) == nil)
    }

    /// Who leaves a step before it is complete, and comes again, makes the visit of the same number again.
    @Test func twoVisitsOfOneNumberAreTwo() async throws {
        let (first, second) = (
            [Self.note("R-1", 1, 1, begins: true), Self.note("R-1", 1, 2, ends: "BACK")],
            [Self.note("R-1", 5, 5, begins: true), Self.note("R-1", 5, 6, ends: "DONE")]
        )
        try await book.add(first + second.prefix(1))
        #expect(try await book.notes(of: first[0].visit) == first)
        try await book.add(Self.result(first[0].visit, .matched, path: "time, BACK"))
        try await book.add(second.suffix(1))
        #expect(try await book.notes(of: first[0].visit) == second)
        // One that was never ended goes with the next, also when one of its number waits.
        try await book.add([Self.note("R-1", 7, 7, begins: true)])
        try await book.add([Self.note("R-1", 9, 9, begins: true, visit: 2)])
        try await book.add(Self.result(first[0].visit, .matched, path: "time, DONE"))
        #expect(try await book.notes(of: first[0].visit) == [])
    }

    // MARK: Visits that legacy follows

    private static let followed = ShadowVisit(entity: "R-1", step: "3", number: 1, follower: .legacy)

    /// Begun, told of row 7, has called, has used the row and is over.
    private static func segment(_ change: (inout [SegmentNote]) -> Void = { _ in }) -> [ShadowNote] {
        var segments = (0..<4).map { _ in SegmentNote(desk: "a") }
        segments[1].row = 7
        segments[3].used = [7]
        (segments[3].isWritten, segments[3].end) = (true, .left)
        change(&segments)
        var notes = [(4, 4), (4, 4), (4, 4), (4, 5)].map { from, to in
            ShadowNote(visit: followed, at: Timestamp(milliseconds: Int64(to)), from: from, to: to, state: "WAITING")
        }
        notes[0].beginning = ShadowNote.Beginning(state: nil, createdAt: .distantPast, completions: [:])
        notes[0].record = [:]
        notes[3].isLast = true
        for index in notes.indices { notes[index].segment = segments[index] }
        return notes
    }

    @Test func whatLegacyFollowsIsCountedApart() async throws {
        try await book.add(Self.segment())
        #expect(try await book.next() == Self.followed)
        #expect(ShadowRecord(try await book.notes(of: Self.followed)) != nil)
        #expect(try await book.counts(of: .legacy)["3"]?.open == 1)
        #expect(try await book.counts(of: .durable) == [:])
        try await book.add(Self.result(Self.followed, .added, path: "left, DONE"))
        #expect(try await book.counts(of: .legacy)["3"]?.visits == [.added: 1])
        // That there is nothing to compare with is counted, and not told of each.
        #expect(try await book.results(limit: 1) == [])
    }

    static let gaps: [@Sendable (inout [SegmentNote]) -> Void] = [
        { $0[2].isAfterGap = true }, { $0[3].isAfterGap = true },
        // Another process has gone on, and the one before it has not ended in order.
        { $0[2].desk = "b" }, { $0[3].desk = "b" },
        // The code has used what nobody has seen it told of.
        { $0[1].row = nil }, { $0[3].used = [7, 8] },
    ]

    @Test(arguments: gaps.indices) func aGapInASegmentIsMissed(place: Int) {
        #expect(ShadowRecord(Self.segment(Self.gaps[place])) == nil)
    }

    @Test func aRecordThatSomebodyElseHasWrittenIsAGap() {
        var notes = Self.segment()
        (notes[3].from, notes[3].to) = (5, 6)
        #expect(ShadowRecord(notes) == nil)
    }

    @Test func whoEndsInOrderHasLostNothing() async throws {
        let notes = Self.segment { for index in 2..<4 { $0[index].desk = "b" } }
        try await book.add(Array(notes.prefix(2)))
        try await book.seal()
        try await book.add(Array(notes.suffix(2)))
        #expect(ShadowRecord(try await book.notes(of: Self.followed)) != nil)
    }

    // MARK: What is evidence

    private static func judged(_ verdict: ShadowResult.Verdict, by version: String = "v", _ change: (inout [ShadowNote]) -> Void = { _ in })
        throws -> JudgedVisit?
    {
        var notes = segment { for index in $0.indices { $0[index].version = "v" } }
        notes[1].told = Event(
            id: "e", source: "desk", entity: "R-1", kind: "done", payload: [:], receivedAt: Timestamp(milliseconds: 5))
        change(&notes)
        return JudgedVisit(try #require(ShadowRecord(notes)), verdict, version: version)
    }

    /// Only what was compared is evidence: what is incomparable, was dropped, or has nothing to be compared with, is neither clean nor a
    /// mismatch.
    @Test(arguments: ShadowResult.Verdict.allCases) func onlyWhatWasComparedIsEvidence(verdict: ShadowResult.Verdict) throws {
        let visit = try Self.judged(verdict)
        #expect((visit != nil) == [.matched, .expected, .mismatched].contains(verdict))
        if let visit { #expect(visit.isMismatch == (verdict == .mismatched)) }
    }

    @Test func oneVersionHasToRunAndFollowTheWholeVisit() throws {
        #expect(try Self.judged(.matched) != nil)
        #expect(try Self.judged(.matched, by: "w") == nil)
        for place in 0..<4 {
            #expect(try Self.judged(.matched) { $0[place].segment?.version = "w" } == nil)
            #expect(try Self.judged(.matched) { $0[place].segment?.version = nil } == nil)
        }
        // The other direction has no such notes, and who follows there is no evidence either.
        let notes = [Self.note("R-1", 1, 1, begins: true), Self.note("R-1", 1, 2, ends: "DONE")]
        #expect(JudgedVisit(try #require(ShadowRecord(notes)), .matched, version: "v") == nil)
    }

    /// Two runs over the same deliveries make the same visit, at whatever time.
    @Test func theSameDeliveriesAreTheSameVisit() throws {
        let first = try #require(try Self.judged(.matched))
        let later = try Self.judged(.mismatched) { for index in $0.indices { $0[index].at = $0[index].at + .hours(9) } }
        #expect(later?.id == first.id && later?.way == first.way)
        #expect(try Self.judged(.matched) { $0[1].told?.payload = ["other": 1] }?.id == first.id)
        let another = try Self.judged(.matched) { notes in
            notes[1].told = Event(
                id: "f", source: "desk", entity: "R-1", kind: "done", payload: [:], receivedAt: Timestamp(milliseconds: 5))
        }
        #expect(another?.id != first.id && another?.way == first.way)
        let second = try Self.judged(.matched) { for index in $0.indices { $0[index].visit.number = 2 } }
        #expect(second?.id != first.id)
    }

    @Test func whatIsEvidenceIsKeptOnceAndForEver() async throws {
        let visit = try #require(try Self.judged(.matched))
        var result = Self.result(Self.followed, .matched, path: visit.path)
        result.judged = visit
        try await book.add(result)
        try await book.add(result)
        #expect(try await book.judged() == [visit])
        result.verdict = .mismatched
        result.judged?.isMismatch = true
        try await book.add(result)
        result.verdict = .matched
        result.judged?.isMismatch = false
        try await book.add(result)
        #expect(try await book.judged().map(\.isMismatch) == [true], "what differed once is not forgotten")
        result.judged?.version = "w"
        try await book.add(result)
        #expect(try await book.judged().map(\.version) == ["v", "w"])
        try await book.add(Self.result(Self.followed, .matched, path: "left, DONE"))
        try await book.forget("R-1")
        #expect(try await book.judged().count == 2, "nothing of the entity is in it")
    }

    @Test func whatIsForgottenIsGone() async throws {
        try await book.add([Self.note("R-1", 1, 1, begins: true), Self.note("R-2", 1, 1, begins: true)])
        try await book.add(Self.result(ShadowVisit(entity: "R-1", step: "2", number: 1), .mismatched, path: "time, X"))
        try await book.forget("R-1")
        #expect(try await book.notes(of: ShadowVisit(entity: "R-1", step: "3", number: 1)) == [])
        #expect(try await book.results(limit: 10) == [])
        #expect(try await book.notes(of: ShadowVisit(entity: "R-2", step: "3", number: 1)).count == 1)
    }

    @Test func noBookGrowsForEver() async throws {
        let small = SQLiteShadowBook(database, mostWaiting: 3, mostNotes: 10)
        for number in 1...30 { try await small.add([Self.note(EntityID("R-\(number)"), 1, 1, begins: true)]) }
        #expect(try await small.counts()["3"]?.open == 10)
    }
}
