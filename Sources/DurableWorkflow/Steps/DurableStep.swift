public import Events
public import Outcomes

/// One durable activity of a step: a domain function that performs effects on behalf of a record.
///
/// A legacy action calls the same function. The engine retries it by `retry`; the effects in it are performed once by their keys.
public struct DurableActivity<Record: Codable & Sendable>: Sendable {
    /// The activity's name, unique in the domain, for example `vetting.order`.
    public let name: String
    /// When to try again.
    public let retry: RetryPolicy
    /// Performs the effects and notes the replies in the record.
    public let run: @Sendable (inout Record, EffectSession) async throws -> Void

    /// An activity.
    public init(
        _ name: String, retry: RetryPolicy = RetryPolicy(maximumInterval: .seconds(30)),
        run: @escaping @Sendable (inout Record, EffectSession) async throws -> Void
    ) {
        self.name = name
        self.retry = retry
        self.run = run
    }
}

/// A step as durable code: a sequence that can be read.
public struct DurableStep<Record: Codable & Sendable>: Sendable {
    /// The step's number in the plan.
    public let number: StepNumber
    /// The events it waits for.
    public let events: Set<EventKind>
    /// What becomes of an event that comes before the step is due; for one that is not named, what legacy does with it.
    public let early: [EventKind: EarlyEvent]
    /// Its activities.
    public let activities: [DurableActivity<Record>]
    /// The legacy states in which the step can take an entity over: the code begins there, see ``StepEntry/state``.
    public let adopts: Set<String>
    /// True when its waits hear ``StepContext/answers``, and its code answers them.
    public let answers: Bool
    /// Where an entity that was past the step when a plan put it in takes it all the same, if the plan says so; nil for nowhere.
    public private(set) var makesUp: MakeUp<Record>?
    /// The sequence; it returns the legacy state in which it ends, nil for a step that legacy has no states for.
    public let run: @Sendable (StepContext<Record>, inout Record) async throws -> String?

    /// A step that legacy does not have; `events` are kept for it when they come early, unless `early` says otherwise.
    public init(
        number: StepNumber, events: Set<EventKind>, early: [EventKind: EarlyEvent] = [:], activities: [DurableActivity<Record>],
        answers: Bool = false,
        run: @escaping @Sendable (StepContext<Record>, inout Record) async throws -> Void
    ) {
        self.number = number
        self.events = events
        self.early = Dictionary(events.map { ($0, early[$0] ?? .keep) }, uniquingKeysWith: { $1 })
        self.activities = activities
        self.answers = answers
        adopts = []
        self.run = { context, record in
            try await run(context, &record)
            return nil
        }
    }

    /// A step that replaces legacy's. `run` is workflow code (no clock, no randomness, no I/O but through the context); it names the
    /// legacy state of each wait and returns the one in which it ends. `adopts` are the states in which it can begin.
    public init(
        number: StepNumber, events: Set<EventKind>, early: [EventKind: EarlyEvent] = [:], activities: [DurableActivity<Record>],
        adopts: Set<String>, answers: Bool = false, run: @escaping @Sendable (StepContext<Record>, inout Record) async throws -> String
    ) {
        self.number = number
        self.events = events
        self.early = early
        self.activities = activities
        self.adopts = adopts
        self.answers = answers
        self.run = { try await run($0, &$1) }
    }

    private init(_ other: DurableStep, run: @escaping @Sendable (StepContext<Record>, inout Record) async throws -> String?) {
        (number, events, early, activities) = (other.number, other.events, other.early, other.activities)
        (adopts, answers, makesUp) = (other.adopts, other.answers, other.makesUp)
        self.run = run
    }

    /// The same step, which an entity that is past it can make up for: before `event` in one of `states`, which lie in later steps, when
    /// the record says that it is `needed`. The code begins with that state in ``StepEntry/state`` and ends where it began.
    public func madeUp(
        before event: EventKind, in states: Set<String>, when needed: @escaping @Sendable (Record) -> Bool = { _ in true }
    ) -> DurableStep {
        var step = self
        step.makesUp = MakeUp(event: event, states: states, isNeeded: needed)
        return step
    }

