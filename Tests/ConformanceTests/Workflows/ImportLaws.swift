import BridgeTesting
import DurableWorkflow
import Events
import Synchronization
import Testing

/// A history that leaves one engine is the same run in another.
@Suite struct ImportLaws {
    private static let order = WorkflowType("order") { context, input in
        context.upsertSearchAttributes(["customer": "c2"])
        try context.upsertMemo(["note": "here"])
        let isNew = context.patched("fee")
        let first = try await context.execute("echo", input: input)
        async let second = context.execute("echo", input: 2)
        try await context.sleep(for: .hours(1))
        let signal = try await context.nextSignal(named: ["go"], timeout: .days(2))
        let third = try await context.executeLocal("echo", input: .string(context.uuid()))
        return [first, try await second, signal?.payload ?? .null, third, .bool(isNew)]
    }

    private func json(_ scenario: WorkflowScenario, _ id: String = "w") async throws -> String {
        try await scenario.engine.history(workflowID: id).temporalJSON
    }

    /// `scenario`'s run in an empty store, at the same time.
    private func moved(_ scenario: WorkflowScenario, _ engine: LawEngine, _ types: [WorkflowType]) async throws -> WorkflowScenario {
        let other = try engine.scenario(types, [echo])
        other.clock.advance(by: scenario.clock.now - other.clock.now)
        let text = try await json(scenario)
        try await other.engine.importRun(WorkflowHistory(temporalJSON: text), at: other.clock.now)
        #expect(try await json(other) == text, "what comes in goes out")
        return other
    }

    private func finish(_ scenario: WorkflowScenario) async throws {
        try await scenario.run(until: scenario.clock.now + .hours(2))
        try await scenario.signal("go", 3, id: "s1")
        try await scenario.run()
    }

    @Test(arguments: LawEngine.allCases, 0...9) func aRunGoesOnAsItWouldHave(engine: LawEngine, steps: Int) async throws {
        let scenario = try engine.scenario([Self.order], [echo])
        try await scenario.start("order", 1, WorkflowOptions(executionTimeout: .days(9), memo: ["a": 1], searchAttributes: ["b": 2]))
        for _ in 0..<steps { _ = try await scenario.engine.runNext(at: scenario.clock.now) }
        let other = try await moved(scenario, engine, [Self.order])
        #expect(try await other.store.run("w")?.searchAttributes == scenario.store.run("w")?.searchAttributes)
        #expect(try await other.store.run("w")?.memo == scenario.store.run("w")?.memo)
        try await finish(scenario)
        try await finish(other)
        #expect(try await other.status() == .completed)
        #expect(try await other.result("w") == scenario.result("w"))
        #expect(try await json(other) == json(scenario))
        #expect(try await other.engine.nextDue() == nil)
    }

    @Test(arguments: LawEngine.allCases) func messagesUnderWayAreDelivered(engine: LawEngine) async throws {
        let child = WorkflowType("child") { context, _ in try await context.nextSignal(named: ["poke"])?.payload ?? .null }
        let parent = WorkflowType("parent") { context, _ in
            let handle: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow(
                "child", input: .null, options: ChildWorkflowOptions(id: "c"))
            try await context.externalWorkflow("c").signal(Signal<Int>("poke"), 5)
            return try await handle.result()
        }
        for events in [5, 8, 9, 12] {
            let scenario = try engine.scenario([parent, child], [echo])
            try await scenario.start("parent")
            while try await scenario.store.history(of: "w").count < events, try await scenario.engine.runNext(at: scenario.clock.now) {}
            let history = try await scenario.engine.history(workflowID: "w")
            let other = try await moved(scenario, engine, [parent, child])
            if let found = try? await scenario.engine.history(workflowID: "c") {
                try await other.engine.importRun(found, at: other.clock.now)
            }
            try await other.run()
            #expect(try await other.result("w") == 5, "after \(history.events.count) events")
        }
    }

