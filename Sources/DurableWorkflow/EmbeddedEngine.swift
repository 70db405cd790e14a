public import Events
import Synchronization

/// The durable engine inside the process, on any ``WorkflowStore``.
///
/// Nothing runs by itself: ``runDue(at:)`` runs what is due at a moment, so the caller owns time. Live workflows stay in memory up
/// to a bound; the others are replayed from their history when something arrives for them.
public final class EmbeddedEngine: DurableEngine {
    private struct Memory {
        var live: [String: (workflow: LiveWorkflow, usedAt: Int)] = [:]
        var uses = 0
        var blocked: Set<String> = []
        var nextDue: Timestamp??

        mutating func touch(_ id: String) -> LiveWorkflow? {
            uses += 1
            live[id]?.usedAt = uses
            return live[id]?.workflow
        }

        /// Keeps one more; returns the least recently used tenth when there are too many now.
        mutating func keep(_ workflow: LiveWorkflow, _ id: String, maximum: Int) -> [LiveWorkflow] {
            uses += 1
            live[id] = (workflow, uses)
            guard live.count > maximum else { return [] }
            let oldest = live.sorted { $0.value.usedAt < $1.value.usedAt }.prefix(max(1, maximum / 10))
            for (id, _) in oldest { live[id] = nil }
            return oldest.map(\.value.workflow)
        }
    }

    private let store: any WorkflowStore
    private let workflows: [String: WorkflowType]
    private let activities: [String: ActivityType]
    private let maximumLive: Int
    private let memory = Mutex(Memory())

