import Events

/// One mutation of one workflow in the making: events are added to its current run, and all of it is committed at once.
struct Turn {
    let now: Timestamp
    private(set) var state: RunState
    private(set) var change = WorkflowChange()
    private var appended: [HistoryEvent] = []
    /// What is to be told once it is durable.
    var outcomes: [RunOutcome] = []
    var outcomesOfUpdates: [UpdateOutcome] = []
    /// Updates that have ended in this turn, for those who wait for them.
    var updateEnds: [(UpdateKey, UpdateOutcome)] = []
    var identity = "lockstep"
    /// True when the code did not fit in this turn.
    var isBlocked = false
    /// True when something has arrived that the code has not seen.
    private(set) var hasNews = false
    /// True when somebody listens to ``notes``.
    var isWatched = false
    /// What is to be counted and logged once it is durable.
    var notes: [Note] = []
    private var isRowChanged = false

    /// A turn of an open or closed run.
    init(_ state: RunState, at now: Timestamp) {
        self.state = state
        self.now = now
    }

    var isChanged: Bool { !appended.isEmpty || !change.isEmpty || isRowChanged }

    /// Events of the present run that the store does not have yet.
    var unsaved: [HistoryEvent] { appended }

    /// Appends one event; what it makes due, and what it settles, goes along.
    @discardableResult
    mutating func append(_ kind: HistoryEvent.Kind, _ fields: EventFields, at: Timestamp? = nil) throws -> HistoryEvent {
        let event = try copy(HistoryEvent(kind: kind, at: at ?? now, fields: fields))
        if kind.wakes { hasNews = true }
        if kind.wakes, state.task == nil, !state.isClosed { try append(.workflowTaskScheduled, [.attempt: .integer(1)]) }
        return event
    }

    /// Appends an event as it is, with the next id; the workflow task that it may call for is not scheduled.
    @discardableResult
    mutating func copy(_ event: HistoryEvent) throws -> HistoryEvent {
        guard !state.isClosed else { throw WorkflowNotFound(workflowID: state.run.workflowID, expected: "an open run") }
        var event = event
        event.id = state.run.length + 1
        settle(before: event)
        state.run.length += 1
        appended.append(event)
        state.apply(event)
        try state.live?.note(event)
        if event.kind.isTerminal { close(event) }
        if event.kind == .workflowExecutionUpdateCompleted { noteEnd(ofUpdate: event.fields.text(.updateID)) }
        expect(after: event)
        return event
    }

    /// What an event ends.
    private mutating func settle(before event: HistoryEvent) {
        switch event.kind {
        case .workflowTaskStarted: state.taskKey.map { done($0) }
        case .workflowTaskFailed where event.isReset: if let deadline = state.deadline { done(state.key(.timeout, 1, at: deadline)) }
        case .timerCanceled, .timerFired:
            let started = event.fields.integer(.startedEventID) ?? 0
            if let at = state.timers[started] { done(state.key(.timer, started, at: at)) }
        case .activityTaskCompleted, .activityTaskFailed, .activityTaskTimedOut, .activityTaskCanceled:
            if let key = state.activityKey(event.fields.integer(.scheduledEventID) ?? 0) { done(key) }
        case _ where event.kind.isTerminal: for key in state.openKeys { done(key) }
        default: break
        }
    }

    /// What an event makes due.
    private mutating func expect(after event: HistoryEvent) {
        switch event.kind {
        case .workflowExecutionStarted,
            .workflowTaskFailed where event.isReset:
            if let deadline = state.deadline { due(state.key(.timeout, 1, at: deadline)) }
        case .workflowTaskScheduled: state.taskKey.map { due($0) }
        case .timerStarted:
            if let at = state.timers[event.id] { due(state.key(.timer, event.id, at: at)) }
        case .activityTaskScheduled:
            if let key = state.activityKey(event.id) { due(key, queue: event.fields.text(.taskQueue)) }
        default: break
        }
    }

    mutating func due(_ key: DueItem.Key, queue: String = "", body: JSONValue? = nil) {
        change.due.append(DueItem(key: key, workflowID: state.run.workflowID, queue: queue, body: body))
    }

