import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// Start, end and structure of workflows, on every engine.
@Suite struct WorkflowLaws {
    private struct Order: Codable, Sendable, Equatable {
        var id: String
        var amount: Int
    }

    @Test(arguments: LawEngine.allCases) func inputAndResultAreTyped(engine: LawEngine) async throws {
        let double = Activity<Order, Order>("double") { _, order in Order(id: order.id, amount: order.amount * 2) }
        let workflow = Workflow<Order, Order>("order") { context, order in try await context.execute(double, order, options: briefly) }
        let scenario = try engine.scenario([workflow.type], [double.type])
        try await scenario.start("order", ["id": "o1", "amount": 21])
        try await scenario.run()
        #expect(try await scenario.result("w") == ["id": "o1", "amount": 42])
    }

    private static let sleeper = WorkflowType("sleep") { context, input in
        try await context.sleep(for: .hours(1))
        return input
    }
    private static let fail = WorkflowType("fail") { _, _ in throw ApplicationError(type: "Bad", message: "bad") }
    private static let done = WorkflowType("done") { _, input in input }

    @Test(arguments: LawEngine.allCases) func anOpenIdIsUsedAsThePolicySays(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.sleeper])
        let first = try await scenario.start("sleep", 1)
        await #expect(throws: WorkflowAlreadyStarted.self) { try await scenario.start("sleep", 2) }
        #expect(try await scenario.start("sleep", 2, WorkflowOptions(idConflictPolicy: .useExisting)) == first)
        let third = try await scenario.start("sleep", 3, WorkflowOptions(idConflictPolicy: .terminateExisting))
        #expect(third != first)
        #expect(try await scenario.store.run("w", runID: first.runID)?.status == .terminated)
        try await scenario.run()
        #expect(try await scenario.result("w") == 3)
    }

    @Test(arguments: LawEngine.allCases) func aClosedIdIsUsedAsThePolicySays(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.done, Self.fail])
        try await scenario.start("done", 1)
        try await scenario.settle()
        await #expect(throws: WorkflowAlreadyStarted.self) {
            try await scenario.start("done", 2, WorkflowOptions(idReusePolicy: .rejectDuplicate))
        }
        await #expect(throws: WorkflowAlreadyStarted.self) {
            try await scenario.start("done", 2, WorkflowOptions(idReusePolicy: .allowDuplicateFailedOnly))
        }
        try await scenario.start("fail")
        try await scenario.settle()
        #expect(try await scenario.status() == .failed)
        try await scenario.start("done", 4, WorkflowOptions(idReusePolicy: .allowDuplicateFailedOnly))
        try await scenario.settle()
        #expect(try await scenario.result("w") == 4)
        #expect(try await scenario.engine.count() == 3)
    }

    @Test(arguments: LawEngine.allCases) func timeoutsEndARun(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.sleeper])
        try await scenario.start("sleep", 1, WorkflowOptions(runTimeout: .minutes(10)))
        let began = scenario.clock.now
        try await scenario.run()
        #expect(try await scenario.status() == .timedOut)
        #expect(scenario.clock.now - began == .minutes(10))
        #expect(try await scenario.kinds().last == .workflowExecutionTimedOut)
    }

    @Test(arguments: LawEngine.allCases) func aFailedRunIsRetriedAsThePolicySays(engine: LawEngine) async throws {
        let flaky = WorkflowType("flaky") { context, _ in
            guard context.info.attempt == 3 else { throw ApplicationError(type: "Busy", message: "attempt \(context.info.attempt)") }
            return .string(context.info.lastFailure?.message ?? "")
        }
        let scenario = try engine.scenario([flaky])
        try await scenario.start("flaky", .null, WorkflowOptions(retryPolicy: RetryPolicy(initialInterval: .seconds(10))))
        let began = scenario.clock.now
        try await scenario.run()
        #expect(try await scenario.result("w") == "attempt 2")
        #expect(scenario.clock.now - began == .seconds(30))
        #expect(try await scenario.engine.count() == 3)
    }

    @Test(arguments: LawEngine.allCases) func aCronScheduleStartsTheNextRun(engine: LawEngine) async throws {
        let count = WorkflowType("count") { context, _ in
            .integer(try context.info.lastCompletionResult.map { try context.converter.value($0, as: Int.self) + 1 } ?? 1)
        }
        let scenario = try engine.scenario([count])
        try await scenario.start("count", .null, WorkflowOptions(cronSchedule: "0 * * * *"))
        try await scenario.pass(.hours(3))
        let closed = try await scenario.store.runs().filter { $0.status == .completed }
        #expect(closed.count >= 3)
        let last = try #require(closed.max { $0.key < $1.key })
        let end = try await scenario.store.history(last.key).last
        #expect(try end?.payload(.result)?.json() == .integer(closed.count))
    }

    @Test(arguments: LawEngine.allCases) func memoAndSearchAttributesFindARun(engine: LawEngine) async throws {
        let workflow = WorkflowType("tag") { context, _ in
            try context.upsertMemo(["note": "changed", "more": 1])
            context.upsertSearchAttributes(["customer": "c2"])
            try await context.sleep(for: .hours(1))
            return context.memo["note"] ?? .null
        }
        let scenario = try engine.scenario([workflow, Self.sleeper])
        try await scenario.start(
            "tag", .null, WorkflowOptions(memo: ["note": "first"], searchAttributes: ["customer": "c1"]), id: "a")
        try await scenario.start("sleep", id: "b")
        try await scenario.settle()
        let found = try await scenario.engine.list(WorkflowFilter(searchAttributes: ["customer": "c2"]))
        #expect(found.map(\.workflowID) == ["a"])
        #expect(found.first?.memo == ["note": "changed", "more": 1])
        #expect(try await scenario.engine.count(WorkflowFilter(statuses: [.running], type: "sleep")) == 1)
        #expect(try await scenario.engine.list(WorkflowFilter(idPrefix: "b")).map(\.workflowID) == ["b"])
        try await scenario.run()
        #expect(try await scenario.result("a") == "changed")
    }

    @Test(arguments: LawEngine.allCases) func continueAsNewTakesUntakenSignalsAlong(engine: LawEngine) async throws {
        let workflow = WorkflowType("loop") { context, input in
            let round = input.integer ?? 0
            guard round < 3 else {
                var left: [JSONValue] = []
                while let signal = try await context.nextSignal(named: ["s"], timeout: .zero) { left.append(.string(signal.id)) }
                return .array(left)
            }
            try await context.sleep(for: .minutes(1))
            throw try context.continueAsNew(JSONValue.integer(round + 1))
        }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("loop", 0)
        try await scenario.settle()
        for id in ["1", "2", "3"] { try await scenario.signal("s", id: id) }
        try await scenario.run()
        #expect(try await scenario.result("w") == ["1", "2", "3"])
        #expect(try await scenario.signal("s", id: "2") == .notRunning)
        #expect(try await scenario.store.runs().map(\.status) == [.completed, .continuedAsNew, .continuedAsNew, .continuedAsNew])
    }

    @Test(arguments: LawEngine.allCases) func aCancelledWorkflowCompensatesShielded(engine: LawEngine) async throws {
        let undo = Activity<String, String>("undo") { _, what in what }
        let workflow = WorkflowType("saga") { context, _ in
            do { try await context.sleep(for: .days(1)) } catch is CancellationError {
                _ = try await context.withCancellationShield { try await context.execute(undo, "charge", options: briefly) }
                throw CancellationError()
            }
            return .null
        }
        let scenario = try engine.scenario([workflow], [undo.type])
        try await scenario.start("saga")
        try await scenario.settle()
        try await scenario.engine.cancel(workflowID: "w", at: scenario.clock.now)
        try await scenario.engine.cancel(workflowID: "w", at: scenario.clock.now)
        try await scenario.run()
        #expect(try await scenario.status() == .cancelled)
        let kinds = try await scenario.kinds()
        #expect(kinds.contains(.activityTaskCompleted) && kinds.contains(.timerCanceled))
        #expect(kinds.count { $0 == .workflowExecutionCancelRequested } == 1)
    }

    @Test(arguments: LawEngine.allCases) func randomnessAndTimeAreTheSameOnReplay(engine: LawEngine) async throws {
        let notes = Notes()
        let workflow = WorkflowType("dice") { context, _ in
            let drawn = "\(context.uuid()) \(Int.random(in: 0..<1000, using: &context.randomNumberGenerator)) \(context.now)"
            if !context.isReplaying { notes.add(drawn) }
            try await context.sleep(for: .seconds(1))
            return .string(drawn)
        }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("dice")
        try await scenario.run()
        #expect(try await scenario.result("w") == .string(notes.all.first ?? ""))
        #expect(notes.all.count == 1)
    }

    @Test(arguments: LawEngine.allCases) func operationsSeeAndEndRuns(engine: LawEngine) async throws {
        let workflow = WorkflowType("wait") { context, _ in
            async let slow = context.execute("later", input: 1, options: briefly)
            _ = try await context.nextSignal(named: ["go"], timeout: .days(1))
            return try await slow
        }
        let later = ActivityType("later") { _, _ in throw ApplicationError(type: "Busy", message: "not yet") }
        let scenario = try engine.scenario([workflow], [later])
        try await scenario.start("wait")
        try await scenario.settle()
        let seen = try await scenario.engine.describe(workflowID: "w", at: scenario.clock.now)
        #expect(seen.activities.map(\.attempt) == [2])
        #expect(seen.activities.first?.lastFailure == "Busy: not yet")
        #expect(seen.activities.first?.dueAt == scenario.clock.now + .seconds(1))
        #expect(seen.timers == [scenario.clock.now + .days(1)])
        try await scenario.engine.terminate(workflowID: "w", reason: "test", at: scenario.clock.now)
        #expect(try await scenario.status() == .terminated)
        #expect(try await scenario.engine.nextDue() == nil)
        #expect(try await scenario.engine.removeClosed(retention: .hours(1), at: scenario.clock.now) == 0)
        #expect(try await scenario.engine.removeClosed(retention: .hours(1), at: scenario.clock.now + .hours(2)) == 1)
        #expect(try await scenario.engine.count() == 0)
    }

    @Test(arguments: LawEngine.allCases) func aResetBeginsAnewAtAnEvent(engine: LawEngine) async throws {
        let notes = Notes()
        let step = ActivityType("step") { _, input in
            notes.add(input.string ?? "")
            return input
        }
        let workflow = WorkflowType("steps") { context, _ in
            let uuid = context.uuid()
            _ = try await context.execute("step", input: "a")
            _ = try await context.execute("step", input: "b")
            let signal = try await context.nextSignal(named: ["go"])
            return .string("\(uuid) \(signal?.id ?? "")")
        }
        let scenario = try engine.scenario([workflow], [step])
        let first = try await scenario.start("steps")
        try await scenario.settle()
        try await scenario.signal("go", id: "s1")
        try await scenario.settle()
        let history = try await scenario.engine.history(workflowID: "w")
        let result = try await scenario.result("w")
        let event = try #require(history.events.last { $0.kind == .activityTaskScheduled })
        let second = try await scenario.engine.reset(workflowID: "w", toEvent: event.id - 1, reason: "again", at: scenario.clock.now)
        #expect(second.runID != first.runID)
        try await scenario.settle()
        #expect(notes.all == ["a", "b", "b"])
        #expect(try await scenario.result("w") == result)
        await #expect(throws: ResetRefused.self) {
            try await scenario.engine.reset(workflowID: "w", toEvent: 1, reason: "", at: scenario.clock.now)
        }
    }
}
