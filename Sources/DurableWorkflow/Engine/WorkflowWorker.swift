public import Events
import HeapModule
import Synchronization

/// Runs an engine in real time: takes what is due and runs it, with so many attempts of activities at once.
///
/// All work joins the engine's group commits. Give it an engine whose options are `isEager`; then an activity's end, the code that it
/// wakes and what that decides are one commit. What a commit makes due is run where the commit was made, so that a workflow that is
/// alone goes from step to step without a change of threads; the rest is spread over tasks.
public final class WorkflowWorker: EngineWorker {
    private struct Deadline: Comparable {
        let at: Timestamp
        let token: TaskToken
        static func < (left: Deadline, right: Deadline) -> Bool { left.at < right.at }
    }

    private enum Phase { case new, working, draining, stopped }

    private struct State {
        var freeSlots: Int
        var inFlight = 0
        /// The task is not known while the code has not waited yet.
        var running: [TaskToken: (attempt: Attempt, task: Task<AttemptEnd, Never>?)] = [:]
        var deadlines = Heap<Deadline>()
        var sleeper: CheckedContinuation<Void, Never>?
        /// True when the store is to be read again.
        var hasNews = true
        var phase = Phase.new
        var idle: [CheckedContinuation<Void, Never>] = []
        var failure: (any Error)?

        /// The end of the attempt that has to end first.
        mutating func firstDeadline() -> Deadline? {
            while let first = deadlines.min {
                if running[first.token] != nil { return first }
                deadlines.removeMin()
            }
            return nil
        }
    }

    private static let maximumInFlight = 512
    /// The worker that takes what is due when the present work is done; it need not be told.
    @TaskLocal static var current: WorkflowWorker?
    private let engine: EmbeddedEngine
    private let activitySlots: Int
    private let state: Mutex<State>
    private let alarm: Alarm

    /// A worker of `engine`, with `activitySlots` attempts at once. It sleeps no longer than `longestSleep`: so late does it
    /// notice that the time was set forward.
    public init(engine: EmbeddedEngine, activitySlots: Int = 100, longestSleep: Duration = .seconds(60)) {
        self.engine = engine
        self.activitySlots = activitySlots
        state = Mutex(State(freeSlots: activitySlots))
        alarm = Alarm(engine.time, longest: longestSleep)
        engine.agenda.onNews { [weak self] in
            guard let self, Self.current !== self else { return }
            self.spread()
        }
        engine.watch.onSlots { [weak self] in self?.slots }
    }

    /// Works until it is stopped or its task is cancelled. Throws what the store throws; then nobody knows what the last commits came to,
    /// and a new engine on the reopened store has to go on.
    public func run() async throws {
        engine.agenda.primeRates(at: time.now)
        state.withLock { if $0.phase == .new { $0.phase = .working } }
        alarm.start { [weak self] in self?.spread() }
        defer { alarm.stop() }
        let gauges = engine.gaugesEverySecond()
        defer { gauges?.cancel() }
        await withTaskCancellationHandler {
            while await hasWork() {
                do {
                    try await engine.agenda.load(at: time.now)
                    begin()
                    if let next = try await engine.nextDue() { alarm.set(next) }
                } catch { fail(error) }
            }
        } onCancel: {
            stop()
        }
        for task in state.withLock({ $0.running.values.compactMap(\.task) }) { task.cancel() }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Ends ``run()``; attempts that are under way are cancelled and begun again by the next engine.
    public func stop() {
        state.withLock { $0.phase = .stopped }
        wake()
    }

    /// Begins nothing any more, and returns when what is under way has ended; then it is time to ``stop()``.
    public func drain() async {
        state.withLock { if $0.phase == .working { $0.phase = .draining } }
        await waitUntilIdle()
    }

    /// When the engine has something to do next, in the past when it could begin now; nil when nothing is pending.
    public func nextDue() async throws -> Timestamp? { try await engine.nextDue() }

    /// How many things run now: attempts of activities, workflow tasks, timers.
    public var busyCount: Int { state.withLock { $0.inFlight } }

    /// Returns when nothing runs.
    public func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.inFlight == 0 { return true }
                state.idle.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }

    private var time: any TimeSource { engine.time }

    // MARK: Taking

    /// Begins everything that is due and that there is room for, each thing in a task of its own.
    private func begin() {
        endOverdue(at: time.now)
        while let item = take() { Task { await self.work(from: item) } }
    }

    /// Begins what is due, and sees to it that what comes next is not slept through.
    private func spread() {
        begin()
        if let deadline = state.withLock({ $0.firstDeadline()?.at }) { alarm.set(deadline) }
        // What there is no room for is taken by who makes room.
        guard room() != nil, let next = engine.agenda.known else { return }
        if next <= time.now { wake() } else { alarm.set(next) }
    }

    /// Runs one thing, then whatever is due next, until nothing is.
    private func work(from first: DueItem) async {
        var next: DueItem? = first
        while let item = next {
            await work(item)
            let idle = state.withLock { state in
                state.inFlight -= 1
                guard state.inFlight == 0 else { return [] as [CheckedContinuation<Void, Never>] }
                defer { state.idle = [] }
                return state.idle
            }
            for continuation in idle { continuation.resume() }
            next = take()
            spread()
        }
    }

