import Events

extension EmbeddedEngine {
    /// How many moments of one schedule are gone through at once; a long standstill is caught up in parts, so that others have their turn.
    private static let part = 100

    /// A schedule's moment has come.
    func runSchedule(_ item: DueItem, at now: Timestamp) async throws {
        let id = String(item.workflowID.dropFirst("schedule/".count))
        guard let record = try await store.schedule(id), record.key == item.key else {
            var change = WorkflowChange()
            change.done = [item.key]
            return try await commit(change)
        }
        try await edit(id) { record in try await self.catchUp(&record, now: now, limit: Self.part) }
    }

    /// Makes what is due, or counts why it is not made: at most `limit` moments, those that are not made apart.
    func catchUp(_ record: inout ScheduleRecord, now: Timestamp, limit: Int = .max) async throws {
        var made = 0
        while let at = record.nextAt, at <= now, made < limit {
            if record.schedule.isPaused {
                record.heldBack += try record.pass(through: now)
            } else if at + record.schedule.catchUpWindow < now {
                record.missed += try record.pass(
                    through: Timestamp(milliseconds: now.milliseconds - record.schedule.catchUpWindow.milliseconds - 1))
            } else {
                record.nextAt = try record.schedule.next(after: at)
                try await act(&record, WaitingStart(at: at), now: now)
                made += 1
            }
        }
    }

    /// The workflow that a schedule has started has closed: the start that waited for it is made.
    func scheduleGoesOn(_ id: String, now: Timestamp) async throws {
        guard let found = try await store.schedule(id), !found.buffered.isEmpty else { return }
        try await edit(id) { record in
            while let first = record.buffered.first, try await !self.isOpen(record.awaited) {
                record.buffered.removeFirst()
                if record.schedule.isPaused, !first.isByHand {
                    record.heldBack += 1
                } else {
                    try await self.begin(&record, first, now: now)
                }
            }
        }
    }

    /// One start, under the overlap policy.
    func act(_ record: inout ScheduleRecord, _ start: WaitingStart, now: Timestamp, overlap: ScheduleOverlapPolicy? = nil) async throws {
        let policy = overlap ?? record.schedule.overlapPolicy
        if policy == .allowAll { return try await begin(&record, start, now: now, isAwaited: false) }
        guard try await isOpen(record.awaited) || !record.buffered.isEmpty else { return try await begin(&record, start, now: now) }
        switch policy {
        case .skip: record.skipped += 1
        case .bufferOne: record.buffer(start, limit: 1)
        case .bufferAll: record.buffer(start, limit: ScheduleRecord.longestBuffer)
        case .cancelOther:
            if let last = record.awaited { _ = try await requestCancel(of: last.workflowID, runID: last.runID, at: now) }
            record.skipped += record.buffered.count
            record.buffered = [start]
        case .terminateOther:
            if let last = record.awaited {
                do {
                    try await terminate(workflowID: last.workflowID, runID: last.runID, reason: "by schedule \(record.id)", at: now)
                } catch is WorkflowNotFound {}
            }
            record.skipped += record.buffered.count
            record.buffered = []
            try await begin(&record, start, now: now)
        case .allowAll: break
        }
    }

    /// True while the workflow that was started is open, in whatever run of its chain.
    private func isOpen(_ execution: WorkflowExecution?) async throws -> Bool {
        guard let execution, let run = try await store.run(execution.workflowID), !run.status.isClosed else { return false }
        if run.runID == execution.runID { return true }
        return RunState(run: run, history: try await store.history(run.key)).isNamed(by: execution.runID)
    }

    /// Starts the workflow; its id has the moment in it, so that a repeated start is the same one. What cannot be started is counted.
    private func begin(_ record: inout ScheduleRecord, _ wanted: WaitingStart, now: Timestamp, isAwaited: Bool = true) async throws {
        let execution: WorkflowExecution?
        do { execution = try await startOrFind(&record, wanted, now: now) } catch let error as any ConcernsOne {
            record.failed += 1
            record.lastProblem = "start of \(wanted.at): \(error)"
            return
        }
        guard let execution else { return }
        record.last = execution
        if isAwaited { record.open = execution }
        record.started += 1
        record.lastKey = try await store.run(execution.workflowID, runID: execution.runID)?.key ?? record.lastKey
        record.note(ScheduleStart(scheduledAt: wanted.at, startedAt: now, execution: execution))
    }

    /// The run that a start has made, now or before the process died; nil for a moment whose start is counted already.
    private func startOrFind(_ record: inout ScheduleRecord, _ wanted: WaitingStart, now: Timestamp) async throws -> WorkflowExecution? {
        let options = WorkflowOptions(
            taskQueue: record.schedule.taskQueue, idReusePolicy: .rejectDuplicate, idConflictPolicy: .fail,
            searchAttributes: [ScheduleRecord.attribute: .string(record.id)])
        let id = wanted.workflowID(of: record.id)
        do {
            return try await start(
                workflowID: id, type: record.schedule.workflowType, input: record.schedule.input, options: options, at: now)
        } catch let taken as WorkflowAlreadyStarted {
            guard let first = try await firstRun(of: id), first.searchAttributes[ScheduleRecord.attribute] == .string(record.id) else {
                throw taken
            }
            if first.key > record.newestKey { return WorkflowExecution(workflowID: id, runID: first.runID) }
            // A schedule of this id that was deleted has made it; a trigger is a start of its own all the same.
            guard wanted.trigger != nil else { return nil }
            let number = record.triggered + 1
            record.triggered = number
            return try await startOrFind(&record, WaitingStart(at: wanted.at, trigger: number, isByHand: true), now: now)
        }
    }

    /// The first run of the current chain of a workflow.
    private func firstRun(of workflowID: String) async throws -> WorkflowRun? {
        guard let run = try await store.run(workflowID) else { return nil }
        let chain = RunState(run: run, history: try await store.history(run.key)).chain
        return try await store.run(workflowID, runID: chain) ?? run
    }
}
