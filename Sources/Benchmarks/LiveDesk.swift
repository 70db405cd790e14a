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

enum ClaimState: String, MachineState { case open, checked, closed }

/// About what a registration holds, without what is personal.
struct Claim: Codable, Sendable {
    var company = "Example Holdings Limited"
    var website = "https://example.com"
    var note = "a text that makes the record about two hundred bytes, as those of the field are"
    var done: [Int] = []
    var photo = false
    var next: Int?
}

/// A machine with one call an event, one step that may be durable, and parties that answer after some time.
enum Claims {
    static let work = 6
    private static let source: EventSource = "desk"

    private static let machine = Machine<ClaimState, Claim>(
        name: "claims", initial: .open, events: ["work", "check", "photo"], final: [.closed], boundaries: [.checked: "1"],
        steps: [.open: "1", .checked: "1", .closed: "2"],
        transitions: [
            Transition(from: [.open], on: "work", "work") { claim, state, event, context in
                let number = event.payload["number"]?.integer ?? 0
                try await context.effects.perform("desk.work", step: "1", ordinal: number, request: ["number": .integer(number)])
                claim.done.append(number)
                return state
            },
            Transition(from: [.open], on: "check", to: [.checked], "go on") { _, _, _, _ in .checked },
            Transition(from: [.checked], on: .continue, to: [.closed], "close") { _, _, _, context in
                try await context.effects.perform("desk.close", step: "2")
                return .closed
            },
        ], ignored: [Ignored(["photo"], in: ClaimState.allCases, "legacy wants none")])

    private static let ask = DurableActivity<Claim>("desk.photo") { try await $1.perform("desk.photo", step: "1.1") }

    private static let photo = DurableStep<Claim>(number: "1.1", events: ["photo"], activities: [ask]) { context, claim in
        try await context.perform(ask, on: &claim)
        claim.photo = try await context.wait(for: ["photo"], timeout: .days(7)) != nil
    }

    private static let doWork = DurableActivity<Claim>("desk.work") { claim, effects in
        guard let number = claim.next else { return }
        try await effects.perform("desk.work", step: "1", ordinal: number, request: ["number": .integer(number)])
        claim.done.append(number)
        claim.next = nil
    }

    /// What legacy does in step 1, as durable code.
    private static let workStep = DurableStep<Claim>(
        number: "1", events: ["work", "check"], activities: [doWork], adopts: ["open"]
    ) { context, claim in
        while true {
            try await context.enter("open", claim)
            guard let event = try await context.wait(for: ["work", "check"]) else { continue }
            if event.kind == "check" { return "checked" }
            claim.next = event.payload["number"]?.integer
            try await context.perform(doWork, on: &claim)
        }
    }

    private struct Decoder: WireDecoder {
        let source = Claims.source

        func decode(_ message: WireMessage) -> [DecodedMessage] {
            guard let body = try? message.json(), let kind = body["kind"]?.string, let claim = body["claim"]?.string,
                let number = body["number"]?.integer
            else { return [] }
            return [.event(Claims.incoming(claim, kind, number, at: message.receivedAt))]
        }
    }

    static let domain = Domain(
        machine: machine, sweeper: Sweeper(rules: []), decoders: [Decoder()], durableSteps: [workStep, photo], interrupts: [],
        birth: { $0.kind == "work" ? Claim() : nil }, references: { _ in [] },
        outcome: { claim, state, _ in Outcome(status: state.rawValue, state: state.rawValue, facts: ["photo": .bool(claim.photo)]) })

    static func plan(_ mode: LiveMode) throws -> MigrationPlan {
        let text = """
            plan: claims
            version: 1
            steps:
              - { step: 1, title: Work, stage: legacy }
              - { step: 1.1, title: Photo, stage: durable, added: true, announces: [{ fact: photo, change: changed }, { effect: desk.photo, count: 1 }] }
              - { step: 2, title: End, stage: legacy }
            """
        let plan = try MigrationPlan(yaml: text, file: "claims.yaml")
        guard mode != .hybrid else { return plan }
        var legacy = plan.legacyOnly()
        if mode == .shadow { legacy.steps[0].stage = .shadow }
        return legacy
    }

