public import Events

/// A run of a workflow.
public struct WorkflowExecution: Hashable, Sendable, Codable {
    /// The workflow's id.
    public var workflowID: String
    /// The run's id.
    public var runID: String

    /// A run.
    public init(workflowID: String, runID: String) {
        self.workflowID = workflowID
        self.runID = runID
    }
}

/// What became of a signal.
public enum SignalReceipt: Hashable, Sendable {
    /// It is in the history.
    case delivered
    /// The run has one of this id.
    case duplicate
    /// There is no open run; it was dropped.
    case notRunning
}

/// The port to a durable engine: the embedded one or a cluster.
public protocol DurableEngine: Sendable {
    /// Starts a workflow. Throws ``WorkflowAlreadyStarted`` when the policies do not allow it.
    @discardableResult
    func start(workflowID: String, type: String, input: JSONValue, options: WorkflowOptions, at now: Timestamp) async throws
        -> WorkflowExecution
    /// Sends a signal; one whose id the run has is not delivered again, one to a closed or unknown workflow is dropped.
    @discardableResult
    func signal(workflowID: String, signal: SignalMessage, at now: Timestamp) async throws -> SignalReceipt
    /// Asks for cancellation; a closed workflow is left as it is. Throws ``WorkflowNotFound`` for an unknown one.
    func cancel(workflowID: String, at now: Timestamp) async throws
    /// Where the last run of a workflow stands; nil for an unknown one.
    func status(of workflowID: String) async throws -> WorkflowStatus?
}

extension DurableEngine {
    /// Starts a workflow; a workflow of this id that exists already, running or closed, is left as it is.
    public func start(workflowID: String, type: String, input: JSONValue, at now: Timestamp) async throws {
        let options = WorkflowOptions(idReusePolicy: .rejectDuplicate, idConflictPolicy: .useExisting)
        do { try await start(workflowID: workflowID, type: type, input: input, options: options, at: now) } catch is WorkflowAlreadyStarted
        {}
    }
}

/// A workflow of this id runs, or has run, and the policies do not allow another run.
public struct WorkflowAlreadyStarted: Error, Hashable, Sendable, CustomStringConvertible {
    /// The run that is there.
    public let execution: WorkflowExecution
    /// Where it stands.
    public let status: WorkflowStatus

    /// One sentence.
    public var description: String {
        "workflow \(execution.workflowID): expected no run that forbids another, found run \(execution.runID), \(status.rawValue);"
            + " use another id or another policy"
    }
}

/// There is no run of this id, or none that is open.
public struct WorkflowNotFound: Error, Hashable, Sendable, CustomStringConvertible {
    /// The workflow.
    public let workflowID: String
    /// What was looked for: `a run`, `an open run`.
    public let expected: String

    /// Nothing of this id.
    public init(workflowID: String, expected: String) {
        self.workflowID = workflowID
        self.expected = expected
    }

    /// One sentence.
    public var description: String { "workflow \(workflowID): expected \(expected), found none; see the list of workflows" }
}

/// A limit would be passed.
public struct LimitExceeded: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: what, expected, found.
    public let description: String
    init(_ description: String) { self.description = description }
}
