import BridgeTesting
import CoreMetrics
import DurableWorkflow
import Events
import MetricsTestKit
import Synchronization
import Testing

/// A stopwatch that only tests move: the engine's uptime.
final class Stopwatch: Sendable {
    private let shown = Mutex(Duration.zero)
    func advance(by duration: Duration) { shown.withLock { $0 += duration } }
    var uptime: @Sendable () -> Duration { { self.shown.withLock { $0 } } }
}

/// Metrics that were recorded, in short.
struct Recorded {
    let metrics = TestMetrics()
    var telemetry: Telemetry { Telemetry(metrics: metrics, namespace: "test") }

    func count(_ metric: EngineMetric, _ labels: [String: String] = [:]) -> Int64 {
        metrics.counters(label: metric.rawValue).filter { matches($0.dimensions, labels) }.map(\.totalValue).reduce(0, +)
    }

    /// Durations in milliseconds.
    func times(_ metric: EngineMetric, _ labels: [String: String] = [:]) -> [Double] {
        metrics.timers(label: metric.rawValue).filter { matches($0.dimensions, labels) }.flatMap(\.values).map { Double($0) / 1_000_000 }
    }

    func gauge(_ metric: EngineMetric, _ labels: [String: String] = [:]) -> Double? {
        metrics.meters(label: metric.rawValue).first { matches($0.dimensions, labels) }?.lastValue
    }

    private func matches(_ dimensions: [(String, String)], _ labels: [String: String]) -> Bool {
        labels.allSatisfy { label in dimensions.contains { $0 == label } }
    }

    /// Every counter and timer with something in it, with how much.
    var everything: [String: Int64] {
        let counters = metrics.counters.map { ($0.label, $0.totalValue) }
        let timers = metrics.timers.map { ($0.label, Int64($0.values.count)) }
        return Dictionary((counters + timers).filter { $0.1 > 0 }, uniquingKeysWith: +)
    }
}

@Suite struct MetricsTests {
    private let stopwatch = Stopwatch()
    private let recorded = Recorded()

    private func options(live: Int = 1000, queues: [TaskQueue] = []) -> EngineOptions {
        EngineOptions(maximumLive: live, taskQueues: queues, uptime: stopwatch.uptime, telemetry: recorded.telemetry)
    }

    /// Two attempts fail; the third succeeds. Each takes 250 ms of the machine's time.
    private var charge: ActivityType {
        ActivityType("charge") { [stopwatch] context, _ in
            stopwatch.advance(by: .milliseconds(250))
            if context.attempt < 3 { throw ApplicationError(type: "Busy", message: "later") }
            return "paid"
        }
    }

