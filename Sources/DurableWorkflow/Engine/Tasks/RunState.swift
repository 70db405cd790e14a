import Events

/// One run in memory: its row, what is open in it, and its code if that is live. Built by applying the history's events.
struct RunState {
    /// An activity that has not ended.
    struct Activity {
        let event: HistoryEvent
        var attempt: ActivityAttempt
        var cancelRequested: Int?
        /// The event of its start, where it is in the history before its end: in a run that was taken over from a server.
        var startedBy: Int?

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

    /// What few runs have while they are open.
    private struct Rest {
        var children: [Int: Child] = [:]
        var externals: [Int: HistoryEvent] = [:]
        var updates: [String: Update] = [:]
        /// Updates that a reset has kept and that no task has seen yet.
        var admitted: Set<String> = []
        var resetAt: Timestamp?
        var end: HistoryEvent?
        var pauses: [Int: LocalResolution] = [:]
    }

    /// One word in memory while there is nothing.
    private enum Seldom {
        case nothing
        indirect case some(Rest)

        var rest: Rest {
            guard case .some(let rest) = self else { return Rest() }
            return rest
        }
    }

    var run: WorkflowRun
    /// Holds what the run was started with.
    private(set) var first: FirstEvent?
    /// The scheduled workflow task.
    private(set) var task: HistoryEvent?
    var activities: [Int: Activity] = [:]
    private(set) var timers: [Int: Timestamp] = [:]
    private(set) var signals: Set<String> = []
    private(set) var signalCount = 0
    private(set) var isCancelRequested = false
    private var seldom = Seldom.nothing
    var live: LiveWorkflow?

    init(run: WorkflowRun, history: [HistoryEvent] = []) {
        self.run = run
        for event in history { apply(event) }
        for attempt in run.attempts { activities[attempt.scheduledEventID]?.attempt = attempt }
    }

    var isClosed: Bool { run.status.isClosed }
    var parentWorkflowID: String? {
        first?.isChild == true ? started?.fields.text(.parentWorkflowID) : nil
    }

    private var rest: Rest {
        get { seldom.rest }
        set { seldom = .some(newValue) }
    }
    private(set) var children: [Int: Child] {
        get { rest.children }
        set { rest.children = newValue }
    }
    private(set) var externals: [Int: HistoryEvent] {
        get { rest.externals }
        set { rest.externals = newValue }
    }
    private(set) var updates: [String: Update] {
        get { rest.updates }
        set { rest.updates = newValue }
    }
    /// Failed attempts of local activities that are to be tried again, by the event that says so.
    private(set) var pauses: [Int: LocalResolution] {
        get { rest.pauses }
        set { rest.pauses = newValue }
    }
    private var admitted: Set<String> {
        get { rest.admitted }
        set { rest.admitted = newValue }
    }
    func isAdmitted(_ update: String) -> Bool { admitted.contains(update) }
    /// When the run was made from another by a reset.
    private(set) var resetAt: Timestamp? {
        get { rest.resetAt }
        set { rest.resetAt = newValue }
    }
    /// The event that ended the run.
    private(set) var end: HistoryEvent? {
        get { rest.end }
        set { rest.end = newValue }
    }

    /// The first event.
    var started: HistoryEvent? { first?.event }

    /// When the run's time is over.
    var deadline: Timestamp? { first?.isTimed == true ? started?.runDeadline(resetAt: resetAt) : nil }

    mutating func apply(_ event: HistoryEvent) {
        // Closed is closed, also where an older build has written on.
        guard end == nil else { return }
        switch event.kind {
        case .workflowExecutionStarted: first = FirstEvent(event)
        case .workflowTaskScheduled: task = event
        case .workflowTaskStarted: task = nil
        case .workflowTaskCompleted: if !admitted.isEmpty { admitted = [] }
        case .workflowExecutionSignaled:
            signalCount += 1
            signals.insert(event.fields.text(.requestID))
        case .workflowTaskFailed where event.isReset: resetAt = event.at
        case .workflowExecutionCancelRequested: isCancelRequested = true
        case .timerStarted: timers[event.id] = event.at + .milliseconds(event.fields.integer(.startToFireTimeout) ?? 1)
        case .timerFired, .timerCanceled: timers[event.fields.integer(.startedEventID) ?? 0] = nil
        case .workflowExecutionUpdateAdmitted: admitted.insert(event.fields.text(.admittedUpdateID))
        case .workflowExecutionUpdateAccepted: updates[event.fields.text(.acceptedUpdateID)] = Update(acceptedEventID: event.id)
        case .workflowExecutionUpdateCompleted: updates[event.fields.text(.updateID)]?.outcome = event
        case _ where event.kind.isTerminal: close(event)
        default:
            applyActivity(event)
            applyOther(event)
        }
    }

    /// Nothing goes on in a run that has ended.
    private mutating func close(_ event: HistoryEvent) {
        end = event
        (task, activities, timers) = (nil, [:], [:])
        if !pauses.isEmpty { pauses = [:] }
    }

    private mutating func applyActivity(_ event: HistoryEvent) {
        let scheduled = event.fields.integer(.scheduledEventID) ?? 0
        switch event.kind {
        case .activityTaskScheduled:
            let attempt = ActivityAttempt(scheduledEventID: event.id, attempt: 1, dueAt: event.at)
            activities[event.id] = Activity(event: event, attempt: attempt)
        case .activityTaskStarted: activities[scheduled]?.startedBy = event.id
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
        case .markerRecorded: applyLocal(event)
        default: break
        }
    }

    /// The next attempt ends a pause.
    private mutating func applyLocal(_ event: HistoryEvent) {
        let isPause = LocalResolution.isPause(event)
        guard isPause || !pauses.isEmpty, let local = LocalResolution(event) else { return }
        let last = pauses.first { $0.value.name == local.name && $0.value.attempt == local.attempt - 1 }
        if let last { pauses[last.key] = nil }
        if isPause { pauses[event.id] = local }
    }

    /// Gives back the memory of what is over.
    mutating func trim() {
        if activities.isEmpty { activities = [:] }
        if timers.isEmpty { timers = [:] }
        if signals.isEmpty { signals = [] }
        live?.trim()
    }

    // MARK: What is due

    func key(_ kind: DueItem.Kind, _ event: Int, at: Timestamp) -> DueItem.Key {
        DueItem.Key(at: at, run: run.key, event: event, kind: kind)
    }

    /// The item of the scheduled workflow task.
    var taskKey: DueItem.Key? {
        task.map { key(.task, $0.id, at: $0.at + $0.taskBackoff(of: first)) }
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
