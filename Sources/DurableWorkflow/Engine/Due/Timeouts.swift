import Events

// The times of runs and of workflow tasks; the rules are Temporal's.

extension HistoryEvent {
    /// Of a first event: when the run's time is over. It begins with the run's first task, and anew with a reset; the time of all runs
    /// together may end sooner.
    func runDeadline(resetAt: Timestamp?) -> Timestamp? {
        let begins = resetAt ?? at + (fields.duration(.firstTaskBackoff) ?? .zero)
        return [fields.duration(.runTimeout).map { begins + $0 }, executionDeadline(resetAt: resetAt)].compactMap { $0 }.min()
    }

    /// Of a first event: when the time of all runs together is over; retries, cron and continue-as-new hand it on, a reset begins it anew.
    func executionDeadline(resetAt: Timestamp?) -> Timestamp? {
        if let resetAt, let timeout = fields.duration(.executionTimeout) { return resetAt + timeout }
        return Timestamp(fields.text(.executionExpiresAt))
    }

    /// True for the event that marks a reset.
    var isReset: Bool { kind == .workflowTaskFailed && !fields.text(.resetRunID).isEmpty }

    /// Of a scheduled task: the wait before it. The first one waits as the run was told to; one that follows a timeout waits a second,
    /// doubled for each further attempt, ten minutes at most.
    func taskBackoff(of first: FirstEvent?) -> Duration {
        if id == 2 { return first?.taskBackoff ?? .zero }
        let attempt = fields.integer(.attempt) ?? 1
        return attempt < 2 ? .zero : .seconds(min(600, 1 << min(attempt - 2, 10)))
    }
}

extension StartRequest {
    /// When the time of all runs together is over, of a first run.
    func expiry(startedAt now: Timestamp) -> Timestamp? { options.executionTimeout.map { now + $0 + (options.startDelay ?? .zero) } }
}

extension RunState {
    /// When the time of all runs of the chain together is over.
    var executionDeadline: Timestamp? { first?.isTimed == true ? started?.executionDeadline(resetAt: resetAt) : nil }

    /// Whether another run of the chain may begin at `moment`.
    func mayBeFollowed(at moment: Timestamp) -> Bool { executionDeadline.map { moment < $0 } ?? true }

    /// How long the code may run in one workflow task; waits for local activities do not count.
    var taskTimeout: Duration? { first?.taskTimeout }
}

extension Turn {
    /// The code took longer than a task may: what it decided is dropped, and the task comes again.
    mutating func timeOutTask() throws {
        state.live?.evict()
        withState { $0.live = nil }
        if isWatched { notes.append(.taskTimedOut(state.run)) }
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
