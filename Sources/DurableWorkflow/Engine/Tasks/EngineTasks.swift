import Events

extension EmbeddedEngine {
    /// One workflow task: shows the code what has arrived and notes what it decides. False when the code does not fit: the run waits.
    func runTask(_ turn: inout Turn, updates: [UpdateRequest] = []) async throws -> Bool {
        let task = watch.begin(turn)
        do {
            try await runCode(&turn, updates, task)
            watch.end(task)
            return true
        } catch let error where Self.isBlocking(error) {
            watch.end(task, error)
            if turn.isWatched { turn.notes.append(.blocked(turn.state.run, TaskFailure(error))) }
            try turn.block("\(error)", cause: Self.cause(error))
            return false
        } catch {
            watch.end(task, error)
            throw error
        }
    }

    private func runCode(_ turn: inout Turn, _ updates: [UpdateRequest], _ task: WatchedTask?) async throws {
        let live = try await live(&turn)
        watch.link(task, to: live.unseenSignals)
        live.worked = .zero
        try live.activate(at: turn.now, startedID: turn.state.run.length + 1, updates: updates)
        while true {
            let locals = live.takeLocals()
            if locals.isEmpty { break }
            try await commitInputs(&turn)
            for request in locals { try live.resolve(request, await runLocal(request, turn, task)) }
        }
        if let limit = turn.state.taskTimeout, live.worked > limit {
            watch.timedOut(task)
            return try turn.timeOutTask()
        }
        try await record(live.takeActivation(), &turn, task)
    }

    private static func isBlocking(_ error: any Error) -> Bool {
        error is NonDeterminismError || error is WorkflowEscape || error is WorkflowDeadlock || error is UnhandledWorkflowError
            || error is UnknownWorkflowType || error is LimitExceeded || error is CommandRefused || error is PayloadError
            || error is UnusableOptions || error is ScheduleError || error is HistoryError
    }

    private static func cause(_ error: any Error) -> String {
        let cause = (error as? CommandRefused)?.cause
        return "WORKFLOW_TASK_FAILED_CAUSE_"
            + (cause ?? (error is NonDeterminismError ? "NON_DETERMINISTIC_ERROR" : "WORKFLOW_WORKER_UNHANDLED_FAILURE"))
    }

    /// The run's code in memory; replayed when it is not there.
    func live(_ turn: inout Turn) async throws -> LiveWorkflow {
        if let live = turn.state.live { return live }
        let run = turn.state.run
        guard let type = workflows[run.type] else { throw UnknownWorkflowType(workflowID: run.workflowID, type: run.type) }
        let live = LiveWorkflow(turn.state, type: type, converter: converter, uptime: options.uptime, log: watch.logger?.of(run))
        do { try watch.replay(run, try await store.history(run.key) + turn.unsaved, with: live) } catch {
            live.evict()
            throw error
        }
        turn.withState { $0.live = live }
        return live
    }

    /// What the code decided becomes events, and what follows from them.
    private func record(_ activation: Activation, _ turn: inout Turn, _ task: WatchedTask?) async throws {
        turn.outcomesOfUpdates += activation.rejections.map { .rejected(id: $0.id, $0.failure) }
        try turn.checkPending(activation)
        for command in activation.commands { try turn.state.check(command) }
        turn.set(status: .running, problem: nil)
        try turn.beginTask()
        for command in activation.commands {
            if command.kind.isTerminal {
                try await end(command, &turn)
            } else {
                let event = try turn.append(command.kind, watch.traced(command.kind, turn.completed(command), in: task))
                try follow(event, &turn)
            }
        }
        try turn.checkLength()
    }

    /// What a command asks of others.
    private func follow(_ event: HistoryEvent, _ turn: inout Turn) throws {
        if let transfer = Transfer(askedBy: event) { return try turn.send(transfer, event: event.id) }
        if event.kind == .activityTaskCancelRequested { return try cancelActivity(event.fields.integer(.scheduledEventID) ?? 0, &turn) }
        turn.noteProperties(of: event)
        if event.patch != nil { try turn.upsertChangeVersion() }
    }

