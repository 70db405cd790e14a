import Bridge
import BridgeTesting
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import SQLiteStorage
import Testing

enum TicketState: String, MachineState { case OPEN, CHECKED, CLOSED }

struct Ticket: Codable, Sendable {
    /// The numbers of the work that was done, in order.
    var done: [Int] = []
    var reminders = 0
    var photo = false
}

/// A machine with one call an event: work on a ticket, in any number of events; then a check, and the end.
let ticketMachine = Machine<TicketState, Ticket>(
    name: "tickets", initial: .OPEN, events: ["ticket.work", "ticket.check", "photo.received"], final: [.CLOSED],
    boundaries: [.CHECKED: "1"], steps: [.OPEN: "1", .CHECKED: "1", .CLOSED: "2"],
    retrySchedule: RetrySchedule(initial: .seconds(1), maximum: .seconds(64), maximumAttempts: 5),
    transitions: [
        Transition(from: [.OPEN], on: "ticket.work", "work") { ticket, state, event, context in
            let number = event.payload["number"]?.integer ?? 0
            try await context.effects.perform("desk.work", step: "1", ordinal: number)
            ticket.done.append(number)
            return state
        },
        Transition(from: [.OPEN], on: "timer.remind", "remind") { ticket, state, _, context in
            try await context.effects.perform("desk.remind", step: "1", ordinal: ticket.reminders + 1)
            ticket.reminders += 1
            return state
        },
        Transition(from: [.OPEN], on: "ticket.check", to: [.CHECKED], "go on") { _, _, _, _ in .CHECKED },
        Transition(from: [.CHECKED], on: .continue, to: [.CLOSED], "close") { _, _, _, context in
            try await context.effects.perform("desk.close", step: "2")
            return .CLOSED
        },
    ], ignored: [Ignored(["photo.received"], in: TicketState.allCases, "legacy wants no photo")])

let askForPhoto = DurableActivity<Ticket>("desk.photo") { try await $1.perform("desk.photo", step: "1.1") }

let photoStep = DurableStep<Ticket>(number: "1.1", events: ["photo.received"], activities: [askForPhoto]) { context, ticket in
    try await context.perform(askForPhoto, on: &ticket)
    ticket.photo = try await context.wait(for: ["photo.received"], timeout: .days(7)) != nil
}

struct TicketDecoder: WireDecoder {
    let source: EventSource = "desk"

    func decode(_ message: WireMessage) -> [DecodedMessage] {
        guard let body = try? JSONValue(parsing: message.body), let kind = body["kind"]?.string, let ticket = body["ticket"]?.string else {
            return [
                .deadLetter(
                    DeadLetter(
                        id: message.derivedID(content: message.body), source: source, reason: .malformed,
                        detail: "expected kind and ticket",
                        body: message.body, receivedAt: message.receivedAt))
            ]
        }
        let number = body["number"]?.integer ?? 0
        let reference = ticket.hasPrefix("job-") ? EntityReference.external([ticket]) : .entity(EntityID(ticket))
        return [
            .event(
                IncomingEvent(
                    id: EventID("\(ticket)-\(kind)-\(number)"), source: source, reference: reference, kind: EventKind(kind),
                    payload: ["number": .integer(number)], receivedAt: message.receivedAt))
        ]
    }
}

let tickets = Domain(
    machine: ticketMachine,
    sweeper: Sweeper(rules: [SweepRule("remind", in: [.OPEN], after: .hours(2), since: .stepEntered, emits: "timer.remind")]),
    decoders: [TicketDecoder()], durableSteps: [photoStep], interrupts: [],
    birth: { incoming in
        if case .entity = incoming.reference, incoming.kind == "ticket.work" { Ticket() } else { nil }
    },
    // Work from 1000 on has a number that the desk gives out.
    references: { $0.done.filter { $0 >= 1000 }.map { "job-\($0)" } },
    outcome: { ticket, state, _ in
        Outcome(
            status: state == .CLOSED ? "closed" : "open", state: state.rawValue,
            facts: [
                "done": .string(ticket.done.map(String.init).joined(separator: " ")), "reminders": .integer(ticket.reminders),
                "photo": .bool(ticket.photo),
            ])
    })

let ticketPlan = """
    plan: tickets
    version: 1
    steps:
      - { step: 1, title: Work, stage: legacy }
      - { step: 1.1, title: Photo, stage: durable, added: true, announces: [{ fact: photo, change: changed }, { effect: desk.photo, count: 1 }] }
      - { step: 2, title: End, stage: legacy }
    """

/// One process that runs tickets live.
struct Desk {
    let world: GatedWorld
    let database: LockstepDatabase
    let store: any HandoffStore
    let bridge: EventBridge<TicketState, Ticket>
    let service: BridgeService<TicketState, Ticket>
    private let flushes = Watched(0)

    init(
        _ world: GatedWorld, isHybrid: Bool = false, clock: any ServiceClock = RealTime(), options: ServiceOptions = ServiceOptions(),
        on database: LockstepDatabase? = nil, wrapping wrap: (any HandoffStore) -> any HandoffStore = { $0 }
    ) throws {
        let database = try database ?? LockstepDatabase(path: ":memory:", durability: .grouped)
        let base = CountingStore(base: SQLiteHandoffStore(database), flushes: flushes)
        let commits = GroupCommits(of: base)
        let reading = try database.reader().map { wrap(SQLiteHandoffStore($0)) }
        let store = GroupCommitStore(wrap(base), commits, reading: reading)
        let plan = try MigrationPlan(yaml: ticketPlan, file: "tickets.yaml")
        bridge = try EventBridge(domain: tickets, plan: isHybrid ? plan : plan.legacyOnly(), store: store, effects: world) {
            EmbeddedEngine(
                store: GroupCommitWorkflowStore(SQLiteWorkflowStore(database), commits), workflows: $0, activities: $1,
                options: EngineOptions(isEager: true), time: clock)
        }
        service = BridgeService(bridge, options: options, clock: clock)
        self.world = world
        self.database = database
        self.store = store
    }

    var commits: Int { flushes.value }

    func begin() -> Task<Void, any Error> { Task { try await service.run() } }

    static func message(_ ticket: String, _ kind: String = "ticket.work", _ number: Int = 1, at now: Timestamp) -> WireMessage {
        let body: JSONValue = ["ticket": .string(ticket), "kind": .string(kind), "number": .integer(number)]
        return WireMessage(source: "desk", body: body.canonicalText, receivedAt: now)
    }

    @discardableResult
    func send(_ ticket: String, _ kind: String = "ticket.work", _ number: Int = 1) async throws -> [Acceptance] {
        try await service.submit(Self.message(ticket, kind, number, at: service.now))
    }

    func outcome(_ ticket: String) async throws -> Outcome? { try await bridge.outcome(of: EntityID(ticket)) }

    func done(_ ticket: String) async throws -> String? { try await outcome(ticket)?.facts["done"]?.string }

    static func key(_ ticket: String, _ number: Int = 1) -> EffectKey {
        EffectKey(entity: EntityID(ticket), step: "1", operation: "desk.work", ordinal: number)
    }
}

/// A store that counts its commits.
struct CountingStore: ForwardingHandoffStore {
    let base: any HandoffStore
    let flushes: Watched<Int>

    func flush() async throws {
        try await base.flush()
        flushes.change { $0 += 1 }
    }
}
