public import Events

/// What operations see of a run.
public struct WorkflowDescription: Hashable, Sendable {
    /// The run.
    public var run: WorkflowRun
    /// Activities that have not ended, local ones between two attempts among them.
    public var activities: [PendingActivity]
    /// Timers that have not fired, with the moments at which they will.
    public var timers: [Timestamp]
    /// Children that have not ended.
    public var children: [WorkflowExecution]
    /// Signals that the code waits for; nil when it is not in memory.
    public var waitsFor: [AwaitedSignal]?
    /// True when somebody has asked for cancellation.
    public var isCancelRequested: Bool
    /// When the workflow's code is to run; nil when nothing has arrived for it.
    public var taskDueAt: Timestamp?
    /// The attempt of the workflow task that is due; above 1 after one that took too long.
    public var taskAttempt: Int?
    /// When the run's time is over; nil for never.
    public var timesOutAt: Timestamp?
    /// When the time of all runs of the chain together is over; nil for never.
    public var executionTimesOutAt: Timestamp?
    /// The parent and its run; nil for a workflow without parent.
    public var parent: WorkflowExecution?
    /// The ids of updates that are under way.
    public var updates: [String]
    /// What becomes a problem when nothing is done: a history that has reached a fifth of a limit.
    public var warnings: [String]
}

/// An activity that has not ended.
public struct PendingActivity: Hashable, Sendable {
    /// Its id in the workflow.
    public var id: String
    /// The event with which it was scheduled; for a local activity the one that tells of its last attempt.
    public var scheduledEventID: Int
    /// Its name.
    public var type: String
    /// The present or next attempt.
    public var attempt: Int
    /// When the next attempt begins; nil for one that is under way outside without a time limit.
    public var dueAt: Timestamp?
    /// True when it is to be completed from outside.
    public var isOpen: Bool
    /// Why the last attempt failed.
    public var lastFailure: String?
    /// What the last heartbeat said.
    public var heartbeatDetails: JSONValue?
}

extension EmbeddedEngine {
    /// Where the last run of a workflow stands; nil for an unknown one.
    public func status(of workflowID: String) async throws -> WorkflowStatus? { try await store.run(workflowID)?.status }

    /// Describes the current run of a workflow at `now`. Throws ``WorkflowNotFound``.
    package func describe(workflowID: String, at now: Timestamp) async throws -> WorkflowDescription {
        try await turn(workflowID, at: now) { turn in WorkflowDescription(turn.state) }
    }

    /// Runs that match, newest first, with keys below `key`.
    public func list(_ filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] {
        try await store.runs(matching: filter, before: key, limit: limit)
    }

    /// The number of runs that match.
    public func count(_ filter: WorkflowFilter) async throws -> Int { try await store.count(matching: filter) }

    /// The history of a workflow's current run, or of `runID`. Throws ``WorkflowNotFound``.
    public func history(workflowID: String, runID: String?) async throws -> WorkflowHistory {
        guard let run = try await store.run(workflowID, runID: runID) else {
            throw WorkflowNotFound(workflowID: workflowID, expected: "a run")
        }
        return WorkflowHistory(events: try await store.history(run.key))
    }

    /// Deletes closed runs that ended before `now` minus `retention`; returns how many.
    package func removeClosed(retention: Duration, at now: Timestamp, limit: Int = 1000) async throws -> Int {
        try await store.remove(closedBefore: Timestamp(milliseconds: now.milliseconds - retention.milliseconds), limit: limit)
    }

    /// The same as the port's, at `now`. Throws ``ResetRefused`` when no workflow task is due or under way before `event`, or when something
    /// was open there that cannot be taken over.
    @discardableResult
    package func reset(workflowID: String, toEvent event: Int, reason: String, at now: Timestamp) async throws -> WorkflowExecution {
        let key = try await newKey()
        return try await turn(workflowID, at: now) { turn in
            let old = turn.state.run
            let history = try await self.store.history(old.key)
            let kept = try Self.prefix(of: history, upTo: event, workflowID: workflowID)
            try turn.terminate(reason: "reset: \(reason)")
            try turn.reset(to: kept, dropping: history.dropFirst(kept.count), key: key, reason: reason)
            return WorkflowExecution(workflowID: workflowID, runID: turn.state.run.runID)
        }
    }

    /// The events before the one that the run is reset to; as on Temporal's server a workflow task has to be due or under way there.
    private static func prefix(of history: [HistoryEvent], upTo event: Int, workflowID: String) throws -> [HistoryEvent] {
        let kept = Array(history.prefix(max(0, event - 1)))
        let last = kept.last { $0.kind == .workflowTaskScheduled || $0.kind.endsTask }
        guard event <= history.count, let last, !last.kind.endsTask else {
            throw ResetRefused(
                "workflow \(workflowID): expected an event after a scheduled workflow task and up to its end, found event \(event); name"
                    + " the start or the end of a workflow task")
        }
        let state = RunState(
            run: WorkflowRun(key: 0, workflowID: workflowID, runID: "", type: "", taskQueue: "", startedAt: last.at), history: kept)
        guard state.children.isEmpty, state.externals.isEmpty else {
            throw ResetRefused(
                "workflow \(workflowID): expected no open child or message at event \(event), found \(state.children.count + state.externals.count);"
                    + " choose an earlier event")
        }
        return kept
    }
}

