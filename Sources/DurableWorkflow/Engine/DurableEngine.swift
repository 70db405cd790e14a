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

/// The port to a durable engine: the embedded one, or a client of a cluster.
///
/// An engine has its own clock, so no call says when it is. Every call that changes something is durable when it returns. Calls for an id
/// that nobody has started throw ``WorkflowNotFound``, those for a schedule that is not there ``ScheduleError``, and those for an attempt
/// that is not open ``ActivityNotFound``, unless they say something else.
///
/// What an engine does only because it keeps the database itself is ``EngineUpkeep``; what steps one without real waiting is
/// ``VirtualTime``.
public protocol DurableEngine: Sendable {
    /// The workflows that this process has code for, in order of name.
    var workflowTypes: [WorkflowType] { get }
    /// Between values and payloads.
    var converter: PayloadConverter { get }
    /// What runs the engine's code in real time: so many attempts of activities at once. It sleeps no longer than `longestSleep`: so late
    /// does it notice that the time was set forward.
    func worker(activitySlots: Int, longestSleep: Duration) -> any EngineWorker

    // MARK: Workflows

    /// Starts a workflow. Throws ``WorkflowAlreadyStarted`` when the policies do not allow it.
    @discardableResult
    func start(workflowID: String, type: String, input: JSONValue, options: WorkflowOptions) async throws -> WorkflowExecution
    /// Starts a workflow, unless it runs, and sends it a signal: both or neither.
    @discardableResult
    func signalWithStart(workflowID: String, type: String, input: JSONValue, signal: SignalMessage, options: WorkflowOptions)
        async throws -> WorkflowExecution
    /// Sends a signal; one whose id the run has is not delivered again, one to a closed or unknown workflow is dropped.
    @discardableResult
    func signal(workflowID: String, signal: SignalMessage) async throws -> SignalReceipt
    /// Asks the code something; nothing changes. A closed run answers too. Throws what the handler throws, ``UnknownMessage`` when there
    /// is none.
    func query(workflowID: String, name: String, input: JSONValue) async throws -> JSONValue
    /// Sends an update and runs the code with it. An update whose id the run has accepted before is not taken again; a closed workflow
    /// takes none and is ``WorkflowNotFound``.
    func update(workflowID: String, id: String, name: String, input: JSONValue) async throws -> UpdateOutcome
    /// Where an update stands; nil for one that no run of the chain has accepted.
    func outcome(ofUpdate id: String, workflowID: String) async throws -> UpdateOutcome?
    /// Waits for the end of an update that a run has accepted. Throws ``WorkflowNotFound`` for one that no run of the chain knows, and as
    /// ``result(workflowID:)`` does.
    func result(ofUpdate id: String, workflowID: String) async throws -> UpdateOutcome
    /// Asks for cancellation; a closed workflow is left as it is.
    func cancel(workflowID: String) async throws
    /// Ends the open run at once; its code does not hear of it. Throws ``WorkflowNotFound`` when none is open.
    func terminate(workflowID: String, reason: String) async throws
    /// Ends the current run, if it is open, and begins another whose history is that of the old one before `event`: the start or the end
    /// of a workflow task, which is made again. Signals and updates that came later are delivered again. Throws ``ResetRefused``.
    @discardableResult
    func reset(workflowID: String, toEvent event: Int, reason: String) async throws -> WorkflowExecution
    /// Waits for the end of a workflow, through continue-as-new, retries and cron runs. Returns its result; throws ``WorkflowFailed``,
    /// `CancellationError` when the waiting task is cancelled, and what has ended or ends a worker of the engine.
    func result(workflowID: String) async throws -> Payload?

    // MARK: Looking

    /// Where the last run of a workflow stands; nil for an unknown one.
    func status(of workflowID: String) async throws -> WorkflowStatus?
    /// Describes the current run of a workflow.
    func describe(workflowID: String) async throws -> WorkflowDescription
    /// Runs that match, newest first, with keys below `key`.
    func list(_ filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun]
    /// The number of runs that match.
    func count(_ filter: WorkflowFilter) async throws -> Int
    /// The history of a workflow's current run, or of `runID`.
    func history(workflowID: String, runID: String?) async throws -> WorkflowHistory

    // MARK: Schedules

