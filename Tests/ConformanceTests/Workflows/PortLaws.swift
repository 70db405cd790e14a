import DurableWorkflow
import Events
import Testing

/// What the port promises, through the port alone: on every engine, in real time, with a worker.
@Suite(.timeLimit(.minutes(5))) struct PortLaws {
    private static let echoed = WorkflowType("echoed") { _, input in input }

    /// Adds up what it is sent until it has 100.
    private static let sum = WorkflowType("sum") { context, _ in
        var value = 0
        context.onQuery(Query<Nothing, Int>("total")) { _ in value }
        context.onSignal(Signal<Int>("add")) { value += $0 }
        context.onUpdate(
            Update<Int, String>("set"),
            validate: { if $0 < 0 { throw ApplicationError(type: "Negative", message: "expected 0 or more") } },
            { number in
                value = number
                return "was set"
            })
        try await context.condition { value >= 100 }
        return .integer(value)
    }

    @Test(arguments: PortEngine.allCases) func aStartIsOneRun(engine: PortEngine) async throws {
        try await engine.working([Self.echoed, Self.sum]) { engine in
            let first = try await engine.start("sum")
            let taken = await #expect(throws: WorkflowAlreadyStarted.self) { try await engine.start("sum") }
            #expect(taken?.execution == first)
            #expect(try await engine.start("sum", id: "w", WorkflowOptions(idConflictPolicy: .useExisting)) == first)
            try await engine.startOnce(workflowID: "w", type: "sum", input: .null)
            #expect(try await engine.count() == 1)
            _ = try await engine.signal("add", 100, id: "a")
            #expect(try await engine.value() == 100)
            await #expect(throws: WorkflowAlreadyStarted.self) {
                try await engine.start("sum", id: "w", WorkflowOptions(idReusePolicy: .rejectDuplicate))
            }
            try await engine.startOnce(workflowID: "w", type: "sum", input: .null)
            #expect(try await engine.status(of: "w") == .completed, "what has run once is not run again")
            #expect(try await engine.start("echoed", 7).runID != first.runID)
            #expect(try await engine.value() == 7)
        }
    }

    @Test(arguments: PortEngine.allCases) func aSignalCountsOnce(engine: PortEngine) async throws {
        try await engine.working([Self.sum]) { engine in
            _ = try await engine.start("sum")
            #expect(try await engine.signal("add", 5, id: "a") == .delivered)
            #expect(try await engine.signal("add", 5, id: "a") == .duplicate)
            #expect(try await engine.query(workflowID: "w", name: "total") == 5)
            #expect(try await engine.signal("add", 95, id: "b") == .delivered)
            #expect(try await engine.value() == 100)
            #expect(try await engine.signal("add", 1, id: "c") == .notRunning)
            #expect(try await engine.signal("add", 1, id: "c", to: "nobody") == .notRunning)
        }
    }

    @Test(arguments: PortEngine.allCases) func signalWithStartDoesBothOrDelivers(engine: PortEngine) async throws {
        try await engine.working([Self.sum]) { engine in
            var runs: Set<String> = []
            for (id, amount) in [("a", 40), ("b", 60)] {
                let signal = SignalMessage(id: id, name: "add", payload: .integer(amount))
                let run = try await engine.signalWithStart(
                    workflowID: "w", type: "sum", input: .null, signal: signal, options: WorkflowOptions())
                runs.insert(run.runID)
            }
            #expect(runs.count == 1)
            #expect(try await engine.value() == 100)
        }
    }

    @Test(arguments: PortEngine.allCases) func cancelAsksAndTerminateEnds(engine: PortEngine) async throws {
        let stubborn = WorkflowType("stubborn") { context, _ in
            do { try await context.sleep(for: .hours(1)) } catch is CancellationError { return "compensated" }
            return "slept"
        }
        try await engine.working([Self.sum, stubborn]) { engine in
            _ = try await engine.start("stubborn")
            try await engine.cancel(workflowID: "w")
            #expect(try await engine.value() == "compensated")
            try await engine.cancel(workflowID: "w")
            #expect(try await engine.status(of: "w") == .completed, "a closed workflow is left as it is")
            _ = try await engine.start("sum", id: "c")
            try await engine.cancel(workflowID: "c")
            #expect(try await engine.failure(of: "c") == .cancelled)
            _ = try await engine.start("stubborn", id: "t")
            try await engine.terminate(workflowID: "t", reason: "test")
            #expect(try await engine.failure(of: "t") == .terminated)
            await #expect(throws: WorkflowNotFound.self) { try await engine.terminate(workflowID: "t", reason: "again") }
        }
    }

    @Test(arguments: PortEngine.allCases) func aQueryChangesNothing(engine: PortEngine) async throws {
        try await engine.working([Self.sum]) { engine in
            _ = try await engine.start("sum")
            _ = try await engine.signal("add", 7, id: "a")
            #expect(try await engine.query(workflowID: "w", name: "total") == 7)
            let before = try await engine.history(workflowID: "w")
            #expect(try await engine.query(workflowID: "w", name: "total", input: .null) == 7)
            await #expect(throws: UnknownMessage.self) { try await engine.query(workflowID: "w", name: "none") }
            #expect(try await engine.history(workflowID: "w") == before)
            _ = try await engine.signal("add", 93, id: "b")
            _ = try await engine.value()
            #expect(try await engine.query(workflowID: "w", name: "total") == 100, "a closed run answers")
        }
    }

    @Test(arguments: PortEngine.allCases) func anUpdateIsTakenOnce(engine: PortEngine) async throws {
        try await engine.working([Self.sum]) { engine in
            _ = try await engine.start("sum")
            guard case .rejected("bad", let failure) = try await engine.update(workflowID: "w", id: "bad", name: "set", input: -1) else {
                Issue.record("expected update bad to be refused")
                return
            }
            #expect(failure.type == "Negative")
            #expect(try await engine.outcome(ofUpdate: "bad", workflowID: "w") == nil, "what was refused left no trace")
            let done = UpdateOutcome.completed(id: "good", Payload("was set"))
            #expect(try await engine.update(workflowID: "w", id: "good", name: "set", input: 50) == done)
            #expect(try await engine.update(workflowID: "w", id: "good", name: "set", input: 60) == done)
            #expect(try await engine.outcome(ofUpdate: "good", workflowID: "w") == done)
            #expect(try await engine.result(ofUpdate: "good", workflowID: "w") == done)
            #expect(try await engine.query(workflowID: "w", name: "total") == 50)
            await #expect(throws: WorkflowNotFound.self) { try await engine.result(ofUpdate: "other", workflowID: "w") }
        }
    }

    @Test(arguments: PortEngine.allCases) func runsAreFoundAndDescribed(engine: PortEngine) async throws {
        try await engine.working([Self.echoed, Self.sum]) { engine in
            #expect(engine.workflowTypes.map(\.name) == ["echoed", "sum"])
            let runs = [try await engine.start("echoed", 1, id: "p1"), try await engine.start("sum", id: "p2")]
            _ = try await engine.value(of: "p1")
            let seen = try await engine.describe(workflowID: "p2")
            #expect([seen.run.workflowID, seen.run.runID, seen.run.type] == ["p2", runs[1].runID, "sum"])
            #expect(seen.run.status == .running)
            #expect(try await engine.list().map(\.workflowID) == ["p2", "p1"], "newest first")
            #expect(try await engine.list(WorkflowFilter(), before: nil, limit: 1).map(\.workflowID) == ["p2"])
            #expect(try await engine.list(WorkflowFilter(statuses: [.completed])).map(\.workflowID) == ["p1"])
            #expect(try await engine.count(WorkflowFilter(type: "sum")) == 1)
            let kinds = try await engine.history(workflowID: "p1", runID: runs[0].runID).events.map(\.kind)
            #expect([kinds.first, kinds.last] == [.workflowExecutionStarted, .workflowExecutionCompleted])
        }
    }

    @Test(arguments: PortEngine.allCases) func aResetRunsAgainFromAnEvent(engine: PortEngine) async throws {
        try await engine.working([Self.echoed]) { engine in
            let first = try await engine.start("echoed", 3)
            #expect(try await engine.value() == 3)
            let begun = try #require(try await engine.history(workflowID: "w").events.first { $0.kind == .workflowTaskStarted })
            let second = try await engine.reset(workflowID: "w", toEvent: begun.id, reason: "test")
            #expect(second.runID != first.runID)
            #expect(try await engine.value() == 3)
            await #expect(throws: ResetRefused.self) { try await engine.reset(workflowID: "w", toEvent: 99, reason: "test") }
        }
    }

    /// What cannot be asked of what is not there.
    private static let calls: [PortCall] = [
        ("describe", { _ = try await $0.describe(workflowID: "nobody") }),
        ("history", { _ = try await $0.history(workflowID: "nobody") }),
        ("query", { _ = try await $0.query(workflowID: "nobody", name: "q") }),
        ("update", { _ = try await $0.update(workflowID: "nobody", id: "u", name: "u", input: 1) }),
        ("outcome", { _ = try await $0.outcome(ofUpdate: "u", workflowID: "nobody") }),
        ("result of an update", { _ = try await $0.result(ofUpdate: "u", workflowID: "nobody") }),
        ("cancel", { try await $0.cancel(workflowID: "nobody") }),
        ("terminate", { try await $0.terminate(workflowID: "nobody", reason: "test") }),
        ("reset", { try await $0.reset(workflowID: "nobody", toEvent: 3, reason: "test") }),
        ("result", { _ = try await $0.result(workflowID: "nobody") }),
    ]

    @Test(arguments: PortEngine.allCases) func nobodyKnowsAnUnknownWorkflow(engine: PortEngine) async throws {
        try await engine.working([Self.echoed]) { engine in
            let status = try await engine.status(of: "nobody")
            #expect(status == nil)
            await engine.refuses(Self.calls, with: WorkflowNotFound.self)
        }
    }

    @Test(arguments: PortEngine.allCases) func aClientKnowsThePortAlone(engine: PortEngine) async throws {
        try await engine.working([Self.echoed, Self.sum]) { engine in
            let client = WorkflowClient(engine: engine)
            let handle = try await client.startWorkflow(Workflow<Int, Int>("sum") { _, number in number }, id: "w", input: 0)
            try await handle.signal(Signal<Int>("add"), 30, id: "a")
            #expect(try await handle.query(Query<Nothing, Int>("total"), Nothing()) == 30)
            #expect(try await handle.executeUpdate(Update<Int, String>("set"), 100, id: "u") == "was set")
            #expect(try await handle.result() == 100)
            #expect(try await handle.describe().run.status == .completed)
        }
    }
}