    /// The same step with other code: a probe, or a known bug.
    package func running(_ run: @escaping @Sendable (StepContext<Record>, inout Record) async throws -> String?) -> DurableStep {
        DurableStep(self, run: run)
    }
}

/// Where an entity that is past an added step makes up for it.
public struct MakeUp<Record: Sendable>: Sendable {
    /// The event that has to wait until the step is done.
    public let event: EventKind
    /// The legacy states in which it has to.
    public let states: Set<String>
    /// True when the record says that the step is needed there.
    public let isNeeded: @Sendable (Record) -> Bool
}

/// Where and when a step begins for an entity.
public struct StepEntry: Codable, Hashable, Sendable {
    /// The legacy state from which it was adopted; nil for the step's beginning.
    public var state: String?
    /// When the entity was born.
    public var createdAt: Timestamp
    /// When it entered the step.
    public var enteredAt: Timestamp
    /// When something was last heard of it, or it was looked at: polls count from here.
    public var heardAt: Timestamp
    /// When its last event came; nil when that is ``heardAt``.
    public var eventAt: Timestamp?
    /// When it was last looked at; nil when that is ``heardAt``.
    public var checkedAt: Timestamp?

    /// An entry.
    public init(
        state: String? = nil, createdAt: Timestamp, enteredAt: Timestamp, heardAt: Timestamp, eventAt: Timestamp? = nil,
        checkedAt: Timestamp? = nil
    ) {
        self.state = state
        self.createdAt = createdAt
        self.enteredAt = enteredAt
        self.heardAt = heardAt
        self.eventAt = eventAt
        self.checkedAt = checkedAt
    }

    /// The same, where `wait` goes on.
    func beginning(with wait: StepContinuation) -> StepEntry {
        StepEntry(
            state: wait.state, createdAt: createdAt, enteredAt: wait.enteredAt ?? enteredAt, heardAt: max(wait.eventAt, wait.checkedAt),
            eventAt: wait.eventAt, checkedAt: wait.checkedAt)
    }
}

/// An event that belongs to no step (cancel, override) has arrived: the segment ends here and hands the entity back with it.
public struct StepInterruption: Error, Hashable, Sendable {
    /// The event, which legacy will handle.
    public let event: Event
    /// The id of the signal that has brought it.
    public let signal: String

    /// An interruption by `event`, which the signal `signal` has brought.
    public init(event: Event, signal: String) {
        self.event = event
        self.signal = signal
    }
}

/// What a step's code throws when an event that belongs to no step moves the entity to another state: the customer cancels, support
/// decides otherwise, the time of the whole process is up. The step ends incomplete.
public struct StepMove: Error, Hashable, Sendable {
    /// The state to which the entity goes.
    public let state: String
    /// What has moved it.
    public let kind: EventKind

    /// A move to `state`, by an event of `kind`.
    public init(to state: String, by kind: EventKind) {
        self.state = state
        self.kind = kind
    }
}

extension WorkflowContext {
    /// The JSON form of what goes out. While replaying it is null, because nobody looks at it.
    public func json(_ value: some Encodable) throws -> JSONValue { isReplaying ? .null : try JSONValue(encoding: value) }
}

/// A wait point of a step that legacy has a state for: where the entity is seen to be, and where legacy goes on after a recall.
public struct StepPosition: Codable, Hashable, Sendable {
    /// The name of the activity that makes it true; its input is the position.
    public static let activity = "lockstep.enter"

    /// The legacy state.
    public var state: String
    /// The record there.
    public var record: JSONValue
    /// The ids of the events used since the last wait point of the step.
    public var used: [String]
    /// The end of the step before, which becomes true together with this wait point; nil when it is true already.
    public var after: StepEnd?
    /// When the step last saw to what was due: a wait's deadline passed then. Nil when none has yet, and in what an older build has written.
    public var checkedAt: Timestamp?
}

