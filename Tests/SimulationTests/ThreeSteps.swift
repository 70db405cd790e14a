import Bridge
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

/// The process of the model (`Model/handoff.pml`), for the real bridge: three steps, two events a step, an interrupt, a poll.
enum ThreeSteps {
    /// A shape of the process, as the model has it.
    enum Shape: String, CaseIterable, Sendable { case replaced, added, revisited, twoSteps }

    enum State: String, MachineState {
        case FIRST_A, FIRST_B, FIRST_DONE, SECOND_A, SECOND_B, SECOND_DONE, THIRD_A, THIRD_B, FINAL
    }

    struct Record: Codable, Sendable {
        /// True in the second round of `revisited`.
        var isAgain = false
        /// True when the first event of an added step was used before it was interrupted.
        var hasFirst = false
        /// The events that the last poll has found.
        var found: [String] = []
    }

    static let interrupt: EventKind = "interrupt"
    static let opened: EventKind = "opened"
    static let timer: EventKind = "timer.poll"
    static let source: EventSource = "outside"

    /// The event with a number, from 0, in the order in which they happen.
    static func event(_ number: Int) -> EventKind { EventKind("e\(number)") }
    /// How many events happen.
    static func count(_ shape: Shape) -> Int { shape == .revisited ? 8 : 6 }

    static func plan(_ shape: Shape) throws -> MigrationPlan {
        let third = shape == .twoSteps ? "durable" : "legacy"
        let yaml = """
            plan: three-steps
            version: 1
            steps:
              - { step: 1, title: First, stage: legacy }
              - { step: 2, title: Second, stage: durable\(shape == .added ? ", added: true" : "") }
              - { step: 3, title: Third, stage: \(third) }
            """
        return try MigrationPlan(yaml: yaml, file: "three-steps.yaml")
    }

    static func domain(_ shape: Shape) -> Domain<State, Record> {
        Domain(
            machine: machine(shape), sweeper: Sweeper(rules: [poll(shape)]), decoders: [Decoder()], durableSteps: steps(shape),
            interrupts: [interrupt], birth: { $0.kind == opened ? Record() : nil }, references: { _ in [] },
            outcome: { _, state, _ in
                Outcome(status: state == .FINAL ? "done" : "waiting", state: state.rawValue)
            })
    }
}

/// Reads `{"id": …, "kind": …, "entity": …}`.
private struct Decoder: WireDecoder {
    let source = ThreeSteps.source

    func decode(_ message: WireMessage) -> [DecodedMessage] {
        guard let body = try? JSONValue(parsing: message.body), let kind = body["kind"]?.string, let entity = body["entity"]?.string else {
            return []
        }
        return [
            .event(
                IncomingEvent(
                    id: EventID("\(entity)-\(kind)"), source: source, reference: .entity(EntityID(entity)), kind: EventKind(kind),
                    receivedAt: message.receivedAt))
        ]
    }
}

// MARK: Legacy

extension ThreeSteps {
    private typealias Row = Transition<State, Record>

    private static func machine(_ shape: Shape) -> Machine<State, Record> {
        let waits = waits(shape)
        let events = (0..<count(shape)).map(event) + [interrupt, opened, timer]
        return Machine(
            name: "three-steps", initial: .FIRST_A, events: events, final: [.FINAL],
            boundaries: [.FIRST_DONE: "1", .SECOND_DONE: "2"], steps: places(shape),
            transitions: waits.flatMap { rows($0.key, $0.value) } + continues(shape) + [opening])
    }

    private static let opening = Row(from: [.FIRST_A], on: opened, "noted") { _, state, _, _ in state }

    private static func places(_ shape: Shape) -> [State: StepNumber] {
        var places: [State: StepNumber] = [.FIRST_A: "1", .FIRST_B: "1", .FIRST_DONE: "1", .THIRD_A: "3", .THIRD_B: "3", .FINAL: "3"]
        if shape != .added { for state in [State.SECOND_A, .SECOND_B, .SECOND_DONE] { places[state] = "2" } }
        return places
    }

    /// For each state the events that it may wait for; the second is that of the second round.
    private static func waits(_ shape: Shape) -> [State: [EventKind]] {
        var waits: [State: [EventKind]] = [.FIRST_A: ["e0"], .FIRST_B: ["e1"], .THIRD_A: ["e4"], .THIRD_B: ["e5"]]
        if shape != .added { waits.merge([.SECOND_A: ["e2"], .SECOND_B: ["e3"]]) { $1 } }
        if shape == .revisited {
            waits.merge([.SECOND_A: ["e2", "e5"], .SECOND_B: ["e3", "e6"], .THIRD_A: ["e4", "e7"], .THIRD_B: []]) { $1 }
        }
        return waits
    }

