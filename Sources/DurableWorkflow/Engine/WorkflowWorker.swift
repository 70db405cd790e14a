public import Events
import HeapModule
import Synchronization

/// Runs an engine in real time: takes what is due and runs it, with so many attempts of activities at once.
///
/// All work joins the engine's group commits. Give it an engine whose options are `isEager`; then an activity's end, the code that it
/// wakes and what that decides are one commit.
public final class WorkflowWorker: Sendable {
    private struct Deadline: Comparable {
        let at: Timestamp
        let token: TaskToken
        static func < (left: Deadline, right: Deadline) -> Bool { left.at < right.at }
    }

    private struct State {
        var freeSlots: Int
        var inFlight = 0
        var running: [TaskToken: (attempt: Attempt, task: Task<AttemptEnd, Never>)] = [:]
        var deadlines = Heap<Deadline>()
        var sleeper: CheckedContinuation<Void, Never>?
        var hasNews = false
        var isStopped = false
        var failure: (any Error)?
    }

    private static let maximumInFlight = 512
    private let engine: EmbeddedEngine
    private let time: any TimeSource
    private let state: Mutex<State>

    /// A worker of `engine` on `time`, with `activitySlots` attempts at once.
    public init(engine: EmbeddedEngine, time: any TimeSource = SystemTime(), activitySlots: Int = 100) {
        self.engine = engine
        self.time = time
        state = Mutex(State(freeSlots: activitySlots))
        engine.agenda.onNews { [weak self] in self?.wake() }
    }