    /// One attempt of a local activity.
    private func runLocal(_ request: LocalRequest, _ turn: Turn, _ task: WatchedTask?) async -> LocalResolution {
        var resolution = LocalResolution(
            sequence: request.sequence, name: request.name, shape: request.shape, attempt: request.attempt,
            scheduledAt: request.scheduledAt,
            completedAt: turn.now)
        let token = TaskToken(
            workflowID: turn.state.run.workflowID, runID: turn.state.run.runID, scheduledEventID: 0, attempt: request.attempt)
        let context = ActivityContext(
            workflowID: token.workflowID, runID: token.runID, activityID: String(request.sequence), attempt: request.attempt, now: turn.now,
            taskToken: token, heartbeatDetails: nil, activityType: request.name, workflowType: turn.state.run.type,
            log: watch.logger ?? .silent, beat: { _ in })
        // What the activity begins, a lane of a service for one, does not belong to the worker that runs this task.
        let end = await WorkflowWorker.$current.withValue(nil) {
            await watch.run(request, in: task) { await perform(request.name, request.input, context) }
        }
        switch end {
        case .success(let result): resolution.result = result
        case .failure(let failure):
            switch request.retry.verdict(afterAttempt: request.attempt, failure: failure) {
            case .success(let wait): resolution.backoff = wait
            case .failure: resolution.failure = failure
            }
        }
        return resolution
    }

    // MARK: The end of a run

    /// The run ends; a policy or a schedule may let another follow.
    func end(_ command: HistoryEvent, _ turn: inout Turn) async throws {
        let untaken = turn.state.live?.untaken ?? []
        guard let next = try followingRun(command, turn) else {
            try turn.append(command.kind, command.fields)
            return try turn.closeOthers()
        }
        let state = next.state(key: try await newKey(), at: turn.now)
        var fields = command.fields
        fields[.newRunID] = .text(state.run.runID)
        try turn.append(command.kind, fields)
        try turn.closeOthers(tellsParent: false)
        turn.rememberRequests()
        turn.begin(state)
        try turn.begin(next)
        guard command.kind == .workflowExecutionContinuedAsNew else { return }
        for signal in untaken {
            _ = try turn.receive(SignalFields(id: signal.id, name: signal.name, input: signal.payload))
        }
    }

    /// What the next run is started with; nil when this one is the last.
    private func followingRun(_ command: HistoryEvent, _ turn: Turn) throws -> StartRequest? {
        guard let started = turn.state.started else { return nil }
        switch command.kind {
        case .workflowExecutionContinuedAsNew:
            var next = try turn.next(started, converter)
            next.type = command.fields.text(.workflowType)
            next.options.taskQueue = command.fields.text(.taskQueue)
            next.input = command.payload(.input)
            return next
        case .workflowExecutionFailed:
            return try turn.retry(started, command.fields.failure(.failure), converter) ?? turn.cron(started, command, converter)
        case .workflowExecutionTimedOut:
            let failure = Failure(message: "workflow timed out", source: "Server", info: .timeout(.startToClose, lastHeartbeatDetails: []))
            return try turn.retry(started, failure, converter) ?? turn.cron(started, command, converter)
        case .workflowExecutionCompleted: return try turn.cron(started, command, converter)
        default: return nil
        }
    }
}

extension Turn {
    /// A task begins and ends.
    mutating func beginTask() throws {
        let task = state.task?.id ?? 0
        let started = try append(.workflowTaskStarted, [.scheduledEventID: .integer(task)])
        try append(.workflowTaskCompleted, [.scheduledEventID: .integer(task), .startedEventID: .integer(started.id)])
    }

    /// The code does not fit: noted once for every reason.
    mutating func block(_ problem: String, cause: String) throws {
        state.live?.evict()
        withState { $0.live = nil }
        isBlocked = true
        guard state.run.status != .blocked || state.run.problem != problem else { return }
        let task = state.task?.id ?? 0
        let started = try append(.workflowTaskStarted, [.scheduledEventID: .integer(task)])
        try append(
            .workflowTaskFailed,
            [
                .scheduledEventID: .integer(task), .startedEventID: .integer(started.id), .cause: .text(cause),
                .failure: .failure(Failure(message: problem)),
            ])
        try append(.workflowTaskScheduled, [.attempt: .integer(1)])
        set(status: .blocked, problem: problem)
    }

    /// The fields of a command as its event has them.
    func completed(_ command: HistoryEvent) -> EventFields {
        guard command.kind == .workflowExecutionUpdateCompleted, let update = state.updates[command.fields.text(.updateID)] else {
            return command.fields
        }
        var fields = command.fields
        fields[.acceptedEventID] = .integer(update.acceptedEventID)
        return fields
    }

    /// Refuses what would leave too much open at once.
    func checkPending(_ activation: Activation) throws {
        let asked = activation.commands.count { $0.kind == .activityTaskScheduled || $0.kind == .startChildWorkflowExecutionInitiated }
        let pending = max(state.activities.count, state.children.count, state.externals.count) + asked
        guard pending <= WorkflowLimits.maximumPending else {
            throw LimitExceeded(
                "workflow \(state.run.workflowID): expected at most \(WorkflowLimits.maximumPending) open activities or children,"
                    + " found \(pending)")
        }
    }

