public import Events
import Logging

/// A workflow as code, by name; untyped. ``Workflow`` is the typed form.
public struct WorkflowType: Sendable {
    /// The code: from input to result.
    public typealias Run = @Sendable (WorkflowContext, JSONValue) async throws -> JSONValue

    /// The name under which it is started.
    public let name: String
    /// Starts the code as a task of the context's executor.
    let start: @Sendable (WorkflowContext) -> Task<Void, Never>

    /// A type.
    public init(_ name: String, run: @escaping Run) {
        self.name = name
        start = { $0.start(run) }
    }

    /// A type whose code is typed.
    public init<Input: Codable & Sendable, Output: Codable & Sendable>(_ workflow: Workflow<Input, Output>) {
        name = workflow.name
        start = { $0.start(workflow) }
    }
}

/// A workflow with typed input and result: plain `async` Swift that survives crashes, deploys and waits of months.
///
/// The code may use its context, and nothing else from outside: no clock, no randomness, no I/O; those belong into activities.
public struct Workflow<Input: Codable & Sendable, Output: Codable & Sendable>: Sendable {
    /// The name under which it is started.
    public let name: String
    let run: @Sendable (WorkflowContext, Input) async throws -> Output

    /// A workflow.
    public init(_ name: String, run: @escaping @Sendable (WorkflowContext, Input) async throws -> Output) {
        self.name = name
        self.run = run
    }

    /// For the engine.
    public var type: WorkflowType { WorkflowType(self) }
}

/// An activity as code, by name; untyped. It may do anything; it is run at least once and recorded once. ``Activity`` is the typed form.
public struct ActivityType: Sendable {
    /// The code: from input to result. Throw ``ApplicationError`` to say how to go on; any other error is tried again.
    public typealias Run = @Sendable (ActivityContext, JSONValue) async throws -> JSONValue

    /// The name under which it is scheduled.
    public let name: String
    let body: @Sendable (ActivityContext, Payload?, PayloadConverter) async throws -> Payload

    /// A type.
    public init(_ name: String, run: @escaping Run) {
        self.name = name
        body = { context, input, converter in
            try converter.payload(try await run(context, try converter.value(input)))
        }
    }

    /// A type whose code is typed.
    public init<Input: Codable & Sendable, Output: Codable & Sendable>(_ activity: Activity<Input, Output>) {
        name = activity.name
        let run = activity.run
        body = { context, input, converter in
            try converter.payload(try await run(context, try converter.value(input)))
        }
    }
}

/// An activity with typed input and result.
public struct Activity<Input: Codable & Sendable, Output: Codable & Sendable>: Sendable {
    /// The name under which it is scheduled.
    public let name: String
    let run: @Sendable (ActivityContext, Input) async throws -> Output

    /// An activity.
    public init(_ name: String, run: @escaping @Sendable (ActivityContext, Input) async throws -> Output) {
        self.name = name
        self.run = run
    }

    /// For the engine.
    public var type: ActivityType { ActivityType(self) }
}

/// A signal by name, with a typed content.
public struct Signal<Input: Codable & Sendable>: Sendable {
    /// The name.
    public let name: String
    /// A signal.
    public init(_ name: String) { self.name = name }
}

/// A query by name: it reads, it changes nothing.
public struct Query<Input: Codable & Sendable, Output: Codable & Sendable>: Sendable {
    /// The name.
    public let name: String
    /// A query.
    public init(_ name: String) { self.name = name }
}

/// An update by name: a message with an answer, which the workflow may refuse.
public struct Update<Input: Codable & Sendable, Output: Codable & Sendable>: Sendable {
    /// The name.
    public let name: String
    /// An update.
    public init(_ name: String) { self.name = name }
}

/// A message to a running workflow.
public struct SignalMessage: Codable, Hashable, Sendable {
    /// Its id; a workflow receives an id once.
    public var id: String
    /// What it is about.
    public var name: String
    /// Its content.
    public var payload: JSONValue

    /// A signal.
    public init(id: String, name: String, payload: JSONValue) {
        self.id = id
        self.name = name
        self.payload = payload
    }
}

/// What an activity may use.
public struct ActivityContext: Sendable {
    /// The workflow that wants it.
    public let workflowID: String
    /// Its run.
    public let runID: String
    /// The activity's id in the workflow.
    public let activityID: String
    /// From 1.
    public let attempt: Int
    /// When it runs.
    public let now: Timestamp
    /// Names this attempt; with it the activity can be completed from outside.
    public let taskToken: TaskToken
    /// What the last attempt said in its last heartbeat.
    public let heartbeatDetails: JSONValue?
    /// The activity's name.
    public let activityType: String
    /// The name of the workflow that wants it.
    public let workflowType: String
    let log: Logger
    let beat: @Sendable (JSONValue) async throws -> Void

    /// Says that the attempt is alive, and what the next one needs to know. Durable when it returns.
    ///
    /// Throws `CancellationError` when the activity was cancelled or its time is over: stop then.
    public func heartbeat(_ details: JSONValue = .null) async throws { try await beat(details) }
}

/// Names one attempt of an activity, across processes.
public struct TaskToken: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The workflow's id.
    public var workflowID: String
    /// The run's id.
    public var runID: String
    /// The event with which the activity was scheduled.
    public var scheduledEventID: Int
    /// The attempt.
    public var attempt: Int

    /// The token as a text, to be stored or sent.
    public var description: String { "\(runID)/\(scheduledEventID)/\(attempt)/\(workflowID)" }

    /// A token.
    public init(workflowID: String, runID: String, scheduledEventID: Int, attempt: Int) {
        self.workflowID = workflowID
        self.runID = runID
        self.scheduledEventID = scheduledEventID
        self.attempt = attempt
    }

    /// Reads ``description``; nil when `text` is anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, let event = Int(parts[1]), let attempt = Int(parts[2]) else { return nil }
        self.init(workflowID: parts[3], runID: parts[0], scheduledEventID: event, attempt: attempt)
    }
}

/// Thrown by an activity that somebody else will complete, with its ``ActivityContext/taskToken``: a human clicks a button days later.
public struct CompletesLater: Error, Hashable, Sendable {
    /// The error.
    public init() {}
}
