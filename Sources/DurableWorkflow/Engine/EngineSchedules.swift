public import Events
import Synchronization

extension EmbeddedEngine {
    /// Creates a schedule, or replaces the one of this id. Throws ``ScheduleError`` for a bad cron expression.
    public func putSchedule(_ id: String, _ schedule: Schedule, at now: Timestamp) async throws {
        _ = try schedule.next(after: now)
        let number = try await newKey()
        try await edit(id, create: ScheduleRecord(id: id, number: number, schedule: schedule)) { record in
            record.schedule = schedule
            record.nextAt = try schedule.next(after: now)
        }
    }

    /// Creates a schedule. Throws ``ScheduleError`` when there is one of this id, or for a bad cron expression.
    public func createSchedule(_ id: String, _ schedule: Schedule, at now: Timestamp) async throws {
        guard try await !store.schedules().contains(where: { $0.id == id }) else {
            throw ScheduleError("schedule \(id): expected none of this id, found one; update it, or use another id")
        }
        try await putSchedule(id, schedule, at: now)
    }

    /// Changes a schedule; what it has started and skipped stays counted. Throws ``ScheduleError``.
    public func updateSchedule(_ id: String, at now: Timestamp, _ body: (inout Schedule) throws -> Void) async throws {
        try await edit(id) { record in
            try body(&record.schedule)
            record.nextAt = try record.schedule.next(after: now)
        }
    }

    /// The open workflows that a schedule has started, oldest first.
    public func running(ofSchedule id: String) async throws -> [WorkflowRun] {
        let filter = WorkflowFilter(searchAttributes: [ScheduleRecord.attribute: .string(id)], isOpen: true)
        return try await store.runs(matching: filter, before: nil, limit: .max).reversed()
    }

    /// Deletes a schedule; workflows that it started go on.
    public func deleteSchedule(_ id: String) async throws {
        let record = try await schedule(id)
        var change = WorkflowChange()
        change.deletedSchedules = [id]
        change.done = [record.key].compactMap { $0 }
        try await commit(change)
    }

    /// Stops a schedule for now.
    public func pauseSchedule(_ id: String, note: String) async throws {
        try await edit(id) { record in
            record.schedule.isPaused = true
            record.schedule.note = note
        }
    }

    /// Lets a paused schedule go on; starts that fell into the pause are not made up.
    public func resumeSchedule(_ id: String, note: String = "", at now: Timestamp) async throws {
        try await edit(id) { record in
            record.schedule.isPaused = false
            record.schedule.note = note
            record.nextAt = try record.schedule.next(after: now)
        }
    }

    /// Starts the workflow now, under the schedule's overlap policy or another.
    public func triggerSchedule(_ id: String, overlap: ScheduleOverlapPolicy? = nil, at now: Timestamp) async throws {
        try await edit(id) { record in try await self.act(&record, at: now, now: now, overlap: overlap) }
    }

    /// Makes the starts between two moments up, all at once or one after another as the overlap policy says: the schedule's or another.
    public func backfillSchedule(
        _ id: String, from start: Timestamp, to end: Timestamp, overlap: ScheduleOverlapPolicy? = nil, at now: Timestamp
    ) async throws {
        try await edit(id) { record in
            var moment = Timestamp(milliseconds: start.milliseconds - 1)
            while let next = try record.schedule.next(after: moment), next <= end {
                try await self.act(&record, at: next, now: now, overlap: overlap)
                moment = next
            }
        }
    }

    /// One schedule. Throws ``ScheduleError`` when there is none.
    public func schedule(_ id: String) async throws -> ScheduleRecord {
        guard let record = try await store.schedules().first(where: { $0.id == id }) else {
            throw ScheduleError("schedule \(id): expected one of this id, found none; see the list of schedules")
        }
        return record
    }

    /// All schedules, in order of id.
    public func schedules() async throws -> [ScheduleRecord] { try await store.schedules() }

    // MARK: Acting