    /// Runs an activity with retries, one that runs out of time, and waits for a signal; its code takes 3 ms.
    private var order: WorkflowType {
        WorkflowType("order") { [stopwatch] context, input in
            stopwatch.advance(by: .milliseconds(3))
            let paid = try await context.execute("charge", input: input)
            do {
                _ = try await context.execute("ask", input: input, options: Self.shortly)
            } catch let error as ActivityError { #expect(error.retryState == .maximumAttemptsReached) }
            _ = try await context.nextSignal(named: ["go"])
            return paid
        }
    }

    private static let shortly = ActivityOptions(startToCloseTimeout: .seconds(5), retryPolicy: RetryPolicy(maximumAttempts: 1))
    private static let ask = ActivityType("ask") { _, _ in throw CompletesLater() }
    private static let ofOrder = ["namespace": "test", "task_queue": "default", "workflow_type": "order"]

    private func signal(_ scenario: WorkflowScenario, _ workflow: String = "w") async throws {
        let signal = SignalMessage(id: "s", name: "go", payload: .null)
        try await scenario.engine.signal(workflowID: workflow, signal: signal, at: scenario.clock.now)
    }

    @Test func aRunWithRetriesAndATimeoutInExactFigures() async throws {
        let scenario = WorkflowScenario(workflows: [order], activities: [charge, Self.ask], options: options())
        try await scenario.engine.start(workflowID: "w", type: "order", input: 1, at: scenario.clock.now)
        try await scenario.run()
        scenario.clock.advance(by: .hours(1))
        try await signal(scenario)
        try await scenario.run()
        let charging = Self.ofOrder.merging(["activity_type": "charge"]) { $1 }
        #expect(recorded.times(.activityExecutionLatency, charging) == [250, 250, 250])
        #expect(recorded.times(.activityScheduleToStartLatency, charging) == [0, 0, 0])
        #expect(recorded.count(.activityExecutionFailed, charging) == 2)
        #expect(recorded.times(.activitySucceedEndToEndLatency, charging) == [3000])
        let asking = Self.ofOrder.merging(["activity_type": "ask"]) { $1 }
        #expect(recorded.count(.activityTimedOut, asking.merging(["timeout_type": "startToClose"]) { $1 }) == 1)
        #expect(recorded.count(.activityExecutionFailed, asking) == 0)
        #expect(recorded.times(.activitySucceedEndToEndLatency, asking).isEmpty)
        #expect(recorded.count(.workflowCompleted, Self.ofOrder) == 1)
        #expect(recorded.times(.workflowEndToEndLatency, Self.ofOrder) == [3_608_000])
        #expect(recorded.times(.workflowTaskExecutionLatency, Self.ofOrder) == [3, 0, 0, 0])
        #expect(recorded.times(.workflowTaskScheduleToStartLatency, Self.ofOrder) == [0, 0, 0, 0])
        #expect(recorded.count(.stickyCacheHit) == 3)
        #expect(recorded.count(.stickyCacheMiss) == 0)
        #expect(recorded.times(.workflowTaskReplayLatency).isEmpty)
    }

    @Test func anEvictedRunCountsItsReplayAndNothingTwice() async throws {
        let scenario = WorkflowScenario(workflows: [order], activities: [charge, Self.ask], options: options(live: 1))
        for id in ["w", "x"] {
            try await scenario.engine.start(workflowID: id, type: "order", input: 1, at: scenario.clock.now)
            try await scenario.run()
        }
        #expect(recorded.count(.stickyCacheTotalForcedEviction) == 1)
        let before = recorded.everything
        #expect(before[EngineMetric.workflowTaskReplayLatency.rawValue] == nil)
        try await signal(scenario)
        try await scenario.run()
        #expect(try await scenario.result("w") == "paid")
        #expect(recorded.times(.workflowTaskReplayLatency, Self.ofOrder) == [3])
        #expect(recorded.count(.stickyCacheMiss, ["task_queue": "default"]) == 1)
        let grown = recorded.everything.filter { $0.value != before[$0.key] }
        // The signal's own task, its run's end, its commits, and the other run, which makes room; nothing of what was replayed.
        #expect(
            Set(grown.keys)
                == Set(
                    [
                        EngineMetric.workflowTaskReplayLatency, .stickyCacheMiss, .workflowCompleted, .workflowEndToEndLatency,
                        .workflowTaskExecutionLatency, .workflowTaskScheduleToStartLatency, .commits, .commitLatency,
                        .stickyCacheTotalForcedEviction,
                    ].map(\.rawValue)))
        let more = recorded.everything[EngineMetric.workflowTaskExecutionLatency.rawValue] ?? 0
        #expect(more - (before[EngineMetric.workflowTaskExecutionLatency.rawValue] ?? 0) == 1)
    }

    @Test(arguments: [
        (EngineMetric.workflowFailed, "fail"), (.workflowCanceled, "cancel"), (.workflowTerminated, "terminate"),
        (.workflowTimedOut, "timeout"), (.workflowContinueAsNew, "again"),
    ]) func everyEndHasItsCounter(metric: EngineMetric, how: String) async throws {
        let type = WorkflowType("ends") { context, input in
            switch input {
            case "fail": throw ApplicationError(type: "No", message: "no")
            case "again": throw try context.continueAsNew("done" as JSONValue)
            case "done": return .null
            default:
                try await context.sleep(for: .days(1))
                return .null
            }
        }
        let scenario = WorkflowScenario(workflows: [type], options: options())
        let (engine, now) = (scenario.engine, scenario.clock.now)
        let limits = WorkflowOptions(runTimeout: .hours(2))
        try await engine.start(workflowID: "w", type: "ends", input: .string(how), options: limits, at: now)
        try await scenario.run(until: now)
        if how == "cancel" { try await engine.cancel(workflowID: "w", at: now) }
        if how == "terminate" { try await engine.terminate(workflowID: "w", reason: "test", at: now) }
        try await scenario.run(until: now + .hours(3))
        #expect(recorded.count(metric, ["workflow_type": "ends", "task_queue": "default"]) == 1)
        let ends: [EngineMetric] = [
            .workflowCompleted, .workflowFailed, .workflowCanceled, .workflowTerminated, .workflowTimedOut, .workflowContinueAsNew,
        ]
        #expect(ends.map { recorded.count($0) }.reduce(0, +) == (how == "again" ? 2 : 1))
    }

