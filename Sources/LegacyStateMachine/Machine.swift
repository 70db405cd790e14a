public import Events
public import Outcomes

/// The states of a legacy machine: a closed set with stable texts, never ordinals.
public protocol MachineState: RawRepresentable, Hashable, Sendable, CaseIterable, Codable where RawValue == String {}

/// What an action may use besides record and event.
public struct ActionContext {
    /// The moment at which the event is handled.
    public let now: Timestamp
    /// From 1; the retry count in the message.
    public let attempt: Int
    /// The door to the outside.
    public let effects: EffectSession

    /// A context.
    public init(now: Timestamp, attempt: Int, effects: EffectSession) {
        self.now = now
        self.attempt = attempt
        self.effects = effects
    }
}

/// One row of the table: in these states, on this event, do this and go to one of those states.
public struct Transition<State: MachineState, Record: Sendable>: Sendable {
    /// What is done; returns the new state, which must be one of ``to``.
    public typealias Action = @Sendable (inout Record, State, Event, ActionContext) async throws -> State

    /// The states in which the row applies.
    public let from: [State]
    /// The event.
    public let event: EventKind
    /// The states it may lead to; staying is leading to the same state.
    public let to: [State]
    /// What is done, in a few words, for the chart.
    public let note: String
    /// Where to park when all attempts of the action are used up; nil sends the message to the dead letters.
    public let exhausted: State?
    /// The code.
    public let action: Action

    /// A row. An empty `to` means that the row never leaves the state it started in.
    public init(
        from: [State], on event: EventKind, to: [State] = [], _ note: String, exhausted: State? = nil, action: @escaping Action
    ) {
        self.from = from
        self.event = event
        self.to = to
        self.note = note
        self.exhausted = exhausted
        self.action = action
    }
}

/// Events that are dropped on purpose in some states.
public struct Ignored<State: MachineState>: Sendable {
    /// The states.
    public let states: [State]
    /// The events.
    public let events: [EventKind]
    /// Why it is right to drop them.
    public let reason: String

    /// A rule.
    public init(_ events: [EventKind], in states: [State], _ reason: String) {
        self.events = events
        self.states = states
        self.reason = reason
    }
}

/// What the table says about one state and one event.
public enum Cell<State: MachineState>: Hashable, Sendable {
    /// A row handles it; it may lead to these states.
    case handled(note: String, to: [State])
    /// Dropped on purpose.
    case ignored(reason: String)
    /// Nobody has thought about it.
    case undefined

}

/// What became of one event.
public enum Handling<State: MachineState>: Hashable, Sendable {
    /// A row ran and the record is in this state now.
    case moved(State)
    /// Dropped on purpose.
    case ignored(String)
    /// No row, no rule.
    case undefined
    /// The action failed for now; handle the same message again after this time.
    case retry(after: Duration, reason: String)
    /// The attempts are used up; park in the state, or send to the dead letters when there is none.
    case exhausted(State?, reason: String)
    /// The action failed for good.
    case failed(reason: String)
}

/// A legacy machine as a table: "database in state Y, event X arrives, do Z" is one row.
public struct Machine<State: MachineState, Record: Sendable>: Sendable {
    /// The machine's name.
    public let name: String
    /// The state of a new record.
    public let initial: State
    /// The events from outside, in the order of the matrix' columns.
    public let events: [EventKind]
    /// States that nothing leaves.
    public let final: Set<State>
    /// States in which a step is complete and `continue` starts the next one; the value is the completed step.
    public let boundaries: [State: StepNumber]
    /// The step each state belongs to; a state without one (a hold) stays in the step the entity is in.
    public let steps: [State: StepNumber]
    /// When a failed action is tried again.
    public let retrySchedule: RetrySchedule
    /// All rows.
    public let transitions: [Transition<State, Record>]
    var rows: [Place: Transition<State, Record>]
    private let reasons: [Place: String]

    struct Place: Hashable {
        let state: State
        let event: EventKind
    }

