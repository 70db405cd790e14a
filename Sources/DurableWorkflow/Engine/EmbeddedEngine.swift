public import Events
import Synchronization

/// One task queue of the engine.
public struct TaskQueue: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// How many attempts of activities may begin within any second, whoever runs them; nil for no limit.
    public var maximumActivitiesPerSecond: Double?
    /// How many attempts a worker runs at once.
    public var maximumConcurrentActivities: Int

    /// A queue.
    public init(_ name: String, maximumActivitiesPerSecond: Double? = nil, maximumConcurrentActivities: Int = 100) {
        self.name = name
        self.maximumActivitiesPerSecond = maximumActivitiesPerSecond
        self.maximumConcurrentActivities = maximumConcurrentActivities
    }
}

/// How an engine works.
public struct EngineOptions: Sendable {
    /// The workflows kept in memory.
    public var maximumLive: Int
    /// Queues with limits; others have none.
    public var taskQueues: [TaskQueue]
    /// Between values and payloads.
    public var converter: PayloadConverter
    /// True to run workflow code in the transaction of the event that makes it due; false to leave it to ``VirtualTime/runDue()``.
    public var isEager: Bool
    /// Written into events.
    public var identity: String
    /// A clock that only goes forward, for the deadlock detector.
    public var uptime: @Sendable () -> Duration
    /// Where metrics, spans and logs go.
    public var telemetry: Telemetry
    /// How a caller waits for a run that another one holds: a simulation says who goes on.
    package var waiting: RunWaiting = waitForRun

    /// Options.
    public init(
        maximumLive: Int = 1000, taskQueues: [TaskQueue] = [], converter: PayloadConverter = PayloadConverter(), isEager: Bool = false,
        identity: String = "lockstep", uptime: @escaping @Sendable () -> Duration = Uptime.now, telemetry: Telemetry = Telemetry()
    ) {
        self.maximumLive = maximumLive
        self.taskQueues = taskQueues
        self.converter = converter
        self.isEager = isEager
        self.identity = identity
        self.uptime = uptime
        self.telemetry = telemetry
    }
}

/// The durable engine inside the process, on any ``WorkflowStore``.
///
/// It has its own clock, and nothing runs by itself: a ``WorkflowWorker`` runs what is due in real time; whoever made the engine with a
/// ``VirtualClock`` steps it, see ``VirtualTime``. Live workflows stay in memory up to a bound; the others are replayed from their history
/// when something arrives for them.
public final class EmbeddedEngine: DurableEngine {
    let store: any WorkflowStore
    let workflows: [String: WorkflowType]
    let activities: [String: ActivityType]
    let options: EngineOptions
    let time: any TimeSource
    let runs: RunCache
    let agenda: Agenda
    let commits: GroupCommit
    let watch: Watch
    let results = Waiters<String, RunOutcome>()
    let updates = Waiters<UpdateKey, UpdateOutcome>()
    let attempts = Mutex<[TaskToken: Task<AttemptEnd, Never>]>([:])
    private let lastKey = Mutex<Int64?>(nil)

