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
import Testing

enum OrderState: String, MachineState { case OPEN, CHECKED, CLOSED }

struct Order: Codable, Sendable {
    var done: [Int] = []
    var next: Int?
}

/// A machine of two steps; the first is there as durable code, too.
enum Orders {
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

    static func plan(_ stage: Stage, followed: Bool = false) -> MigrationPlan {
        MigrationPlan(
            name: "orders", version: 1,
            steps: [
                PlannedStep(number: "1", title: "Work", stage: stage, isFollowed: followed),
                PlannedStep(number: "2", title: "End", stage: .legacy),
            ])
    }
}

/// One process that runs orders live; several may follow each other on the same databases.
struct OrderDesk<State: MachineState> {
    let service: BridgeService<State, Order>
    let bridge: EventBridge<State, Order>

    init(
        _ world: any EffectPort, _ database: LockstepDatabase, book: (any ShadowBook)?, stage: Stage = .shadow,
        followed: Bool = false, step: DurableStep<Order> = Orders.step(), build: String? = nil,
        options: ServiceOptions = ServiceOptions(shadowShare: 1)
    ) throws where State == OrderState {
        try self.init(
            world, database, book: book, stage: stage, followed: followed, domain: Orders.domain(step), build: build, options: options)
    }

    init(
        _ world: any EffectPort, _ database: LockstepDatabase, book: (any ShadowBook)?, stage: Stage = .shadow,
        followed: Bool = false, domain: Domain<State, Order>, build: String? = nil,
        options: ServiceOptions = ServiceOptions(shadowShare: 1)
    ) throws {
        let plan = Orders.plan(stage, followed: followed)
        let base = SQLiteHandoffStore(database)
        let commits = GroupCommits(of: base)
        bridge = try EventBridge(
            domain: domain, plan: plan, store: GroupCommitStore(base, commits), effects: world, shadow: book,
            version: build.map { EvidenceVersion(build: $0, machine: "orders", plan: plan) }
        ) {
            EmbeddedEngine(
                store: GroupCommitWorkflowStore(SQLiteWorkflowStore(database), commits), workflows: $0, activities: $1,
                options: EngineOptions(isEager: true))
        }
        service = BridgeService(bridge, options: options)
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
