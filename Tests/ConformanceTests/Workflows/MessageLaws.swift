import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// Signals, queries, updates and conditions, on every engine.
@Suite struct MessageLaws {
    private static let add = Signal<Int>("add")
    private static let total = Query<Nothing, Int>("total")
    private static let set = Update<Int, String>("set")

    @Test(arguments: LawEngine.allCases) func signalsAreKeptInOrderAndTakenOnce(engine: LawEngine) async throws {
        let workflow = WorkflowType("sum") { context, _ in
            var seen: [JSONValue] = []
            try await context.sleep(for: .minutes(1))
            context.onSignal(Self.add) { seen.append(.integer($0)) }
            try await context.condition { seen.count == 4 }
            return .array(seen)
        }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("sum")
        for number in 1...3 { #expect(try await scenario.signal("add", .integer(number), id: "s\(number)") == .delivered) }
        #expect(try await scenario.signal("add", 1, id: "s1") == .duplicate)
        try await scenario.pass(.minutes(2))
        try await scenario.signal("add", 4)
        try await scenario.run()
        #expect(try await scenario.result("w") == [1, 2, 3, 4])
        #expect(try await scenario.signal("add", 5) == .notRunning)
        #expect(try await scenario.signal("add", 5, to: "nobody") == .notRunning)
    }

    /// A signal that arrives before the code has run for the last time is seen by it, whatever the code was about to do.
    @Test(arguments: LawEngine.allCases) func noSignalIsLostAtTheEnd(engine: LawEngine) async throws {
        let workflow = WorkflowType("last") { context, _ in
            try await context.sleep(for: .minutes(1))
            var seen: [JSONValue] = []
            while let signal = try await context.nextSignal(named: ["s"], timeout: .zero) { seen.append(.string(signal.id)) }
            return .array(seen)
        }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("last")
        try await scenario.settle()
        scenario.clock.advance(by: .minutes(1))
        let receipt = try await scenario.signal("s", id: "x")
        try await scenario.run()
        #expect(receipt == .delivered)
        #expect(try await scenario.result("w") == ["x"])
    }

    @Test(arguments: LawEngine.allCases) func signalWithStartDoesBothOrDelivers(engine: LawEngine) async throws {
        let workflow = WorkflowType("two") { context, _ in
            let first = try await context.nextSignal(named: ["s"])
            let second = try await context.nextSignal(named: ["s"])
            return [.string(first?.id ?? ""), .string(second?.id ?? "")]
        }
        let scenario = try engine.scenario([workflow])
        var runs: Set<String> = []
        for id in ["a", "b"] {
            let signal = SignalMessage(id: id, name: "s", payload: .null)
            let run = try await scenario.engine.signalWithStart(
                workflowID: "w", type: "two", input: .null, signal: signal, at: scenario.clock.now)
            runs.insert(run.runID)
        }
        try await scenario.run()
        #expect(runs.count == 1)
        #expect(try await scenario.result("w") == ["a", "b"])
    }

    private static let counter = WorkflowType("counter") { context, _ in
        var value = 0
        context.onQuery(total) { _ in value }
        context.onQuery(Query<Nothing, Bool>("bad")) { _ in context.patched("inside a query") }
        context.onSignal(add) { value += $0 }
        context.onUpdate(
            set, validate: { if $0 < 0 { throw ApplicationError(type: "Negative", message: "expected 0 or more") } },
            { number in
                try await context.sleep(for: .seconds(10))
                if number == 13 { throw ApplicationError(type: "Unlucky", message: "no") }
                value = number
                return "was set"
            })
        try await context.condition { value >= 100 }
        return .integer(value)
    }

    @Test(arguments: LawEngine.allCases) func queriesReadAndLeaveNoTrace(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.counter])
        try await scenario.start("counter")
        try await scenario.signal("add", 5)
        try await scenario.settle()
        let before = try await scenario.kinds()
        #expect(try await scenario.engine.query(workflowID: "w", name: "total", at: scenario.clock.now) == 5)
        await #expect(throws: UnknownMessage.self) {
            try await scenario.engine.query(workflowID: "w", name: "none", at: scenario.clock.now)
        }
        await #expect(throws: (any Error).self) { try await scenario.engine.query(workflowID: "w", name: "bad", at: scenario.clock.now) }
        #expect(try await scenario.kinds() == before)
        try await scenario.signal("add", 95)
        try await scenario.run()
        #expect(try await scenario.engine.query(workflowID: "w", name: "total", at: scenario.clock.now) == 100)
    }

    @Test(arguments: LawEngine.allCases) func updatesAreAcceptedAndDone(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.counter])
        try await scenario.start("counter")
        let first = try await scenario.engine.update(workflowID: "w", id: "u1", name: "set", input: 7, at: scenario.clock.now)
        #expect(first == .accepted(id: "u1"))
        try await scenario.pass(.seconds(20))
        let again = try await scenario.engine.update(workflowID: "w", id: "u1", name: "set", input: 8, at: scenario.clock.now)
        #expect(again == .completed(id: "u1", Payload("was set")))
        #expect(try await scenario.engine.query(workflowID: "w", name: "total", at: scenario.clock.now) == 7)
        _ = try await scenario.engine.update(workflowID: "w", id: "u2", name: "set", input: 13, at: scenario.clock.now)
        try await scenario.pass(.seconds(20))
        guard case .failed(_, let failure)? = try await scenario.engine.outcome(ofUpdate: "u2", workflowID: "w", at: scenario.clock.now)
        else {
            Issue.record("expected update u2 to have failed")
            return
        }
        #expect(failure.type == "Unlucky")
        #expect(try await scenario.kinds().count { $0 == .workflowExecutionUpdateAccepted } == 2)
    }

    @Test(arguments: LawEngine.allCases) func aRefusedUpdateLeavesNoTrace(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.counter])
        try await scenario.start("counter")
        try await scenario.settle()
        let before = try await scenario.kinds()
        guard
            case .rejected(_, let failure) = try await scenario.engine.update(
                workflowID: "w", id: "u", name: "set", input: -1, at: scenario.clock.now)
        else {
            Issue.record("expected a refusal")
            return
        }
        #expect(failure.type == "Negative")
        guard
            case .rejected = try await scenario.engine.update(workflowID: "w", id: "v", name: "none", input: 1, at: scenario.clock.now)
        else {
            Issue.record("expected a refusal")
            return
        }
        #expect(try await scenario.kinds() == before)
        try await scenario.signal("add", 100)
        try await scenario.run()
        #expect(try await scenario.result("w") == 100)
    }

    /// Conditions are asked in the order in which the code began to wait, after everything that arrived was applied.
    @Test(arguments: LawEngine.allCases) func conditionsWakeInOrder(engine: LawEngine) async throws {
        let workflow = WorkflowType("order") { context, _ in
            var value = 0
            var woken: [JSONValue] = []
            context.onSignal(Self.add) { value += $0 }
            await withTaskGroup(of: Void.self) { group in
                for name in ["first", "second", "third"] {
                    let waiter = OnThisThread { woken.append(.string(name)) }
                    let isReady = OnThisThread { value >= 2 }
                    group.addTask {
                        _ = try? await context.condition { isReady.value() }
                        waiter.value()
                    }
                }
            }
            return .array(woken + [.integer(value)])
        }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("order")
        try await scenario.settle()
        try await scenario.signal("add", 1)
        try await scenario.signal("add", 1)
        try await scenario.signal("add", 1)
        try await scenario.run()
        let result = try await scenario.result("w")?.array ?? []
        #expect(Array(result.prefix(3)) == ["first", "second", "third"])
    }

    @Test(arguments: LawEngine.allCases) func aWaitEndsAtItsTimeout(engine: LawEngine) async throws {
        let workflow = WorkflowType("wait") { context, _ in
            let began = context.now
            let isMet = try await context.condition(timeout: .days(100)) { false }
            let signal = try await context.wait(for: Self.add, timeout: .milliseconds(1))
            return [.bool(isMet), .bool(signal == nil), .integer(Int((context.now - began).milliseconds))]
        }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("wait")
        try await scenario.run()
        #expect(try await scenario.result("w") == [false, true, .integer(100 * 86_400_000 + 1)])
    }

    @Test(arguments: LawEngine.allCases) func aConditionInTimeCancelsItsTimer(engine: LawEngine) async throws {
        let workflow = WorkflowType("wait") { context, _ in
            var value = 0
            context.onSignal(Self.add) { value += $0 }
            return .bool(try await context.condition(timeout: .days(1)) { value == 1 })
        }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("wait")
        try await scenario.pass(.minutes(1))
        try await scenario.signal("add", 1)
        try await scenario.run()
        #expect(try await scenario.result("w") == true)
        #expect(try await scenario.kinds().contains(.timerCanceled))
        #expect(try await scenario.engine.nextDue() == nil)
    }
}

/// Carries workflow state into child tasks, which all run on the workflow's thread.
private struct OnThisThread<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
