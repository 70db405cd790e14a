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

/// A shadow beside a service that runs, in both directions.
@Suite struct LiveShadowTests {
    private static let followers: [Owner] = [.durable, .legacy]

    @Test(arguments: followers) func everyOrderIsFollowed(follower: Owner) async throws {
        let orders = try FollowedOrders(by: follower)
        let desk = try orders.desk()
        try await desk.during { try await desk.close(0..<100) }
        let counts = try await orders.counts()
        #expect(counts.visits == [.matched: 100])
        #expect((counts.answered, counts.unanswered, counts.open) == (300, 0, 0))
        #expect(desk.bridge.shadow?.leftOut == 0)
        #expect(try await orders.book.counts(of: follower == .legacy ? .durable : .legacy) == [:])
        // Three times work, once the end: the shadow has called nobody.
        #expect(orders.world.state.value.order.count == 400)
    }

    @Test(arguments: followers) func aBugIsFound(follower: Owner) async throws {
        let orders = try FollowedOrders(by: follower)
        let desk = try orders.desk(step: Orders.step(forgetting: 2))
        try await desk.during { try await desk.close(0..<10) }
        #expect(try await orders.counts().visits == [.mismatched: 10])
        let result = try #require(try await orders.book.results(limit: 1).first)
        #expect(result.differences.contains { $0.layer == .effects && $0.kind == .missing && $0.path == "1/desk.work/2" })
        // Legacy asks for the call that durable has forgotten, and nobody can answer it.
        #expect(result.unanswered == (follower == .legacy ? 1 : 0))
        let wait = result.differences.first { $0.layer == .state }
        #expect(wait?.path == (follower == .legacy ? nil : "wait 4, before check/done"))
    }

    /// One process ends in order in the middle of a visit, and the next goes on.
    @Test(arguments: followers) func aVisitGoesOnInTheNextProcess(follower: Owner) async throws {
        let orders = try FollowedOrders(by: follower)
        let first = try orders.desk()
        try await first.during { for work in 1...2 { try await first.send("O-1", "work", work) } }
        #expect(try await orders.counts().open == 1)
        let second = try orders.desk()
        try await second.during { try await second.send("O-1", "check") }
        #expect(try await orders.counts().visits == [.matched: 1])
    }

    /// What happened while nobody looked is not guessed.
    @Test(arguments: followers) func aVisitWithAGapIsDropped(follower: Owner) async throws {
        let orders = try FollowedOrders(by: follower)
        let first = try orders.desk()
        try await first.during { try await first.send("O-1", "work", 1) }
        let unseen = try orders.unseen()
        try await unseen.during { try await unseen.send("O-1", "work", 2) }
        let last = try orders.desk()
        try await last.during { try await last.send("O-1", "check") }
        #expect(try await orders.counts().visits == [.dropped: 1])
        #expect(try await orders.closed() == 1)
    }

    /// A book that takes no time for the shadow: the owner goes on, what waits is bounded, the rest is counted.
    @Test(arguments: followers) func aShadowThatIsBehindStopsNobody(follower: Owner) async throws {
        let orders = try FollowedOrders(by: follower)
        let stuck = StuckBook(base: orders.book)
        let count = ShadowDesk.mostWaiting / 2
        let desk = try orders.desk(stuck)
        try await desk.during {
            try await desk.close(0..<count)
            try await desk.service.settled()
            #expect(try await orders.closed() == count)
            let shadow = try #require(desk.bridge.shadow)
            #expect(shadow.waiting <= ShadowDesk.mostWaiting)
            #expect(shadow.leftOut > 0)
            stuck.release()
        }
        // What was seen in part is dropped: nothing of it is taken for a difference.
        let counts = try await orders.counts()
        #expect(counts.count(.mismatched) == 0 && counts.count(.incomparable) == 0)
        #expect(counts.count(.matched) + counts.count(.dropped) <= count)
    }

