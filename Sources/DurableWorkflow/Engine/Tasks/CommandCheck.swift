import Events

/// A command that Temporal's server refuses: the workflow task fails, and the run waits for code that asks for something else.
struct CommandRefused: Error, CustomStringConvertible {
    /// Temporal's name of the cause, without its prefix.
    let cause: String
    let description: String
}

extension RunState {
    /// Refuses what no engine can do before anything of the activation is written. The rules and causes are Temporal's.
    func check(_ command: HistoryEvent) throws {
        switch command.kind {
        case .activityTaskScheduled:
            try CommandCheck(run, command, "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES").activity()
        case .startChildWorkflowExecutionInitiated:
            try CommandCheck(run, command, "BAD_START_CHILD_EXECUTION_ATTRIBUTES").child()
        case .signalExternalWorkflowExecutionInitiated:
            let check = CommandCheck(run, command, "BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES")
            try check.names([(.executionWorkflowID, "workflow id"), (.signalName, "signal name")])
        case .requestCancelExternalWorkflowExecutionInitiated:
            let check = CommandCheck(run, command, "BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES")
            try check.names([(.executionWorkflowID, "workflow id")])
        case .workflowExecutionContinuedAsNew:
            let check = CommandCheck(run, command, "BAD_CONTINUE_AS_NEW_ATTRIBUTES")
            try check.names([(.workflowType, "workflow type"), (.taskQueue, "task queue")])
        default: break
        }
    }
}

/// One command of one run, and the cause that its refusal has.
private struct CommandCheck {
    let run: WorkflowRun
    let command: HistoryEvent
    let cause: String

    init(_ run: WorkflowRun, _ command: HistoryEvent, _ cause: String) {
        (self.run, self.command, self.cause) = (run, command, cause)
    }

    private func refusal(_ sentence: String) -> CommandRefused {
        CommandRefused(cause: cause, description: "workflow \(run.workflowID), run \(run.runID), \(command.kind.name): \(sentence)")
    }

    func names(_ names: [(EventField, String)]) throws {
        for (field, what) in names {
            let count = command.fields.text(field).count
            guard (1...WorkflowLimits.maximumNameLength).contains(count) else {
                throw refusal("\(what): expected 1 to \(WorkflowLimits.maximumNameLength) characters, found \(count)")
            }
        }
    }

    private func durations(_ fields: [(EventField, String)]) throws {
        for (field, what) in fields {
            guard let milliseconds = command.fields.integer(field), milliseconds < 0 else { continue }
            throw refusal("\(what): expected zero or more, found \(milliseconds) ms")
        }
    }

    private func policy() throws {
        if let problem = command.fields.retryPolicy?.problem { throw refusal(problem) }
    }

    func activity() throws {
        try names([(.activityID, "activity id"), (.activityType, "activity type"), (.taskQueue, "task queue")])
        try durations([
            (.scheduleToCloseTimeout, "ScheduleToCloseTimeout"), (.scheduleToStartTimeout, "ScheduleToStartTimeout"),
            (.startToCloseTimeout, "StartToCloseTimeout"), (.heartbeatTimeout, "HeartbeatTimeout"),
        ])
        try policy()
        guard command.fields.duration(.scheduleToCloseTimeout) != nil || command.fields.duration(.startToCloseTimeout) != nil else {
            throw refusal("expected a StartToCloseTimeout or a ScheduleToCloseTimeout, found neither")
        }
    }

    func child() throws {
        try names([(.workflowID, "workflow id"), (.workflowType, "workflow type"), (.taskQueue, "task queue")])
        try durations([(.executionTimeout, "WorkflowExecutionTimeout"), (.runTimeout, "WorkflowRunTimeout")])
        try policy()
    }
}

extension RetryPolicy {
    /// What Temporal refuses in a policy; nil when it can be followed.
    var problem: String? {
        if initialInterval < .zero { return "invalid InitialInterval set on retry policy: negative duration: found \(initialInterval)" }
        if backoffCoefficient.isNaN || backoffCoefficient < 1, backoffCoefficient != 0 {
            return "BackoffCoefficient cannot be less than 1 on retry policy: found \(backoffCoefficient)"
        }
        if let maximumInterval, maximumInterval < .zero {
            return "invalid MaximumInterval set on retry policy: negative duration: found \(maximumInterval)"
        }
        if let maximumInterval, maximumInterval > .zero, maximumInterval < initialInterval {
            return "MaximumInterval cannot be less than InitialInterval on retry policy: found \(maximumInterval) and \(initialInterval)"
        }
        if maximumAttempts < 0 { return "MaximumAttempts cannot be negative on retry policy: found \(maximumAttempts)" }
        return nil
    }
}

extension WorkflowOptions {
    /// What Temporal refuses in a start; nil when it can be followed.
    var problem: String? {
        let times = [
            ("WorkflowExecutionTimeout", executionTimeout), ("WorkflowRunTimeout", runTimeout), ("WorkflowTaskTimeout", taskTimeout),
            ("WorkflowStartDelay", startDelay),
        ]
        for case (let name, let time?) in times where time < .zero {
            return "An invalid \(name)Seconds is set on request. cause: negative duration: found \(time)"
        }
        if let problem = retryPolicy?.problem { return problem }
        if cronSchedule != nil, startDelay != nil { return "CronSchedule and WorkflowStartDelay may not be used together" }
        if idReusePolicy == .rejectDuplicate, idConflictPolicy == .terminateExisting {
            return "Invalid WorkflowIDReusePolicy: rejectDuplicate cannot be used together with WorkflowIDConflictPolicy terminateExisting"
        }
        return nil
    }
}

/// Options of a start that no engine can follow.
extension StartRequest {
    func checkOptions() throws {
        if let problem = options.problem { throw UnusableOptions("workflow \(workflowID): \(problem)") }
    }
}