/// An event that a step's code cannot use, and why: it is kept as a dead letter.
public struct StepRefusal: Codable, Hashable, Sendable {
    /// The name of the activity that makes it true; its input is the refusal.
    public static let activity = "lockstep.refuse"

    /// The id of the signal that has brought the event.
    public var signal: String
    /// One sentence: expected, found, remedy.
    public var reason: String
}

/// What a step's code throws in a wait to go on there with an empty history: it begins in `state`, as after an adoption.
public struct StepContinuation: Error, Hashable, Sendable {
    /// The legacy state of the wait; the step has to adopt it.
    public let state: String
    /// When the entity's last event came.
    public let eventAt: Timestamp
    /// When it was last looked at.
    public let checkedAt: Timestamp
    /// When the entity entered the step; nil for when the step began.
    public let enteredAt: Timestamp?

    /// A continuation.
    public init(in state: String, eventAt: Timestamp, checkedAt: Timestamp, enteredAt: Timestamp? = nil) {
        self.state = state
        self.enteredAt = enteredAt
        self.eventAt = eventAt
        self.checkedAt = checkedAt
    }
}

/// What a step's code sees of the workflow it runs in.
public struct StepContext<Record: Codable & Sendable> {
    /// The workflow.
    public let workflow: WorkflowContext
    /// Where and when the step began.
    public private(set) var entry: StepEntry
    /// The events that belong to no step and that the step's code has to answer in every wait, because the plan leaves them to the durable
    /// side: it goes on, or throws ``StepMove``. Empty while legacy answers them.
    public let answers: Set<EventKind>
    private let interrupts: Set<EventKind>
    private let isLocal: Bool
    private let told: Told

    /// How many of the workflow's signals were used before the step began, and how many its last wait point has told of.
    private final class Told {
        let before: Int
        var count: Int
        /// The end of the step before and the record there, while nobody was told.
        var after: (end: StepEnd, record: Record)?
        /// When a wait's deadline passed last.
        var checkedAt: Timestamp?
        init(_ count: Int, after: (end: StepEnd, record: Record)?) { (before, self.count, self.after) = (count, count, after) }
    }

    /// The context of a step in `workflow`. Events in `interrupts` end any wait that does not name them with ``StepInterruption``; when
    /// the durable side `answers` them, the code is to name them. Wait points are local activities when `isLocal`.
    public init(
        workflow: WorkflowContext, entry: StepEntry, interrupts: Set<EventKind>, answers: Bool = false, isLocal: Bool = true,
        after: (end: StepEnd, record: Record)? = nil
    ) {
        self.workflow = workflow
        self.entry = entry
        self.interrupts = interrupts
        self.answers = answers ? interrupts : []
        self.isLocal = isLocal
        told = Told(workflow.signalsUsed.count, after: after)
    }

    /// The same context for a step that goes on as if it had been taken over in `state` at this moment.
    public func entering(in state: String) -> StepContext {
        var further = self
        further.entry = entry.beginning(with: StepContinuation(in: state, eventAt: now, checkedAt: now))
        return further
    }

    /// True when the step should go on with an empty history as soon as it can, see ``StepContinuation``.
    public var isHistoryLong: Bool {
        isLocal ? workflow.historyLength >= SegmentWorkflow<Record>.eventsOfARun : workflow.isContinueAsNewSuggested
    }

    /// The ids of the signals that the step has used.
    var used: [String] { Array(workflow.signalsUsed.dropFirst(told.before)) }

    /// Makes something true that belongs to the step: inside the workflow task, or in a segment of an earlier build as an activity.
    /// `input` is asked only when it is really to be done.
    func makeTrue(_ activity: String, _ input: () throws -> some Encodable) async throws -> JSONValue {
        if isLocal { return try await workflow.executeLocal(activity, input: input) }
        return try await workflow.execute(activity, input: workflow.isReplaying ? .null : try JSONValue(encoding: input()))
    }