    private static func rows(_ state: State, _ kinds: [EventKind]) -> [Row] {
        guard !kinds.isEmpty else { return [] }
        let awaited = { @Sendable (record: Record) in kinds[record.isAgain ? kinds.count - 1 : 0] }
        let next = State.allCases.drop { $0 != state }.dropFirst().prefix(1)
        let targets: [State] = state == .THIRD_A && kinds.count == 2 ? [.FIRST_DONE, .FINAL] : Array(next)
        let go = { @Sendable (record: inout Record) -> State in
            defer { if targets.count == 2 { record.isAgain = true } }
            return targets[record.isAgain ? targets.count - 1 : 0]
        }
        return kinds.map { kind in
            Row(from: [state], on: kind, to: targets, "go on") { record, state, _, _ in awaited(record) == kind ? go(&record) : state }
        } + [
            Row(from: [state], on: timer, to: targets, "poll") { record, state, _, context in
                let found = try await context.effects.read("outside.events").array ?? []
                return found.contains(.string(awaited(record).rawValue)) ? go(&record) : state
            }
        ]
    }

    private static func continues(_ shape: Shape) -> [Row] {
        let third = Row(from: [shape == .added ? .FIRST_DONE : .SECOND_DONE], on: .continue, to: [.THIRD_A], "begin the third step") {
            _, _, _, _ in .THIRD_A
        }
        guard shape != .added else { return [third] }
        return [third, Row(from: [.FIRST_DONE], on: .continue, to: [.SECOND_A], "begin the second step") { _, _, _, _ in .SECOND_A }]
    }

    private static func poll(_ shape: Shape) -> SweepRule<State> {
        let states = Set(waits(shape).filter { !$0.value.isEmpty }.keys)
        return SweepRule("poll", in: states, after: .days(1), since: .lastEventOrSweep, emits: timer)
    }
}

// MARK: Durable

extension ThreeSteps {
    private typealias Context = StepContext<Record>

    private static let look = DurableActivity<Record>("outside.look") { record, effects in
        record.found = try await effects.read("outside.events").array?.compactMap(\.string) ?? []
    }

    private static func steps(_ shape: Shape) -> [DurableStep<Record>] {
        if shape == .added { return [added] }
        let kinds: [[EventKind]] = [["e2", "e3"]] + (shape == .revisited ? [["e5", "e6"]] : [])
        let early = Dictionary(kinds.joined().map { ($0, EarlyEvent.keep) }, uniquingKeysWith: { $1 })
        let second = DurableStep<Record>(number: "2", events: Set(kinds.joined()), early: early, activities: [look], adopts: []) {
            let kinds = kinds[$1.isAgain ? kinds.count - 1 : 0]
            try await wait(in: [.SECOND_A, .SECOND_B], for: kinds, $0, &$1)
            return State.SECOND_DONE.rawValue
        }
        return [second] + (shape == .twoSteps ? [third] : [])
    }

    private static let third = DurableStep<Record>(number: "3", events: ["e4", "e5"], activities: [look], adopts: []) {
        try await wait(in: [.THIRD_A, .THIRD_B], for: ["e4", "e5"], $0, &$1)
        return State.FINAL.rawValue
    }

    private static let added = DurableStep<Record>(number: "2", events: ["e2", "e3"], activities: [look]) { context, record in
        if !record.hasFirst {
            record.hasFirst = try await wait(for: "e2", context, &record)
        }
        _ = try await wait(for: "e3", context, &record)
        record.hasFirst = false
    }

    private static func wait(in states: [State], for kinds: [EventKind], _ context: Context, _ record: inout Record) async throws {
        for (state, kind) in zip(states, kinds) {
            try await context.enter(state.rawValue, record)
            _ = try await wait(for: kind, context, &record)
        }
    }

    /// True when the event has come, false when a poll has found it.
    private static func wait(for kind: EventKind, _ context: Context, _ record: inout Record) async throws -> Bool {
        while true {
            if try await context.wait(for: [kind], timeout: .days(1)) != nil { return true }
            try await context.perform(look, on: &record)
            if record.found.contains(kind.rawValue) { return false }
        }
    }
}