    @Test(arguments: LawEngine.allCases) func aClosedRunIsKept(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.order], [echo])
        try await scenario.start("order", 1)
        try await finish(scenario)
        let other = try await moved(scenario, engine, [Self.order])
        #expect(try await other.status() == .completed)
        #expect(try await other.engine.nextDue() == nil)
        try WorkflowReplayer(workflows: [Self.order]).replay(try await other.engine.history(workflowID: "w"))
        try await other.start("order", 2)
        #expect(try await other.status() == .running, "the id may be used again, as after any closed run")
    }

    @Test(arguments: LawEngine.allCases) func whatCannotBeTakenOverIsRefused(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.order], [echo])
        try await scenario.start("order", 1)
        try await scenario.settle()
        let history = try await scenario.engine.history(workflowID: "w")
        await #expect(throws: ImportRefused.self, "this very run") {
            try await scenario.engine.importRun(history, at: scenario.clock.now)
        }
        let other = try engine.scenario([Self.order], [echo])
        try await other.pass(.hours(1))
        try await other.start("order", 2)
        await #expect(throws: ImportRefused.self, "an open run") { try await other.engine.importRun(history, at: other.clock.now) }
        try await other.engine.terminate(workflowID: "w", reason: "test", at: other.clock.now)
        await #expect(throws: ImportRefused.self, "a later run") { try await other.engine.importRun(history, at: other.clock.now) }
        #expect(try await other.engine.count() == 1)
        let broken = WorkflowHistory(events: history.events.filter { $0.kind != .activityTaskScheduled })
        await #expect(throws: HistoryError.self) { try await other.engine.importRun(broken, workflowID: "x", at: other.clock.now) }
    }

    @Test(arguments: LawEngine.allCases) func aRunThatWasResetIsTheSameRun(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.order], [echo])
        try await scenario.start("order", 1, WorkflowOptions(runTimeout: .days(9)))
        try await scenario.settle()
        let execution = try await scenario.engine.reset(workflowID: "w", toEvent: 4, reason: "test", at: scenario.clock.now)
        let other = try await moved(scenario, engine, [Self.order])
        #expect(try await other.store.run("w")?.runID == execution.runID)
        try await finish(scenario)
        try await finish(other)
        #expect(try await json(other) == json(scenario))
    }

    /// Enums have Temporal's names: its tools refuse a history with others.
    @Test(arguments: LawEngine.allCases) func anExportHasTemporalsNames(engine: LawEngine) async throws {
        let parent = WorkflowType("parent") { context, _ in
            let handle: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow(
                "order", input: .null, options: ChildWorkflowOptions(parentClosePolicy: .requestCancel, idReusePolicy: .rejectDuplicate))
            return try await handle.result()
        }
        let scenario = try engine.scenario([parent, Self.order], [echo])
        try await scenario.start("parent", .null, WorkflowOptions(executionTimeout: .minutes(1)))
        try await scenario.run()
        let text = try await json(scenario)
        #expect(text.contains(#""parentClosePolicy":"PARENT_CLOSE_POLICY_REQUEST_CANCEL""#))
        #expect(text.contains(#""workflowIdReusePolicy":"WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE""#))
        #expect(text.contains(#""workflowExecutionExpirationTime":"20"#))
        #expect(text.contains(#""retryState":"RETRY_STATE_TIMEOUT""#))
    }

    /// An event that may be ignored was left out: the ids behind it move up, and what refers to them too.
    @Test(arguments: LawEngine.allCases) func gapsClose(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.order], [echo])
        try await scenario.start("order", 1)
        try await scenario.settle()
        let history = try await scenario.engine.history(workflowID: "w")
        var gapped = history
        let references: [EventField] = [.scheduledEventID, .startedEventID, .taskCompletedEventID]
        for index in gapped.events.indices where index >= 3 {
            gapped.events[index].id += 1
            for field in references {
                guard let id = gapped.events[index].fields.integer(field), id > 3 else { continue }
                gapped.events[index].fields[field] = .integer(id + 1)
            }
        }
        let other = try engine.scenario([Self.order], [echo])
        try await other.engine.importRun(gapped, at: other.clock.now)
        #expect(try await other.engine.history(workflowID: "w") == history)
    }
}