    /// The moment of the present activation, the same on every replay.
    public var now: Timestamp { workflow.now }

    /// Runs `activity` and folds what it changed into the record. Activities that run in parallel do not overwrite each other.
    public func perform(_ activity: DurableActivity<Record>, on record: inout Record) async throws {
        let changes = try await workflow.execute(activity.name, input: try workflow.json(record), retry: activity.retry)
        record = try JSONValue(encoding: record).merging(changes).decoded(as: Record.self)
    }

    /// Keeps in the record what the last attempt of an activity has written before it failed for good, for code that goes on: legacy keeps it,
    /// too, where it gives an action up. Code that lets the error end the step leaves the record as it was, and legacy begins anew.
    public func keep(_ error: ActivityError, in record: inout Record) throws {
        guard case .application(_, _, let details, _) = error.cause.info, let changes = details.first else { return }
        record = try JSONValue(encoding: record).merging(try workflow.converter.value(changes)).decoded(as: Record.self)
    }

    /// Makes it known that the entity is now where legacy would be in `state`: customers see it, and a recall or an interruption
    /// lets legacy go on from there. Call it before waiting, whenever the state changes.
    public func enter(_ state: String, _ record: Record) async throws {
        let (used, after, count) = (untold, told.after?.end, workflow.signalsUsed.count)
        _ = try await makeTrue(StepPosition.activity) {
            StepPosition(state: state, record: try JSONValue(encoding: record), used: used, after: after, checkedAt: checkedAt)
        }
        told.count = max(told.count, count)
        told.after = nil
    }

    /// When a wait's deadline passed last: until then, the step has seen to what was due. Nil when none has.
    var checkedAt: Timestamp? { told.checkedAt }

    /// The end of the step before, while it is still to be made true.
    var after: StepEnd? { told.after?.end }

    /// The ids of the signals that were used since the last wait point: nobody outside the workflow knows that yet.
    private var untold: [String] { Array(workflow.signalsUsed.dropFirst(told.count)) }

    /// Tells what was used before the step goes on in a new run, which does not know of it.
    func leave(_ state: String, _ record: Record) async throws { if isLocal, !untold.isEmpty { try await enter(state, record) } }

    /// The next event of one of `kinds`, in order of arrival; nil when `deadline` passes first.
    public func wait(for kinds: Set<EventKind>, until deadline: Timestamp? = nil) async throws -> Event? {
        // What arrives is for this step, so the end of the one before has to be known, also when the step has entered no state of its own.
        if let after = told.after, let state = after.end.state { try await enter(state, after.record) }
        let names = Set(kinds.union(interrupts).map(\.rawValue))
        let timeout = deadline.map { max(.zero, $0 - now) }
        guard let signal = try await workflow.nextSignal(named: names, timeout: timeout) else {
            told.checkedAt = now
            return nil
        }
        let event = try signal.payload.decoded(as: Event.self)
        if interrupts.contains(event.kind), !kinds.contains(event.kind) { throw StepInterruption(event: event, signal: signal.id) }
        return event
    }

    /// Refuses the event that the last wait has returned: it becomes a dead letter with `reason`, and the step goes on.
    public func refuse(because reason: String) async throws {
        guard let signal = workflow.signalsUsed.last else { return }
        _ = try await makeTrue(StepRefusal.activity) { StepRefusal(signal: signal, reason: reason) }
    }

    /// What a step throws when `event`, the last that it has waited for, is one that legacy must handle: the segment ends here.
    public func interruption(by event: Event) -> StepInterruption {
        StepInterruption(event: event, signal: workflow.signalsUsed.last ?? event.id.rawValue)
    }

    /// The next event of one of `kinds`; nil after `timeout`.
    public func wait(for kinds: Set<EventKind>, timeout: Duration) async throws -> Event? {
        try await wait(for: kinds, until: now + timeout)
    }
}
