public import Events

/// A run as stored.
public struct WorkflowRow: Codable, Hashable, Sendable {
    /// The workflow's id, unique.
    public var id: String
    /// The run's id.
    public var runID: String
    /// The type's name.
    public var type: String
    /// Where it stands.
    public var status: WorkflowStatus
    /// True when events have arrived that its code has not seen.
    public var isReady: Bool
    /// The number of events in its history.
    public var length: Int
    /// Why it is blocked or failed.
    public var problem: String?

    /// A run.
    public init(
        id: String, runID: String, type: String, status: WorkflowStatus = .running, isReady: Bool = true, length: Int = 0,
        problem: String? = nil
    ) {
        self.id = id
        self.runID = runID
        self.type = type
        self.status = status
        self.isReady = isReady
        self.length = length
        self.problem = problem
    }
}

/// An activity that has not ended.
public struct PendingActivity: Codable, Hashable, Sendable {
    /// The workflow that wants it.
    public var workflowID: String
    /// Its command's sequence in the workflow.
    public var sequence: Int
    /// Its name.
    public var name: String
    /// Its input.
    public var input: JSONValue
    /// When to try again.
    public var retry: RetryPolicy
    /// The next attempt, from 1.
    public var attempt: Int
    /// Not to be run before.
    public var dueAt: Timestamp
    /// Why the last attempt failed.
    public var lastFailure: String?

    /// A pending activity.
    public init(
        workflowID: String, sequence: Int, name: String, input: JSONValue, retry: RetryPolicy, attempt: Int = 1, dueAt: Timestamp,
        lastFailure: String? = nil
    ) {
        self.workflowID = workflowID
        self.sequence = sequence
        self.name = name
        self.input = input
        self.retry = retry
        self.attempt = attempt
        self.dueAt = dueAt
        self.lastFailure = lastFailure
    }
}

/// A timer that has not fired.
public struct PendingTimer: Codable, Hashable, Sendable {
    /// The workflow that waits.
    public var workflowID: String
    /// Its command's sequence in the workflow.
    public var sequence: Int
    /// When it fires.
    public var fireAt: Timestamp

    /// A timer.
    public init(workflowID: String, sequence: Int, fireAt: Timestamp) {
        self.workflowID = workflowID
        self.sequence = sequence
        self.fireAt = fireAt
    }
}

/// One durable move of one workflow: all of it becomes true in one transaction.
public struct WorkflowChange: Sendable {
    /// The run after the change.
    public var row: WorkflowRow
    /// New events.
    public var append: [HistoryEvent] = []
    /// Activities to add, or to replace by their new attempt.
    public var activities: [PendingActivity] = []
    /// Sequences of activities that have ended.
    public var endedActivities: [Int] = []
    /// Timers to add.
    public var timers: [PendingTimer] = []
    /// Sequences of timers that have fired or were cancelled.
    public var endedTimers: [Int] = []

    /// A change that leaves the workflow as `row`.
    public init(row: WorkflowRow) { self.row = row }
}

/// Where workflows live. Every method is one transaction.
public protocol WorkflowStore: Sendable {
    /// One run; nil when there is none of that id.
    func workflow(_ id: String) async throws -> WorkflowRow?
    /// All runs, in order of id.
    func workflows() async throws -> [WorkflowRow]
    /// The history of a run, in order, from the event after the one with id `event`.
    func history(of id: String, after event: Int) async throws -> [HistoryEvent]
    /// Makes a change true; a row of a new id is created.
    func commit(_ change: WorkflowChange) async throws
    /// True when the workflow has received a signal of this id.
    func hasSignal(_ signalID: String, workflow id: String) async throws -> Bool
    /// The first running and blocked workflows that are ready, in order of id.
    func ready(limit: Int) async throws -> [WorkflowRow]
    /// The first activities due at `now`, in order of due time, workflow and sequence.
    func dueActivities(at now: Timestamp, limit: Int) async throws -> [PendingActivity]
    /// The first timers due at `now`, in order of fire time, workflow and sequence.
    func dueTimers(at now: Timestamp, limit: Int) async throws -> [PendingTimer]
    /// The earliest due time of an activity or timer.
    func nextDue() async throws -> Timestamp?
}

extension WorkflowStore {
    /// The whole history of a run, in order.
    public func history(of id: String) async throws -> [HistoryEvent] { try await history(of: id, after: 0) }
}
