public import Events
import Synchronization

extension EmbeddedEngine {
    /// The earliest moment at which something can run, in the past when something can run now; nil when nothing is pending.
    public func nextDue() async throws -> Timestamp? { try await agenda.next() }

    /// Runs everything that is due at `now`, and what follows from it at once; returns the number of things run.
    @discardableResult
    package func runDue(at now: Timestamp) async throws -> Int {
        var total = 0
        while true {
            try await agenda.load(at: now)
            guard let item = agenda.takeFirst(at: now) else { return total }
            if try await run(item, at: now) { total += 1 }
        }
    }

    /// Runs one thing that is due at `now`: fires a timer, runs a task or an activity; `choose` picks one of so many. False when
    /// nothing is due.
    package func runNext(at now: Timestamp, choose: (Int) -> Int = { _ in 0 }) async throws -> Bool {
        try await agenda.load(at: now)
        let items = agenda.peek(at: now, limit: 48)
        guard !items.isEmpty else { return false }
        let index = min(max(0, choose(items.count)), items.count - 1)
        guard let item = agenda.take(items[index], at: now) else { return true }
        _ = try await run(item, at: now)
        return true
    }

    /// Runs the workflow code that is ready, but no activity and no timer: what a rehearsal needs.
    package func runTasks(at now: Timestamp) async throws {
        try await agenda.load(at: now)
        while let item = agenda.peek(at: now, limit: .max).first(where: { $0.key.kind == .task }) {
            guard let task = agenda.take(item, at: now) else { return }
            _ = try await run(task, at: now)
        }
    }

    /// Runs one thing; false when it came to nothing, as with code that still does not fit. What cannot be run is given back.
    func run(_ item: DueItem, at now: Timestamp) async throws -> Bool {
        do {
            let hasRun = try await perform(item, at: now)
            agenda.finished(item.key)
            return hasRun
        } catch let error as any ConcernsOne {
            try await setAside(item, error, at: now)
            return true
        } catch {
            agenda.giveBack(item)
            throw error
        }
    }

    /// One bad thing stops one thing.
    func setAside(_ item: DueItem, _ error: any ConcernsOne, at now: Timestamp) async throws {
        do { try await quarantine(item, error, at: now) } catch {
            agenda.giveBack(item)
            throw error
        }
        agenda.finished(item.key)
    }

    private func perform(_ item: DueItem, at now: Timestamp) async throws -> Bool {
        switch item.key.kind {
        case .timer: return try await fire(item, at: now)
        case .timeout: return try await timeOut(item, at: now)
        case .task: return try await runTask(item, at: now)
        case .activity: try await runActivity(item, at: now)
        case .transfer: try await deliver(item, at: now)
        case .schedule: try await runSchedule(item, at: now)
        }
        return true
    }

    func fire(_ item: DueItem, at now: Timestamp) async throws -> Bool {
        try await turn(item.workflowID, at: now) { turn in
            guard turn.state.run.key == item.key.run, !turn.state.isClosed, turn.state.timers[item.key.event] == item.key.at else {
                turn.finish { $0.done.append(item.key) }
                return false
            }
            try turn.append(.timerFired, [.startedEventID: .integer(item.key.event)])
            return true
        }
    }

    private func runTask(_ item: DueItem, at now: Timestamp) async throws -> Bool {
        try await turn(item.workflowID, at: now) { turn in
            guard turn.state.run.key == item.key.run, !turn.state.isClosed, turn.state.taskKey == item.key else {
                turn.finish { $0.done.append(item.key) }
                return false
            }
            return try await self.runTask(&turn)
        }
    }

    /// The run's time is over: the policy may let another run follow.
    private func timeOut(_ item: DueItem, at now: Timestamp) async throws -> Bool {
        try await turn(item.workflowID, at: now) { turn in
            guard turn.state.run.key == item.key.run, !turn.state.isClosed, turn.state.deadline == item.key.at else {
                turn.finish { $0.done.append(item.key) }
                return false
            }
            let end = HistoryEvent(kind: .workflowExecutionTimedOut, fields: [.retryState: .text("RETRY_STATE_TIMEOUT")])
            try await self.end(end, &turn)
            return true
        }
    }
}
