import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// Closed is closed, on every engine: nothing is written after the end of a run, nothing of it is tried again, nobody waits for it.
@Suite struct ClosedLaws {
    private static let end = Signal<Int>("end")
    private static let never = Update<Int, Int>("never")

    /// How a run ends while an attempt of one of its activities is open.
    enum Ending: CaseIterable { case terminate, cancel, complete, timeOut, continueAsNew }

    private static func workflow(_ type: ActivityCancellationType) -> WorkflowType {
        WorkflowType("open") { context, input in
            if input == 2 { return 2 }
            let options = ActivityOptions(startToCloseTimeout: .hours(10), heartbeatTimeout: .hours(2), cancellationType: type)
            context.onSignal(Signal<Int>("begin")) { _ in _ = try? await context.execute("later", input: 1, options: options) }
            let signal = try await context.nextSignal(named: ["end", "next"])
            if signal?.name == "next" { throw try context.continueAsNew(JSONValue.integer(2)) }
            return 1
        }
    }

    private func close(_ scenario: WorkflowScenario, _ ending: Ending) async throws {
        let now = scenario.clock.now
        switch ending {
        case .terminate: try await scenario.engine.terminate(workflowID: "w", reason: "test", at: now)
        case .cancel: try await scenario.engine.cancel(workflowID: "w", at: now)
        case .complete: try await scenario.signal("end", 1)
        case .timeOut: try await scenario.pass(.minutes(61))
        case .continueAsNew: try await scenario.signal("next", 1)
        }
        try await scenario.settle()
    }

