import BridgeTesting
import DurableWorkflow
import Events
import InMemoryTracing
import Synchronization
import Testing
import Tracing

@Suite struct SpanTests {
    private let tracer = InMemoryTracer()
    private let stopwatch = Stopwatch()

    private var options: EngineOptions { EngineOptions(uptime: stopwatch.uptime, telemetry: Telemetry(tracer: tracer)) }
    private var names: [String] { tracer.finishedSpans.map(\.operationName) }

    private func span(_ name: String, _ index: Int = 0) throws -> FinishedInMemorySpan {
        let found = tracer.finishedSpans.filter { $0.operationName == name }
        try #require(found.count > index)
        return found[index]
    }

    private static let order = WorkflowType("order") { context, input in
        let paid = try await context.execute("charge", input: input)
        _ = try await context.nextSignal(named: ["go"])
        return paid
    }

    private func charge(_ seen: @escaping @Sendable (InMemorySpanContext?) -> Void) -> ActivityType {
        ActivityType("charge") { [stopwatch] context, _ in
            stopwatch.advance(by: .milliseconds(20))
            seen(ServiceContext.current?.inMemorySpanContext)
            if context.attempt == 1 { throw ApplicationError(type: "Busy", message: "no line to 555-0100") }
            return "paid"
        }
    }

    @Test(arguments: [false, true]) func oneSpanForEachThingThatHappenedAndNoneForReplays(rebuilding: Bool) async throws {
        let seen = Mutex<[InMemorySpanContext?]>([])
        let scenario = WorkflowScenario(
            workflows: [Self.order], activities: [charge { context in seen.withLock { $0.append(context) } }], options: options,
            rebuilding: rebuilding)
        let begun = scenario.clock.now
        try await scenario.engine.start(workflowID: "w", type: "order", input: 1, at: begun)
        try await scenario.run()
        let signal = SignalMessage(id: "s", name: "go", payload: .null)
        try await scenario.engine.signal(workflowID: "w", signal: signal, at: scenario.clock.now)
        try await scenario.run()
        #expect(
            names == [
                "StartWorkflow:order", "StartActivity:charge", "RunWorkflow:order", "RunActivity:charge", "RunActivity:charge",
                "RunWorkflow:order", "SignalWorkflow:go", "RunWorkflow:order",
            ])
        let start = try span("StartWorkflow:order")
        #expect(start.parentSpanID == nil)
        let task = try span("RunWorkflow:order")
        #expect(task.parentSpanID == start.spanID)
        let scheduled = try span("StartActivity:charge")
        #expect(scheduled.parentSpanID == task.spanID)
        let attempts = [try span("RunActivity:charge"), try span("RunActivity:charge", 1)]
        #expect(attempts.allSatisfy { $0.parentSpanID == scheduled.spanID && $0.traceID == start.traceID })
        #expect(seen.withLock { $0.map { $0?.spanID } } == attempts.map(\.spanID))
        let told = try span("SignalWorkflow:go")
        #expect(try span("RunWorkflow:order", 2).links.map { $0.context.inMemorySpanContext?.spanID } == [told.spanID])
        try check(attempts, begun, try #require(try await scenario.store.run("w")))
    }

    /// Ids, times of the virtual clock, and the error without its text.
    private func check(_ attempts: [FinishedInMemorySpan], _ begun: Timestamp, _ run: WorkflowRun) throws {
        for span in tracer.finishedSpans {
            #expect(span.attributes.get("temporalWorkflowID") == .string("w"), "\(span.operationName)")
            #expect(span.attributes.get("temporalRunID") == .string(run.runID), "\(span.operationName)")
        }
        let milliseconds = attempts.map { [$0.startInstant.millisecondsSinceEpoch, $0.endInstant.millisecondsSinceEpoch] }
        let first = UInt64(begun.milliseconds)
        #expect(milliseconds == [[first, first + 20], [first + 1000, first + 1020]])
        #expect(attempts[0].errors.map { "\($0.error)" } == ["Busy"])
        #expect(attempts[0].status?.code == .error)
        #expect(attempts[1].errors.isEmpty)
        #expect(attempts[1].attributes.get("temporalActivityID") == .string("1"))
    }

    @Test func theContextOfACallerReachesChildrenAndTheNextRun() async throws {
        let child = WorkflowType("child") { context, input in
            if input == "first" { throw try context.continueAsNew("second" as JSONValue) }
            return .null
        }
        let parent = WorkflowType("parent") { context, _ in
            try await context.startChildWorkflow("child", input: "first", options: ChildWorkflowOptions(id: "c")).result()
        }
        let scenario = WorkflowScenario(workflows: [parent, child], options: options)
        let caller = tracer.startSpan("caller")
        try await ServiceContext.withValue(caller.context) {
            try await scenario.engine.start(workflowID: "w", type: "parent", input: 1, at: scenario.clock.now)
        }
        caller.end()
        try await scenario.run()
        #expect(try span("StartWorkflow:parent").parentSpanID == caller.spanID)
        let started = try span("StartChildWorkflow:child")
        #expect(try span("RunWorkflow:child").parentSpanID == started.spanID)
        #expect(try span("RunWorkflow:child", 1).parentSpanID == started.spanID, "the run after continue-as-new")
        #expect(Set(tracer.finishedSpans.map(\.traceID)) == [caller.traceID])
        #expect(!names.contains("StartWorkflow:child"))
    }

    @Test func aTaskWhoseCodeDoesNotFitIsAnError() async throws {
        let type = WorkflowType("breaks") { _, _ in
            struct Leak: Error, CustomStringConvertible { var description: String { "555-0100" } }
            throw Leak()
        }
        let scenario = WorkflowScenario(workflows: [type], options: options)
        try await scenario.engine.start(workflowID: "w", type: "breaks", input: 1, at: scenario.clock.now)
        try await scenario.run()
        #expect(try span("RunWorkflow:breaks").errors.map { "\($0.error)" } == ["UnhandledWorkflowError"])
    }

    @Test func theHeaderStandsInTheHistoryAsTemporalHasIt() async throws {
        let scenario = WorkflowScenario(workflows: [Self.order], activities: [charge { _ in }], options: options)
        try await scenario.engine.start(workflowID: "w", type: "order", input: 1, at: scenario.clock.now)
        try await scenario.run()
        let history = try await scenario.engine.history(workflowID: "w")
        let again = try WorkflowHistory(temporalJSON: history.temporalJSON)
        #expect(again.events == history.events)
        let started = try #require(history.events.first { $0.kind == .activityTaskScheduled })
        #expect(started.fields.map(.header).keys.sorted() == ["_tracer-data"])
        let untraced = WorkflowScenario(workflows: [Self.order], activities: [charge { _ in }])
        try await untraced.engine.start(workflowID: "w", type: "order", input: 1, at: untraced.clock.now)
        try await untraced.run()
        #expect(try await untraced.store.history(of: "w").allSatisfy { $0.fields[.header] == nil })
    }
}
