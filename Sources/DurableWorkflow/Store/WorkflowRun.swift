public import Events

/// Where a run stands.
public enum WorkflowStatus: String, Codable, Hashable, Sendable, CaseIterable {
    /// It has not ended.
    case running
    /// Its code does not fit its history, or escaped the executor; it goes on when right code comes.
    case blocked
    /// It returned.
    case completed
    /// It threw.
    case failed
    /// It ended on a cancellation.
    case cancelled
    /// Somebody ended it.
    case terminated
    /// It goes on in another run.
    case continuedAsNew
    /// Its time was over.
    case timedOut

    /// True when nothing more will happen in this run.
    public var isClosed: Bool { self != .running && self != .blocked }
}

/// A run as stored.
public struct WorkflowRun: Hashable, Sendable {
    /// Its number in the store; grows.
    public var key: Int64
    /// The workflow's id. The run with the highest key is the current one.
    public var workflowID: String
    /// The run's id.
    public var runID: String
    /// The type's name.
    public var type: String
    /// The queue.
    public var taskQueue: String
    /// Where it stands.
    public var status: WorkflowStatus
    /// The number of events in its history.
    public var length = 0
    /// The size of its history.
    public var bytes = 0
    /// When it began.
    public var startedAt: Timestamp
    /// When it ended.
    public var closedAt: Timestamp?
    /// Why it is blocked or failed.
    public var problem: String?
    /// Notes that operations show.
    public var memo: [String: JSONValue] = [:]
    /// Values to find it by.
    public var searchAttributes: [String: JSONValue] = [:]
    /// Activities about which more is known than the history says: attempts, failures, heartbeats.
    public var attempts: [ActivityAttempt] = []

    /// A run.
    public init(
        key: Int64, workflowID: String, runID: String, type: String, taskQueue: String, status: WorkflowStatus = .running,
        startedAt: Timestamp
    ) {
        self.key = key
        self.workflowID = workflowID
        self.runID = runID
        self.type = type
        self.taskQueue = taskQueue
        self.status = status
        self.startedAt = startedAt
    }
}

/// What is known of an activity between its first attempt and its end.
public struct ActivityAttempt: Codable, Hashable, Sendable {
    /// The event with which it was scheduled.
    public var scheduledEventID: Int
    /// The present or next attempt, from 1.
    public var attempt: Int
    /// When something is to happen: the next attempt, or the end of the open one's time. Nil for never.
    public var dueAt: Timestamp?
    /// When the present attempt began, of one that is completed from outside.
    public var startedAt: Timestamp?
    /// Why the last attempt failed.
    public var lastFailure: JSONValue?
    /// What the last heartbeat said.
    public var heartbeatDetails: JSONValue?
    /// When it said it.
    public var heartbeatAt: Timestamp?
}

/// Something that is to happen to a run at a moment.
public struct DueItem: Hashable, Sendable {
    /// What.
    public enum Kind: String, Hashable, Sendable, CaseIterable, Comparable {
        /// A timer of the code fires.
        case timer
        /// The run's time is over.
        case timeout
        /// The code runs.
        case task
        /// An attempt of an activity begins, or the time of one that is completed from outside is over.
        case activity
        /// A message to another workflow is delivered.
        case transfer
        /// A schedule starts a workflow.
        case schedule

        /// In the order above.
        public static func < (left: Kind, right: Kind) -> Bool { left.order < right.order }
        private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// What orders and identifies items.
    public struct Key: Hashable, Sendable, Comparable {
        /// When.
        public var at: Timestamp
        /// The run's key.
        public var run: Int64
        /// The event it belongs to.
        public var event: Int
        /// What.
        public var kind: Kind

        /// A key.
        public init(at: Timestamp, run: Int64, event: Int, kind: Kind) {
            self.at = at
            self.run = run
            self.event = event
            self.kind = kind
        }

        /// By time, run, event and kind.
        public static func < (left: Key, right: Key) -> Bool {
            (left.at, left.run, left.event, left.kind) < (right.at, right.run, right.event, right.kind)
        }
    }

    /// What orders and identifies it.
    public var key: Key
    /// The workflow.
    public var workflowID: String
    /// The queue of an activity; empty for other kinds.
    public var queue: String
    /// What is delivered, of a transfer.
    public var body: JSONValue?

    /// An item.
    public init(key: Key, workflowID: String, queue: String = "", body: JSONValue? = nil) {
        self.key = key
        self.workflowID = workflowID
        self.queue = queue
        self.body = body
    }
}

/// What a list of runs is to contain; every condition that is set must hold.
public struct WorkflowFilter: Hashable, Sendable {
    /// Any of these; empty for all.
    public var statuses: Set<WorkflowStatus>
    /// The type's name.
    public var type: String?
    /// What the workflow's id begins with.
    public var idPrefix: String?
    /// Search attributes and their values.
    public var searchAttributes: [String: JSONValue]
    /// A condition in the words of Temporal's list filters.
    public var query: WorkflowQuery?
    /// True for open runs only, false for closed ones only.
    public var isOpen: Bool?

    /// A filter.
    public init(
        statuses: Set<WorkflowStatus> = [], type: String? = nil, idPrefix: String? = nil, searchAttributes: [String: JSONValue] = [:],
        query: WorkflowQuery? = nil, isOpen: Bool? = nil
    ) {
        self.query = query
        self.isOpen = isOpen
        self.statuses = statuses
        self.type = type
        self.idPrefix = idPrefix
        self.searchAttributes = searchAttributes
    }

    /// True when `run` is to be in the list.
    public func matches(_ run: WorkflowRun) -> Bool {
        (statuses.isEmpty || statuses.contains(run.status)) && (type.map { $0 == run.type } ?? true)
            && (idPrefix.map { run.workflowID.hasPrefix($0) } ?? true)
            && searchAttributes.allSatisfy { run.searchAttributes[$0.key] == $0.value }
            && (isOpen.map { $0 != run.status.isClosed } ?? true) && (query?.matches(run) ?? true)
    }
}
