import BridgeTesting
import DurableWorkflow
import Events
import Synchronization
import Testing

/// The order of one activation: messages first, with all that follows from them, then everything else.
@Suite struct OrderLaws {
    private static let go = Signal<Int>("go")

    /// How the code waits for the signal or the time.
    enum Waiting: CaseIterable { case condition, handler, signal }

    private static func workflow(_ waiting: Waiting, isBroken: @escaping @Sendable () -> Bool = { false }) -> WorkflowType {
        WorkflowType("race") { context, _ in
            if isBroken() { throw Broken() }
            var hasCome = false
            if waiting != .signal { context.onSignal(go) { _ in hasCome = true } }
            switch waiting {
            case .signal: return .bool(try await context.nextSignal(named: ["go"], timeout: .minutes(1)) != nil)
            case .condition: return .bool(try await context.condition(timeout: .minutes(1)) { hasCome })
            case .handler:
                async let isMet = context.condition(timeout: .minutes(1)) { hasCome }
                return .bool(try await isMet)
            }
        }
    }

    private struct Broken: Error {}

    /// Both stand in the history before the code has seen either.
    private func race(_ scenario: WorkflowScenario, signalFirst: Bool) async throws {
        try await scenario.start("race")
        try await scenario.settle()
        let started = try #require(try await scenario.store.run("w"))
        let timer = try #require(
            try await scenario.store.due(after: nil, until: .distantFuture, limit: 10).first {
                $0.key.kind == .timer && $0.key.run == started.key
            })
        scenario.clock.advance(by: .minutes(1))
        if signalFirst { try await scenario.signal("go", 1, id: "s") }
        while try await !scenario.kinds().contains(.timerFired) {
            guard try await scenario.engine.runNext(at: scenario.clock.now, choose: { count in count - 1 }) else { break }
            if try await scenario.status()?.isClosed == true { break }
        }
        #expect(timer.key.at == scenario.clock.now)
        if !signalFirst { try await scenario.signal("go", 1, id: "s") }
    }

    private func expectNoTimerTwice(_ scenario: WorkflowScenario) async throws {
        let history = try await scenario.store.history(of: "w")
        let ends = history.filter { $0.kind == .timerFired || $0.kind == .timerCanceled }.map { $0.fields.integer(.startedEventID) }
        #expect(Set(ends).count == ends.count, "one timer has one end")
    }

    @Test(arguments: LawEngine.allCases, Waiting.allCases) func aSignalBeforeItsTimeoutWins(engine: LawEngine, waiting: Waiting)
        async throws
    {
        let workflow = Self.workflow(waiting)
        let scenario = try engine.scenario([workflow])
        try await race(scenario, signalFirst: true)
        try await scenario.run()
        #expect(try await scenario.result("w") == true)
        try await expectNoTimerTwice(scenario)
        try WorkflowReplayer(workflows: [workflow]).replay(WorkflowHistory(events: try await scenario.store.history(of: "w")))
    }

    /// The code was broken when both came; once it is mended it sees them as they stand.
    @Test(arguments: [LawEngine.memory, .disk, .memoryEager, .diskEager], Waiting.allCases)
    func alsoOnceABlockedRunHeals(engine: LawEngine, waiting: Waiting) async throws {
        let isBroken = Mutex(false)
        let workflow = Self.workflow(waiting) { isBroken.withLock { $0 } }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("race")
        try await scenario.settle()
        isBroken.withLock { $0 = true }
        scenario.engine.evictAll()
        try await scenario.signal("go", 1, id: "s")
        try await scenario.settle()
        #expect(try await scenario.status() == .blocked)
        try await scenario.pass(.minutes(2))
        isBroken.withLock { $0 = false }
        let next = WorkflowScenario(store: scenario.store, workflows: [workflow])
        next.clock.advance(by: .minutes(2))
        try await next.run()
        #expect(try await next.result("w") == true)
        try await expectNoTimerTwice(next)
    }

    /// A history of an older build, which cancelled a timer that had fired, still replays.
    @Test func aCancelledTimerThatHadFiredReplays() throws {
        let kinds: [(HistoryEvent.Kind, EventFields)] = [
            (.workflowExecutionStarted, [.workflowType: .text("race"), .workflowID: .text("w"), .originalRunID: .text("r")]),
            (.workflowTaskScheduled, [:]), (.workflowTaskStarted, [:]), (.workflowTaskCompleted, [:]),
            (.timerStarted, [.timerID: .text("1"), .startToFireTimeout: .integer(60_000)]),
            (.workflowExecutionSignaled, [.signalName: .text("go"), .input: .payloads([Payload(1)])]), (.workflowTaskScheduled, [:]),
            (.timerFired, [.timerID: .text("1"), .startedEventID: .integer(5)]), (.workflowTaskStarted, [:]), (.workflowTaskCompleted, [:]),
            (.timerCanceled, [.timerID: .text("1"), .startedEventID: .integer(5)]),
            (.workflowExecutionCompleted, [.result: .payloads([Payload(true)])]),
        ]
        let events = kinds.enumerated().map { HistoryEvent(id: $0.offset + 1, kind: $0.element.0, at: .distantPast, fields: $0.element.1) }
        try WorkflowReplayer(workflows: [Self.workflow(.signal)]).replay(WorkflowHistory(events: events))
    }

    // MARK: Local activities

    @Test(arguments: [true, false]) func aLocalActivityIsComparedByItsType(isSame: Bool) async throws {
        let scenario = try LawEngine.memory.scenario(
            [WorkflowType("local") { context, _ in try await context.executeLocal("echo", input: 1) }], [echo])
        try await scenario.start("local")
        try await scenario.run()
        let history = WorkflowHistory(events: try await scenario.store.history(of: "w"))
        let name = isSame ? "echo" : "other"
        let replayer = WorkflowReplayer(workflows: [
            WorkflowType("local") { context, _ in try await context.executeLocal(name, input: 1) }
        ])
        if isSame { return try replayer.replay(history) }
        let error = #expect(throws: NonDeterminismError.self) { try replayer.replay(history) }
        #expect(
            error?.expected.hasPrefix("markerRecorded core_local_activity 1 echo with a number,") == true, "\(String(describing: error))")
        #expect(error?.found.hasPrefix("markerRecorded core_local_activity 1 other with a number,") == true)
    }

    private struct Case: Sendable, CustomTestStringConvertible {
        let then: JSONValue
        let now: JSONValue
        let fits: Bool
        var testDescription: String { "\(then.canonicalText) \(now.canonicalText)" }

        init(_ then: JSONValue, _ now: JSONValue, fits: Bool) { (self.then, self.now, self.fits) = (then, now, fits) }
    }

    private static let shapes = [
        Case(1, 2, fits: true), Case(1, .number(2.5), fits: true), Case("a", "b", fits: true), Case(true, false, fits: true),
        Case(.null, .null, fits: true), Case(["id": "a", "n": 1], ["id": "b", "n": 2], fits: true),
        Case([1, 2], [3], fits: true), Case(1, "1", fits: false), Case(1, .null, fits: false), Case("a", true, fits: false),
        Case(["id": "a"], ["id": "a", "n": 1], fits: false), Case(["id": "a"], ["name": "a"], fits: false),
        Case(["id": "a"], ["id": 1], fits: false), Case([1], ["a"], fits: false), Case([["a": 1]], [["b": 1]], fits: false),
        Case(["o": ["a": 1]], ["o": ["a": "x"]], fits: false), Case(["a": 1], ["a"], fits: false),
    ]

    private static func local(_ input: JSONValue) -> WorkflowType {
        WorkflowType("local") { context, _ in
            let answer = try await context.executeLocal("echo", input: input)
            try await context.sleep(for: .hours(1))
            return answer
        }
    }

    /// What arguments say may differ, as of an activity; of what they are made may not: the history keeps that and not the arguments.
    @Test(arguments: shapes) private func aLocalActivityIsComparedByTheShapeOfItsArguments(shape: Case) async throws {
        let scenario = try LawEngine.memory.scenario([Self.local(shape.then)], [echo])
        try await scenario.start("local")
        try await scenario.settle()
        let history = try WorkflowHistory(temporalJSON: try await scenario.engine.history(workflowID: "w").temporalJSON)
        let replayer = WorkflowReplayer(workflows: [Self.local(shape.now)])
        if shape.fits { return try replayer.replay(history) }
        let error = #expect(throws: NonDeterminismError.self) { try replayer.replay(history) }
        let (expected, found) = (try #require(error?.expected), try #require(error?.found))
        #expect(expected.hasPrefix("markerRecorded core_local_activity 1 echo with ") && expected != found)
        #expect(found.hasPrefix("markerRecorded core_local_activity 1 echo with "))
    }

    @Test(arguments: LawEngine.allCases) func otherArgumentsBlockAndTheOldOnesHeal(engine: LawEngine) async throws {
        let old = try engine.scenario([Self.local(["phone": "555-0100"])], [echo])
        try await old.start("local")
        try await old.settle()
        let other = WorkflowScenario(store: old.store, workflows: [Self.local(["555-0101": "phone"])], activities: [echo])
        other.clock.advance(by: .hours(1))
        try await other.run()
        let problem = try await other.problem()
        #expect(problem.contains("expected markerRecorded core_local_activity 1 echo with an object of 1 member"), "\(problem)")
        #expect(!problem.contains("555-01"), "neither values nor names of members are in the sentence")
        let healed = WorkflowScenario(store: old.store, workflows: [Self.local(["phone": "555-0102"])], activities: [echo])
        healed.clock.advance(by: .hours(1))
        try await healed.run()
        #expect(try await healed.result("w") == ["phone": "555-0100"])
    }

    /// Temporal's core may keep the arguments themselves; what it and older builds leave out is not compared.
    @Test(arguments: [true, false]) func markersOfOthersAreComparedByWhatTheyHave(hasInput: Bool) throws {
        let data: JSONValue = [
            "seq": 1, "attempt": 1, "activity_id": "1", "activity_type": "echo", "complete_time": .null, "original_schedule_time": .null,
            "backoff": .null,
        ]
        var details = ["data": Payload(data), "result": Payload(1)]
        if hasInput { details["input"] = Payload(1) }
        let kinds: [(HistoryEvent.Kind, EventFields)] = [
            (.workflowExecutionStarted, [.workflowType: .text("local"), .workflowID: .text("w"), .originalRunID: .text("r")]),
            (.workflowTaskScheduled, [:]), (.workflowTaskStarted, [:]), (.workflowTaskCompleted, [:]),
            (.markerRecorded, [.markerName: .text("core_local_activity"), .markerDetails: .map(details)]),
            (.timerStarted, [.timerID: .text("1"), .startToFireTimeout: .integer(3_600_000)]),
        ]
        let events = kinds.enumerated().map { HistoryEvent(id: $0.offset + 1, kind: $0.element.0, at: .distantPast, fields: $0.element.1) }
        let history = WorkflowHistory(events: events)
        try WorkflowReplayer(workflows: [Self.local(7)]).replay(history)
        let other = WorkflowReplayer(workflows: [Self.local("seven")])
        if hasInput { #expect(throws: NonDeterminismError.self) { try other.replay(history) } } else { try other.replay(history) }
    }
}
