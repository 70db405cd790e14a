import Bridge
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import SQLiteStorage
import Synchronization
import Testing

// The tutorial "Bring your own machine" quotes this file; keep the two together.

// 1. The legacy machine as it is: three states, four events.
enum ClaimState: String, MachineState { case OPEN, CHECKED, CLOSED }

struct Claim: Codable, Sendable {
    var photo = false
    var paid = false
}

let claimMachine = Machine<ClaimState, Claim>(
    name: "parcel-claim", initial: .OPEN, events: ["claim.filed", "photo.received", "check.passed", "claim.withdrawn"], final: [.CLOSED],
    boundaries: [.CHECKED: "1"], steps: [.OPEN: "1", .CHECKED: "1", .CLOSED: "2"],
    transitions: [
        Transition(from: [.OPEN], on: "claim.filed", "noted") { _, state, _, _ in state },
        Transition(from: [.OPEN], on: "check.passed", to: [.CHECKED], "go on") { _, _, _, _ in .CHECKED },
        Transition(from: [.CHECKED], on: .continue, to: [.CLOSED], "pay") { claim, _, _, context in
            try await pay(&claim, context.effects)
            return .CLOSED
        },
        Transition(from: [.OPEN, .CHECKED], on: "claim.withdrawn", to: [.CLOSED], "close") { _, _, _, _ in .CLOSED },
    ], ignored: [Ignored(["photo.received"], in: ClaimState.allCases, "legacy wants no photo")])

func pay(_ claim: inout Claim, _ effects: EffectSession) async throws {
    try await effects.perform("bank.pay", step: "2")
    claim.paid = true
}

// 2. The step that is added, as a sequence.
let askForPhoto = DurableActivity<Claim>("mail.askForPhoto") { try await $1.perform("mail.askForPhoto", step: "1.1") }

let photoStep = DurableStep<Claim>(number: "1.1", events: ["photo.received"], activities: [askForPhoto]) { context, claim in
    try await context.perform(askForPhoto, on: &claim)
    claim.photo = try await context.wait(for: ["photo.received"], timeout: .days(7)) != nil
}

// 3. What arrives, in the sender's own form.
struct ClaimDecoder: WireDecoder {
    let source: EventSource = "depot"

    func decode(_ message: WireMessage) -> [DecodedMessage] {
        guard let body = try? JSONValue(parsing: message.body), let id = body["id"]?.string, let kind = body["kind"]?.string,
            let claim = body["claim"]?.string
        else {
            let letter = DeadLetter(
                id: message.derivedID(content: message.body), source: source, reason: .malformed, detail: "expected id, kind and claim",
                body: message.body, receivedAt: message.receivedAt)
            return [.deadLetter(letter)]
        }
        return [
            .event(
                IncomingEvent(
                    id: EventID(id), source: source, reference: .entity(EntityID(claim)), kind: EventKind(kind),
                    receivedAt: message.receivedAt))
        ]
    }
}

// 4. All of it together.
let claims = Domain(
    machine: claimMachine, sweeper: Sweeper(rules: []), decoders: [ClaimDecoder()], durableSteps: [photoStep],
    interrupts: ["claim.withdrawn"], birth: { $0.kind == "claim.filed" ? Claim() : nil }, references: { _ in [] },
    outcome: { claim, state, _ in Outcome(status: claim.paid ? "paid" : "open", state: state.rawValue, facts: ["photo": .bool(claim.photo)])
    })

let claimPlan = """
    plan: parcel-claims
    version: 1
    steps:
      - { step: 1, title: Check, stage: legacy }
      - { step: 1.1, title: Photo, stage: durable, added: true, expects: { facts: [photo], effects: [mail.*] } }
      - { step: 2, title: Payment, stage: legacy }
    """

/// 5. The outside: here it says yes to everything.
struct AgreeableWorld: EffectPort {
    func kind(of operation: String) -> PartyKind { .answersLookUps }
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue { [:] }
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { [:] }
}

