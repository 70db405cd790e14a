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
    /// The step's number in the plan, for example `5.2`.
    public let number: String
    /// The events it waits for; they are kept for it when they come early.
    public let events: Set<EventKind>
    /// Its activities.
    public let activities: [DurableActivity<Record>]
    /// The sequence. Workflow code: no clock, no randomness, no I/O but through the context.
    public let run: @Sendable (StepContext<Record>, inout Record) async throws -> Void

    /// A step.
    public init(
        number: String, events: Set<EventKind>, activities: [DurableActivity<Record>],
        run: @escaping @Sendable (StepContext<Record>, inout Record) async throws -> Void
    ) {
        self.number = number
        self.events = events
        self.activities = activities
        self.run = run
    }
}

/// An event that belongs to no step (cancel, override) has arrived: the segment ends here and hands the entity back with it.
public struct StepInterruption: Error, Hashable, Sendable {
    /// The event, which legacy will handle.
    public let event: Event

    /// An interruption by `event`.
    public init(event: Event) { self.event = event }
}

/// What a step's code sees of the workflow it runs in.
public struct StepContext<Record: Codable & Sendable> {
    /// The workflow.
    public let workflow: WorkflowContext
    private let interrupts: Set<EventKind>

    /// The context of a step in `workflow`; events in `interrupts` end any wait with ``StepInterruption``.
    public init(workflow: WorkflowContext, interrupts: Set<EventKind>) {
        self.workflow = workflow
        self.interrupts = interrupts
    }

    /// The moment of the present activation, the same on every replay.
    public var now: Timestamp { workflow.now }

    /// Runs `activity` and takes over the record it returns.
    public func perform(_ activity: DurableActivity<Record>, on record: inout Record) async throws {
        let reply = try await workflow.execute(activity.name, input: try JSONValue(encoding: record), retry: activity.retry)
        record = try reply.decoded(as: Record.self)
    }

    /// The next event of one of `kinds`, in order of arrival; nil when `deadline` passes first.
    public func wait(for kinds: Set<EventKind>, until deadline: Timestamp) async throws -> Event? {
        let names = Set(kinds.union(interrupts).map(\.rawValue))
        let timeout = max(.zero, deadline - now)
        guard let signal = try await workflow.nextSignal(named: names, timeout: timeout) else { return nil }
        let event = try signal.payload.decoded(as: Event.self)
        if interrupts.contains(event.kind) { throw StepInterruption(event: event) }
        return event
    }

    /// The next event of one of `kinds`; nil after `timeout`.
    public func wait(for kinds: Set<EventKind>, timeout: Duration) async throws -> Event? {
        try await wait(for: kinds, until: now + timeout)
    }
}