    /// The first thing that is due, if there is room for it.
    private func take() -> DueItem? {
        guard let mayStart = room() else { return nil }
        let now = time.now
        guard let item = engine.agenda.takeFirst(at: now, withActivities: mayStart) else { return nil }
        state.withLock { state in
            state.inFlight += 1
            if item.key.kind == .activity { state.freeSlots -= 1 }
        }
        return item
    }

    /// What it runs and could run.
    private var slots: WorkerSlots {
        state.withLock { state in
            let activities = activitySlots - state.freeSlots
            return WorkerSlots(
                activities: activities, freeActivities: state.freeSlots, tasks: state.inFlight - activities,
                freeTasks: Self.maximumInFlight - state.inFlight)
        }
    }

    /// Whether an activity may begin; nil when nothing may.
    private func room() -> Bool? {
        state.withLock { $0.inFlight >= Self.maximumInFlight || $0.phase != .working ? nil : $0.freeSlots > 0 }
    }

    private func work(_ item: DueItem) async {
        do {
            if item.key.kind == .activity {
                do { try await attempt(item) } catch let error as any ConcernsOne {
                    try await engine.setAside(item, error, at: time.now)
                }
            } else {
                _ = try await Self.$current.withValue(self) { try await engine.run(item, at: time.now) }
            }
        } catch { fail(error) }
    }

    private func fail(_ error: any Error) {
        state.withLock { $0.failure = $0.failure ?? error }
        engine.failWaiters(error)
        stop()
    }

    // MARK: Attempts

    private func attempt(_ item: DueItem) async throws {
        defer { engine.agenda.finished(item.key) }
        let begun: Attempt?
        do { begun = try await engine.begin(item, at: time.now) } catch {
            state.withLock { $0.freeSlots += 1 }
            throw error
        }
        guard let attempt = begun else { return state.withLock { $0.freeSlots += 1 } }
        state.withLock { state in
            state.running[attempt.token] = (attempt, nil)
            if let deadline = attempt.deadline { state.deadlines.insert(Deadline(at: deadline, token: attempt.token)) }
        }
        if let deadline = attempt.deadline { alarm.set(deadline) }
        let task = Self.$current.withValue(nil) { Task.immediate { [engine] in await engine.end(of: attempt, from: engine.time.now) } }
        state.withLock { $0.running[attempt.token]?.task = task }
        engine.attempts.withLock { $0[attempt.token] = task }
        let end = await task.value
        engine.attempts.withLock { $0[attempt.token] = nil }
        guard forget(attempt.token) else { return }
        try await Self.$current.withValue(self) { try await engine.settle(attempt, end, at: time.now) }
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
        while let running = state.withLock({ state in
            state.firstDeadline().flatMap { $0.at <= now ? state.running[state.deadlines.removeMin().token] : nil }
        }) {
            Task { await self.end(running.attempt, running.task, at: now) }
        }
    }

    private func end(_ attempt: Attempt, _ task: Task<AttemptEnd, Never>?, at now: Timestamp) async {
        do {
            if let later = try await engine.deadline(of: attempt, at: now) {
                state.withLock { $0.deadlines.insert(Deadline(at: later, token: attempt.token)) }
                return alarm.set(later)
            }
            guard forget(attempt.token) else { return }
            task?.cancel()
            try await engine.timeOut(attempt, at: now)
        } catch is any ConcernsOne {
            // The run cannot be read; what is due in it is set aside where it is taken.
            task?.cancel()
        } catch { fail(error) }
        spread()
    }

    // MARK: Sleeping

    /// Waits until somebody finds that more has to be read from the store; false when the worker was stopped.
    private func hasWork() async -> Bool {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if state.hasNews || state.phase == .stopped { return false }
                state.sleeper = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
        return state.withLock { state in
            state.hasNews = false
            return state.phase == .working || state.phase == .draining
        }
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
    /// Required by ``DurableEngine``.
    public func worker(activitySlots: Int, longestSleep: Duration) -> any EngineWorker {
        WorkflowWorker(engine: self, activitySlots: activitySlots, longestSleep: longestSleep)
    }

    /// When an attempt's time is over, heartbeats counted; nil when that is now.
    func deadline(of attempt: Attempt, at now: Timestamp) async throws -> Timestamp? {
        try await turn(attempt.token.workflowID, at: now) { turn in
            guard let activity = turn.activity(of: attempt.token) else { return nil }
            return attempt.deadline(of: activity).0.flatMap { $0 > now ? $0 : nil }
        }
    }

    func timeOut(_ attempt: Attempt, at now: Timestamp) async throws {
        try await turn(attempt.token.workflowID, at: now) { turn in
            guard let activity = turn.activity(of: attempt.token) else { return }
            let type = attempt.deadline(of: activity).1
            try turn.settle(attempt.token.scheduledEventID, .timeout(type), startedAt: attempt.startedAt)
        }
    }
}

extension Attempt {
    /// When its time is over, its heartbeats counted, and which time that is.
    fileprivate func deadline(of activity: RunState.Activity) -> (Timestamp?, TimeoutType) {
        let beatAt = activity.attempt.heartbeatAt.map { max($0, startedAt) } ?? startedAt
        return activity.deadline(startedAt: startedAt, heartbeatAt: beatAt)
    }
}