    @Test func codeThatDoesNotFitIsCountedByItsReason() async throws {
        let store = InMemoryWorkflowStore()
        let code: @Sendable (String) -> WorkflowType = { name in
            WorkflowType("order") { context, input in
                let answer = try await context.execute(name, input: input)
                _ = try await context.nextSignal(named: ["go"])
                return answer
            }
        }
        let echo = ActivityType("a") { _, input in input }
        let first = WorkflowScenario(store: store, workflows: [code("a")], activities: [echo], options: options())
        try await first.engine.start(workflowID: "w", type: "order", input: 1, at: first.clock.now)
        try await first.run()
        let second = WorkflowScenario(store: store, workflows: [code("b")], activities: [echo], options: options())
        try await signal(second)
        try await second.run()
        #expect(recorded.count(.workflowTaskExecutionFailed, ["failure_reason": "NonDeterminismError"]) == 1)
        #expect(recorded.count(.workflowTaskExecutionFailed, ["failure_reason": "WorkflowError"]) == 0)
        #expect(recorded.count(.stickyCacheMiss) == 1)
    }

    @Test func aTaskThatTookTooLongIsCountedAndComesAgain() async throws {
        let tries = Mutex(0)
        let type = WorkflowType("slow") { [stopwatch] _, _ in
            if tries.withLock({ tries in
                tries += 1
                return tries == 1
            }) {
                stopwatch.advance(by: .milliseconds(1500))
            }
            return .null
        }
        let scenario = WorkflowScenario(workflows: [type], options: options())
        let limits = WorkflowOptions(taskTimeout: .seconds(1))
        try await scenario.engine.start(workflowID: "w", type: "slow", input: 1, options: limits, at: scenario.clock.now)
        try await scenario.run()
        #expect(recorded.count(.workflowTaskTimedOut, ["workflow_type": "slow"]) == 1)
        #expect(recorded.times(.workflowTaskExecutionLatency) == [1500, 0])
        #expect(recorded.count(.workflowCompleted) == 1)
        #expect(recorded.count(.workflowTaskExecutionFailed) == 0)
    }

    @Test func whatIsImportedWasCountedWhereItHappened() async throws {
        let type = WorkflowType("returns") { _, input in input }
        let scenario = WorkflowScenario(workflows: [type])
        try await scenario.engine.start(workflowID: "w", type: "returns", input: 1, at: scenario.clock.now)
        try await scenario.run()
        let history = try await scenario.engine.history(workflowID: "w")
        let other = WorkflowScenario(workflows: [type], options: options())
        try await other.engine.importRun(history, at: other.clock.now)
        #expect(Set(recorded.everything.keys) == ["lockstep_commits_total", "lockstep_commit_latency"])
        #expect(try await other.result("w") == 1)
    }

    @Test func localActivitiesHaveTheirOwn() async throws {
        let local = ActivityType("look") { [stopwatch] context, _ in
            stopwatch.advance(by: .milliseconds(7))
            if context.attempt == 1 { throw ApplicationError(type: "Busy", message: "later") }
            return .null
        }
        let type = WorkflowType("looks") { context, _ in try await context.executeLocal("look", input: .null) }
        let scenario = WorkflowScenario(workflows: [type], activities: [local], options: options())
        try await scenario.engine.start(workflowID: "w", type: "looks", input: 1, at: scenario.clock.now)
        try await scenario.run()
        #expect(recorded.times(.localActivityExecutionLatency, ["activity_type": "look"]) == [7, 7])
        #expect(recorded.count(.localActivityExecutionFailed, ["activity_type": "look"]) == 1)
        #expect(recorded.times(.workflowTaskExecutionLatency) == [7, 7])
    }

