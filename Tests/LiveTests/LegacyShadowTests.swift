import Bridge
import BridgeTesting
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import SQLiteStorage
import ShadowComparator
import Synchronization
import Testing

/// Legacy in the shadow of durable code, beside a service that runs.
@Suite struct LiveLegacyShadowTests {
    private let database: LockstepDatabase
    private let book: SQLiteShadowBook
    private let world = GatedWorld()

    init() throws {
        database = try LockstepDatabase(path: ":memory:", durability: .grouped)
        book = SQLiteShadowBook(try LockstepDatabase(path: ":memory:", durability: .grouped))
    }

    private func desk(
        _ book: (any ShadowBook)?, step: DurableStep<Order> = Orders.step(), options: ServiceOptions = ServiceOptions(shadowShare: 1)
    ) throws -> OrderDesk<OrderState> {
        try OrderDesk(world, database, book: book, stage: .durable, followed: true, step: step, options: options)
    }

    private func counts() async throws -> ShadowCounts { try #require(try await book.counts(of: .legacy)["1"]) }

    private func closed() async throws -> Int {
        let store = SQLiteHandoffStore(database)
        var closed = 0
        for entity in try await store.entities() where try await store.snapshot(of: entity)?.record.isFinal == true { closed += 1 }
        return closed
    }

    @Test func everyOrderIsFollowed() async throws {
        let desk = try desk(book)
        try await desk.during { try await desk.close(0..<100) }
        let counts = try await counts()
        #expect(counts.visits == [.matched: 100])
        #expect((counts.answered, counts.unanswered, counts.open) == (300, 0, 0))
        #expect(desk.bridge.shadow?.leftOut == 0)
        #expect(try await book.counts(of: .durable) == [:])
        // Three times work, once the end: the shadow has called nobody.
        #expect(world.state.value.order.count == 400)
    }

    @Test func aBugIsFound() async throws {
        let desk = try desk(book, step: Orders.step(forgetting: 2))
        try await desk.during { try await desk.close(0..<10) }
        #expect(try await counts().visits == [.mismatched: 10])
        let result = try #require(try await book.results(limit: 1).first)
        #expect(result.differences.map(\.path) == ["1/desk.work/2"] && result.differences.first?.kind == .missing)
        #expect(result.unanswered == 1)
    }

    /// One process ends in order in the middle of a visit, and the next goes on.
    @Test func aVisitGoesOnInTheNextProcess() async throws {
        let first = try desk(book)
        try await first.during { for work in 1...2 { try await first.send("O-1", "work", work) } }
        #expect(try await counts().open == 1)
        let second = try desk(book)
        try await second.during { try await second.send("O-1", "check") }
        #expect(try await counts().visits == [.matched: 1])
    }

    /// What happened while nobody looked is not guessed.
    @Test func aVisitWithAGapIsDropped() async throws {
        let first = try desk(book)
        try await first.during { try await first.send("O-1", "work", 1) }
        let unseen = try desk(nil)
        try await unseen.during { try await unseen.send("O-1", "work", 2) }
        let last = try desk(book)
        try await last.during { try await last.send("O-1", "check") }
        #expect(try await counts().visits == [.dropped: 1])
        #expect(try await closed() == 1)
    }

    /// A book that takes no time for the shadow: the owner goes on, what waits is bounded, the rest is counted.
    @Test func aShadowThatIsBehindStopsNobody() async throws {
        let stuck = StuckBook(base: book)
        let orders = ShadowDesk.mostWaiting / 2
        let desk = try desk(stuck)
        try await desk.during {
            try await desk.close(0..<orders)
            try await desk.service.settled()
            #expect(try await closed() == orders)
            let shadow = try #require(desk.bridge.shadow)
            #expect(shadow.waiting <= ShadowDesk.mostWaiting)
            #expect(shadow.leftOut > 0)
            stuck.release()
        }
        // What was seen in part is dropped: nothing of it is taken for a difference.
        let counts = try await counts()
        #expect(counts.count(.mismatched) == 0 && counts.count(.incomparable) == 0)
        #expect(counts.count(.matched) + counts.count(.dropped) <= orders)
    }
}