    @Test(arguments: LawEngine.allCases, Ending.allCases) func anOpenAttemptEndsWithItsRun(engine: LawEngine, ending: Ending) async throws {
        let tokens = Notes()
        let later = ActivityType("later") { context, _ in
            tokens.add(context.taskToken.description)
            throw CompletesLater()
        }
        let scenario = try engine.scenario([Self.workflow(.abandon)], [later])
        try await scenario.start("open", 1, WorkflowOptions(runTimeout: .hours(1)))
        try await scenario.signal("begin", 1)
        try await scenario.settle()
        let run = try #require(try await scenario.store.run("w"))
        let token = try #require(tokens.all.first.flatMap { TaskToken($0) })
        try await close(scenario, ending)
        let closed = try await scenario.store.history(run.key)
        #expect(closed.last?.kind.isTerminal == true)
        let now = scenario.clock.now
        await #expect(throws: ActivityNotFound.self) { try await scenario.engine.heartbeat(token, details: 1, at: now) }
        await #expect(throws: ActivityNotFound.self) { try await scenario.engine.complete(token, result: 1, at: now) }
        await #expect(throws: ActivityNotFound.self) {
            try await scenario.engine.fail(token, ApplicationError(type: "Late", message: "late"), at: now)
        }
        await #expect(throws: ActivityNotFound.self) { try await scenario.engine.reportCancelled(token, at: now) }
        try await scenario.pass(.days(1))
        #expect(try await scenario.store.history(run.key) == closed, "nothing is written after the end")
        #expect(tokens.all.count == 1, "and nothing is tried again")
        #expect(try await scenario.engine.nextDue() == nil)
    }

    /// The parent of a child that has completed hears of that, whatever an attempt of the child does later.
    @Test(arguments: LawEngine.allCases) func aParentHearsOfTheFirstEnd(engine: LawEngine) async throws {
        let tokens = Notes()
        let later = ActivityType("later") { context, _ in
            tokens.add(context.taskToken.description)
            throw CompletesLater()
        }
        let parent = WorkflowType("parent") { context, _ in
            let child: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow(
                "open", input: 1, options: ChildWorkflowOptions(id: "child"))
            return try await child.result()
        }
        let scenario = try engine.scenario([parent, Self.workflow(.tryCancel)], [later])
        try await scenario.start("parent")
        try await scenario.settle()
        try await scenario.signal("begin", 1, to: "child")
        try await scenario.settle()
        let token = try #require(tokens.all.first.flatMap { TaskToken($0) })
        try await scenario.signal("end", 1, to: "child")
        let now = scenario.clock.now
        try? await scenario.engine.fail(token, ApplicationError(type: "Late", message: "late"), at: now)
        try await scenario.settle()
        #expect(try await scenario.result("w") == 1)
    }

    /// A run that an older build has written on after its end is as closed as any.
    @Test(arguments: [LawEngine.memory, .disk]) func whatStandsAfterTheEndIsNotRead(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.workflow(.abandon)], [echo])
        try await scenario.start("open", 1)
        try await scenario.settle()
        try await scenario.engine.terminate(workflowID: "w", reason: "test", at: scenario.clock.now)
        var run = try #require(try await scenario.store.run("w"))
        let first = run.length + 1
        run.length += 1
        var change = WorkflowChange()
        let event = HistoryEvent(
            kind: .activityTaskScheduled, at: scenario.clock.now, fields: [.activityID: .text("1"), .activityType: .text("echo")])
        change.runs = [RunChange(run: run, batch: EventCoding.encode([event]), first: first)]
        try await scenario.store.commit([change])
        #expect(try await scenario.engine.describe(workflowID: "w", at: scenario.clock.now).activities.isEmpty)
    }

    /// Who is not there cannot be cancelled, and who asks hears so; who has ended needs no cancelling.
    @Test(arguments: LawEngine.allCases) func cancellingTheClosedIsDoneAndTheUnknownIsNotFound(engine: LawEngine) async throws {
        let sender = WorkflowType("sender") { context, input in
            var heard: [JSONValue] = []
            for (id, run) in [("closed", nil), ("closed", input.string), ("nobody", nil), ("closed", "no such run")] {
                do {
                    try await context.externalWorkflow(id, runID: run).cancel()
                    heard.append("done")
                } catch let error as ApplicationError { heard.append(.string(error.type)) }
            }
            return .array(heard)
        }
        let scenario = try engine.scenario([sender, Self.workflow(.abandon)])
        let first = try await scenario.start("open", 2, id: "closed")
        try await scenario.settle()
        try await scenario.start("open", 2, id: "closed")
        try await scenario.settle()
        let closed = try await scenario.store.history(of: "closed")
        try await scenario.engine.cancel(workflowID: "closed", at: scenario.clock.now)
        await #expect(throws: WorkflowNotFound.self) { try await scenario.engine.cancel(workflowID: "nobody", at: scenario.clock.now) }
        try await scenario.start("sender", .string(first.runID))
        try await scenario.settle()
        let missing = JSONValue.string("ExternalWorkflowExecutionNotFound")
        #expect(try await scenario.result("w") == ["done", "done", missing, missing])
        #expect(try await scenario.store.history(of: "closed") == closed)
    }

    /// Nobody has asked for the cancellation that an attempt is said to have ended on: the attempt goes on.
    @Test(arguments: LawEngine.allCases) func nobodyReportsACancellationThatNobodyAskedFor(engine: LawEngine) async throws {
        let tokens = Notes()
        let later = ActivityType("later") { context, _ in
            tokens.add(context.taskToken.description)
            throw CompletesLater()
        }
        let scenario = try engine.scenario([Self.workflow(.tryCancel)], [later])
        try await scenario.start("open", 1)
        try await scenario.signal("begin", 1)
        try await scenario.settle()
        let token = try #require(tokens.all.first.flatMap { TaskToken($0) })
        let now = scenario.clock.now
        await #expect(throws: CancellationNotRequested.self) { try await scenario.engine.reportCancelled(token, at: now) }
        try await scenario.pass(.hours(1))
        #expect(tokens.all.count == 1)
        try await scenario.engine.complete(token, result: 1, at: scenario.clock.now)
        #expect(try await scenario.kinds().contains(.activityTaskCompleted))
    }

    // MARK: Nobody waits for what can never come

    private static let updatable = WorkflowType("updatable") { context, input in
        context.onUpdate(never) { number in
            _ = try await context.nextSignal(named: ["release"])
            return number
        }
        if input == 2 {
            _ = try await context.nextSignal(named: ["end"])
            return 2
        }
        let signal = try await context.nextSignal(named: ["end", "next"])
        if signal?.name == "next" { throw try context.continueAsNew(JSONValue.integer(2)) }
        return 1
    }

    private static let engines: [LawEngine] = [.memory, .disk, .memoryEager, .diskEager]

    @Test(.timeLimit(.minutes(10)), arguments: engines, [Ending.terminate, .cancel, .complete, .timeOut, .continueAsNew])
    func anAcceptedUpdateEndsWithItsRun(engine: LawEngine, ending: Ending) async throws {
        let scenario = try engine.scenario([Self.updatable])
        try await scenario.start("updatable", 1, WorkflowOptions(runTimeout: .hours(1)))
        try await scenario.settle()
        let client = WorkflowClient(engine: scenario.engine)
        let handle = client.workflowHandle(Workflow<Int, Int>("updatable") { _, number in number }, id: "w")
        let waiting = Task { try await handle.executeUpdate(Self.never, 1, id: "u") }
        while try await !scenario.kinds().contains(.workflowExecutionUpdateAccepted) { await Task.yield() }
        try await close(scenario, ending)
        let failure = await #expect(throws: Failure.self) { try await waiting.value }
        #expect(failure?.type == "AcceptedUpdateCompletedWorkflow")
        let again = await #expect(throws: Failure.self) { try await handle.executeUpdate(Self.never, 1, id: "u") }
        #expect(again?.type == "AcceptedUpdateCompletedWorkflow", "who asks later hears the same")
    }

    @Test(.timeLimit(.minutes(10)), arguments: engines) func anUpdatesCallerHearsOfItsResult(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.updatable])
        try await scenario.start("updatable", 1)
        try await scenario.settle()
        let handle = WorkflowClient(engine: scenario.engine)
            .workflowHandle(Workflow<Int, Int>("updatable") { _, number in number }, id: "w")
        let waiting = Task { try await handle.executeUpdate(Self.never, 7, id: "u") }
        while try await !scenario.kinds().contains(.workflowExecutionUpdateAccepted) { await Task.yield() }
        try await scenario.signal("release")
        try await scenario.settle()
        #expect(try await waiting.value == 7)
    }

    @Test(.timeLimit(.minutes(10)), arguments: engines) func nobodyHasNoResult(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.updatable])
        await #expect(throws: WorkflowNotFound.self) { try await scenario.engine.result(workflowID: "nobody") }
        await #expect(throws: WorkflowNotFound.self) { try await scenario.engine.result(ofUpdate: "u", workflowID: "nobody") }
        try await scenario.start("updatable", 1)
        await #expect(throws: WorkflowNotFound.self) { try await scenario.engine.result(ofUpdate: "unheard", workflowID: "w") }
    }

    @Test(.timeLimit(.minutes(10)), arguments: engines) func whoeverIsCancelledWaitsNoMore(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.updatable])
        try await scenario.start("updatable", 1)
        try await scenario.settle()
        let now = scenario.clock.now
        _ = try await scenario.engine.update(workflowID: "w", id: "u", name: "never", input: 1, at: now)
        let engine = scenario.engine
        for cancelFirst in [true, false] {
            let waits = [
                Task { _ = try await engine.result(workflowID: "w") },
                Task { _ = try await engine.result(ofUpdate: "u", workflowID: "w") },
            ]
            if !cancelFirst { for _ in 0..<100 { await Task.yield() } }
            for wait in waits { wait.cancel() }
            for wait in waits { await #expect(throws: CancellationError.self) { try await wait.value } }
        }
        try await scenario.signal("end")
        try await scenario.settle()
        #expect(try await engine.result(workflowID: "w") == Payload(1), "others still hear of it")
    }
}
