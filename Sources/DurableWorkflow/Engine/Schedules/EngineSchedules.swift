package import Events
import Synchronization

extension EmbeddedEngine {
    /// Creates a schedule, or replaces the one of this id; what was due before is made up or counted first. Throws ``ScheduleError`` for one
    /// that cannot be.
    package func putSchedule(_ id: String, _ schedule: Schedule, at now: Timestamp) async throws {
        try schedule.check(id, at: now)
        let number = try await newKey()
        try await edit(id, create: ScheduleRecord(id: id, number: number, schedule: schedule)) { record in
            try await self.catchUp(&record, now: now)
            record.schedule = schedule
            record.nextAt = try schedule.next(after: now)
        }
    }

    /// Creates a schedule. Throws ``ScheduleError`` when there is one of this id, or for one that cannot be.
    package func createSchedule(_ id: String, _ schedule: Schedule, at now: Timestamp) async throws {
        guard try await store.schedule(id) == nil else {
            throw ScheduleError("schedule \(id): expected none of this id, found one; update it, or use another id")
        }
        try await putSchedule(id, schedule, at: now)
    }

    /// Changes a schedule; what was due before is made up or counted first, and what it has started and skipped stays counted. Throws
    /// ``ScheduleError``.
    package func updateSchedule(_ id: String, at now: Timestamp, _ body: (inout Schedule) throws -> Void) async throws {
        try await edit(id) { record in
            var schedule = record.schedule
            try body(&schedule)
            try schedule.check(id, at: now)
            try await self.catchUp(&record, now: now)
            record.schedule = schedule
            record.nextAt = try schedule.next(after: now)
        }
    }

    /// The open workflows that a schedule has started, oldest first.
    public func running(ofSchedule id: String) async throws -> [WorkflowRun] {
        let filter = WorkflowFilter(searchAttributes: [ScheduleRecord.attribute: .string(id)], isOpen: true)
        return try await store.runs(matching: filter, before: nil, limit: .max).reversed()
    }

    /// Deletes a schedule; workflows that it started go on.
    public func deleteSchedule(_ id: String) async throws {
        try await held(id) {
            let record = try await self.schedule(id)
            var change = WorkflowChange()
            change.deletedSchedules = [id]
            change.done = [record.key].compactMap { $0 }
            try await self.commit(change)
        }
    }

    /// Stops a schedule for now; starts that wait, or that were due and could not be made yet, are held back and counted.
    public func pauseSchedule(_ id: String, note: String) async throws {
        try await edit(id) { record in
            record.schedule.isPaused = true
            record.schedule.note = note
        }
    }

    /// Lets a paused schedule go on; starts that fell into the pause are not made up.
    package func resumeSchedule(_ id: String, note: String = "", at now: Timestamp) async throws {
        try await edit(id) { record in
            if record.schedule.isPaused { try await self.catchUp(&record, now: now) }
            record.schedule.isPaused = false
            record.schedule.note = note
            if record.nextAt.map({ $0 <= now }) ?? true { record.nextAt = try record.schedule.next(after: now) }
        }
    }

    /// Starts the workflow now, under the schedule's overlap policy or another; every trigger is a start of its own.
    package func triggerSchedule(_ id: String, overlap: ScheduleOverlapPolicy? = nil, at now: Timestamp) async throws {
        try await edit(id) { record in
            record.triggered += 1
            let start = WaitingStart(at: now, trigger: record.triggered, isByHand: true)
            try await self.act(&record, start, now: now, overlap: overlap)
        }
    }

    /// Makes the starts between two moments up, all at once or one after another as the overlap policy says: the schedule's or another.
    package func backfillSchedule(
        _ id: String, from start: Timestamp, to end: Timestamp, overlap: ScheduleOverlapPolicy? = nil, at now: Timestamp
    ) async throws {
        try await edit(id) { record in
            var moment = Timestamp(milliseconds: start.milliseconds - 1)
            while let next = try record.schedule.next(after: moment), next <= end {
                try await self.act(&record, WaitingStart(at: next, isByHand: true), now: now, overlap: overlap)
                moment = next
            }
        }
    }

    /// One schedule. Throws ``ScheduleError`` when there is none.
    public func schedule(_ id: String) async throws -> ScheduleRecord {
        guard let record = try await store.schedule(id) else {
            throw ScheduleError("schedule \(id): expected one of this id, found none; see the list of schedules")
        }
        return record
    }

    /// All schedules, in order of id.
    public func schedules() async throws -> [ScheduleRecord] { try await store.schedules() }

    /// Changes a schedule; one change at a time.
    func edit(_ id: String, create: ScheduleRecord? = nil, _ body: (inout ScheduleRecord) async throws -> Void) async throws {
        try await held(id) {
            let found = try await store.schedule(id)
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
    }

    private func held(_ id: String, _ body: () async throws -> Void) async throws {
        _ = await runs.take("schedule/\(id)")
        defer { runs.put("schedule/\(id)", nil) }
        try await body()
    }
}
