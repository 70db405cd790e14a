import BridgeTesting
import DurableWorkflow
import Events
import Synchronization
import Testing

/// The times of runs, of chains of runs and of workflow tasks, on every engine.
@Suite struct TimeLaws {
    private static let fail = WorkflowType("fail") { _, _ in throw ApplicationError(type: "Bad", message: "bad") }
    private static let sleep = WorkflowType("sleep") { context, input in
        try await context.sleep(for: .minutes(input.integer ?? 60))
        return .null
    }
    private static let again = WorkflowType("again") { context, _ in
        try await context.sleep(for: .minutes(20))
        throw try context.continueAsNew(JSONValue.null)
    }

    private func runs(_ scenario: WorkflowScenario) async throws -> [WorkflowRun] {
        try await scenario.store.runs().sorted { $0.key < $1.key }
    }

    @Test(arguments: LawEngine.allCases) func theExecutionTimeoutEndsRetries(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.fail])
        let began = scenario.clock.now
        try await scenario.start(
            "fail", .null,
            WorkflowOptions(executionTimeout: .seconds(60), retryPolicy: RetryPolicy(initialInterval: .seconds(10))))
        try await scenario.run()
        let runs = try await runs(scenario)
        #expect(runs.map { $0.startedAt - began } == [.zero, .zero, .seconds(10)], "the fourth would begin after 70 seconds")
        #expect(runs.last?.status == .failed)
        #expect(runs.last?.closedAt.map { $0 - began } == .seconds(30))
    }

    @Test(arguments: LawEngine.allCases) func theExecutionTimeoutCutsTheLastRunShort(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.sleep])
        let began = scenario.clock.now
        try await scenario.start(
            "sleep", .null,
            WorkflowOptions(
                executionTimeout: .seconds(50), runTimeout: .seconds(20), retryPolicy: RetryPolicy(initialInterval: .seconds(1))))
        try await scenario.run()
        let runs = try await runs(scenario)
        #expect(runs.map(\.status) == [.timedOut, .timedOut, .timedOut])
        #expect(runs.compactMap(\.closedAt).map { $0 - began } == [.seconds(20), .seconds(41), .seconds(50)])
    }

    @Test(arguments: LawEngine.allCases) func theExecutionTimeoutBoundsContinueAsNew(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.again])
        let began = scenario.clock.now
        try await scenario.start("again", .null, WorkflowOptions(executionTimeout: .minutes(50)))
        try await scenario.run()
        let runs = try await runs(scenario)
        #expect(runs.map(\.status) == [.continuedAsNew, .continuedAsNew, .timedOut])
        #expect(runs.last?.closedAt.map { $0 - began } == .minutes(50))
        let described = try await scenario.engine.describe(workflowID: "w", at: scenario.clock.now)
        #expect(described.executionTimesOutAt == nil, "it is over")
    }

    @Test(arguments: LawEngine.allCases) func theExecutionTimeoutEndsACronSchedule(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.sleep])
        let options = WorkflowOptions(executionTimeout: .minutes(150), runTimeout: .minutes(10), cronSchedule: "@every 1h")
        let began = scenario.clock.now
        try await scenario.start("sleep", 5, options)
        let described = try await scenario.engine.describe(workflowID: "w", at: began)
        #expect(described.executionTimesOutAt == began + .minutes(150))
        #expect(try #require(described.taskDueAt) > began, "the first run waits for its moment too")
        let due = try #require(described.taskDueAt)
        #expect(described.timesOutAt == due + .minutes(10), "a run's time begins with its first task")
        try await scenario.run()
        let runs = try await runs(scenario)
        #expect(runs.allSatisfy { $0.status == .completed }, "waiting for the moment is not working")
        #expect(try #require(runs.last?.closedAt) <= began + .minutes(150))
        #expect(runs.count == 2)
    }

    @Test(arguments: LawEngine.allCases) func aResetBeginsTheTimesAnew(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.sleep])
        try await scenario.start("sleep", 15, WorkflowOptions(executionTimeout: .minutes(20), runTimeout: .minutes(10)))
        try await scenario.run()
        #expect(try await scenario.status() == .timedOut)
        let began = scenario.clock.now
        try await scenario.engine.reset(workflowID: "w", toEvent: 4, reason: "more time", at: began)
        let described = try await scenario.engine.describe(workflowID: "w", at: began)
        #expect(described.timesOutAt == began + .minutes(10))
        #expect(described.executionTimesOutAt == began + .minutes(20))
        try await scenario.run()
        #expect(try await scenario.status() == .timedOut)
        #expect(scenario.clock.now == began + .minutes(10), "its sleep would have taken longer still")
        #expect(try await scenario.engine.nextDue() == nil)
    }

    /// Code that takes longer than a task may: nothing of what it decided is kept, and the task comes again after a wait.
    @Test(arguments: LawEngine.allCases) func aTaskThatTakesTooLongComesAgain(engine: LawEngine) async throws {
        let uptime = Mutex(Duration.zero)
        let slow = Mutex(2)
        let workflow = WorkflowType("busy") { context, _ in
            let first = try await context.execute("echo", input: 1)
            let isSlow = slow.withLock { left in
                left -= 1
                return left >= 0
            }
            if isSlow { uptime.withLock { $0 += .milliseconds(600) } }
            return try await context.execute("echo", input: first)
        }
        let scenario = try engine.scenario([workflow], [echo], EngineOptions(uptime: { uptime.withLock { $0 } }))
        let began = scenario.clock.now
        try await scenario.start("busy", .null, WorkflowOptions(taskTimeout: .milliseconds(500)))
        try await scenario.run()
        #expect(try await scenario.result("w") == 1)
        let kinds = try await scenario.kinds()
        #expect(kinds.count { $0 == .workflowTaskTimedOut } == 2)
        #expect(kinds.count { $0 == .activityTaskScheduled } == 2)
        #expect(scenario.clock.now - began == .seconds(3), "a second, then two")
        let replayer = WorkflowReplayer(workflows: [workflow])
        try replayer.replay(WorkflowHistory(temporalJSON: try await scenario.engine.history(workflowID: "w").temporalJSON))
    }

    @Test(arguments: LawEngine.allCases) func localActivitiesDoNotUseUpTheTask(engine: LawEngine) async throws {
        let uptime = Mutex(Duration.zero)
        let wait = ActivityType("wait") { _, input in
            uptime.withLock { $0 += .seconds(5) }
            return input
        }
        let workflow = WorkflowType("local") { context, _ in try await context.executeLocal("wait", input: 7) }
        let scenario = try engine.scenario([workflow], [wait], EngineOptions(uptime: { uptime.withLock { $0 } }))
        try await scenario.start("local", .null, WorkflowOptions(taskTimeout: .seconds(1)))
        try await scenario.run()
        #expect(try await scenario.result("w") == 7)
        #expect(try await !scenario.kinds().contains(.workflowTaskTimedOut))
    }

    /// Who asks whether a workflow is at rest has to see that it is not.
    @Test(arguments: LawEngine.allCases) func aLocalActivityBetweenTwoAttemptsIsPending(engine: LawEngine) async throws {
        let attempts = Mutex(0)
        let look = ActivityType("look") { _, input in
            if attempts.withLock({
                $0 += 1; return $0
            }) < 3 {
                throw ApplicationError(type: "Busy", message: "not now")
            }
            return input
        }
        let workflow = WorkflowType("looks") { context, _ in
            let seen = try await context.executeLocal("look", input: 7)
            _ = try await context.nextSignal(named: ["go"], timeout: nil)
            return seen
        }
        let scenario = try engine.scenario([workflow], [look])
        func pending() async throws -> [PendingActivity] {
            try await scenario.engine.describe(workflowID: "w", at: scenario.clock.now).activities
        }
        try await scenario.start("looks")
        try await scenario.settle()
        let first = try await pending()
        #expect(first.map(\.type) == ["look"])
        #expect(first.map(\.attempt) == [2])
        #expect(first.first?.dueAt == scenario.clock.now + .seconds(1))
        try await scenario.pass(.seconds(1))
        #expect(try await pending().map(\.attempt) == [3])
        try await scenario.pass(.seconds(2))
        #expect(try await pending().isEmpty)
    }

    @Test(arguments: LawEngine.allCases) func aLongHistoryIsSeenBeforeItEnds(engine: LawEngine) async throws {
        let workflow = WorkflowType("long") { context, _ in
            for _ in 0..<2100 { try await context.sleep(for: .milliseconds(1)) }
            try await context.sleep(for: .hours(1))
            return .null
        }
        guard engine != .memoryRebuilt, engine != .diskRebuilt else { return }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("long")
        try await scenario.settle()
        #expect(try await scenario.engine.describe(workflowID: "w", at: scenario.clock.now).warnings.isEmpty)
        try await scenario.pass(.minutes(1))
        let described = try await scenario.engine.describe(workflowID: "w", at: scenario.clock.now)
        #expect(described.run.length > WorkflowLimits.warnEvents)
        #expect(described.run.isHistoryLong)
        #expect(try #require(described.warnings.first).contains("of 51200 events"))
    }
}