    /// A schedule's moment has come.
    func runSchedule(_ item: DueItem, at now: Timestamp) async throws {
        guard let record = try await store.schedules().first(where: { -$0.number == item.key.run }), record.key == item.key else {
            var change = WorkflowChange()
            change.done = [item.key]
            return try await commit(change)
        }
        try await edit(record.id) { record in
            while let at = record.nextAt, at <= now {
                record.nextAt = try record.schedule.next(after: at)
                if record.schedule.isPaused { continue }
                if at + record.schedule.catchUpWindow < now { record.missed += 1 } else { try await self.act(&record, at: at, now: now) }
            }
        }
    }

    /// The workflow that a schedule has started has closed: the start that waited for it is made.
    func scheduleGoesOn(_ id: String, now: Timestamp) async throws {
        guard try await store.schedules().contains(where: { $0.id == id && !$0.buffered.isEmpty }) else { return }
        try await edit(id) { record in
            guard let first = record.buffered.first, try await !self.isOpen(record.last) else { return }
            record.buffered.removeFirst()
            try await self.begin(&record, at: first, now: now)
        }
    }

    /// One start, under the overlap policy.
    private func act(
        _ record: inout ScheduleRecord, at moment: Timestamp, now: Timestamp, overlap: ScheduleOverlapPolicy? = nil
    ) async throws {
        let policy = overlap ?? record.schedule.overlapPolicy
        guard try await isOpen(record.last) || !record.buffered.isEmpty, policy != .allowAll else {
            return try await begin(&record, at: moment, now: now)
        }
        switch policy {
        case .skip: record.skipped += 1
        case .bufferOne: if record.buffered.isEmpty { record.buffered = [moment] } else { record.skipped += 1 }
        case .bufferAll: record.buffered.append(moment)
        case .cancelOther:
            if let last = record.last { _ = try await requestCancel(of: last.workflowID, runID: "", at: now) }
            record.buffered = [moment]
        case .terminateOther:
            if let last = record.last {
                do {
                    try await terminate(workflowID: last.workflowID, reason: "by schedule \(record.id)", at: now)
                } catch is WorkflowNotFound {}
            }
            try await begin(&record, at: moment, now: now)
        case .allowAll: break
        }
    }

    private func isOpen(_ execution: WorkflowExecution?) async throws -> Bool {
        guard let execution, let run = try await store.run(execution.workflowID) else { return false }
        return !run.status.isClosed
    }

    /// Starts the workflow; its id has the moment in it, so that a repeated start is the same one.
    private func begin(_ record: inout ScheduleRecord, at moment: Timestamp, now: Timestamp) async throws {
        let options = WorkflowOptions(
            taskQueue: record.schedule.taskQueue, idReusePolicy: .rejectDuplicate, idConflictPolicy: .fail,
            searchAttributes: [ScheduleRecord.attribute: .string(record.id)])
        let id = "\(record.id)-\(moment)"
        let execution: WorkflowExecution
        do {
            execution = try await start(
                workflowID: id, type: record.schedule.workflowType, input: record.schedule.input, options: options, at: now)
        } catch let known as WorkflowAlreadyStarted {
            // Repeated; or started before the process died, and newer than what the schedule could note.
            guard let run = try await store.run(id), run.startedAt > record.recent?.first?.startedAt ?? .distantPast else { return }
            execution = known.execution
        }
        record.last = execution
        record.started += 1
        record.note(ScheduleStart(scheduledAt: moment, startedAt: now, execution: execution))
    }

    /// Changes a schedule; one change at a time.
    private func edit(_ id: String, create: ScheduleRecord? = nil, _ body: (inout ScheduleRecord) async throws -> Void) async throws {
        _ = await runs.take("schedule/\(id)")
        defer { runs.put("schedule/\(id)", nil) }
        let found = try await store.schedules().first { $0.id == id }
        guard var record = found ?? create else { throw ScheduleError("schedule \(id): expected one of this id, found none") }
        try await body(&record)
        var change = WorkflowChange()
        if let key = found?.key { change.done = [key] }
        if let key = record.key {
            change.done.removeAll { $0 == key }
            if found?.key != key { change.due = [DueItem(key: key, workflowID: record.lock)] }
        }
        change.schedules = [record]
        try await commit(change)
    }

    private func commit(_ change: WorkflowChange) async throws {
        do { try await commits.commit(change) } catch {
            agenda.reset()
            throw error
        }
        agenda.apply(change)
    }
}
