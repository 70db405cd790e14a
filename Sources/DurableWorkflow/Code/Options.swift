public import Events

/// What becomes of an activity when the code that awaits it is cancelled.
public enum ActivityCancellationType: String, Hashable, Sendable, CaseIterable {
    /// It is asked to stop; the code goes on at once with `CancellationError`.
    case tryCancel
    /// It is asked to stop; the code goes on when it has ended.
    case waitCancellationCompleted
    /// It is left alone; the code goes on at once.
    case abandon
}

/// How an activity is to be run. Times that are nil are unlimited; name at least one of the two `…ToClose`.
public struct ActivityOptions: Hashable, Sendable {
    /// Where it runs; nil for the workflow's own queue.
    public var taskQueue: String?
    /// One attempt.
    public var startToCloseTimeout: Duration?
    /// All attempts and waits together.
    public var scheduleToCloseTimeout: Duration?
    /// The wait for the first attempt.
    public var scheduleToStartTimeout: Duration?
    /// The longest silence between two heartbeats.
    public var heartbeatTimeout: Duration?
    /// When to try again.
    public var retryPolicy: RetryPolicy
    /// What a cancellation does.
    public var cancellationType: ActivityCancellationType

    /// Options; the defaults are Temporal's.
    public init(
        startToCloseTimeout: Duration? = nil, scheduleToCloseTimeout: Duration? = nil, scheduleToStartTimeout: Duration? = nil,
        heartbeatTimeout: Duration? = nil, retryPolicy: RetryPolicy = RetryPolicy(), taskQueue: String? = nil,
        cancellationType: ActivityCancellationType = .tryCancel
    ) {
        self.taskQueue = taskQueue
        self.startToCloseTimeout = startToCloseTimeout
        self.scheduleToCloseTimeout = scheduleToCloseTimeout
        self.scheduleToStartTimeout = scheduleToStartTimeout
        self.heartbeatTimeout = heartbeatTimeout
        self.retryPolicy = retryPolicy
        self.cancellationType = cancellationType
    }
}

/// What becomes of children when their parent closes.
public enum ParentClosePolicy: String, Codable, Hashable, Sendable, CaseIterable {
    /// They are terminated.
    case terminate
    /// They go on.
    case abandon
    /// They are asked to cancel.
    case requestCancel
}

/// What becomes of a child when the code that awaits it is cancelled.
public enum ChildWorkflowCancellationType: String, Hashable, Sendable, CaseIterable {
    /// It is left alone; the code goes on at once.
    case abandon
    /// It is asked to cancel; the code goes on at once.
    case tryCancel
    /// It is asked to cancel; the code goes on when it has ended.
    case waitCancellationCompleted
}

/// Whether an id may be used again once its run is closed.
public enum WorkflowIDReusePolicy: String, Codable, Hashable, Sendable, CaseIterable {
    /// Yes.
    case allowDuplicate
    /// Only when the last run did not complete.
    case allowDuplicateFailedOnly
    /// No.
    case rejectDuplicate
}

/// What a start does when a run of the id is open.
public enum WorkflowIDConflictPolicy: String, Codable, Hashable, Sendable, CaseIterable {
    /// It is refused with ``WorkflowAlreadyStarted``.
    case fail
    /// It answers with the open run.
    case useExisting
    /// The open run is terminated first.
    case terminateExisting
}

/// How a workflow is to be run.
public struct WorkflowOptions: Hashable, Sendable {
    /// The queue of its code and, unless they say otherwise, of its activities.
    public var taskQueue: String
    /// Whether a closed id may be used again.
    public var idReusePolicy: WorkflowIDReusePolicy
    /// What to do about an open run of the id.
    public var idConflictPolicy: WorkflowIDConflictPolicy
    /// All runs together, retries and continue-as-new included.
    public var executionTimeout: Duration?
    /// One run.
    public var runTimeout: Duration?
    /// One activation of the code.
    public var taskTimeout: Duration
    /// Whether a failed run is followed by another; nil for no.
    public var retryPolicy: RetryPolicy?
    /// A cron expression for runs that follow each other; nil for one run.
    public var cronSchedule: String?
    /// The wait before the first activation.
    public var startDelay: Duration?
    /// Notes that operations show.
    public var memo: [String: JSONValue]
    /// Values to find the run by.
    public var searchAttributes: [String: JSONValue]
    /// The id of this start: a repeated one of the same id answers with the run that the first has made, open or closed. Nil for a start
    /// that is never the repetition of another.
    public var requestID: String?

    /// Options; the defaults are Temporal's.
    public init(
        taskQueue: String = "default", idReusePolicy: WorkflowIDReusePolicy = .allowDuplicate,
        idConflictPolicy: WorkflowIDConflictPolicy = .fail, executionTimeout: Duration? = nil, runTimeout: Duration? = nil,
        taskTimeout: Duration = .seconds(10), retryPolicy: RetryPolicy? = nil, cronSchedule: String? = nil, startDelay: Duration? = nil,
        memo: [String: JSONValue] = [:], searchAttributes: [String: JSONValue] = [:], requestID: String? = nil
    ) {
        self.requestID = requestID
        self.taskQueue = taskQueue
        self.idReusePolicy = idReusePolicy
        self.idConflictPolicy = idConflictPolicy
        self.executionTimeout = executionTimeout
        self.runTimeout = runTimeout
        self.taskTimeout = taskTimeout
        self.retryPolicy = retryPolicy
        self.cronSchedule = cronSchedule
        self.startDelay = startDelay
        self.memo = memo
        self.searchAttributes = searchAttributes
    }
}

/// How a child workflow is to be run.
public struct ChildWorkflowOptions: Hashable, Sendable {
    /// Its id; nil for the id of the run that the parent's history began with, and a number.
    public var id: String?
    /// As for any workflow; the queue is the parent's unless named.
    public var taskQueue: String?
    /// What becomes of it when the parent closes.
    public var parentClosePolicy: ParentClosePolicy
    /// What a cancellation of the awaiting code does.
    public var cancellationType: ChildWorkflowCancellationType
    /// Whether a closed id may be used again.
    public var idReusePolicy: WorkflowIDReusePolicy
    /// All runs together.
    public var executionTimeout: Duration?
    /// One run.
    public var runTimeout: Duration?
    /// Whether a failed run is followed by another; nil for no.
    public var retryPolicy: RetryPolicy?
    /// Notes that operations show.
    public var memo: [String: JSONValue]
    /// Values to find the run by.
    public var searchAttributes: [String: JSONValue]

    /// Options; the defaults are Temporal's.
    public init(
        id: String? = nil, taskQueue: String? = nil, parentClosePolicy: ParentClosePolicy = .terminate,
        cancellationType: ChildWorkflowCancellationType = .waitCancellationCompleted,
        idReusePolicy: WorkflowIDReusePolicy = .allowDuplicate, executionTimeout: Duration? = nil, runTimeout: Duration? = nil,
        retryPolicy: RetryPolicy? = nil, memo: [String: JSONValue] = [:], searchAttributes: [String: JSONValue] = [:]
    ) {
        self.id = id
        self.taskQueue = taskQueue
        self.parentClosePolicy = parentClosePolicy
        self.cancellationType = cancellationType
        self.idReusePolicy = idReusePolicy
        self.executionTimeout = executionTimeout
        self.runTimeout = runTimeout
        self.retryPolicy = retryPolicy
        self.memo = memo
        self.searchAttributes = searchAttributes
    }
}