    /// Works until it is stopped or its task is cancelled. Throws what the store throws; then nobody knows what the last commits came to,
    /// and a new engine on the reopened store has to go on.
    public func run() async throws {
        engine.agenda.primeRates(at: time.now)
        try await withTaskCancellationHandler {
            while !state.withLock({ $0.isStopped }) { try await round() }
        } onCancel: {
            stop()
        }
        for running in state.withLock({ $0.running.values.map(\.task) }) { running.cancel() }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Ends ``run()``; attempts that are under way are cancelled and begun again by the next engine.
    public func stop() {
        state.withLock { $0.isStopped = true }
        wake()
    }

    /// Begins everything that is due and that there is room for; sleeps when there is nothing.
    private func round() async throws {
        let now = time.now
        engine.see(now)
        try await engine.agenda.load(at: now)
        endOverdue(at: now)
        var begun = 0
        while let mayStart = room(), let item = engine.agenda.takeFirst(at: now, withActivities: mayStart) {
            begun += 1
            if item.key.kind == .activity { state.withLock { $0.freeSlots -= 1 } }
            state.withLock { $0.inFlight += 1 }
            Task { await self.work(item, at: now) }
        }
        if begun == 0 { try await sleep(from: now) } else { await Task.yield() }
    }

    /// Whether an activity may begin; nil when nothing may.
    private func room() -> Bool? {
        state.withLock { $0.inFlight >= Self.maximumInFlight || $0.isStopped ? nil : $0.freeSlots > 0 }
    }

    private func work(_ item: DueItem, at now: Timestamp) async {
        do {
            if item.key.kind == .activity { try await attempt(item, at: now) } else { _ = try await engine.run(item, at: now) }
        } catch { fail(error) }
        state.withLock { $0.inFlight -= 1 }
        wake()
    }

    private func fail(_ error: any Error) {
        state.withLock { state in
            state.failure = state.failure ?? error
            state.isStopped = true
        }
    }

    // MARK: Attempts

    private func attempt(_ item: DueItem, at now: Timestamp) async throws {
        defer { engine.agenda.finished(item.key) }
        guard let attempt = try await engine.begin(item, at: now) else { return state.withLock { $0.freeSlots += 1 } }
        let task = Task { [time] in await engine.end(of: attempt, from: time.now) }
        state.withLock { state in
            state.running[attempt.token] = (attempt, task)
            if let deadline = attempt.deadline { state.deadlines.insert(Deadline(at: deadline, token: attempt.token)) }
        }
        engine.attempts.withLock { $0[attempt.token] = task }
        let end = await task.value
        engine.attempts.withLock { $0[attempt.token] = nil }
        guard forget(attempt.token) else { return }
        try await engine.settle(attempt, end, at: time.now)
    }

    /// True for the one who ends an attempt: its own code, or its deadline.
    private func forget(_ token: TaskToken) -> Bool {
        state.withLock { state in
            guard state.running.removeValue(forKey: token) != nil else { return false }
            state.freeSlots += 1
            return true
        }
    }

    /// Ends attempts whose time is over; what their code does afterwards is dropped.
    private func endOverdue(at now: Timestamp) {
        while let token = state.withLock({ state in
            state.deadlines.min.flatMap { $0.at <= now ? state.deadlines.removeMin().token : nil }
        }) {
            guard let running = state.withLock({ $0.running[token] }) else { continue }
            Task { await self.end(running.attempt, running.task, at: now) }
        }
    }

    private func end(_ attempt: Attempt, _ task: Task<AttemptEnd, Never>, at now: Timestamp) async {
        do {
            if let later = try await engine.deadline(of: attempt, at: now) {
                state.withLock { $0.deadlines.insert(Deadline(at: later, token: attempt.token)) }
                return wake()
            }
            guard forget(attempt.token) else { return }
            task.cancel()
            try await engine.timeOut(attempt, at: now)
        } catch { fail(error) }
        wake()
    }

    // MARK: Sleeping

    private func sleep(from now: Timestamp) async throws {
        guard !state.withLock({ $0.hasNews || $0.isStopped }) else { return state.withLock { $0.hasNews = false } }
        let isFull = room() == nil
        let next = [isFull ? nil : try await engine.nextDue(), state.withLock { $0.deadlines.min?.at }].compactMap { $0 }.min()
        let alarm = next.map { next in
            Task { [weak self] in
                try await Task.sleep(for: max(.milliseconds(1), min(next - now, .seconds(60))))
                self?.wake()
            }
        }
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if state.hasNews || state.isStopped { return false }
                state.sleeper = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
        state.withLock { $0.hasNews = false }
        alarm?.cancel()
    }

    private func wake() {
        let sleeper = state.withLock { state in
            state.hasNews = true
            defer { state.sleeper = nil }
            return state.sleeper
        }
        sleeper?.resume()
    }
}

extension EmbeddedEngine {
    /// When an attempt's time is over, heartbeats counted; nil when that is now.
    func deadline(of attempt: Attempt, at now: Timestamp) async throws -> Timestamp? {
        try await turn(attempt.token.workflowID, at: now) { turn in
            guard let activity = turn.state.activities[attempt.token.scheduledEventID], activity.attempt.attempt == attempt.token.attempt
            else { return nil }
            let beatAt = activity.attempt.heartbeatAt.map { max($0, attempt.startedAt) } ?? attempt.startedAt
            return activity.deadline(startedAt: attempt.startedAt, heartbeatAt: beatAt).0.flatMap { $0 > now ? $0 : nil }
        }
    }

    func timeOut(_ attempt: Attempt, at now: Timestamp) async throws {
        try await turn(attempt.token.workflowID, at: now) { turn in
            guard turn.state.run.runID == attempt.token.runID, let activity = turn.state.activities[attempt.token.scheduledEventID],
                activity.attempt.attempt == attempt.token.attempt
            else { return }
            let beatAt = activity.attempt.heartbeatAt.map { max($0, attempt.startedAt) } ?? attempt.startedAt
            let type = activity.deadline(startedAt: attempt.startedAt, heartbeatAt: beatAt).1
            try turn.settle(attempt.token.scheduledEventID, .timeout(type), startedAt: attempt.startedAt)
        }
    }
}
