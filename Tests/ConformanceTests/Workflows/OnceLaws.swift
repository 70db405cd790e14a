import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// An id counts once, in all runs of a chain, on every engine.
@Suite struct OnceLaws {
    /// How one run follows another.
    enum Following: CaseIterable { case continueAsNew, retry, cron, reset }

    private static let add = Update<Int, Int>("add")

    private static let summing = WorkflowType("summing") { context, _ in
        var sum = 0
        context.onUpdate(add) { number in
            sum += number
            return sum
        }
        while let signal = try await context.nextSignal(named: ["add", "next", "end"]) {
            switch (signal.name, context.lastWord(signal)) {
            case ("add", let number): sum += number
            case ("next", 1): throw try context.continueAsNew(JSONValue.integer(sum))
            case ("next", 2): throw ApplicationError(type: "Again", message: "again")
            default: return .integer(sum)
            }
        }
        return .null
    }

    private static let options: [Following: WorkflowOptions] = [
        .retry: WorkflowOptions(retryPolicy: RetryPolicy(initialInterval: .seconds(1))), .cron: WorkflowOptions(cronSchedule: "@hourly"),
    ]

    private func lastTask(_ scenario: WorkflowScenario) async throws -> HistoryEvent {
        let history = try await scenario.store.history(of: "w")
        return try #require(history.last { $0.kind == .workflowTaskCompleted })
    }

    private func follow(_ scenario: WorkflowScenario, _ following: Following) async throws {
        let before = try await scenario.store.run("w")?.runID
        let id = try await "next\(scenario.store.runs().count)"
        switch following {
        case .continueAsNew: try await scenario.signal("next", 1, id: id)
        case .retry: try await scenario.signal("next", 2, id: id)
        case .cron: try await scenario.signal("end", id: id)
        case .reset:
            let task = try await lastTask(scenario)
            try await scenario.engine.reset(workflowID: "w", toEvent: task.id, reason: "test", at: scenario.clock.now)
        }
        try await scenario.pass(.minutes(61))
        #expect(try await scenario.store.run("w")?.runID != before)
        #expect(try await scenario.status() == .running)
    }

    @Test(arguments: LawEngine.allCases, Following.allCases) func anIdOfAnEarlierRunIsKnown(engine: LawEngine, following: Following)
        async throws
    {
        let scenario = try engine.scenario([Self.summing])
        try await scenario.start("summing", 0, Self.options[following] ?? WorkflowOptions())
        try await scenario.pass(.minutes(61))
        #expect(try await scenario.signal("add", 1, id: "a") == .delivered)
        try await scenario.settle()
        let now = scenario.clock.now
        let done = try await scenario.engine.update(workflowID: "w", id: "u", name: "add", input: 10, at: now)
        #expect(done == .completed(id: "u", Payload(11)))
        for _ in 1...2 {
            try await follow(scenario, following)
            #expect(try await scenario.signal("add", 1, id: "a") == .duplicate)
            let signal = SignalMessage(id: "a", name: "add", payload: 1)
            let count = try await scenario.kinds().count { $0 == .workflowExecutionSignaled }
            try await scenario.engine.signalWithStart(
                workflowID: "w", type: "summing", input: 0, signal: signal, at: scenario.clock.now)
            #expect(try await scenario.kinds().count { $0 == .workflowExecutionSignaled } == count)
            let again = try await scenario.engine.update(workflowID: "w", id: "u", name: "add", input: 10, at: scenario.clock.now)
            #expect(again == done, "the first answer is given again")
        }
        #expect(try await scenario.signal("add", 1, id: "b") == .delivered)
    }

