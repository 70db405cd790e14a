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
        #expect(error?.expected == "markerRecorded core_local_activity 1 echo", "\(String(describing: error))")
        #expect(error?.found == "markerRecorded core_local_activity 1 other")
    }
}