    /// An engine on `time`.
    public init(
        store: any WorkflowStore, workflows: [WorkflowType], activities: [ActivityType], options: EngineOptions = EngineOptions(),
        time: any TimeSource = SystemTime()
    ) {
        self.store = store
        self.workflows = Dictionary(workflows.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.activities = Dictionary(activities.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.options = options
        self.time = time
        let watch = Watch(options.telemetry, uptime: options.uptime)
        self.watch = watch
        runs = RunCache(maximum: options.maximumLive, waiting: options.waiting, onEviction: watch.evicted)
        agenda = Agenda(store: store, queues: options.taskQueues)
        commits = GroupCommit(store: watch.metered(store))
    }

    /// An engine; `maximumLive` bounds the workflows kept in memory.
    public convenience init(store: any WorkflowStore, workflows: [WorkflowType], activities: [ActivityType], maximumLive: Int) {
        self.init(store: store, workflows: workflows, activities: activities, options: EngineOptions(maximumLive: maximumLive))
    }

    deinit { runs.removeAll() }

    // MARK: One turn

    /// Holds a workflow's run, lets `body` change it, and makes the change durable. When anything throws, the run leaves memory and
    /// nothing has happened, unless a commit failed: then the store knows, and the next turn reads it.
    func turn<Value>(_ workflowID: String, at now: Timestamp, _ body: (inout Turn) async throws -> Value) async throws -> Value {
        try await turn(workflowID, at: now, absent: { throw WorkflowNotFound(workflowID: workflowID, expected: "a run") }, body)
    }

    func turn<Value>(
        _ workflowID: String, at now: Timestamp, absent: () async throws -> RunState, _ body: (inout Turn) async throws -> Value
    ) async throws -> Value {
        var state = await runs.take(workflowID)
        do {
            if state == nil { state = try await load(workflowID) }
            var turn = Turn(try await state.orElse(absent), at: now)
            state = nil
            turn.identity = options.identity
            turn.isWatched = watch.isOn
            let value: Value
            do {
                value = try await body(&turn)
                try await complete(&turn)
            } catch {
                turn.state.live?.evict()
                throw error
            }
            runs.put(workflowID, turn.parked())
            if turn.state.isClosed { turn.state.live?.evict() }
            watch.tell(turn.notes)
            tell(turn)
            return value
        } catch {
            runs.put(workflowID, nil)
            throw error
        }
    }

    private func load(_ workflowID: String) async throws -> RunState? {
        guard let run = try await store.run(workflowID) else { return nil }
        return RunState(run: run, history: try await store.history(run.key))
    }

    /// Runs the code if it is to be run at once, and commits.
    private func complete(_ turn: inout Turn) async throws {
        while options.isEager, let key = turn.state.taskKey, key.at <= turn.now, !turn.state.isClosed, turn.isChanged {
            guard try await runTask(&turn) else { break }
        }
        turn.flush()
        guard !turn.change.isEmpty else {
            if turn.isBlocked { agenda.block(turn.state.run.workflowID) }
            return
        }
        do { try await commits.commit(turn.change) } catch {
            agenda.reset()
            tellLater(turn)
            throw error
        }
        let id = turn.state.run.workflowID
        if turn.isBlocked { agenda.block(id) } else if turn.hasNews { agenda.unblock(id) }
        agenda.apply(turn.change)
    }

    /// Makes durable what the code has been shown: a local activity does something about it that others see, and after a crash the code
    /// must come there by the same events.
    func commitInputs(_ turn: inout Turn) async throws {
        let change = turn.takeChange()
        if !change.isEmpty { try await commit(change) }
    }

    /// A number for a new run.
    func newKey() async throws -> Int64 {
        if lastKey.withLock({ $0 }) == nil {
            let highest = try await store.highestKey()
            lastKey.withLock { $0 = max($0 ?? 0, highest) }
        }
        return lastKey.withLock { last in
            let next = (last ?? 0) + 1
            last = next
            return next
        }
    }

    // MARK: Memory

    /// The signals that a workflow's code waits for; nil when it is not in memory.
    public func awaited(by workflowID: String) -> [AwaitedSignal]? { runs.live(workflowID)?.awaited }

    /// Required by ``DurableEngine``.
    public var workflowTypes: [WorkflowType] { workflows.values.sorted { $0.name < $1.name } }

    /// The number of workflows in memory.
    public var liveCount: Int { runs.liveCount }

    /// Takes every workflow out of memory; each is replayed when something arrives for it.
    public func evictAll() { runs.removeAll() }
}

extension Optional {
    /// The value, or what `other` gives.
    fileprivate func orElse(_ other: () async throws -> Wrapped) async throws -> Wrapped {
        if let self { return self }
        return try await other()
    }
}

/// Time since the machine was started.
public enum Uptime {
    private static let origin = ContinuousClock.now
    /// Time since the first call; only goes forward.
    @Sendable public static func now() -> Duration { origin.duration(to: .now) }
}