    /// Creates a schedule. Throws ``ScheduleError`` when there is one of this id, or for one that cannot be.
    func createSchedule(_ id: String, _ schedule: Schedule) async throws
    /// Creates a schedule, or replaces the one of this id; what was due before is made up or counted first. Throws ``ScheduleError`` for
    /// one that cannot be.
    func putSchedule(_ id: String, _ schedule: Schedule) async throws
    /// Changes a schedule; what was due before is made up or counted first, and what it has started and skipped stays counted.
    func updateSchedule(_ id: String, _ body: (inout Schedule) throws -> Void) async throws
    /// Stops a schedule for now; starts that wait, or that were due and could not be made yet, are held back and counted.
    func pauseSchedule(_ id: String, note: String) async throws
    /// Lets a paused schedule go on; starts that fell into the pause are not made up.
    func resumeSchedule(_ id: String, note: String) async throws
    /// Starts the workflow now, under the schedule's overlap policy or another; every trigger is a start of its own.
    func triggerSchedule(_ id: String, overlap: ScheduleOverlapPolicy?) async throws
    /// Makes the starts between two moments up, all at once or one after another as the overlap policy says: the schedule's or another.
    func backfillSchedule(_ id: String, from start: Timestamp, to end: Timestamp, overlap: ScheduleOverlapPolicy?) async throws
    /// Deletes a schedule; workflows that it started go on.
    func deleteSchedule(_ id: String) async throws
    /// One schedule.
    func schedule(_ id: String) async throws -> ScheduleRecord
    /// All schedules, in order of id.
    func schedules() async throws -> [ScheduleRecord]
    /// The open workflows that a schedule has started, oldest first.
    func running(ofSchedule id: String) async throws -> [WorkflowRun]

    // MARK: Completion from outside

    /// Completes an activity whose code threw ``CompletesLater``.
    func complete(_ token: TaskToken, result: JSONValue) async throws
    /// Fails an attempt that is open; the retry policy decides what follows.
    func fail(_ token: TaskToken, _ error: ApplicationError) async throws
    /// Says that an open attempt has ended because it was cancelled. Throws ``CancellationNotRequested`` when nobody has asked for that.
    func reportCancelled(_ token: TaskToken) async throws
    /// Says that an open attempt is alive. Throws `CancellationError` when it was cancelled.
    func heartbeat(_ token: TaskToken, details: JSONValue) async throws
}

extension DurableEngine {
    /// Starts a workflow, once and for all: one of this id that exists already, running or closed, is left as it is.
    public func startOnce(workflowID: String, type: String, input: JSONValue) async throws {
        do { try await start(workflowID: workflowID, type: type, input: input, options: .once) } catch is WorkflowAlreadyStarted {}
    }

    /// Asks the code something that needs no input.
    public func query(workflowID: String, name: String) async throws -> JSONValue {
        try await query(workflowID: workflowID, name: name, input: .null)
    }

    /// The newest 100 runs that match.
    public func list(_ filter: WorkflowFilter = WorkflowFilter()) async throws -> [WorkflowRun] {
        try await list(filter, before: nil, limit: 100)
    }

    /// The number of runs.
    public func count() async throws -> Int { try await count(WorkflowFilter()) }

    /// The history of a workflow's current run.
    public func history(workflowID: String) async throws -> WorkflowHistory { try await history(workflowID: workflowID, runID: nil) }
}

extension WorkflowOptions {
    /// For a start that may be repeated.
    static var once: WorkflowOptions { WorkflowOptions(idReusePolicy: .rejectDuplicate, idConflictPolicy: .useExisting) }
}

/// Runs an engine's code in real time.
public protocol EngineWorker: Sendable {
    /// Works until it is stopped or its task is cancelled. Throws what the store throws; then nobody knows what the last commits came to,
    /// and a new engine has to go on.
    func run() async throws
    /// Ends ``run()``; attempts that are under way are cancelled and begun again by the next engine.
    func stop()
    /// Begins nothing any more, and returns when what is under way has ended; then it is time to ``stop()``.
    func drain() async
    /// How many things run now: attempts of activities, workflow tasks, timers.
    var busyCount: Int { get }
    /// Returns when nothing runs.
    func waitUntilIdle() async
    /// When it has something to do next, in the past when it could begin now; nil when nothing is pending.
    func nextDue() async throws -> Timestamp?
}

/// What an engine does because it keeps the database itself; on a cluster it is the server's affair.
public protocol EngineUpkeep: Sendable {
    /// Takes over a run that another database or a Temporal server has recorded, see ``EmbeddedEngine/importRun(_:workflowID:)``.
    @discardableResult
    func importRun(_ history: WorkflowHistory, workflowID: String?) async throws -> WorkflowExecution
    /// Deletes closed runs that ended longer ago than `retention`, at most `limit`; returns how many.
    func removeClosed(retention: Duration, limit: Int) async throws -> Int
    /// What was set aside because it could not be run, oldest first.
    func quarantined() async throws -> [QuarantinedItem]
    /// Makes everything of a workflow due again that was set aside, once what was wrong is mended; returns how much that was.
    @discardableResult
    func release(workflowID: String) async throws -> Int
    /// Sets the gauges to what is true now.
    func updateGauges()
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
