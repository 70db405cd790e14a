public import Events

/// Why something failed, with the chain of causes, as it stands in a history.
public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Info: Hashable, Sendable {
        /// Nothing more is known.
        case none
        /// Thrown by code as ``ApplicationError``.
        case application(type: String, nonRetryable: Bool, details: [Payload], nextRetryDelay: Duration?)
        /// A time ran out; with the last heartbeat's details.
        case timeout(TimeoutType, lastHeartbeatDetails: [Payload])
        /// It was cancelled.
        case canceled(details: [Payload])
        /// It was terminated.
        case terminated
        /// The engine itself failed it.
        case server(nonRetryable: Bool)
        /// An activity failed; the cause says why.
        case activity(type: String, id: String, scheduledEventID: Int, retryState: RetryState)
        /// A child workflow failed; the cause says why.
        case childWorkflow(type: String, workflowID: String, runID: String, initiatedEventID: Int, retryState: RetryState)
    }

    /// One sentence without personal data.
    public var message: String
    /// Which SDK or server wrote it.
    public var source: String
    /// What kind of failure it is.
    public var info: Info
    private var causes: [Failure]

    /// A failure.
    public init(message: String, source: String = "Lockstep", info: Info = .none, cause: Failure? = nil) {
        self.message = message
        self.source = source
        self.info = info
        causes = cause.map { [$0] } ?? []
    }

    /// Why; nil at the end of the chain.
    public var cause: Failure? { causes.first }

    /// `type: message`, then the causes.
    public var description: String {
        var text = message
        if case .application(let type, _, _, _) = info { text = "\(type): \(message)" }
        return cause.map { "\(text) (\($0))" } ?? text
    }

    /// The application error's type, nil for other failures.
    public var type: String? {
        guard case .application(let type, _, _, _) = info else { return nil }
        return type
    }

    /// True for a cancellation, wrapped in activities and children or not.
    public var isCancellation: Bool {
        switch info {
        case .canceled: true
        case .activity, .childWorkflow: cause?.isCancellation ?? false
        case .none, .application, .timeout, .terminated, .server: false
        }
    }
}

/// Which time ran out.
public enum TimeoutType: String, Hashable, Sendable, CaseIterable {
    /// One attempt took too long.
    case startToClose
    /// No worker took it in time.
    case scheduleToStart
    /// All attempts together took too long.
    case scheduleToClose
    /// The attempt was silent for too long.
    case heartbeat
}

/// Why there is no further attempt.
public enum RetryState: String, Codable, Hashable, Sendable, CaseIterable {
    /// There is one.
    case inProgress
    /// The failure says that trying again is pointless.
    case nonRetryableFailure
    /// No time is left.
    case timeout
    /// All attempts were made.
    case maximumAttemptsReached
    /// There is no policy.
    case retryPolicyNotSet
    /// The engine failed.
    case internalServerError
    /// Somebody asked for cancellation.
    case cancelRequested
}

/// An error that, thrown by workflow code, fails the workflow. Any other error fails the workflow task only: the run waits for fixed code.
public protocol WorkflowFailure: Error {
    /// How it stands in the history.
    var failure: Failure { get }
}

extension Failure: WorkflowFailure {
    /// Itself.
    public var failure: Failure { self }
}

/// A failure that the code itself declares: in an activity it says how to go on, in a workflow it ends the run as failed.
public struct ApplicationError: WorkflowFailure, Codable, Hashable, CustomStringConvertible {
    /// A stable name, compared with ``RetryPolicy/nonRetryableErrorTypes``.
    public var type: String
    /// One sentence without personal data.
    public var message: String
    /// True when trying again is pointless.
    public var isNonRetryable: Bool
    /// When to try again, instead of what the policy says.
    public var nextRetryDelay: Duration?
    /// What an activity tells the workflow that catches this, as JSON; null for nothing. A codec sees it. Of an error that workflow code
    /// throws it is left out.
    public var details: JSONValue

    /// An error.
    public init(
        type: String, message: String, isNonRetryable: Bool = false, nextRetryDelay: Duration? = nil, details: JSONValue = .null
    ) {
        self.type = type
        self.message = message
        self.isNonRetryable = isNonRetryable
        self.nextRetryDelay = nextRetryDelay
        self.details = details
    }

    /// `type: message`
    public var description: String { "\(type): \(message)" }

    /// How it stands in the history.
    public var failure: Failure { failure([]) }

    /// The same for an activity's error. Details that are too large for a payload are left out.
    func failure(by converter: PayloadConverter) -> Failure {
        failure(details.isNull ? [] : [try? converter.payload(details)].compactMap { $0 })
    }

    private func failure(_ details: [Payload]) -> Failure {
        Failure(
            message: message,
            info: .application(type: type, nonRetryable: isNonRetryable, details: details, nextRetryDelay: nextRetryDelay))
    }
}

/// What a workflow sees of an activity that failed for good.
public struct ActivityError: WorkflowFailure, Hashable, CustomStringConvertible {
    /// The activity's name.
    public let activity: String
    /// Its id in the workflow.
    public let activityID: String
    /// The event with which it was scheduled.
    public let scheduledEventID: Int
    /// Why there is no further attempt.
    public let retryState: RetryState
    /// The last failure: an application error, a timeout.
    public let cause: Failure

    /// `vetting.order failed: …`
    public var description: String { "\(activity) failed: \(cause)" }

    /// How it stands in the history.
    public var failure: Failure {
        Failure(
            message: "Activity task failed",
            info: .activity(type: activity, id: activityID, scheduledEventID: scheduledEventID, retryState: retryState), cause: cause)
    }
}

/// What a workflow sees of a child workflow that did not complete.
public struct ChildWorkflowError: WorkflowFailure, Hashable, CustomStringConvertible {
    /// The child's type.
    public let type: String
    /// Its id.
    public let workflowID: String
    /// Its run; empty when it did not start.
    public let runID: String
    /// The event with which it was initiated.
    public let initiatedEventID: Int
    /// Why: its failure, a timeout, a termination, or `WorkflowAlreadyExists`.
    public let cause: Failure

    /// `review review-1 failed: …`
    public var description: String { "\(type) \(workflowID) failed: \(cause)" }

    /// How it stands in the history.
    public var failure: Failure {
        Failure(
            message: "Child Workflow execution failed",
            info: .childWorkflow(
                type: type, workflowID: workflowID, runID: runID, initiatedEventID: initiatedEventID, retryState: .nonRetryableFailure),
            cause: cause)
    }
}
