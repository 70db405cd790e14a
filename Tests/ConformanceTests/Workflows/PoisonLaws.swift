import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// One bad thing stops one thing: everything else goes on, on every engine.
@Suite struct PoisonLaws {
    private static let go = Signal<Int>("go")
    private static let quick = WorkflowType("quick") { _, input in input }
    private static let waiter = WorkflowType("waiter") { context, _ in
        .string(try await context.nextSignal(named: ["end"])?.id ?? "")
    }

    /// A healthy workflow starts, waits for a timer and ends, whatever else is in the database.
    private static let healthy = WorkflowType("healthy") { context, _ in
        try await context.sleep(for: .minutes(1))
        return try await context.execute("echo", input: "well")
    }

    private func expectHealth(_ scenario: WorkflowScenario, _ comment: Comment) async throws {
        try await scenario.start("healthy", id: "healthy")
        try await scenario.pass(.minutes(2))
        #expect(try await scenario.result("healthy") == "well", comment)
    }

    @Test(arguments: [LawEngine.memory, .diskEager]) func theSignalBeyondTheLimitFailsAtItsSender(engine: LawEngine) async throws {
        let sender = WorkflowType("sender") { context, _ in
            do { try await context.externalWorkflow("full").signal(Self.go, 1) } catch let error as ApplicationError {
                return .string(error.type)
            }
            return "sent"
        }
        let scenario = try engine.scenario([Self.waiter, sender, Self.healthy], [echo])
        try await scenario.start("waiter", id: "full")
        for number in 0..<WorkflowLimits.maximumSignals { try await scenario.signal("go", id: "s\(number)", to: "full") }
        try await scenario.start("sender")
        try await expectHealth(scenario, "the signal beyond the limit")
        #expect(try await scenario.result("w") == "SignalCountLimitExceeded")
        let failed = try await scenario.store.history(of: "w").first { $0.kind == .signalExternalWorkflowExecutionFailed }
        #expect(
            failed?.fields.text(.cause) == "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_SIGNAL_COUNT_LIMIT_EXCEEDED")
    }

    /// Commands that Temporal's server refuses with a failed workflow task, and the cause that it names.
    private static let refused: [(String, String, @Sendable (WorkflowContext) async throws -> Void)] = [
        (
            "a child's id", "BAD_START_CHILD_EXECUTION_ATTRIBUTES",
            { context in
                let options = ChildWorkflowOptions(id: String(repeating: "x", count: 1001))
                let child: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow("quick", input: 1, options: options)
                _ = try await child.result()
            }
        ),
        (
            "a child's type", "BAD_START_CHILD_EXECUTION_ATTRIBUTES",
            { context in
                let child: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow("", input: 1)
                _ = try await child.result()
            }
        ),
        (
            "a signal's name", "BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
            { try await $0.externalWorkflow("other").signal(Signal<Int>(String(repeating: "x", count: 1001)), 1) }
        ),
        ("a signal's receiver", "BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES", { try await $0.externalWorkflow("").signal(go, 1) }),
        (
            "a cancelled workflow's id", "BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
            { try await $0.externalWorkflow("").cancel() }
        ),
        (
            "an activity's type", "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES",
            { _ = try await $0.execute(String(repeating: "x", count: 1001), input: 1) }
        ),
        ("the next run's type", "BAD_CONTINUE_AS_NEW_ATTRIBUTES", { throw try $0.continueAsNew(1, type: "") }),
    ]

    @Test(arguments: LawEngine.allCases, refused.indices) func aBadCommandFailsItsWorkflowTaskAlone(engine: LawEngine, index: Int)
        async throws
    {
        let (what, cause, body) = Self.refused[index]
        let bad = WorkflowType("bad") { context, _ in
            try await body(context)
            return .null
        }
        let scenario = try engine.scenario([Self.quick, bad, Self.healthy], [echo])
        try await scenario.start("bad")
        try await scenario.settle()
        #expect(try await scenario.status() == .blocked, "\(what)")
        let failed = try await scenario.store.history(of: "w").last { $0.kind == .workflowTaskFailed }
        #expect(failed?.fields.text(.cause) == "WORKFLOW_TASK_FAILED_CAUSE_" + cause)
        #expect(try await scenario.problem().contains("expected"), "\(what)")
        if engine == .memory || engine == .disk || engine.isEager { try await expectHealth(scenario, "\(what)") }
        let now = scenario.clock.now
        try await scenario.engine.terminate(workflowID: "w", reason: "it is over", at: now)
        #expect(try await scenario.status() == .terminated)
    }

    @Test(arguments: [LawEngine.memory, .disk, .memoryEager, .diskEager])
    func aScheduleThatCannotStartIsCountedAlone(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.quick, Self.healthy], [echo])
        let now = scenario.clock.now
        try await scenario.engine.putSchedule(
            "unknown", Schedule(interval: .hours(1), workflowType: "nobody", overlapPolicy: .allowAll), at: now)
        let huge = JSONValue.string(String(repeating: "x", count: Payload.maximumSize))
        try await scenario.engine.putSchedule(
            "huge", Schedule(interval: .hours(1), workflowType: "quick", input: huge, overlapPolicy: .allowAll), at: now)
        try await scenario.engine.putSchedule(
            "good", Schedule(interval: .hours(1), workflowType: "quick", overlapPolicy: .allowAll), at: now)
        try await scenario.pass(.minutes(121))
        #expect(try await scenario.engine.schedule("good").started == 2)
        let record = try await scenario.engine.schedule("huge")
        #expect((record.started, record.failed) == (0, 2))
        #expect(record.lastProblem?.contains("expected at most \(Payload.maximumSize) bytes") == true, "\(record.lastProblem ?? "none")")
        let unknown = try await scenario.store.runs().filter { $0.type == "nobody" }
        #expect(unknown.map(\.status) == [.blocked, .blocked])
        #expect(unknown.allSatisfy { $0.problem?.contains("expected code for type nobody") == true })
        try await expectHealth(scenario, "schedules that cannot start")
    }

    @Test func aScheduleOfABadNameIsRefused() async throws {
        let scenario = try LawEngine.memory.scenario([Self.quick])
        let now = scenario.clock.now
        let long = String(repeating: "x", count: 1001)
        for schedule in [
            Schedule(interval: .hours(1), workflowType: ""), Schedule(interval: .hours(1), workflowType: long),
            Schedule(interval: .hours(1), workflowType: "quick", taskQueue: ""), Schedule(crons: ["0 0 30 2 *"], workflowType: "quick"),
            Schedule(interval: .hours(1), workflowType: "quick", catchUpWindow: .seconds(-1)),
        ] {
            await #expect(throws: ScheduleError.self) { try await scenario.engine.putSchedule("s", schedule, at: now) }
        }
        await #expect(throws: ScheduleError.self) {
            try await scenario.engine.putSchedule(long, Schedule(interval: .hours(1), workflowType: "quick"), at: now)
        }
    }

    /// The handler asks for a child, and in the same activation the main code returns.
    private static let last = WorkflowType("last") { context, input in
        let policy: ParentClosePolicy = input == "abandon" ? .abandon : input == "cancel" ? .requestCancel : .terminate
        var isOver = false
        context.onSignal(go) { _ in
            isOver = true
            let options = ChildWorkflowOptions(id: "child-\(input.string ?? "")", parentClosePolicy: policy)
            let child: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow("waiter", input: 1, options: options)
            _ = try await child.result()
        }
        try await context.condition { isOver }
        return "over"
    }

    @Test(arguments: LawEngine.allCases) func anAbandonedChildOfTheLastActivationIsStarted(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.last, Self.waiter])
        for policy in ["abandon", "terminate", "cancel"] {
            try await scenario.start("last", .string(policy), id: policy)
            try await scenario.settle()
            try await scenario.signal("go", 1, to: policy)
        }
        try await scenario.run()
        for policy in ["abandon", "terminate", "cancel"] { #expect(try await scenario.status(policy) == .completed) }
        #expect(try await scenario.status("child-abandon") == .running)
        #expect(try await scenario.status("child-terminate") == nil)
        #expect(try await scenario.status("child-cancel") == nil)
    }

    @Test(arguments: LawEngine.allCases) func aPausedScheduleKeepsItsBufferedStartBack(engine: LawEngine) async throws {
        let long = WorkflowType("long") { context, _ in
            try await context.sleep(for: .minutes(90))
            return .null
        }
        let scenario = try engine.scenario([long])
        try await scenario.engine.putSchedule(
            "s", Schedule(interval: .hours(1), workflowType: "long", overlapPolicy: .bufferAll), at: scenario.clock.now)
        try await scenario.pass(.minutes(125))
        #expect(try await scenario.engine.schedule("s").buffered.count == 1)
        try await scenario.engine.pauseSchedule("s", note: "stop")
        try await scenario.pass(.hours(5))
        let record = try await scenario.engine.schedule("s")
        #expect(record.started == 1, "the start that waited was not made")
        #expect(record.started + record.heldBack == 7, "and every start is counted")
        #expect(record.buffered.isEmpty)
    }
}
