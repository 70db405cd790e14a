import Events

/// One run in memory: its row, what is open in it, and its code if that is live. Built by applying the history's events.
struct RunState {
    /// An activity that has not ended.
    struct Activity {
        let event: HistoryEvent
        var attempt: ActivityAttempt
        var cancelRequested: Int?

        var type: String { event.fields.text(.activityType) }
        var id: String { event.fields.text(.activityID) }
        var retry: RetryPolicy { event.fields.retryPolicy ?? RetryPolicy() }

        /// When all attempts together have had their time.
        var deadline: Timestamp? { event.fields.duration(.scheduleToCloseTimeout).map { event.at + $0 } }
    }

    /// A child that has not ended.
    struct Child {
        let workflowID: String
        var runID = ""
        let type: String
        let policy: ParentClosePolicy
    }

    /// An update that was accepted.
    struct Update {
        let acceptedEventID: Int
        var outcome: HistoryEvent?
    }

    var run: WorkflowRun
    /// The first event; it holds what the run was started with.
    private(set) var started: HistoryEvent?
    /// The scheduled workflow task.
    private(set) var task: HistoryEvent?
    var activities: [Int: Activity] = [:]
    private(set) var timers: [Int: Timestamp] = [:]
    private(set) var children: [Int: Child] = [:]
    private(set) var externals: [Int: HistoryEvent] = [:]
    private(set) var signals: Set<String> = []
    private(set) var signalCount = 0
    private(set) var updates: [String: Update] = [:]
    private(set) var isCancelRequested = false
    /// When the run was made from another by a reset.
    private(set) var resetAt: Timestamp?
    /// The event that ended the run.
    private(set) var end: HistoryEvent?
    var live: LiveWorkflow?

    init(run: WorkflowRun, history: [HistoryEvent] = []) {
        self.run = run
        for event in history { apply(event) }
        for attempt in run.attempts { activities[attempt.scheduledEventID]?.attempt = attempt }
    }

    var isClosed: Bool { run.status.isClosed }
    var parentWorkflowID: String? {
        started.flatMap { $0.fields.text(.parentWorkflowID).isEmpty ? nil : $0.fields.text(.parentWorkflowID) }
    }

    /// When the run's time is over.
    var deadline: Timestamp? { started?.runDeadline(resetAt: resetAt) }

    mutating func apply(_ event: HistoryEvent) {
        switch event.kind {
        case .workflowExecutionStarted: started = event
        case .workflowTaskScheduled: task = event
        case .workflowTaskStarted: task = nil
        case .workflowExecutionSignaled:
            signalCount += 1
            signals.insert(event.fields.text(.requestID))
        case .workflowTaskFailed where event.isReset: resetAt = event.at
        case .workflowExecutionCancelRequested: isCancelRequested = true
        case .timerStarted: timers[event.id] = event.at + .milliseconds(event.fields.integer(.startToFireTimeout) ?? 1)
        case .timerFired, .timerCanceled: timers[event.fields.integer(.startedEventID) ?? 0] = nil
        case .workflowExecutionUpdateAccepted: updates[event.fields.text(.acceptedUpdateID)] = Update(acceptedEventID: event.id)
        case .workflowExecutionUpdateCompleted: updates[event.fields.text(.updateID)]?.outcome = event
        case _ where event.kind.isTerminal: end = event
        default:
            applyActivity(event)
            applyOther(event)
        }
    }

    private mutating func applyActivity(_ event: HistoryEvent) {
        let scheduled = event.fields.integer(.scheduledEventID) ?? 0
        switch event.kind {
        case .activityTaskScheduled:
            let attempt = ActivityAttempt(scheduledEventID: event.id, attempt: 1, dueAt: event.at)
            activities[event.id] = Activity(event: event, attempt: attempt)
        case .activityTaskCancelRequested: activities[scheduled]?.cancelRequested = event.id
        case .activityTaskCompleted, .activityTaskFailed, .activityTaskTimedOut, .activityTaskCanceled: activities[scheduled] = nil
        default: break
        }
    }

