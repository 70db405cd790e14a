import BridgeTesting
import DurableWorkflow
import Events
import Synchronization
import Testing

/// Counts how often something happened, across engines.
private final class Tally: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    func add(_ name: String) -> Int {
        counts.withLock { counts in
            counts[name, default: 0] += 1
            return counts[name] ?? 0
        }
    }
    subscript(name: String) -> Int { counts.withLock { $0[name] ?? 0 } }
}

private let echo = ActivityType("echo") { _, input in input }

@Suite struct EmbeddedEngineTests {
    /// Order, signal with timeout, timer, parallel activities, retry: most of what a workflow can do.
    private static let rich = WorkflowType("rich") { context, input in
        let first = try await context.execute("echo", input: input)
        let signal = try await context.nextSignal(named: ["go"], timeout: .hours(24))
        try await context.sleep(for: .minutes(5))
        async let left = context.execute("echo", input: "left")
        async let right = context.execute("echo", input: "right")
        let both = try await [left, right]
        let flaky = try await context.execute("flaky", input: [:])
        return [first, signal?.payload ?? .null, .array(both), flaky]
    }

    private static func flaky(_ tally: Tally) -> ActivityType {
        ActivityType("flaky") { context, _ in
            _ = tally.add("flaky")
            if context.attempt < 3 { throw ApplicationError(type: "Busy", message: "later") }
            return .integer(context.attempt)
        }
    }

    @TaskLocal private static var caller = "nobody"

    /// A task that is made while somebody works inherits what he has; a workflow must not, or it would differ when it is replayed.
    @Test func codeSeesNothingOfWhoRunsIt() async throws {
        let type = WorkflowType("curious") { context, _ in
            context.onSignal(Signal<JSONValue>("ask")) { _ in Self.told.withLock { $0.append(Self.caller) } }
            Self.told.withLock { $0.append(Self.caller) }
            try await context.sleep(for: .hours(1))
            return .null
        }
        let scenario = WorkflowScenario(workflows: [type], rebuilding: false)
        try await Self.$caller.withValue("a client") {
            try await scenario.engine.start(workflowID: "w", type: "curious", input: [:], at: scenario.clock.now)
            try await scenario.run(until: scenario.clock.now)
            let signal = SignalMessage(id: "s1", name: "ask", payload: .null)
            try await scenario.engine.signal(workflowID: "w", signal: signal, at: scenario.clock.now)
            try await scenario.run()
        }
        #expect(Self.told.withLock { $0 } == ["nobody", "nobody"])
    }

    private static let told = Mutex<[String]>([])

    @Test(.timeLimit(.minutes(10))) func anEngineWithLiveWorkflowsCanBeLetGo() async throws {
        let (reached, reach) = AsyncStream.makeStream(of: Void.self)
        let reporting = ActivityType("report") { _, input in
            reach.finish()
            return input
        }
        let type = WorkflowType("waits") { context, _ in
            _ = try await context.execute("report", input: .null)
            _ = try await context.nextSignal(named: ["never"])
            return .null
        }
        var engine: EmbeddedEngine? = EmbeddedEngine(store: InMemoryWorkflowStore(), workflows: [type], activities: [reporting])
        weak let letGo = engine
        try await engine?.start(workflowID: "w", type: "waits", input: [:], options: WorkflowOptions(), at: SystemTime().now)
        var worker = engine.map { WorkflowWorker(engine: $0) }
        let running = Task { [worker] in try await worker?.run() }
        for await _ in reached {}
        worker?.stop()
        try await running.value
        (engine, worker) = (nil, nil)
        // What it was at when it was stopped ends first.
        while letGo != nil, !Task.isCancelled { await Task.yield() }
        #expect(letGo == nil)
    }