/// A run cannot be reset to this event.
public struct ResetRefused: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
    init(_ description: String) { self.description = description }
}

extension Turn {
    /// Begins a run with the history of another; the task at its end has failed, so that it is made again.
    mutating func reset(to kept: [HistoryEvent], dropping rest: ArraySlice<HistoryEvent>, key: Int64, reason: String) throws {
        var run = state.run
        run.key = key
        run.runID = StableHash.hexadecimal("\(run.workflowID) \(now.milliseconds) \(key)")
        run.status = .running
        run.closedAt = nil
        run.problem = nil
        (run.length, run.bytes, run.attempts) = (0, 0, [])
        begin(RunState(run: run))
        for event in kept { try copy(event) }
        let scheduled = kept.last { $0.kind == .workflowTaskScheduled }?.id ?? 0
        let begun = kept.last { $0.kind == .workflowTaskStarted && $0.id > scheduled }
        let started = try begun ?? append(.workflowTaskStarted, [.scheduledEventID: .integer(scheduled)])
        try append(
            .workflowTaskFailed,
            [
                .scheduledEventID: .integer(scheduled), .startedEventID: .integer(started.id),
                .cause: .text("WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"), .failure: .failure(Failure(message: reason)),
                .resetRunID: .text(run.runID),
            ])
        for event in rest { try reapply(event) }
        if state.task == nil { try append(.workflowTaskScheduled, [.attempt: .integer(1)]) }
    }
}

extension Turn {
    /// Gives the new run the messages that came after its last event.
    private mutating func reapply(_ event: HistoryEvent) throws {
        switch event.kind {
        case .workflowExecutionSignaled: try append(event.kind, event.fields)
        case .workflowExecutionUpdateAdmitted: try append(event.kind, event.fields)
        case .workflowExecutionUpdateAccepted:
            let id = event.fields.text(.acceptedUpdateID)
            guard !state.isAdmitted(id) else { return }
            try append(
                .workflowExecutionUpdateAdmitted,
                [
                    .admittedUpdateID: .text(id), .admittedUpdateName: event.fields[.acceptedUpdateName],
                    .admittedArguments: event.fields[.updateArguments], .updateOrigin: .text("UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY"),
                ])
        default: break
        }
    }
}

extension WorkflowDescription {
    /// Describes a run as a store has it, without its code.
    public init(_ run: WorkflowRun, history: [HistoryEvent]) { self.init(RunState(run: run, history: history)) }

    init(_ state: RunState) {
        var activities = state.activities.values.sorted { $0.event.id < $1.event.id }.map { activity in
            PendingActivity(
                id: activity.id, scheduledEventID: activity.event.id, type: activity.type, attempt: activity.attempt.attempt,
                dueAt: activity.attempt.dueAt, isOpen: activity.attempt.startedAt != nil,
                lastFailure: activity.attempt.lastFailure.flatMap { try? Failure(json: $0).description },
                heartbeatDetails: activity.attempt.heartbeatDetails)
        }
        activities += state.pauses.sorted { $0.key < $1.key }.map { PendingActivity($1, pausedBy: $0) }
        self.init(
            run: state.run, activities: activities, timers: state.timers.values.sorted(),
            children: state.children.sorted { $0.key < $1.key }.map {
                WorkflowExecution(workflowID: $0.value.workflowID, runID: $0.value.runID)
            }, waitsFor: state.live?.awaited, isCancelRequested: state.isCancelRequested, taskDueAt: state.taskKey?.at,
            taskAttempt: state.task.map { $0.fields.integer(.attempt) ?? 1 }, timesOutAt: state.isClosed ? nil : state.deadline,
            executionTimesOutAt: state.isClosed ? nil : state.executionDeadline, parent: state.parent,
            updates: state.updates.filter { $0.value.outcome == nil }.keys.sorted(), warnings: state.run.warnings)
    }
}

extension PendingActivity {
    /// A local activity between two attempts.
    fileprivate init(_ local: LocalResolution, pausedBy event: Int) {
        self.init(
            id: String(local.sequence), scheduledEventID: event, type: local.name, attempt: local.attempt + 1,
            dueAt: local.completedAt + (local.backoff ?? .zero), isOpen: false)
    }
}

extension RunState {
    fileprivate var parent: WorkflowExecution? {
        parentWorkflowID.map { WorkflowExecution(workflowID: $0, runID: started?.fields.text(.parentRunID) ?? "") }
    }
}

extension WorkflowRun {
    /// True when the history has reached a fifth of what it may be.
    public var isHistoryLong: Bool { length >= WorkflowLimits.warnEvents || bytes >= WorkflowLimits.warnBytes }

    /// What becomes a problem when nothing is done about an open run.
    var warnings: [String] {
        guard isHistoryLong, !status.isClosed else { return [] }
        return [
            "history: \(length) of \(WorkflowLimits.maximumEvents) events, \(bytes) of \(WorkflowLimits.maximumBytes) bytes; at the limit"
                + " the run is terminated; continue as new"
        ]
    }
}
