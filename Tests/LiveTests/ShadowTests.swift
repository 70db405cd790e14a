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

/// A shadow beside a service that runs.
@Suite struct LiveShadowTests {
    private let database: LockstepDatabase
    private let book: SQLiteShadowBook
    private let world = GatedWorld()

    init() throws {
        database = try LockstepDatabase(path: ":memory:", durability: .grouped)
        book = SQLiteShadowBook(try LockstepDatabase(path: ":memory:", durability: .grouped))
    }

    private func closed() async throws -> Int {
        let store = SQLiteHandoffStore(database)
        var closed = 0
        for entity in try await store.entities() where try await store.snapshot(of: entity)?.record.isFinal == true { closed += 1 }
        return closed
    }

    @Test func everyOrderIsFollowed() async throws {
        let desk = try OrderDesk(world, database, book: book)
        try await desk.during { try await desk.close(0..<100) }
        let counts = try #require(try await book.counts()["1"])
        #expect(counts.visits == [.matched: 100])
        #expect((counts.answered, counts.unanswered, counts.open) == (300, 0, 0))
        #expect(desk.bridge.shadow?.leftOut == 0)
        // Three times work, once the end: the shadow has called nobody.
        #expect(world.state.value.order.count == 400)
    }

    @Test func aBugIsFound() async throws {
        let desk = try OrderDesk(world, database, book: book, step: Orders.step(forgetting: 2))
        try await desk.during { try await desk.close(0..<10) }
        #expect(try await book.counts()["1"]?.visits == [.mismatched: 10])
        let result = try #require(try await book.results(limit: 1).first)
        #expect(result.differences.contains { $0.layer == .effects && $0.kind == .missing && $0.path == "1/desk.work/2" })
        #expect(result.differences.contains { $0.layer == .state && $0.path == "wait 4, before check/done" })
    }

    /// One process ends in the middle of a visit, and the next goes on.
    @Test func aVisitGoesOnInTheNextProcess() async throws {
        let first = try OrderDesk(world, database, book: book)
        try await first.during { for work in 1...2 { try await first.send("O-1", "work", work) } }
        #expect(try await book.counts()["1"]?.open == 1)
        let second = try OrderDesk(world, database, book: book)
        try await second.during { try await second.send("O-1", "check") }
        #expect(try await book.counts()["1"]?.visits == [.matched: 1])
    }

    /// What happened while nobody looked is not guessed.
    @Test func aVisitWithAGapIsDropped() async throws {
        let first = try OrderDesk(world, database, book: book)
        try await first.during { try await first.send("O-1", "work", 1) }
        let unseen = try OrderDesk(world, database, book: nil, stage: .legacy)
        try await unseen.during { try await unseen.send("O-1", "work", 2) }
        let last = try OrderDesk(world, database, book: book)
        try await last.during { try await last.send("O-1", "check") }
        #expect(try await book.counts()["1"]?.visits == [.dropped: 1])
        #expect(try await closed() == 1)
    }

    /// A book that takes no time for the shadow: the owner goes on, what waits is bounded, the rest is counted.
    @Test func aShadowThatIsBehindStopsNobody() async throws {
        let stuck = StuckBook(base: book)
        let orders = ShadowDesk.mostWaiting / 2
        let desk = try OrderDesk(world, database, book: stuck)
        try await desk.during {
            try await desk.close(0..<orders)
            try await desk.service.settled()
            #expect(try await closed() == orders)
            let shadow = try #require(desk.bridge.shadow)
            #expect(shadow.waiting <= ShadowDesk.mostWaiting)
            #expect(shadow.leftOut > 0)
            stuck.release()
        }
        let counts = try #require(try await book.counts()["1"])
        #expect(counts.count(.mismatched) == 0)
        #expect(counts.count(.matched) + counts.count(.dropped) <= orders)
    }