    /// A local activity runs in a task of the worker, which need not be told of what is due then. What the activity has begun goes on
    /// after it, and the worker has to be told of what that makes due.
    @Test(.timeLimit(.minutes(1))) func whatALocalActivityBeginsWakesTheWorker() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let held = Held()
        let begin = ActivityType("begin") { _, _ in
            Task { @Sendable in
                for await _ in released {}
                try await held.engine?.start(workflowID: "second", type: "second", input: .null, options: WorkflowOptions())
            }
            return .null
        }
        let first = WorkflowType("first") { context, _ in
            try await context.sleep(for: .milliseconds(1))
            return try await context.executeLocal("begin", input: .null)
        }
        let second = WorkflowType("second") { context, _ in try await context.execute("echo", input: "done") }
        let store = InMemoryWorkflowStore()
        let engine = EmbeddedEngine(
            store: store, workflows: [first, second], activities: [begin, echo], options: EngineOptions(isEager: true))
        held.engine = engine
        let worker = WorkflowWorker(engine: engine, longestSleep: .hours(1))
        let running = Task { try await worker.run() }
        try await engine.start(workflowID: "first", type: "first", input: .null, options: WorkflowOptions())
        _ = try await engine.result(workflowID: "first")
        await worker.waitUntilIdle()
        release.finish()
        while try await store.run("second", runID: nil)?.status != .completed {
            try Task.checkCancellation()
            await Task.yield()
        }
        worker.stop()
        try await running.value
        held.engine = nil
    }

    /// An engine for an activity, which is made before it.
    private final class Held: Sendable {
        private let made = Mutex<EmbeddedEngine?>(nil)
        var engine: EmbeddedEngine? {
            get { made.withLock { $0 } }
            set { made.withLock { $0 = newValue } }
        }
    }

    @Test(arguments: [false, true]) func runsToTheSameEndHoweverOftenTheProcessDies(rebuilding: Bool) async throws {
        let tally = Tally()
        let scenario = WorkflowScenario(workflows: [Self.rich], activities: [echo, Self.flaky(tally)], rebuilding: rebuilding)
        try await scenario.engine.start(workflowID: "w", type: "rich", input: "in", at: scenario.clock.now)
        try await scenario.run(until: scenario.clock.now + .hours(1))
        let signal = SignalMessage(id: "s1", name: "go", payload: "now")
        try await scenario.engine.signal(workflowID: "w", signal: signal, at: scenario.clock.now)
        try await scenario.engine.signal(workflowID: "w", signal: signal, at: scenario.clock.now)
        try await scenario.run()
        let history = try await scenario.store.history(of: "w")
        #expect(history.last?.kind == .workflowExecutionCompleted)
        #expect(try await scenario.result("w") == ["in", "now", ["left", "right"], 3])
        #expect(history.count { $0.kind == .workflowExecutionSignaled } == 1)
        #expect(history.map(\.id) == Array(1...history.count))
        #expect(tally["flaky"] == 3)
        let scheduled = history.filter { $0.kind == .activityTaskScheduled }.map { Int($0.fields.text(.activityID)) ?? 0 }
        #expect(scheduled == [1, 2, 3, 4])
    }

    @Test func aWaitEndsAtItsTimeout() async throws {
        let type = WorkflowType("wait") { context, _ in
            let before = context.now
            let signal = try await context.nextSignal(named: ["never"], timeout: .days(90))
            return ["got": .bool(signal != nil), "waited": .integer(Int((context.now - before).milliseconds))]
        }
        let scenario = WorkflowScenario(workflows: [type], rebuilding: true)
        try await scenario.engine.start(workflowID: "w", type: "wait", input: [:], at: scenario.clock.now)
        try await scenario.run()
        let result = try await scenario.result("w")
        #expect(result == ["got": false, "waited": .integer(90 * 86_400_000)])
    }

    @Test func signalsAreKeptInOrderUntilSomebodyAsks() async throws {
        let type = WorkflowType("keep") { context, _ in
            try await context.sleep(for: .hours(1))
            var seen: [JSONValue] = []
            while let signal = try await context.nextSignal(named: ["a", "b"], timeout: .zero) { seen.append(.string(signal.id)) }
            return .array(seen)
        }
        let scenario = WorkflowScenario(workflows: [type])
        try await scenario.engine.start(workflowID: "w", type: "keep", input: [:], at: scenario.clock.now)
        for id in ["1", "2", "3"] {
            try await scenario.engine.signal(
                workflowID: "w", signal: SignalMessage(id: id, name: id == "2" ? "b" : "a", payload: .null), at: scenario.clock.now)
        }
        try await scenario.run()
        #expect(try await scenario.result("w") == ["1", "2", "3"])
    }

    @Test func anActivityThatFailsForGoodReachesTheCode() async throws {
        let fail = ActivityType("fail") { _, _ in throw ApplicationError(type: "Refused", message: "no", isNonRetryable: true) }
        let type = WorkflowType("catch") { context, _ in
            do { return try await context.execute("fail", input: [:]) } catch let error as ActivityError {
                return .string(error.cause.type ?? "")
            }
        }
        let scenario = WorkflowScenario(workflows: [type], activities: [fail])
        try await scenario.engine.start(workflowID: "w", type: "catch", input: [:], at: scenario.clock.now)
        try await scenario.run()
        #expect(try await scenario.result("w") == "Refused")
    }

    @Test func codeThatDoesNotFitBlocksAndHeals() async throws {
        let right = WorkflowType("w") { context, _ in
            _ = try await context.execute("echo", input: 1)
            try await context.sleep(for: .hours(1))
            return "done"
        }
        let wrong = WorkflowType("w") { context, _ in
            try await context.sleep(for: .hours(1))
            return "wrong"
        }
        let store = InMemoryWorkflowStore()
        let clock = ManualClock()
        let first = EmbeddedEngine(store: store, workflows: [right], activities: [echo])
        try await first.start(workflowID: "w", type: "w", input: [:], at: clock.now)
        try await first.runDue(at: clock.now)
        clock.advance(by: .hours(2))
        let second = EmbeddedEngine(store: store, workflows: [wrong], activities: [echo])
        try await second.runDue(at: clock.now)
        let blocked = try await store.run("w")
        #expect(blocked?.status == .blocked)
        #expect(blocked?.problem?.contains("expected activityTaskScheduled 1 echo, found timerStarted 1") == true)
        try await EmbeddedEngine(store: store, workflows: [right], activities: [echo]).runDue(at: clock.now)
        #expect(try await store.run("w")?.status == .completed)
    }

    @Test func codeThatLeavesTheExecutorIsBlocked() async throws {
        let type = WorkflowType("escape") { _, _ in
            await Task.detached { await Task.yield() }.value
            return .null
        }
        let scenario = WorkflowScenario(workflows: [type])
        try await scenario.engine.start(workflowID: "w", type: "escape", input: [:], at: scenario.clock.now)
        try await scenario.run()
        let row = try await scenario.store.run("w")
        #expect(row?.status == .blocked)
        #expect(row?.problem?.contains("awaits only its context") == true)
    }

    @Test func cancellationReachesTheAwait() async throws {
        let type = WorkflowType("cancel") { context, _ in
            try await context.sleep(for: .days(1))
            return .null
        }
        let scenario = WorkflowScenario(workflows: [type])
        try await scenario.engine.start(workflowID: "w", type: "cancel", input: [:], at: scenario.clock.now)
        try await scenario.engine.runDue(at: scenario.clock.now)
        try await scenario.engine.cancel(workflowID: "w", at: scenario.clock.now)
        try await scenario.run()
        #expect(try await scenario.store.run("w")?.status == .cancelled)
    }

    @Test func memoryIsBounded() async throws {
        let type = WorkflowType("sleep") { context, _ in
            try await context.sleep(for: .days(1))
            return "awake"
        }
        let store = InMemoryWorkflowStore()
        let clock = ManualClock()
        let engine = EmbeddedEngine(store: store, workflows: [type], activities: [], maximumLive: 10)
        for index in 0..<50 { try await engine.start(workflowID: "w\(index)", type: "sleep", input: [:], at: clock.now) }
        try await engine.runDue(at: clock.now)
        #expect(engine.liveCount == 10)
        clock.advance(by: .days(1))
        try await engine.runDue(at: clock.now)
        #expect(try await store.runs().allSatisfy { $0.status == .completed })
        #expect(engine.liveCount == 0)
    }
}
