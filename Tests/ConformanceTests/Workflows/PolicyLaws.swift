import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// Retry policies, timeouts and policies of starts, on every engine: Temporal's rules.
@Suite struct PolicyLaws {
    private static func calling(_ options: ActivityOptions) -> WorkflowType {
        WorkflowType("call") { context, input in try await context.execute("a", input: input, options: options) }
    }

    private static let waits: [(Duration, Duration?)] = [
        (.zero, nil), (.nanoseconds(1), nil), (.microseconds(900), nil), (.seconds(1), .zero), (.milliseconds(1), nil),
    ]

    @Test(arguments: LawEngine.allCases, waits.indices) func aWaitBelowAMillisecondDoesNotStall(engine: LawEngine, index: Int) async throws
    {
        let (interval, delay) = Self.waits[index]
        let activity = ActivityType("a") { context, input in
            guard context.attempt < 4 else { return input }
            throw ApplicationError(type: "Busy", message: "busy", nextRetryDelay: delay)
        }
        let policy = RetryPolicy(initialInterval: interval, maximumInterval: interval)
        let scenario = try engine.scenario(
            [Self.calling(ActivityOptions(startToCloseTimeout: .seconds(1), retryPolicy: policy))], [activity])
        try await scenario.start("call", 7)
        try await scenario.run()
        #expect(try await scenario.result("w") == 7)
    }

    @Test(arguments: LawEngine.allCases) func aWorkflowsRetryWithoutAWaitDoesNotStall(engine: LawEngine) async throws {
        let failing = WorkflowType("fail") { context, _ in
            if context.info.attempt < 4 { throw ApplicationError(type: "Busy", message: "busy") }
            return .integer(context.info.attempt)
        }
        let scenario = try engine.scenario([failing])
        try await scenario.start("fail", .null, WorkflowOptions(retryPolicy: RetryPolicy(initialInterval: .zero)))
        try await scenario.run()
        #expect(try await scenario.result("w") == 4)
    }

    private static let policies: [(RetryPolicy, String)] = [
        (RetryPolicy(initialInterval: .seconds(-1)), "invalid InitialInterval set on retry policy: negative duration"),
        (RetryPolicy(backoffCoefficient: 0.5), "BackoffCoefficient cannot be less than 1 on retry policy"),
        (RetryPolicy(backoffCoefficient: .nan), "BackoffCoefficient cannot be less than 1 on retry policy"),
        (RetryPolicy(maximumInterval: .seconds(-1)), "invalid MaximumInterval set on retry policy: negative duration"),
        (
            RetryPolicy(initialInterval: .seconds(5), maximumInterval: .seconds(2)),
            "MaximumInterval cannot be less than InitialInterval on retry policy"
        ),
        (RetryPolicy(maximumAttempts: -1), "MaximumAttempts cannot be negative on retry policy"),
    ]