    @Test(arguments: followers) func aBookThatFailsStopsNobody(follower: Owner) async throws {
        let orders = try FollowedOrders(by: follower)
        let desk = try orders.desk(FailingBook(base: orders.book))
        try await desk.during { try await desk.close(0..<20) }
        #expect(try await orders.closed() == 20)
        #expect(desk.bridge.shadow?.problem == "the disk is gone")
        #expect(desk.service.health.shadow?.problem == "the disk is gone")
        #expect(try await orders.book.counts(of: follower).isEmpty)
    }

    /// Code that never returns holds up the shadow, not the end of the service.
    @Test func codeThatHangsStopsNobody() async throws {
        let hanging = DurableActivity<Order>("desk.work") { _, _ in try await Task.sleep(for: .days(1)) }
        let step = DurableStep<Order>(number: "1", events: ["work", "check"], activities: [hanging], adopts: ["OPEN"]) { context, order in
            try await context.perform(hanging, on: &order)
            return "CHECKED"
        }
        let orders = try FollowedOrders(by: .durable)
        let desk = try orders.desk(step: step, options: ServiceOptions(grace: .zero, shadowShare: 1))
        try await desk.during { try await desk.close(0..<5) }
        #expect(try await orders.closed() == 5)
        #expect(try await orders.book.counts()["1"]?.visits ?? [:] == [:])
    }

    /// Who leaves at once does not wait for the shadow, which has much to do: what has come is kept for the next process.
    @Test(arguments: followers) func whoLeavesDoesNotWaitForTheShadow(follower: Owner) async throws {
        let orders = try FollowedOrders(by: follower)
        let desk = try orders.desk(options: ServiceOptions(grace: .days(1), shadowShare: 0))
        let running = Task { [service = desk.service] in try await service.run() }
        try await desk.close(0..<20)
        try await desk.service.settled()
        running.cancel()
        try await running.value
        #expect(try await orders.counts().open == 20)
        #expect(try await orders.counts().visits == [:])
    }

    @Test(arguments: followers) func withoutAShareNothingIsFollowed(follower: Owner) async throws {
        let orders = try FollowedOrders(by: follower)
        let desk = try orders.desk(options: ServiceOptions(grace: .zero, shadowShare: 0))
        try await desk.during { try await desk.close(0..<5) }
        #expect(try await orders.closed() == 5)
        // It is kept, and the next process may follow it.
        #expect(try await orders.counts().open == 5)
    }

    // MARK: What is evidence

    /// A visit that one build has begun and another one has ended is compared, and says nothing about either.
    @Test func whatTwoBuildsHaveRunIsNoEvidence() async throws {
        let orders = try FollowedOrders(by: .legacy)
        let first = try orders.desk(build: "a")
        try await first.during {
            try await first.close(1..<3)
            try await first.send("O-3", "work", 1)
        }
        let second = try orders.desk(build: "b")
        try await second.during {
            for work in 2...3 { try await second.send("O-3", "work", work) }
            try await second.send("O-3", "check")
            try await second.close(4..<5)
        }
        #expect(try await orders.counts().visits == [.matched: 4])
        let judged = try await orders.book.judged()
        #expect(Set(judged.map(\.version)).count == 2)
        #expect(judged.count == 3 && judged.allSatisfy { !$0.isMismatch })
    }

    /// What differs is evidence as well, what nobody could judge is none, and neither is anything of the other direction.
    @Test func whatIsJudgedIsEvidence() async throws {
        let orders = try FollowedOrders(by: .legacy)
        let wrong = try orders.desk(step: Orders.step(forgetting: 2), build: "a")
        try await wrong.during {
            try await wrong.close(0..<2)
            try await wrong.send("O-9", "work", 1)
        }
        let unseen = try orders.unseen()
        try await unseen.during { try await unseen.send("O-9", "work", 2) }
        let last = try orders.desk(build: "a")
        try await last.during { try await last.send("O-9", "check") }
        #expect(try await orders.counts().visits == [.mismatched: 2, .dropped: 1])
        #expect(try await orders.book.judged().map(\.isMismatch) == [true, true])
        let other = try FollowedOrders(by: .durable)
        let forward = try other.desk(build: "a")
        try await forward.during { try await forward.close(0..<3) }
        #expect(try await other.counts().visits == [.matched: 3])
        #expect(try await other.book.judged().isEmpty)
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
