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

private enum OrderState: String, MachineState { case OPEN, CHECKED, CLOSED }

private struct Order: Codable, Sendable {
    var done: [Int] = []
    var next: Int?
}

/// A machine of two steps; the first is there as durable code, too.
private enum Orders {
    static let machine = Machine<OrderState, Order>(
        name: "orders", initial: .OPEN, events: ["work", "check"], final: [.CLOSED], boundaries: [.CHECKED: "1"],
        steps: [.OPEN: "1", .CHECKED: "1", .CLOSED: "2"],
        transitions: [
            Transition(from: [.OPEN], on: "work", "work") { order, state, event, context in
                let number = event.payload["number"]?.integer ?? 0
                try await context.effects.perform("desk.work", step: "1", ordinal: number, request: ["number": .integer(number)])
                order.done.append(number)
                return state
            },
            Transition(from: [.OPEN], on: "check", to: [.CHECKED], "go on") { _, _, _, _ in .CHECKED },
            Transition(from: [.CHECKED], on: .continue, to: [.CLOSED], "close") { _, _, _, context in
                try await context.effects.perform("desk.close", step: "2")
                return .CLOSED
            },
        ])

    static let work = DurableActivity<Order>("desk.work") { order, effects in
        guard let number = order.next else { return }
        try await effects.perform("desk.work", step: "1", ordinal: number, request: ["number": .integer(number)])
        order.done.append(number)
        order.next = nil
    }

    /// `skipped` is the number of the work that the code forgets.
    static func step(forgetting skipped: Int? = nil) -> DurableStep<Order> {
        DurableStep(number: "1", events: ["work", "check"], activities: [work], adopts: ["OPEN"]) { context, order in
            while true {
                try await context.enter("OPEN", order)
                guard let event = try await context.wait(for: ["work", "check"]) else { continue }
                if event.kind == "check" { return "CHECKED" }
                order.next = event.payload["number"]?.integer
                if order.next == skipped { order.next = nil }
                try await context.perform(work, on: &order)
            }
        }
    }

    struct Decoder: WireDecoder {
        let source: EventSource = "desk"

        func decode(_ message: WireMessage) -> [DecodedMessage] {
            guard let body = try? message.json(), let kind = body["kind"]?.string, let order = body["order"]?.string else { return [] }
            let number = body["number"]?.integer ?? 0
            return [
                .event(
                    IncomingEvent(
                        id: EventID("\(order)-\(kind)-\(number)"), source: source, reference: .entity(EntityID(order)),
                        kind: EventKind(kind), payload: ["number": .integer(number)], receivedAt: message.receivedAt))
            ]
        }
    }

    static func domain(_ step: DurableStep<Order>) -> Domain<OrderState, Order> {
        Domain(
            machine: machine, sweeper: Sweeper(rules: []), decoders: [Decoder()], durableSteps: [step], interrupts: [],
            birth: { $0.kind == "work" ? Order() : nil }, references: { _ in [] },
            outcome: { order, state, _ in
                Outcome(
                    status: state.rawValue, state: state.rawValue,
                    facts: ["done": .string(order.done.map(String.init).joined(separator: " "))])
            })
    }

    static func plan(_ stage: Stage) -> MigrationPlan {
        MigrationPlan(
            name: "orders", version: 1,
            steps: [PlannedStep(number: "1", title: "Work", stage: stage), PlannedStep(number: "2", title: "End", stage: .legacy)])
    }
}

/// One process that runs orders live; several may follow each other on the same databases.
private struct OrderDesk<State: MachineState> {
    let service: BridgeService<State, Order>
    let bridge: EventBridge<State, Order>

    init(
        _ world: any EffectPort, _ database: LockstepDatabase, book: (any ShadowBook)?, stage: Stage = .shadow,
        step: DurableStep<Order> = Orders.step(), options: ServiceOptions = ServiceOptions(shadowShare: 1)
    ) throws where State == OrderState {
        try self.init(world, database, book: book, stage: stage, domain: Orders.domain(step), options: options)
    }

    init(
        _ world: any EffectPort, _ database: LockstepDatabase, book: (any ShadowBook)?, stage: Stage = .shadow,
        domain: Domain<State, Order>, options: ServiceOptions = ServiceOptions(shadowShare: 1)
    ) throws {
        let base = SQLiteHandoffStore(database)
        let commits = GroupCommits(of: base)
        let made = Mutex<EmbeddedEngine?>(nil)
        bridge = try EventBridge(
            domain: domain, plan: Orders.plan(stage), store: GroupCommitStore(base, commits), effects: world, shadow: book
        ) {
            let engine = EmbeddedEngine(
                store: GroupCommitWorkflowStore(SQLiteWorkflowStore(database), commits), workflows: $0, activities: $1,
                options: EngineOptions(isEager: true))
            made.withLock { $0 = engine }
            return engine
        }
        service = BridgeService(bridge, engine: try #require(made.withLock { $0 }), options: options)
    }

    func send(_ order: String, _ kind: String = "work", _ number: Int = 1) async throws {
        let body: JSONValue = ["order": .string(order), "kind": .string(kind), "number": .integer(number)]
        _ = try await service.submit(WireMessage(source: "desk", body: body.canonicalText, receivedAt: service.now))
    }

    func during(_ body: () async throws -> Void) async throws {
        let running = Task { [service] in try await service.run() }
        try await body()
        try await service.settled()
        service.shutdown()
        try await running.value
    }

    /// Takes orders from their first work to their end, all at the same time.
    func close(_ orders: Range<Int>) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in orders {
                group.addTask {
                    for work in 1...3 { try await send("O-\(number)", "work", work) }
                    try await send("O-\(number)", "check")
                }
            }
            try await group.waitForAll()
        }
    }
}

/// A shadow beside a service that runs.
@Suite struct LiveShadowTests {
    private let database: LockstepDatabase
    private let book: SQLiteShadowBook
    private let world = CountingWorld()

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
        #expect(world.calls == 400)
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

    @Test func withoutAShareNothingIsFollowed() async throws {
        let desk = try OrderDesk(world, database, book: book, options: ServiceOptions(grace: .zero, shadowShare: 0))
        try await desk.during { try await desk.close(0..<5) }
        #expect(try await closed() == 5)
        // It is kept, and the next process may follow it.
        #expect(try await book.counts()["1"]?.open == 5)
    }
}

private final class CountingWorld: EffectPort {
    private let count = Mutex(0)
    var calls: Int { count.withLock { $0 } }

    func kind(of operation: String) -> PartyKind { .refusesKnownKeys }
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        count.withLock { $0 += 1 }
        return ["reference": .string(call.key.description)]
    }
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { [:] }
}

/// A book whose first note is kept when somebody releases it.
private final class StuckBook: ShadowBook {
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
    func counts() async throws -> [StepNumber: ShadowCounts] { try await base.counts() }
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
    func counts() async throws -> [StepNumber: ShadowCounts] { try await base.counts() }
    func results(limit: Int) async throws -> [ShadowResult] { [] }
    func flush() async throws { throw Gone() }
    func forget(_ entity: EntityID) async throws { throw Gone() }
}

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
        let world = CountingWorld()
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
        #expect(world.calls == 0)
    }
}