    @Test(arguments: policies.indices) func aPolicyThatCannotBeIsRefused(index: Int) async throws {
        let (policy, sentence) = Self.policies[index]
        let options = ActivityOptions(startToCloseTimeout: .seconds(1), retryPolicy: policy)
        let scenario = try LawEngine.memory.scenario([Self.calling(options)], [echo])
        let error = await #expect(throws: UnusableOptions.self) {
            try await scenario.start("call", 1, WorkflowOptions(retryPolicy: policy), id: "refused")
        }
        #expect(error?.description.contains(sentence) == true)
        #expect(try await scenario.status("refused") == nil)
        try await scenario.start("call", 1)
        try await scenario.run()
        #expect(try await scenario.status() == .blocked)
        #expect(try await scenario.problem().contains(sentence))
    }

    private static let activityTimes: [(ActivityOptions, String)] = [
        (ActivityOptions(), "StartToCloseTimeout"), (ActivityOptions(startToCloseTimeout: .seconds(-1)), "StartToCloseTimeout"),
        (ActivityOptions(startToCloseTimeout: .zero), "StartToCloseTimeout"),
        (ActivityOptions(startToCloseTimeout: .seconds(1), scheduleToCloseTimeout: .seconds(-1)), "ScheduleToCloseTimeout"),
        (ActivityOptions(startToCloseTimeout: .seconds(1), scheduleToStartTimeout: .nanoseconds(-1)), "ScheduleToStartTimeout"),
        (ActivityOptions(startToCloseTimeout: .seconds(1), heartbeatTimeout: .seconds(-1)), "HeartbeatTimeout"),
    ]

    @Test(arguments: activityTimes.indices) func timesThatCannotBeFailTheTask(index: Int) async throws {
        let (options, word) = Self.activityTimes[index]
        let scenario = try LawEngine.memory.scenario(
            [
                WorkflowType("call") { context, input in
                    try await context.execute("echo", input: input, options: options)
                }
            ], [echo])
        try await scenario.start("call", 1)
        try await scenario.run()
        #expect(try await scenario.status() == .blocked)
        #expect(try await scenario.problem().contains(word))
    }

    private static let starts: [(WorkflowOptions, String)] = [
        (WorkflowOptions(executionTimeout: .seconds(-1)), "WorkflowExecutionTimeout"),
        (WorkflowOptions(runTimeout: .seconds(-1)), "WorkflowRunTimeout"),
        (WorkflowOptions(taskTimeout: .seconds(-1)), "WorkflowTaskTimeout"),
        (WorkflowOptions(startDelay: .seconds(-1)), "WorkflowStartDelay"),
        (WorkflowOptions(cronSchedule: "@hourly", startDelay: .seconds(1)), "may not be used together"),
        (WorkflowOptions(idReusePolicy: .rejectDuplicate, idConflictPolicy: .terminateExisting), "cannot be used together"),
    ]

    @Test(arguments: starts.indices) func aStartThatCannotBeIsRefused(index: Int) async throws {
        let (options, words) = Self.starts[index]
        let scenario = try LawEngine.memory.scenario([Self.calling(ActivityOptions())])
        let error = await #expect(throws: UnusableOptions.self) { try await scenario.start("call", 1, options) }
        #expect(error?.description.contains(words) == true)
        #expect(try await scenario.engine.count() == 0)
    }

    // MARK: Whose is it

    private static let waiter = WorkflowType("waiter") { context, _ in
        .string(try await context.nextSignal(named: ["end"])?.id ?? "")
    }

    /// The child is asked for; before it is started, its parent is ended and a stranger takes the id.
    @Test(arguments: [LawEngine.memory, .disk, .memoryEager, .diskEager], [ParentClosePolicy.terminate, .requestCancel])
    func theEndOfAParentLeavesAStrangerAlone(engine: LawEngine, policy: ParentClosePolicy) async throws {
        let parent = WorkflowType("parent") { context, _ in
            let child: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow(
                "waiter", input: 1, options: ChildWorkflowOptions(id: "c", parentClosePolicy: policy))
            return try await child.result()
        }
        let scenario = try engine.scenario([parent, Self.waiter])
        try await scenario.start("parent")
        if !engine.isEager { try await scenario.engine.runTasks(at: scenario.clock.now) }
        #expect(try await scenario.kinds().contains(.startChildWorkflowExecutionInitiated))
        #expect(try await scenario.status("c") == nil)
        try await scenario.start("waiter", id: "c")
        try await scenario.engine.terminate(workflowID: "w", reason: "test", at: scenario.clock.now)
        try await scenario.settle()
        #expect(try await scenario.status("c") == .running)
    }

    /// A child that has gone on in another run is still the parent's.
    @Test(arguments: LawEngine.allCases, [ParentClosePolicy.terminate, .requestCancel])
    func theEndOfAParentReachesAChildThatHasContinued(engine: LawEngine, policy: ParentClosePolicy) async throws {
        let child = WorkflowType("child") { context, input in
            if input == 1 { throw try context.continueAsNew(JSONValue.integer(2)) }
            return .string(try await context.nextSignal(named: ["end"])?.id ?? "")
        }
        let parent = WorkflowType("parent") { context, _ in
            let child: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow(
                "child", input: 1, options: ChildWorkflowOptions(id: "c", parentClosePolicy: policy))
            return try await child.result()
        }
        let scenario = try engine.scenario([parent, child])
        try await scenario.start("parent")
        try await scenario.settle()
        #expect(try await scenario.status("c") == .running)
        try await scenario.engine.terminate(workflowID: "w", reason: "test", at: scenario.clock.now)
        try await scenario.settle()
        #expect(try await scenario.status("c") == (policy == .terminate ? .terminated : .cancelled))
    }

    /// A beat that comes before "completes later" counts: the attempt's time goes on from it.
    @Test(arguments: [LawEngine.memory, .disk]) func aBeatBeforeCompletesLaterCounts(engine: LawEngine) async throws {
        let clock = Notes()
        let later = ActivityType("a") { context, _ in
            try await context.heartbeat(["at": 1])
            clock.add("\(context.attempt)")
            throw CompletesLater()
        }
        let options = ActivityOptions(
            startToCloseTimeout: .hours(1), heartbeatTimeout: .seconds(10), retryPolicy: RetryPolicy(maximumAttempts: 1))
        let scenario = try engine.scenario([Self.calling(options)], [later])
        try await scenario.start("call")
        try await scenario.settle()
        let began = scenario.clock.now
        let activity = try #require(try await scenario.engine.describe(workflowID: "w", at: began).activities.first)
        #expect(activity.heartbeatDetails == ["at": 1])
        #expect(activity.dueAt == began + .seconds(10))
    }
}