    @Test func aBookThatFailsStopsNobody() async throws {
        let desk = try OrderDesk(world, database, book: FailingBook(base: book))
        try await desk.during { try await desk.close(0..<20) }
        #expect(try await closed() == 20)
        #expect(desk.bridge.shadow?.problem == "the disk is gone")
        #expect(desk.service.health.shadow?.problem == "the disk is gone")
        #expect(try await book.counts().isEmpty)
    }

    /// Code that never returns holds up the shadow, not the end of the service.
    @Test func codeThatHangsStopsNobody() async throws {
        let hanging = DurableActivity<Order>("desk.work") { _, _ in try await Task.sleep(for: .days(1)) }
        let step = DurableStep<Order>(number: "1", events: ["work", "check"], activities: [hanging], adopts: ["OPEN"]) { context, order in
            try await context.perform(hanging, on: &order)
            return "CHECKED"
        }
        let desk = try OrderDesk(
            world, database, book: book, step: step, options: ServiceOptions(grace: .zero, shadowShare: 1))
        try await desk.during { try await desk.close(0..<5) }
        #expect(try await closed() == 5)
        #expect(try await book.counts()["1"]?.visits ?? [:] == [:])
    }

    /// Who leaves at once does not wait for the shadow, which has much to do: what has come is kept for the next process.
    @Test func whoLeavesDoesNotWaitForTheShadow() async throws {
        let desk = try OrderDesk(world, database, book: book, options: ServiceOptions(grace: .days(1), shadowShare: 0))
        let running = Task { [service = desk.service] in try await service.run() }
        try await desk.close(0..<20)
        try await desk.service.settled()
        running.cancel()
        try await running.value
        #expect(try await book.counts()["1"]?.open == 20)
        #expect(try await book.counts()["1"]?.visits == [:])
    }

    @Test func withoutAShareNothingIsFollowed() async throws {
        let desk = try OrderDesk(world, database, book: book, options: ServiceOptions(grace: .zero, shadowShare: 0))
        try await desk.during { try await desk.close(0..<5) }
        #expect(try await closed() == 5)
        // It is kept, and the next process may follow it.
        #expect(try await book.counts()["1"]?.open == 5)
    }
}

/// A book whose first note is kept when somebody releases it.
final class StuckBook: ShadowBook {
    private let base: any ShadowBook
    private let released = Watched(false)

    init(base: any ShadowBook) { self.base = base }

    func release() { released.change { $0 = true } }

    func add(_ notes: [ShadowNote]) async throws {
        await released.wait { $0 }
        try await base.add(notes)
    }
    func next() async throws -> ShadowVisit? { try await base.next() }
    func notes(of visit: ShadowVisit) async throws -> [ShadowNote] { try await base.notes(of: visit) }
    func add(_ result: ShadowResult) async throws { try await base.add(result) }
    func counts(of follower: Owner) async throws -> [StepNumber: ShadowCounts] { try await base.counts(of: follower) }
    func seal() async throws { try await base.seal() }
    func results(limit: Int) async throws -> [ShadowResult] { try await base.results(limit: limit) }
    func flush() async throws { try await base.flush() }
    func forget(_ entity: EntityID) async throws { try await base.forget(entity) }
}

private struct FailingBook: ShadowBook {
    struct Gone: Error, CustomStringConvertible { let description = "the disk is gone" }
    let base: any ShadowBook

    func add(_ notes: [ShadowNote]) async throws { throw Gone() }
    func next() async throws -> ShadowVisit? { throw Gone() }
    func notes(of visit: ShadowVisit) async throws -> [ShadowNote] { throw Gone() }
    func add(_ result: ShadowResult) async throws { throw Gone() }
    func counts(of follower: Owner) async throws -> [StepNumber: ShadowCounts] { try await base.counts(of: follower) }
    func seal() async throws { throw Gone() }
    func results(limit: Int) async throws -> [ShadowResult] { [] }
    func flush() async throws { throw Gone() }
    func forget(_ entity: EntityID) async throws { throw Gone() }
}
