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

/// The machine of the orders as a service that keeps its own records and calls its own parties, and says what it has done.
private final class OrderService: LegacyService {
    private struct Kept {
        var state = "OPEN"
        var order = Order()
        var moves: [LegacyMove] = []
    }

    private let kept = Mutex<[EntityID: Kept]>([:])

    static let described = LegacyMachine(
        name: "orders", initial: "OPEN", events: ["work", "check"],
        states: [
            .init(state: "OPEN", step: "1", handles: ["work", "check"]),
            .init(state: "CHECKED", step: "1", completes: "1", handles: [.continue]),
            .init(state: "CLOSED", step: "2", final: true, handles: []),
        ])

    func machine() async throws -> LegacyMachine { Self.described }

    func handle(_ call: LegacyCall) async throws -> LegacyAnswer {
        try kept.withLock { all in
            var mine = all[call.entity] ?? Kept()
            let from = mine.state
            var effects: [LegacyEffect] = []
            switch (from, call.event.kind) {
            case ("OPEN", "work"):
                let number = call.event.payload["number"]?.integer ?? 0
                effects = [
                    LegacyEffect(step: "1", operation: "desk.work", ordinal: number, request: ["number": .integer(number)], reply: [:])
                ]
                mine.order.done.append(number)
            case ("OPEN", "check"): mine.state = "CHECKED"
            case ("CHECKED", .continue):
                effects = [LegacyEffect(step: "2", operation: "desk.close", request: [:], reply: [:])]
                mine.state = "CLOSED"
            default: return LegacyAnswer(.undefined, view: try Self.view(call.entity, mine, after: call.version))
            }
            mine.moves.append(
                LegacyMove(
                    version: mine.moves.count + 1, event: call.event.kind, row: call.row, from: from, to: mine.state,
                    at: call.event.receivedAt, effects: effects))
            all[call.entity] = mine
            return LegacyAnswer(.handled, view: try Self.view(call.entity, mine, after: call.version))
        }
    }

    private static func view(_ entity: EntityID, _ kept: Kept, after version: Int) throws -> LegacyView {
        LegacyView(
            entity: entity, state: kept.state, version: kept.moves.count, epoch: 1, isReleased: false,
            record: try JSONValue(encoding: kept.order), moves: kept.moves.filter { $0.version > version })
    }

    func view(_ entity: EntityID, after version: Int) async throws -> LegacyView? {
        try kept.withLock { all in try all[entity].map { try Self.view(entity, $0, after: version) } }
    }

    func changes(after cursor: String?, limit: Int) async throws -> LegacyChanges { LegacyChanges(changes: [], cursor: cursor ?? "") }

    // Nothing is handed off while every step is legacy's.
    func release(_ call: LegacyRelease) async throws -> LegacyView { throw LegacyFault("expected no release") }
    func take(_ call: LegacyTake) async throws -> LegacyView { throw LegacyFault("expected nothing given back") }
}

/// A shadow of a machine in another process: it follows what the service says that it has done.
@Suite struct ServiceShadowTests {
    @Test(arguments: [nil, 2]) func aServiceIsFollowed(forgotten: Int?) async throws {
        let world = GatedWorld()
        let database = try LockstepDatabase(path: ":memory:", durability: .grouped)
        let book = SQLiteShadowBook(try LockstepDatabase(path: ":memory:", durability: .grouped))
        let domain = Domain<ServiceState, Order>(
            service: OrderService(), machine: OrderService.described, decoders: [Orders.Decoder()],
            durableSteps: [Orders.step(forgetting: forgotten)], birth: { $0.kind == "work" ? Order() : nil },
            outcome: { order, state, _ in
                Outcome(
                    status: state.rawValue, state: state.rawValue,
                    facts: ["done": .string(order.done.map(String.init).joined(separator: " "))])
            })
        let desk = try OrderDesk(world, database, book: book, domain: domain)
        try await desk.during { try await desk.close(0..<20) }
        #expect(try await book.counts()["1"]?.visits == [forgotten == nil ? .matched : .mismatched: 20])
        // The service calls its parties by itself, and the shadow nobody.
        #expect(world.state.value.order.count == 0)
    }
}