    static func incoming(_ claim: String, _ kind: String, _ number: Int, at now: Timestamp) -> IncomingEvent {
        IncomingEvent(
            id: EventID("\(claim)-\(kind)-\(number)"), source: source, reference: .entity(EntityID(claim)), kind: EventKind(kind),
            payload: ["number": .integer(number)], receivedAt: now)
    }

    static func message(_ claim: String, _ kind: String, _ number: Int, at now: Timestamp) -> WireMessage {
        let body: JSONValue = ["claim": .string(claim), "kind": .string(kind), "number": .integer(number)]
        return WireMessage(source: source, body: body.canonicalText, receivedAt: now)
    }
}

/// Who runs the claims.
enum LiveMode: String, CaseIterable {
    case legacy, hybrid
    /// Legacy, with a shadow that follows its first step.
    case shadow
}

/// Parties that answer after a time, and tell whose call it was.
struct SlowParties: EffectPort {
    let latency: Duration
    let answered: @Sendable (EffectKey) -> Void

    func kind(of operation: String) -> PartyKind { .refusesKnownKeys }

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        if latency > .zero { try? await Task.sleep(for: latency) }
        answered(call.key)
        return ["reference": .string(call.key.description)]
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { [:] }
}

/// A service on a database file.
struct LiveDesk {
    let database: LockstepDatabase
    let service: BridgeService<ClaimState, Claim>
    let store: any HandoffStore
    /// What the shadow has found; nil without one.
    let book: SQLiteShadowBook?

    init(
        _ path: String, _ mode: LiveMode, options: ServiceOptions, parties: any EffectPort, ports: PortWrapper = .none
    ) throws {
        let database = try LockstepDatabase(path: path, durability: .grouped)
        let base = SQLiteHandoffStore(database)
        let commits = GroupCommits(of: base)
        let reading = try database.reader().map(SQLiteHandoffStore.init)
        let store = ports.handoffs(GroupCommitStore(base, commits, reading: reading))
        book =
            mode == .shadow
            ? SQLiteShadowBook(try LockstepDatabase(path: path + SQLiteShadowBook.suffix, durability: .grouped)) : nil
        let bridge = try EventBridge(
            domain: Claims.domain, plan: try Claims.plan(mode), store: store, effects: ports.effects(parties), shadow: book
        ) {
            EmbeddedEngine(
                store: ports.workflows(GroupCommitWorkflowStore(SQLiteWorkflowStore(database), commits)), workflows: $0, activities: $1,
                options: EngineOptions(isEager: true))
        }
        service = BridgeService(bridge, options: options)
        self.database = database
        self.store = store
    }

    func during<Value>(_ body: () async throws -> Value) async throws -> Value {
        let service = service
        let running = Task { try await service.run() }
        let value = try await body()
        service.shutdown()
        try await running.value
        return value
    }

    func send(_ claim: String, _ kind: String, _ number: Int = 1) async throws {
        _ = try await service.submit(Claims.message(claim, kind, number, at: service.now))
    }

    /// Plays claims from birth to end, 64 at a time.
    func play(_ numbers: Range<Int>, prefix: String) async throws {
        try await Measuring.inLanes(numbers) { number in
            let claim = "\(prefix)\(number)"
            for work in 1...Claims.work { try await send(claim, "work", work) }
            try await send(claim, "check")
            try await send(claim, "photo")
        }
        try await service.settled()
    }

    /// Visits that a shadow has followed, by verdict.
    func found() async throws -> [String: Int] {
        guard let counts = try await book?.counts()["1"] else { return [:] }
        let visits = Dictionary(counts.visits.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { $1 })
        return visits.merging(["open": counts.open, "leftOut": service.health.shadow?.leftOut ?? 0]) { $1 }
    }
}
