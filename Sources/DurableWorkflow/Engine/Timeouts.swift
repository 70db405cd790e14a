import Events

// The times of runs and of workflow tasks; the rules are Temporal's.

extension HistoryEvent {
    /// Of a first event: when the run's time is over. It begins with the run's first task; the time of all runs together may end sooner.
    var runDeadline: Timestamp? {
        let own = fields.duration(.runTimeout).map { at + $0 + (fields.duration(.firstTaskBackoff) ?? .zero) }
        return [own, executionDeadline].compactMap { $0 }.min()
    }

    /// Of a first event: when the time of all runs together is over; retries, cron and continue-as-new hand it on.
    var executionDeadline: Timestamp? { Timestamp(fields.text(.executionExpiresAt)) }

    /// Of a first event: whether another run of the chain may begin at `moment`.
    func mayFollow(at moment: Timestamp) -> Bool { executionDeadline.map { moment < $0 } ?? true }

    /// Of a scheduled task: the wait before it. The first one waits as the run was told to; one that follows a timeout waits a second,
    /// doubled for each further attempt, ten minutes at most.
    func taskBackoff(of started: HistoryEvent?) -> Duration {
        if id == 2 { return started?.fields.duration(.firstTaskBackoff) ?? .zero }
        let attempt = fields.integer(.attempt) ?? 1
        return attempt < 2 ? .zero : .seconds(min(600, 1 << min(attempt - 2, 10)))
    }
}

extension StartRequest {
    /// When the time of all runs together is over, of a first run.
    func expiry(startedAt now: Timestamp) -> Timestamp? { options.executionTimeout.map { now + $0 + (options.startDelay ?? .zero) } }
}

extension RunState {
    /// How long the code may run in one workflow task; waits for local activities do not count.
    var taskTimeout: Duration? { started?.fields.duration(.taskTimeout) }
}

extension Turn {
    /// The code took longer than a task may: what it decided is dropped, and the task comes again.
    mutating func timeOutTask() throws {
        state.live?.evict()
        withState { $0.live = nil }
        let (task, attempt) = (state.task?.id ?? 0, state.task?.fields.integer(.attempt) ?? 1)
        let started = try append(.workflowTaskStarted, [.scheduledEventID: .integer(task)])
        try append(
            .workflowTaskTimedOut,
            [
                .scheduledEventID: .integer(task), .startedEventID: .integer(started.id),
                .timeoutType: .text(ProtoName.name(TimeoutType.startToClose.rawValue, "TIMEOUT_TYPE")),
            ])
        try append(.workflowTaskScheduled, [.attempt: .integer(attempt + 1)])
    }
}