    /// Ends a run whose history has become too long.
    mutating func checkLength() throws {
        guard !state.isClosed else { return }
        if state.run.length > WorkflowLimits.maximumEvents || state.run.bytes > WorkflowLimits.maximumBytes {
            try terminate(
                reason: "history: expected at most \(WorkflowLimits.maximumEvents) events and \(WorkflowLimits.maximumBytes) bytes,"
                    + " found \(state.run.length) and \(state.run.bytes); continue as new")
        }
    }

    // MARK: Runs that follow

    /// The same again, as the run was started.
    func next(_ started: HistoryEvent, _ converter: PayloadConverter) throws -> StartRequest {
        let fields = started.fields
        var options = WorkflowOptions(
            taskQueue: state.run.taskQueue, executionTimeout: fields.duration(.executionTimeout), runTimeout: fields.duration(.runTimeout),
            taskTimeout: fields.duration(.taskTimeout) ?? .seconds(10), retryPolicy: fields.retryPolicy,
            cronSchedule: fields.text(.cronSchedule).isEmpty ? nil : fields.text(.cronSchedule))
        options.memo = state.run.memo
        options.searchAttributes = state.run.searchAttributes.filter { $0.key != WorkflowRun.changeVersion }
        var next = try StartRequest(state.run.workflowID, state.run.type, started.payload(.input), options, converter)
        if let parent = state.parentWorkflowID {
            next.parent = (parent, fields.text(.parentRunID), fields.integer(.parentInitiatedEventID) ?? 0)
        }
        next.inherited = [
            .firstRunID: .text(fields.text(.firstRunID)), .continuedRunID: .text(state.run.runID), .header: fields[.header],
            .executionExpiresAt: state.executionDeadline.map { .text($0.description) },
        ]
        return next
    }

    /// The next attempt of a run that failed; nil when the policy allows none.
    func retry(_ started: HistoryEvent, _ failure: Failure?, _ converter: PayloadConverter) throws -> StartRequest? {
        let attempt = started.fields.integer(.attempt) ?? 1
        guard let policy = started.fields.retryPolicy, let failure,
            case .success(let wait) = policy.verdict(afterAttempt: attempt, failure: failure), state.mayBeFollowed(at: now + wait)
        else { return nil }
        var next = try next(started, converter)
        next.attempt = attempt + 1
        next.backoff = wait
        next.inherited[.continuedFailure] = .failure(failure)
        return next
    }

    /// The next run of a cron schedule; nil when there is none.
    func cron(_ started: HistoryEvent, _ end: HistoryEvent, _ converter: PayloadConverter) throws -> StartRequest? {
        let text = started.fields.text(.cronSchedule)
        let begun = started.at + (started.fields.duration(.firstTaskBackoff) ?? .zero)
        guard !text.isEmpty, let at = try CronExpression(text).next(after: now, countedFrom: begun), state.mayBeFollowed(at: at) else {
            return nil
        }
        var next = try next(started, converter)
        next.backoff = at - now
        next.inherited[.lastCompletionResult] = .payload(end.payload(.result)) ?? started.fields[.lastCompletionResult]
        next.inherited[.continuedFailure] = end.fields[.failure]
        return next
    }

    /// Children and the parent hear of the end.
    mutating func closeOthers(tellsParent: Bool = true) throws {
        guard let end = state.end else { return }
        for (initiated, child) in state.children.sorted(by: { $0.key < $1.key }) where child.policy != .abandon {
            let what: Transfer.What = child.policy == .terminate ? .terminate : .cancel
            try send(Transfer(what: what, to: child.workflowID, toRun: child.runID, event: initiated, isAnswered: false), event: -initiated)
        }
        guard tellsParent else { return }
        if let schedule = state.run.searchAttributes[ScheduleRecord.attribute]?.string {
            try send(Transfer(what: .scheduleGoesOn, to: schedule, event: end.id), event: 0)
        }
        try tellParent()
    }

    /// The parent hears of the end, if there is one.
    mutating func tellParent() throws {
        guard let parent = state.parentWorkflowID, let started = state.started, let end = state.end else { return }
        try send(
            Transfer(
                what: .childClosed, to: parent, toRun: started.fields.text(.parentRunID),
                event: started.fields.integer(.parentInitiatedEventID) ?? 0), event: end.id)
    }
}