    /// A machine. Two rows for the same state and event are a programming error and stop the process with both notes.
    public init(
        name: String, initial: State, events: [EventKind], final: Set<State>, boundaries: [State: StepNumber] = [:],
        steps: [State: StepNumber],
        retrySchedule: RetrySchedule = RetrySchedule(), transitions: [Transition<State, Record>], ignored: [Ignored<State>] = []
    ) {
        self.name = name
        self.initial = initial
        self.events = events
        self.final = final
        self.boundaries = boundaries
        self.steps = steps
        self.retrySchedule = retrySchedule
        self.transitions = transitions
        var rows: [Place: Transition<State, Record>] = [:]
        for row in transitions {
            for state in row.from {
                let place = Place(state: state, event: row.event)
                if let other = rows[place] {
                    preconditionFailure("\(name): two rows for \(row.event) in \(state.rawValue): '\(other.note)' and '\(row.note)'")
                }
                rows[place] = row
            }
        }
        self.rows = rows
        reasons = Dictionary(
            ignored.flatMap { rule in
                rule.states.flatMap { state in rule.events.map { (Place(state: state, event: $0), rule.reason) } }
            }, uniquingKeysWith: { first, _ in first })
    }

    /// What the table says about `event` in `state`. A row wins over a rule to ignore.
    public func cell(_ state: State, _ event: EventKind) -> Cell<State> {
        let place = Place(state: state, event: event)
        if let row = rows[place] { return .handled(note: row.note, to: row.to.isEmpty ? [state] : row.to) }
        if let reason = reasons[place] { return .ignored(reason: reason) }
        return .undefined
    }

    /// True when a row handles `event` in `state`.
    public func handles(_ event: EventKind, in state: State) -> Bool { rows[Place(state: state, event: event)] != nil }

    /// Handles `event`. The record is changed only when the result is `moved` or `exhausted` with a state.
    public func handle(_ event: Event, in state: State, record: inout Record, context: ActionContext) async -> Handling<State> {
        guard let row = rows[Place(state: state, event: event.kind)] else {
            return reasons[Place(state: state, event: event.kind)].map { .ignored($0) } ?? .undefined
        }
        var changed = record
        do {
            let target = try await row.action(&changed, state, event, context)
            guard target == state || row.to.contains(target) else { return .failed(reason: undeclared(row, state, target)) }
            record = changed
            return .moved(target)
        } catch let error as EffectError {
            return failure(error, row, event, context, &record, changed)
        } catch is CancellationError {
            // The process ends: the next one tries again.
            return .retry(after: .zero, reason: "the process ended")
        } catch {
            return .failed(reason: "\(error)")
        }
    }

    private func failure(
        _ error: EffectError, _ row: Transition<State, Record>, _ event: Event, _ context: ActionContext, _ record: inout Record,
        _ changed: Record
    ) -> Handling<State> {
        if error.isRetryable, context.attempt < retrySchedule.maximumAttempts {
            let wait = retrySchedule.delay(afterAttempt: context.attempt, entity: event.entity)
            return .retry(after: max(wait, error.retryAfter ?? .zero), reason: error.description)
        }
        guard let parked = row.exhausted else { return .failed(reason: error.description) }
        record = changed
        return .exhausted(parked, reason: error.description)
    }

    private func undeclared(_ row: Transition<State, Record>, _ from: State, _ target: State) -> String {
        "\(name): \(row.event) in \(from.rawValue) led to \(target.rawValue); expected one of "
            + "\(row.to.map(\.rawValue).joined(separator: ", ")); declare the target in the row '\(row.note)'"
    }
}

/// When a failed action is tried again: exponential with jitter that depends only on entity and attempt.
public struct RetrySchedule: Hashable, Sendable {
    /// The wait after the first attempt.
    public var initial: Duration
    /// No wait is longer.
    public var maximum: Duration
    /// The attempts in all.
    public var maximumAttempts: Int

    /// The domain's defaults (A2P §3.4): 1 s, doubled up to 30 s, 8 attempts.
    public init(initial: Duration = .seconds(1), maximum: Duration = .seconds(30), maximumAttempts: Int = 8) {
        self.initial = initial
        self.maximum = maximum
        self.maximumAttempts = maximumAttempts
    }

    /// The wait after `attempt` (from 1): between half of the step and the whole of it.
    public func delay(afterAttempt attempt: Int, entity: EntityID) -> Duration {
        let (doubled, overflow) = initial.milliseconds.multipliedReportingOverflow(by: 1 << Int64(min(max(attempt, 1) - 1, 20)))
        let step = overflow ? maximum.milliseconds : min(maximum.milliseconds, doubled)
        let jitter = Int64(StableHash.value("\(entity)/\(attempt)") % UInt64(max(1, step / 2)))
        return .milliseconds(step - jitter)
    }
}