    /// Another start of the id is another chain.
    @Test(arguments: LawEngine.allCases) func anotherChainTakesTheIdAnew(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.summing])
        for _ in 1...2 {
            try await scenario.start("summing", 0)
            try await follow(scenario, .continueAsNew)
            #expect(try await scenario.signal("add", 1, id: "a") == .delivered)
            try await scenario.signal("end", id: "over")
            try await scenario.settle()
            #expect(try await scenario.result("w") == 1)
        }
    }

    @Test(arguments: LawEngine.allCases) func aStartOfTheSameRequestIsTheSameRun(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.summing])
        let options = WorkflowOptions(requestID: "order-1")
        let first = try await scenario.start("summing", 0, options)
        #expect(try await scenario.start("summing", 0, options) == first, "open")
        try await follow(scenario, .continueAsNew)
        #expect(try await scenario.start("summing", 0, options) == first, "gone on in another run")
        try await scenario.signal("end")
        try await scenario.settle()
        #expect(try await scenario.start("summing", 0, options) == first, "closed")
        await #expect(throws: WorkflowAlreadyStarted.self) {
            try await scenario.start("summing", 0, WorkflowOptions(idReusePolicy: .rejectDuplicate, requestID: "order-2"))
        }
        let other = try await scenario.start("summing", 0, WorkflowOptions(requestID: "order-2"))
        #expect(other != first)
        #expect(try await scenario.start("summing", 0, WorkflowOptions(requestID: "order-2"), id: "x").workflowID == "x")
        await #expect(throws: WorkflowAlreadyStarted.self) { try await scenario.start("summing", 0) }
    }

    @Test(arguments: LawEngine.allCases) func retentionForgetsTheIdsOfWhatItDeletes(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.summing])
        let first = try await scenario.start("summing", 0, WorkflowOptions(requestID: "r"))
        try await follow(scenario, .continueAsNew)
        #expect(try await scenario.store.taker(of: "next1", in: "signal/\(first.runID)") != nil)
        #expect(try await scenario.store.taker(of: "r", in: "start/w") != nil)
        #expect(try await scenario.engine.removeClosed(retention: .zero, at: scenario.clock.now + .seconds(1)) == 1)
        #expect(try await scenario.store.taker(of: "next1", in: "signal/\(first.runID)") == nil)
        #expect(try await scenario.store.taker(of: "r", in: "start/w") == nil)
    }

    // MARK: Reset

    @Test(arguments: LawEngine.allCases) func aResetAppliesLaterUpdatesAgain(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.summing])
        try await scenario.start("summing", 0)
        try await scenario.settle()
        let task = try await lastTask(scenario)
        _ = try await scenario.engine.update(workflowID: "w", id: "u1", name: "add", input: 10, at: scenario.clock.now)
        try await scenario.signal("add", 5, id: "a")
        try await scenario.settle()
        _ = try await scenario.engine.update(workflowID: "w", id: "u2", name: "add", input: 20, at: scenario.clock.now)
        for _ in 1...2 {
            try await scenario.engine.reset(workflowID: "w", toEvent: task.id, reason: "test", at: scenario.clock.now)
            // Asked for before the code has run again, it is the one that is applied.
            let known = try await scenario.engine.update(workflowID: "w", id: "u2", name: "add", input: 20, at: scenario.clock.now)
            guard case .completed(id: "u2", _) = known else {
                Issue.record("expected the update that was kept to be done, found \(known)")
                return
            }
        }
        try await scenario.settle()
        try await scenario.signal("end")
        try await scenario.run()
        #expect(try await scenario.result("w") == 35)
        let history = WorkflowHistory(events: try await scenario.store.history(of: "w"))
        #expect(history.events.count { $0.kind == .workflowExecutionUpdateAdmitted } == 2)
        try WorkflowReplayer(workflows: [Self.summing]).replay(try WorkflowHistory(temporalJSON: history.temporalJSON))
    }

    @Test(arguments: LawEngine.allCases) func aResetKeepsTheIdsOfChildren(engine: LawEngine) async throws {
        let parent = WorkflowType("parent") { context, _ in
            let first: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow("quick", input: 1)
            _ = try await first.result()
            _ = try await context.nextSignal(named: ["go"])
            let second: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow("quick", input: 1)
            _ = try await second.result()
            return [.string(first.workflowID), .string(second.workflowID)]
        }
        let scenario = try engine.scenario([parent, WorkflowType("quick") { _, input in input }])
        try await scenario.start("parent")
        try await scenario.settle()
        let task = try await lastTask(scenario)
        try await scenario.signal("go")
        try await scenario.settle()
        let ids = try await scenario.result("w")
        try await scenario.engine.reset(workflowID: "w", toEvent: task.id, reason: "test", at: scenario.clock.now)
        try await scenario.settle()
        #expect(try await scenario.status() == .completed)
        #expect(try await scenario.result("w") == ids)
    }
}

extension WorkflowContext {
    /// The number that a signal brings.
    fileprivate func lastWord(_ signal: SignalMessage) -> Int { signal.payload.integer ?? 0 }
}
