public import Events

// The port on the engine's own clock. What each method does, its package twin does at any moment.

extension EmbeddedEngine {
    /// Required by ``DurableEngine``.
    @discardableResult
    public func start(workflowID: String, type: String, input: JSONValue, options: WorkflowOptions) async throws -> WorkflowExecution {
        try await start(workflowID: workflowID, type: type, input: input, options: options, at: time.now)
    }

    /// Required by ``DurableEngine``.
    @discardableResult
    public func signalWithStart(workflowID: String, type: String, input: JSONValue, signal: SignalMessage, options: WorkflowOptions)
        async throws -> WorkflowExecution
    {
        try await signalWithStart(workflowID: workflowID, type: type, input: input, signal: signal, options: options, at: time.now)
    }

    /// Required by ``DurableEngine``.
    @discardableResult
    public func signal(workflowID: String, signal: SignalMessage) async throws -> SignalReceipt {
        try await self.signal(workflowID: workflowID, signal: signal, at: time.now)
    }

    /// Required by ``DurableEngine``.
    public func query(workflowID: String, name: String, input: JSONValue) async throws -> JSONValue {
        try await query(workflowID: workflowID, name: name, input: input, at: time.now)
    }

    /// Required by ``DurableEngine``.
    public func update(workflowID: String, id: String, name: String, input: JSONValue) async throws -> UpdateOutcome {
        try await update(workflowID: workflowID, id: id, name: name, input: input, at: time.now)
    }

    /// Required by ``DurableEngine``.
    public func outcome(ofUpdate id: String, workflowID: String) async throws -> UpdateOutcome? {
        try await outcome(ofUpdate: id, workflowID: workflowID, at: time.now)
    }

    /// Required by ``DurableEngine``.
    public func cancel(workflowID: String) async throws { try await cancel(workflowID: workflowID, at: time.now) }

    /// Required by ``DurableEngine``.
    public func terminate(workflowID: String, reason: String) async throws {
        try await terminate(workflowID: workflowID, reason: reason, at: time.now)
    }

    /// Required by ``DurableEngine``.
    @discardableResult
    public func reset(workflowID: String, toEvent event: Int, reason: String) async throws -> WorkflowExecution {
        try await reset(workflowID: workflowID, toEvent: event, reason: reason, at: time.now)
    }

    /// Required by ``DurableEngine``.
    public func describe(workflowID: String) async throws -> WorkflowDescription {
        try await describe(workflowID: workflowID, at: time.now)
    }
}

// MARK: - Schedules

extension EmbeddedEngine {
    /// Required by ``DurableEngine``.
    public func createSchedule(_ id: String, _ schedule: Schedule) async throws { try await createSchedule(id, schedule, at: time.now) }

    /// Required by ``DurableEngine``.
    public func putSchedule(_ id: String, _ schedule: Schedule) async throws { try await putSchedule(id, schedule, at: time.now) }

    /// Required by ``DurableEngine``.
    public func updateSchedule(_ id: String, _ body: (inout Schedule) throws -> Void) async throws {
        try await updateSchedule(id, at: time.now, body)
    }

    /// Required by ``DurableEngine``.
    public func resumeSchedule(_ id: String, note: String) async throws { try await resumeSchedule(id, note: note, at: time.now) }

    /// Required by ``DurableEngine``.
    public func triggerSchedule(_ id: String, overlap: ScheduleOverlapPolicy?) async throws {
        try await triggerSchedule(id, overlap: overlap, at: time.now)
    }

    /// Required by ``DurableEngine``.
    public func backfillSchedule(_ id: String, from start: Timestamp, to end: Timestamp, overlap: ScheduleOverlapPolicy?) async throws {
        try await backfillSchedule(id, from: start, to: end, overlap: overlap, at: time.now)
    }
}

// MARK: - Completion from outside

extension EmbeddedEngine {
    /// Required by ``DurableEngine``.
    public func complete(_ token: TaskToken, result: JSONValue) async throws { try await complete(token, result: result, at: time.now) }

    /// Required by ``DurableEngine``.
    public func fail(_ token: TaskToken, _ error: ApplicationError) async throws { try await fail(token, error, at: time.now) }

    /// Required by ``DurableEngine``.
    public func reportCancelled(_ token: TaskToken) async throws { try await reportCancelled(token, at: time.now) }

    /// Required by ``DurableEngine``.
    public func heartbeat(_ token: TaskToken, details: JSONValue) async throws {
        try await heartbeat(token, details: details, at: time.now)
    }
}

// MARK: - The other protocols

extension EmbeddedEngine: VirtualTime {
    /// Required by ``VirtualTime``.
    @discardableResult
    public func runDue() async throws -> Int { try await runDue(at: time.now) }

    /// Required by ``VirtualTime``.
    public func runNext(choose: (Int) -> Int) async throws -> Bool { try await runNext(at: time.now, choose: choose) }

    /// Required by ``VirtualTime``.
    public func runTasks() async throws { try await runTasks(at: time.now) }
}

extension EmbeddedEngine: EngineUpkeep {
    /// Takes over a run that another database or a Temporal server has recorded, open or closed; `workflowID` where the history does not
    /// say it. An open run goes on here: its activities, timers, messages and its workflow task become due. The end of a closed one is
    /// told to a parent that is here and waits for it: import parents first.
    ///
    /// What is no event does not come along: how often an open activity was tried. Its attempts begin anew. Events that were left out of
    /// the history leave no gap; the ids after them move up.
    ///
    /// Throws ``ImportRefused`` when the workflow has an open run here, one that began later, or this very run; ``HistoryError`` when the
    /// history is not that of one run.
    @discardableResult
    public func importRun(_ history: WorkflowHistory, workflowID: String?) async throws -> WorkflowExecution {
        try await importRun(history, workflowID: workflowID, at: time.now)
    }

    /// Required by ``EngineUpkeep``.
    public func removeClosed(retention: Duration, limit: Int) async throws -> Int {
        try await removeClosed(retention: retention, at: time.now, limit: limit)
    }

    /// Sets the gauges to what is true now. A ``WorkflowWorker`` does it every second; whoever steps an engine does it before somebody
    /// looks.
    ///
    /// What is due is counted as far as it is in memory, which is up to 4,096 things.
    public func updateGauges() { updateGauges(at: time.now) }
}