    /// Something is settled; if it was only made due in this turn, it never happened.
    mutating func done(_ key: DueItem.Key) {
        if let index = change.due.lastIndex(where: { $0.key == key }) { change.due.remove(at: index) } else { change.done.append(key) }
    }

    /// Changes what is known of an activity, and when it is due.
    mutating func update(_ scheduled: Int, _ body: (inout ActivityAttempt) -> Void) {
        guard let before = state.activities[scheduled] else { return }
        body(&state.activities[scheduled, default: before].attempt)
        guard let after = state.activities[scheduled], after.attempt.dueAt != before.attempt.dueAt else { return markChanged() }
        if let at = before.attempt.dueAt { done(state.key(.activity, scheduled, at: at)) }
        if let at = after.attempt.dueAt { due(state.key(.activity, scheduled, at: at), queue: after.event.fields.text(.taskQueue)) }
        markChanged()
    }

    mutating func markChanged() { isRowChanged = true }

    mutating func set(status: WorkflowStatus, problem: String?) {
        guard state.run.status != status || state.run.problem != problem else { return }
        state.run.status = status
        state.run.problem = problem
        isRowChanged = true
    }

    mutating func edit(_ body: (inout WorkflowRun) -> Void) {
        body(&state.run)
        isRowChanged = true
    }

    mutating func withState<Value>(_ body: (inout RunState) throws -> Value) rethrows -> Value { try body(&state) }

    // MARK: Messages to other workflows

    /// Something for another workflow, delivered after the commit.
    mutating func send(_ transfer: Transfer, event: Int) throws {
        due(state.key(.transfer, event, at: now), body: try JSONValue(encoding: transfer))
    }

    // MARK: The end of a run

    private mutating func close(_ event: HistoryEvent) {
        state.run.status = WorkflowStatus(event.kind)
        state.run.closedAt = event.at
        state.run.problem = event.fields.failure(.failure)?.description
        endUpdates()
        if isWatched { notes.append(.closed(state.run, event.kind, after: event.at - state.run.startedAt)) }
        if event.fields[.newRunID] == nil { outcomes.append(RunOutcome(run: state.run, event: event)) }
    }

    /// Puts the present run aside and goes on with another run of the same workflow.
    mutating func begin(_ next: RunState) {
        flush()
        state.live?.evict()
        state = next
    }

    /// Moves what was appended into the change.
    mutating func flush() {
        guard !appended.isEmpty || isRowChanged else { return }
        let batch = appended.isEmpty ? nil : EventCoding.encode(appended)
        let bytes = state.run.bytes
        state.run.bytes += batch?.count ?? 0
        noteGrowth(from: state.run.length - appended.count, bytes)
        state.saveAttempts()
        change.runs.append(RunChange(run: state.run, batch: batch, first: appended.first?.id ?? 0))
        appended.removeAll()
        isRowChanged = false
    }

    /// Takes out what is to be committed so far.
    mutating func takeChange() -> WorkflowChange {
        flush()
        defer { change = WorkflowChange() }
        return change
    }

    /// The state as it waits for the next turn.
    mutating func parked() -> RunState? {
        if state.isClosed { return nil }
        state.trim()
        return state
    }

    mutating func finish(_ edit: (inout WorkflowChange) -> Void) { edit(&change) }
}

/// The end of a run, for those who wait for it.
struct RunOutcome: Sendable {
    let run: WorkflowRun
    let event: HistoryEvent
}

/// A message from one workflow to another, kept until it is delivered.
struct Transfer: Codable, Sendable {
    enum What: String, Codable, Sendable {
        /// Parent to child; the initiating event says the rest.
        case startChild
        /// Any to any; the initiating event says the rest.
        case signal, cancel
        /// Parent to child, when the parent has closed.
        case terminate
        /// Child to parent; the child's last event says the rest.
        case childClosed
        /// To the schedule that has started the run: it has closed.
        case scheduleGoesOn
    }

    var what: What
    /// Who receives it; an empty run is whichever is current.
    var to: String
    var toRun = ""
    /// The event in the sender's history, and of ``What/childClosed`` the one in the receiver's.
    var event: Int
    /// False when nobody waits for an answer.
    var isAnswered = true
}
