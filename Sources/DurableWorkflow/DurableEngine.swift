public import Events

/// A workflow as code, by name.
public struct WorkflowType: Sendable {
    /// The code: from input to result.
    public typealias Run = @Sendable (WorkflowContext, JSONValue) async throws -> JSONValue

    /// The name under which it is started.
    public let name: String
    let run: Run

    /// A type.
    public init(_ name: String, run: @escaping Run) {
        self.name = name
        self.run = run
    }
}

/// What an activity may use.
public struct ActivityContext: Sendable {
    /// The workflow that wants it.
    public let workflowID: String
    /// From 1.
    public let attempt: Int
    /// When it runs.
    public let now: Timestamp
}

/// An activity as code, by name. It may do anything; it is run at least once and recorded once.
public struct ActivityType: Sendable {
    /// The code: from input to result. Throw ``ActivityFailure`` to say how to go on.
    public typealias Run = @Sendable (ActivityContext, JSONValue) async throws -> JSONValue

    /// The name under which it is scheduled.
    public let name: String
    let run: Run

    /// A type.
    public init(_ name: String, run: @escaping Run) {
        self.name = name
        self.run = run
    }
}

/// The port to a durable engine: the embedded one or a cluster.
public protocol DurableEngine: Sendable {
    /// Starts a workflow; a workflow of this id that exists already, running or closed, is left as it is.
    func start(workflowID: String, type: String, input: JSONValue, at now: Timestamp) async throws
    /// Sends a signal; one whose id the workflow has, and one to a closed or unknown workflow, is dropped.
    func signal(workflowID: String, signal: SignalMessage, at now: Timestamp) async throws
    /// Asks for cancellation; a closed or unknown workflow is left as it is.
    func cancel(workflowID: String, at now: Timestamp) async throws
}