    @Test func aQueueShowsWhatIsDueWaitsAndRuns() async throws {
        let inside = Mutex<[Double?]>([])
        let made = Mutex<EmbeddedEngine?>(nil)
        let work = ActivityType("work") { [recorded] _, _ in
            made.withLock { $0 }?.updateGauges()
            inside.withLock { $0.append(recorded.gauge(.queueRunning, ["task_queue": "default"])) }
            return .null
        }
        let type = WorkflowType("many") { context, _ in
            async let a = context.execute("work", input: 1)
            async let b = context.execute("work", input: 2)
            async let c = context.execute("work", input: 3)
            _ = try await [a, b, c]
            return .null
        }
        let queue = TaskQueue("default", maximumActivitiesPerSecond: 1)
        let scenario = WorkflowScenario(workflows: [type], activities: [work], options: options(queues: [queue]))
        let (engine, now) = (scenario.engine, scenario.clock.now)
        made.withLock { $0 = engine }
        defer { made.withLock { $0 = nil } }
        try await engine.start(workflowID: "w", type: "many", input: 1, at: now)
        try await engine.runTasks(at: now)
        let gauges: (EngineMetric) -> Double? = { recorded.gauge($0, ["task_queue": "default", "namespace": "test"]) }
        engine.updateGauges(at: now)
        #expect([gauges(.queueDue), gauges(.queueRunning)] == [3, 0])
        try await engine.runDue(at: now)
        engine.updateGauges(at: now)
        #expect([gauges(.queueDue), gauges(.queueWaiting), gauges(.queueRunning)] == [2, 2, 0])
        #expect(recorded.gauge(.stickyCacheSize) == 1)
        try await scenario.run()
        engine.updateGauges()
        #expect([gauges(.queueDue), gauges(.queueWaiting), gauges(.queueRunning)] == [0, 0, 0])
        #expect(recorded.gauge(.stickyCacheSize) == 0)
        #expect(inside.withLock { $0 } == [1, 1, 1])
    }

    @Test func aWorkerShowsItsSlots() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let block = ActivityType("block") { _, _ in
            start.yield()
            for await _ in released { break }
            return .null
        }
        let type = WorkflowType("blocks") { context, _ in try await context.execute("block", input: 1) }
        let engine = EmbeddedEngine(
            store: InMemoryWorkflowStore(), workflows: [type], activities: [block],
            options: EngineOptions(isEager: true, telemetry: recorded.telemetry))
        let worker = WorkflowWorker(engine: engine, activitySlots: 7)
        let running = Task { try await worker.run() }
        try await engine.start(workflowID: "w", type: "blocks", input: 1, options: WorkflowOptions())
        for await _ in started { break }
        engine.updateGauges()
        #expect(recorded.gauge(.workerTaskSlotsUsed, ["worker_type": "ActivityWorker"]) == 1)
        #expect(recorded.gauge(.workerTaskSlotsAvailable, ["worker_type": "ActivityWorker"]) == 6)
        #expect(recorded.gauge(.queueRunning, ["task_queue": "default"]) == 1)
        release.yield()
        _ = try await engine.result(workflowID: "w")
        worker.stop()
        try await running.value
        #expect(recorded.count(.workflowCompleted) == 1)
    }

    @Test func commitsAreCountedWithWhatTheyHold() async throws {
        let scenario = WorkflowScenario(workflows: [order], activities: [charge, Self.ask], options: options())
        try await scenario.engine.start(workflowID: "w", type: "order", input: 1, at: scenario.clock.now)
        #expect(recorded.count(.commits, ["namespace": "test"]) == 1)
        #expect(recorded.times(.commitLatency) == [0])
        #expect(try recorded.metrics.expectRecorder("lockstep_commit_group_size", [("namespace", "test")]).values == [1])
    }

    @Test func withoutABackEndNothingIsMade() async throws {
        let scenario = WorkflowScenario(workflows: [order], activities: [charge, Self.ask])
        try await scenario.engine.start(workflowID: "w", type: "order", input: 1, at: scenario.clock.now)
        try await scenario.run()
        scenario.engine.updateGauges()
        #expect(recorded.everything.isEmpty)
    }
}