    private mutating func applyOther(_ event: HistoryEvent) {
        let initiated = event.fields.integer(.initiatedEventID) ?? 0
        switch event.kind {
        case .startChildWorkflowExecutionInitiated:
            children[event.id] = Child(
                workflowID: event.fields.text(.workflowID), type: event.fields.text(.workflowType),
                policy: ParentClosePolicy(temporal: event.fields.text(.parentClosePolicy)))
        case .childWorkflowExecutionStarted: children[initiated]?.runID = event.fields.text(.executionRunID)
        case .startChildWorkflowExecutionFailed, .childWorkflowExecutionCompleted, .childWorkflowExecutionFailed,
            .childWorkflowExecutionCanceled, .childWorkflowExecutionTimedOut, .childWorkflowExecutionTerminated:
            children[initiated] = nil
        case .signalExternalWorkflowExecutionInitiated, .requestCancelExternalWorkflowExecutionInitiated: externals[event.id] = event
        case .signalExternalWorkflowExecutionFailed, .externalWorkflowExecutionSignaled, .requestCancelExternalWorkflowExecutionFailed,
            .externalWorkflowExecutionCancelRequested:
            externals[initiated] = nil
        default: break
        }
    }

    // MARK: What is due

    func key(_ kind: DueItem.Kind, _ event: Int, at: Timestamp) -> DueItem.Key {
        DueItem.Key(at: at, run: run.key, event: event, kind: kind)
    }

    /// The item of the scheduled workflow task.
    var taskKey: DueItem.Key? {
        task.map { key(.task, $0.id, at: $0.at + $0.taskBackoff(of: started)) }
    }

    /// The item of an activity.
    func activityKey(_ scheduled: Int) -> DueItem.Key? {
        activities[scheduled]?.attempt.dueAt.map { key(.activity, scheduled, at: $0) }
    }

    /// Everything that is not to happen any more once the run has ended.
    var openKeys: [DueItem.Key] {
        let timers = timers.map { key(.timer, $0.key, at: $0.value) }
        return timers + activities.keys.compactMap(activityKey) + [taskKey, deadline.map { key(.timeout, 1, at: $0) }].compactMap { $0 }
    }

    /// Notes in the row what the history does not say.
    mutating func saveAttempts() {
        run.attempts = activities.values.filter {
            $0.attempt != ActivityAttempt(scheduledEventID: $0.event.id, attempt: 1, dueAt: $0.event.at)
        }
        .map(\.attempt).sorted { $0.scheduledEventID < $1.scheduledEventID }
    }

    /// What the code knows of its run.
    var info: WorkflowInfo {
        let fields = started?.fields ?? [:]
        return WorkflowInfo(
            workflowID: run.workflowID, runID: run.runID, originalRunID: fields.text(.originalRunID), firstRunID: fields.text(.firstRunID),
            type: run.type, taskQueue: run.taskQueue,
            attempt: fields.integer(.attempt) ?? 1, startedAt: run.startedAt, parentWorkflowID: parentWorkflowID,
            lastCompletionResult: fields.payloads(.lastCompletionResult).first, lastFailure: fields.failure(.continuedFailure))
    }
}

extension ParentClosePolicy {
    init(temporal name: String) { self = ParentClosePolicy(rawValue: ProtoName.camel(name, "PARENT_CLOSE_POLICY")) ?? .terminate }
}

extension WorkflowStatus {
    /// The status after a terminal event.
    init(_ end: HistoryEvent.Kind) {
        switch end {
        case .workflowExecutionCompleted: self = .completed
        case .workflowExecutionCanceled: self = .cancelled
        case .workflowExecutionTerminated: self = .terminated
        case .workflowExecutionContinuedAsNew: self = .continuedAsNew
        case .workflowExecutionTimedOut: self = .timedOut
        default: self = .failed
        }
    }
}
