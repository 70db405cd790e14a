public import Events

/// One run after a change, and the events that were added.
public struct RunChange: Sendable {
    /// The run after the change.
    public var run: WorkflowRun
    /// New events, as bytes of ``EventCoding``; nil for none.
    public var batch: [UInt8]?
    /// The id of the first new event.
    public var first: Int

    /// A change.
    public init(run: WorkflowRun, batch: [UInt8]?, first: Int) {
        self.run = run
        self.batch = batch
        self.first = first
    }
}

/// One durable move of one workflow: all of it becomes true in one transaction, or nothing.
public struct WorkflowChange: Sendable {
    /// Runs, new and changed.
    public var runs: [RunChange] = []
    /// Things that are to happen.
    public var due: [DueItem] = []
    /// Things that have happened, or are not to happen any more.
    public var done: [DueItem.Key] = []
    /// Schedules, new and changed.
    public var schedules: [ScheduleRecord] = []
    /// Ids of schedules to delete.
    public var deletedSchedules: [String] = []
    /// Ids of messages and starts that are not to be taken again.
    public var requests: [TakenRequest] = []
    /// Due things that could not be run and are set aside; they are in ``done`` too.
    public var quarantined: [QuarantinedItem] = []
    /// Things that were set aside and are due again; they are in ``due`` too.
    public var released: [DueItem.Key] = []

    /// A change of nothing.
    public init() {}

    /// True when there is nothing to write.
    public var isEmpty: Bool {
        runs.isEmpty && due.isEmpty && done.isEmpty && schedules.isEmpty && deletedSchedules.isEmpty && requests.isEmpty
            && quarantined.isEmpty && released.isEmpty
    }
}

/// Where workflows live.
public protocol WorkflowStore: Sendable {
    /// The current run of a workflow, or the one with `runID`; nil when there is none.
    func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun?
    /// The history of a run, in order.
    func history(_ run: Int64) async throws -> [HistoryEvent]
    /// Makes changes true, all of them in one transaction. When it throws, the outcome is unknown to the caller.
    func commit(_ changes: [WorkflowChange]) async throws
    /// The first things due, in order of key: those after `key` and at or before `moment`.
    func due(after key: DueItem.Key?, until moment: Timestamp, limit: Int) async throws -> [DueItem]
    /// When the first thing after `key` is due; nil for never.
    func nextDue(after key: DueItem.Key?) async throws -> Timestamp?
    /// The highest key of a run or number of a schedule; 0 when there is none.
    func highestKey() async throws -> Int64
    /// Runs that match, newest first, with keys below `key`.
    func runs(matching filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun]
    /// The number of runs that match.
    func count(matching filter: WorkflowFilter) async throws -> Int
    /// Deletes closed runs that ended before `moment`, with their histories; returns how many, at most `limit`. A run whose messages to
    /// others are not delivered yet is kept.
    func remove(closedBefore moment: Timestamp, limit: Int) async throws -> Int
    /// All schedules, in order of id.
    func schedules() async throws -> [ScheduleRecord]
    /// One schedule; nil when there is none.
    func schedule(_ id: String) async throws -> ScheduleRecord?
    /// The key of the run that has taken the message or start `id`; nil when none has.
    func taker(of id: String, in scope: String) async throws -> Int64?
    /// What was set aside because it could not be run, oldest first.
    func quarantined() async throws -> [QuarantinedItem]
}

extension WorkflowStore {
    /// The current run of a workflow; nil when there is none.
    public func run(_ workflowID: String) async throws -> WorkflowRun? { try await run(workflowID, runID: nil) }

    /// The history of a workflow's current run; empty when there is none.
    public func history(of workflowID: String) async throws -> [HistoryEvent] {
        guard let run = try await run(workflowID) else { return [] }
        return try await history(run.key)
    }

    /// All runs, newest first.
    public func runs() async throws -> [WorkflowRun] { try await runs(matching: WorkflowFilter(), before: nil, limit: .max) }
}
