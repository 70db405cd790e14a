import Bridge
import BridgeTesting
import Cutover
import DurableWorkflow
import HybridRouter
import Outcomes
import SQLiteStorage
import ShadowComparator
import Testing

/// The databases and the world of orders whose owner somebody follows, and the processes that run on them one after the other.
struct FollowedOrders {
    let database: LockstepDatabase
    let book: SQLiteShadowBook
    let world = GatedWorld()
    /// Who follows; the other side owns the step.
    let follower: Owner

    init(by follower: Owner) throws {
        self.follower = follower
        database = try LockstepDatabase(path: ":memory:", durability: .grouped)
        book = SQLiteShadowBook(try LockstepDatabase(path: ":memory:", durability: .grouped))
    }

    /// A process whose shadow keeps what it sees in `book`.
    func desk(
        _ book: any ShadowBook, step: DurableStep<Order> = Orders.step(), build: String? = nil,
        options: ServiceOptions = ServiceOptions(shadowShare: 1)
    ) throws -> OrderDesk<OrderState> {
        let isLegacy = follower == .legacy
        return try OrderDesk(
            world, database, book: book, stage: isLegacy ? .durable : .shadow, followed: isLegacy, step: step, build: build,
            options: options)
    }

    /// The same on the book of this test.
    func desk(
        step: DurableStep<Order> = Orders.step(), build: String? = nil, options: ServiceOptions = ServiceOptions(shadowShare: 1)
    ) throws -> OrderDesk<OrderState> {
        try desk(book, step: step, build: build, options: options)
    }

    /// A process in which nobody follows.
    func unseen() throws -> OrderDesk<OrderState> {
        try OrderDesk(world, database, book: nil, stage: follower == .legacy ? .durable : .legacy)
    }

    /// What step 1 has come to.
    func counts() async throws -> ShadowCounts { try #require(try await book.counts(of: follower)["1"]) }

    /// How many orders have come to their end.
    func closed() async throws -> Int {
        let store = SQLiteHandoffStore(database)
        var closed = 0
        for entity in try await store.entities() where try await store.snapshot(of: entity)?.record.isFinal == true { closed += 1 }
        return closed
    }
}