@Suite struct BringYourOwnMachineTests {
    private func play(_ events: [(Duration, String)], plan: MigrationPlan) async throws -> (Outcome, [String: Int], [String]) {
        let database = try LockstepDatabase(path: ":memory:")
        let store = SQLiteHandoffStore(database)
        let made = Mutex<EmbeddedEngine?>(nil)
        let bridge = try EventBridge(domain: claims, plan: plan, store: store, effects: AgreeableWorld()) { workflows, activities in
            let engine = EmbeddedEngine(store: SQLiteWorkflowStore(database), workflows: workflows, activities: activities)
            made.withLock { $0 = engine }
            return engine
        }
        let engine = try #require(made.withLock { $0 })
        let start = Timestamp(milliseconds: 1_772_442_000_000)
        let lines = events.enumerated().map { index, event in
            TraceLine(
                receivedAt: start + event.0, source: "depot",
                body: ["id": .string("e\(index)"), "kind": .string(event.1), "claim": "P-1"])
        }
        try await TraceRunner(bridge: bridge, engine: engine, occur: { _ in }).run(lines)
        let outcome = try #require(try await bridge.outcome(of: "P-1"))
        return (outcome, try await store.counters(), try await store.ledger(of: "P-1").map(\.key.description))
    }

    private let happy: [(Duration, String)] = [(.zero, "claim.filed"), (.hours(1), "check.passed"), (.hours(5), "photo.received")]

    @Test func hybridAddsTheStep() async throws {
        let plan = try MigrationPlan(yaml: claimPlan, file: "claims.yaml")
        let (outcome, counters, effects) = try await play(happy, plan: plan)
        #expect(outcome == Outcome(status: "paid", state: "CLOSED", facts: ["photo": true]))
        #expect(counters["handOffs"] == 1)
        #expect(counters["handBacks"] == 1)
        #expect(effects == ["P-1/1.1/mail.askForPhoto/1", "P-1/2/bank.pay/1"])
    }

    @Test func legacyAlonePaysAtOnce() async throws {
        let plan = try MigrationPlan(yaml: claimPlan, file: "claims.yaml").legacyOnly()
        let (outcome, counters, effects) = try await play(happy, plan: plan)
        #expect(outcome == Outcome(status: "paid", state: "CLOSED", facts: ["photo": false]))
        #expect(counters["handOffs"] == nil)
        #expect(effects == ["P-1/2/bank.pay/1"])
    }

    @Test func aWithdrawalEndsTheWait() async throws {
        let plan = try MigrationPlan(yaml: claimPlan, file: "claims.yaml")
        let events: [(Duration, String)] = [(.zero, "claim.filed"), (.hours(1), "check.passed"), (.hours(2), "claim.withdrawn")]
        let (outcome, counters, effects) = try await play(events, plan: plan)
        #expect(outcome.state == "CLOSED")
        #expect(outcome.status == "open")
        #expect(counters["handBacks"] == 1)
        #expect(effects == ["P-1/1.1/mail.askForPhoto/1"])
    }

    @Test func aPhotoThatNeverComesDoesNotStopTheClaim() async throws {
        let plan = try MigrationPlan(yaml: claimPlan, file: "claims.yaml")
        let (outcome, _, _) = try await play(Array(happy.dropLast()), plan: plan)
        #expect(outcome == Outcome(status: "paid", state: "CLOSED", facts: ["photo": false]))
    }

    @Test func anEarlyPhotoIsKept() async throws {
        let plan = try MigrationPlan(yaml: claimPlan, file: "claims.yaml")
        let events: [(Duration, String)] = [(.zero, "claim.filed"), (.hours(1), "photo.received"), (.hours(2), "check.passed")]
        let (outcome, counters, _) = try await play(events, plan: plan)
        #expect(outcome.facts["photo"] == true)
        #expect(counters["parked"] == 1)
    }
}