    /// An engine; `maximumLive` bounds the workflows kept in memory.
    public init(store: any WorkflowStore, workflows: [WorkflowType], activities: [ActivityType], maximumLive: Int = 1000) {
        self.store = store
        self.workflows = Dictionary(workflows.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.activities = Dictionary(activities.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.maximumLive = maximumLive
    }

    deinit {
        for live in memory.withLock({ $0.live.values.map(\.workflow) }) { live.evict() }
    }

    // MARK: The port

    /// Required by ``DurableEngine``, which says what it does.
    public func start(workflowID: String, type: String, input: JSONValue, at now: Timestamp) async throws {
        guard try await store.workflow(workflowID) == nil else { return }
        let row = WorkflowRow(id: workflowID, runID: StableHash.hexadecimal("\(workflowID) \(now.milliseconds)"), type: type)
        try await append(.workflowStarted, ["type": .string(type), "input": input], to: row, at: now)
    }

    /// Required by ``DurableEngine``, which says what it does.
    public func signal(workflowID: String, signal: SignalMessage, at now: Timestamp) async throws {
        guard let row = try await store.workflow(workflowID), !row.status.isClosed else { return }
        guard try await !store.hasSignal(signal.id, workflow: workflowID) else { return }
        try await append(.signalReceived, try JSONValue(encoding: signal), to: row, at: now)
    }

    /// Required by ``DurableEngine``, which says what it does.
    public func cancel(workflowID: String, at now: Timestamp) async throws {
        guard let row = try await store.workflow(workflowID), !row.status.isClosed else { return }
        try await append(.cancelRequested, [:], to: row, at: now)
    }

    private func append(_ kind: HistoryEvent.Kind, _ attributes: JSONValue, to row: WorkflowRow, at now: Timestamp) async throws {
        var change = WorkflowChange(row: row)
        change.add(kind, attributes, at: now)
        try await commit(change)
    }

    private func commit(_ change: WorkflowChange) async throws {
        var change = change
        if !change.append.isEmpty, !change.append.contains(where: { $0.kind == .taskStarted }) { change.row.isReady = true }
        try await store.commit(change)
        memory.withLock { $0.nextDue = nil }
    }

    // MARK: Running

    /// The earliest moment at which something can run: `.distantPast` when a workflow is ready now, nil when nothing is pending.
    public func nextDue() async throws -> Timestamp? {
        if let known = memory.withLock({ $0.nextDue }) { return known }
        let blocked = memory.withLock { $0.blocked }
        let isReady = try await store.ready(limit: 1 + blocked.count).contains { !blocked.contains($0.id) }
        let next = isReady ? .distantPast : try await store.nextDue()
        memory.withLock { $0.nextDue = .some(next) }
        return next
    }

    /// Runs everything that is due at `now`, and what follows from it at once; returns the number of things run.
    @discardableResult
    public func runDue(at now: Timestamp) async throws -> Int {
        var total = 0
        while true {
            let ran = try await fireTimers(at: now) + runReady(at: now) + runActivities(at: now)
            if ran == 0 { return total }
            total += ran
        }
    }

    /// Runs one thing that is due at `now`: fires a timer, runs a task or an activity; `choose` picks one of so many. False when
    /// nothing is due.
    public func runNext(at now: Timestamp, choose: (Int) -> Int = { _ in 0 }) async throws -> Bool {
        let timers = try await store.dueTimers(at: now, limit: 16)
        let blocked = memory.withLock { $0.blocked }
        let ready = try await store.ready(limit: 16 + blocked.count).filter { !blocked.contains($0.id) }
        let activities = try await store.dueActivities(at: now, limit: 16)
        let count = timers.count + ready.count + activities.count
        guard count > 0 else { return false }
        var index = min(max(0, choose(count)), count - 1)
        if index < timers.count {
            try await fire(timers[index], at: now)
            return true
        }
        index -= timers.count
        if index < ready.count {
            try await runTask(ready[index], at: now)
        } else {
            try await run(activities[index - ready.count], at: now)
        }
        return true
    }

    /// Runs the workflow code that is ready, but no activity and no timer: what a rehearsal needs.
    public func runTasks(at now: Timestamp) async throws { _ = try await runReady(at: now) }

    private func fireTimers(at now: Timestamp) async throws -> Int {
        let due = try await store.dueTimers(at: now, limit: .max)
        for timer in due { try await fire(timer, at: now) }
        return due.count
    }

    private func fire(_ timer: PendingTimer, at now: Timestamp) async throws {
        guard let row = try await store.workflow(timer.workflowID) else { return }
        var change = WorkflowChange(row: row)
        if !row.status.isClosed { change.add(.timerFired, ["sequence": .integer(timer.sequence)], at: now) }
        change.endedTimers = [timer.sequence]
        try await commit(change)
    }

    private func runReady(at now: Timestamp) async throws -> Int {
        let blocked = memory.withLock { $0.blocked }
        let ready = try await store.ready(limit: .max).filter { !blocked.contains($0.id) }
        for row in ready { try await runTask(row, at: now) }
        return ready.count
    }

    /// One workflow task: shows the code what has arrived, and makes what it decides true in one transaction.
    private func runTask(_ row: WorkflowRow, at now: Timestamp) async throws {
        do {
            guard let type = workflows[row.type] else { throw UnknownWorkflowType(workflowID: row.id, type: row.type) }
            let live = try await live(row, type)
            let inputs = try await store.history(of: row.id, after: live.seen)
            let (commands, policies) = try live.activate(inputs, at: now, run: type.run)
            let change = decided(row, commands, policies, at: now)
            try await commit(change)
            live.advance(by: inputs.count + change.append.count)
            if change.row.status.isClosed { forget(row.id) }
        } catch let error where error is NonDeterminismError || error is WorkflowEscape || error is UnknownWorkflowType {
            try await block(row, "\(error)")
        } catch {
            forget(row.id)
            throw error
        }
    }

    private func decided(_ row: WorkflowRow, _ commands: [HistoryEvent], _ policies: [Int: RetryPolicy], at now: Timestamp)
        -> WorkflowChange
    {
        var change = WorkflowChange(row: row)
        change.row.isReady = false
        change.row.status = .running
        change.row.problem = nil
        change.add(.taskStarted, [:], at: now)
        for command in commands {
            change.add(command.kind, command.attributes, at: now)
            switch command.kind {
            case .activityScheduled:
                change.activities.append(
                    PendingActivity(
                        workflowID: row.id, sequence: command.sequence, name: command.attributes["name"]?.string ?? "",
                        input: command.attributes["input"] ?? .null, retry: policies[command.sequence] ?? RetryPolicy(), dueAt: now))
            case .timerStarted:
                let fireAt = Timestamp(milliseconds: Int64(command.attributes["fireAt"]?.integer ?? 0))
                change.timers.append(PendingTimer(workflowID: row.id, sequence: command.sequence, fireAt: fireAt))
            case .timerCancelled: change.endedTimers.append(command.sequence)
            case .workflowCompleted: change.row.status = .completed
            case .workflowCancelled: change.row.status = .cancelled
            case .workflowFailed:
                change.row.status = .failed
                change.row.problem = command.attributes["failure"]?.string
            default: break
            }
        }
        return change
    }

    private func runActivities(at now: Timestamp) async throws -> Int {
        let due = try await store.dueActivities(at: now, limit: .max)
        for activity in due { try await run(activity, at: now) }
        return due.count
    }

    private func run(_ activity: PendingActivity, at now: Timestamp) async throws {
        let result = await attempt(activity, at: now)
        guard let row = try await store.workflow(activity.workflowID) else { return }
        var change = WorkflowChange(row: row)
        switch result {
        case _ where row.status.isClosed: change.endedActivities = [activity.sequence]
        case .success(let value):
            change.endedActivities = [activity.sequence]
            change.add(
                .activityCompleted, ["sequence": .integer(activity.sequence), "attempt": .integer(activity.attempt), "result": value],
                at: now)
        case .failure(let failure):
            if let delay = activity.retry.delay(afterAttempt: activity.attempt, failure: failure) {
                var next = activity
                next.attempt += 1
                next.dueAt = now + delay
                next.lastFailure = failure.description
                change.activities = [next]
            } else {
                change.endedActivities = [activity.sequence]
                let attributes: JSONValue = [
                    "sequence": .integer(activity.sequence), "attempt": .integer(activity.attempt),
                    "failure": try JSONValue(encoding: failure),
                ]
                change.add(.activityFailed, attributes, at: now)
            }
        }
        try await commit(change)
    }

    private func attempt(_ activity: PendingActivity, at now: Timestamp) async -> Result<JSONValue, ActivityFailure> {
        guard let type = activities[activity.name] else {
            return .failure(ActivityFailure(type: "UnknownActivity", message: "expected code for activity \(activity.name), found none"))
        }
        do {
            let context = ActivityContext(workflowID: activity.workflowID, attempt: activity.attempt, now: now)
            return .success(try await type.run(context, activity.input))
        } catch let failure as ActivityFailure {
            return .failure(failure)
        } catch {
            return .failure(ActivityFailure(type: "Error", message: "\(error)"))
        }
    }

    // MARK: Memory

    /// The signals that a workflow's code waits for; nil when it is not in memory.
    public func awaited(by workflowID: String) -> [AwaitedSignal]? { memory.withLock { $0.live[workflowID]?.workflow }?.awaited }

    /// The number of workflows in memory.
    public var liveCount: Int { memory.withLock { $0.live.count } }

    private func live(_ row: WorkflowRow, _ type: WorkflowType) async throws -> LiveWorkflow {
        if let live = memory.withLock({ $0.touch(row.id) }) { return live }
        let live = LiveWorkflow(id: row.id, runID: row.runID)
        do { try live.replay(try await store.history(of: row.id), run: type.run) } catch {
            live.evict()
            throw error
        }
        for evicted in memory.withLock({ $0.keep(live, row.id, maximum: maximumLive) }) { evicted.evict() }
        return live
    }

    private func forget(_ id: String) { memory.withLock { $0.live.removeValue(forKey: id)?.workflow }?.evict() }

    private func block(_ row: WorkflowRow, _ problem: String) async throws {
        forget(row.id)
        _ = memory.withLock { $0.blocked.insert(row.id) }
        var change = WorkflowChange(row: row)
        change.row.status = .blocked
        change.row.problem = problem
        try await commit(change)
    }
}

/// No code is registered for a workflow's type.
struct UnknownWorkflowType: Error, CustomStringConvertible {
    let workflowID: String
    let type: String
    var description: String {
        "workflow \(workflowID): expected code for type \(type), found none; register it or deploy the build that has it"
    }
}

extension WorkflowChange {
    /// Appends an event with the next id.
    mutating func add(_ kind: HistoryEvent.Kind, _ attributes: JSONValue, at now: Timestamp) {
        row.length += 1
        append.append(HistoryEvent(id: row.length, kind: kind, at: now, attributes: attributes))
    }
}
