import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import Testing

/// Histories that Temporal's server and Python SDK have written: the same workflows in Swift replay them.
@Suite struct TemporalHistoryTests {
    private static let names = ["cancelled", "conc", "main-python", "main-python-child", "raw-worker-update-with-start"]

    private static func text(_ name: String) throws -> String {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Histories")
        return try String(contentsOf: folder.appending(path: "\(name).json"), encoding: .utf8)
    }

    private static func history(_ name: String) throws -> WorkflowHistory { try WorkflowHistory(temporalJSON: text(name)) }

    private static let short = ActivityOptions(startToCloseTimeout: .seconds(5))
    private static let quick = Activity<Int, Int>("quick") { _, number in number }
    private static let greet = Activity<String, String>("greet") { _, name in "hi \(name)" }
    private static let fails = Activity<String, String>("fails") { _, how in how }
    private static let slow = Activity<Nothing, Nothing>("slow") { _, _ in Nothing() }
    private static let infinite = Workflow<Nothing, Nothing>("Inf") { context, _ in
        try await context.condition { false }
        return Nothing()
    }

    private static let concurrent = Workflow<Nothing, [Int]>("Conc") { context, _ in
        try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for number in 0..<5 { group.addTask { (number, try await context.execute(quick, number, options: short)) } }
            var results: [Int: Int] = [:]
            for try await (number, result) in group { results[number] = result }
            return (0..<5).compactMap { results[$0] }
        }
    }

    private static let cancelled = Workflow<Nothing, Nothing>("Cancelled") { context, _ in
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await context.execute(slow, Nothing(), options: ActivityOptions(startToCloseTimeout: .seconds(60))) }
            group.addTask { try await context.sleep(for: .seconds(100)) }
            group.addTask {
                let options = ChildWorkflowOptions(id: context.workflowID + "-c")
                _ = try await context.executeChildWorkflow(infinite, Nothing(), options: options)
            }
            do { try await group.next() } catch is CancellationError {
                _ = try await context.withCancellationShield { try await context.execute(quick, 1, options: short) }
            }
            try await group.waitForAll()
            return Nothing()
        }
    }

    private static let child = Workflow<Int, Int>("Child") { context, number in
        _ = try await context.wait(for: Signal<String>("poke"))
        return number * 2
    }

    private static let raw = Workflow<Nothing, String>("RawWF") { context, _ in
        var isDone = false
        context.onUpdate(Update<Int, String>("u")) { _ in
            isDone = true
            return "ok"
        }
        try await context.condition { isDone }
        return "r"
    }

    /// `main` with the name of its first activity, so that a change can be tried.
    private static func main(first: Activity<String, String> = greet, isPatched: Bool = true) -> Workflow<String, JSONValue> {
        Workflow("Main") { context, name in
            var total = 0
            context.onUpdate(
                Update<Int, Int>("add"), validate: { if $0 < 0 { throw ApplicationError(type: "Negative", message: "negative") } },
                { number in
                    try await context.sleep(for: .milliseconds(100))
                    total += number
                    return total
                })
            if isPatched { _ = context.patched("my-patch") }
            context.deprecatePatch("old-patch")
            let act = try await context.execute(first, name, options: short)
            try await context.sleep(for: .milliseconds(300))
            let handle = try await context.startChildWorkflow(
                child, 21, options: ChildWorkflowOptions(id: context.workflowID + "-child"))
            try await handle.signal(Signal<String>("poke"), "x")
            let doubled = try await handle.result()
            let local = try await context.executeLocal(greet, "local")
            try context.upsertMemo(["note": "m"])
            _ = try await context.wait(for: Signal<String>("go_sig"), timeout: .seconds(30))
            try await context.condition { total == 7 }
            var failure = ""
            do { _ = try await context.execute(fails, "nonretry", options: short) } catch let error as ActivityError {
                failure = error.cause.type ?? ""
            }
            let retried = try await context.execute(fails, "retry", options: short)
            for type in [ActivityCancellationType.tryCancel, .waitCancellationCompleted] {
                let options = ActivityOptions(startToCloseTimeout: .seconds(30), heartbeatTimeout: .seconds(2), cancellationType: type)
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try? await context.execute(slow, Nothing(), options: options) }
                    group.addTask { try? await context.sleep(for: .milliseconds(500)) }
                    await group.next()
                    group.cancelAll()
                }
            }
            return [.string(act), .integer(doubled), .string(local), .string(failure), .string(retried)]
        }
    }

    private static let all = [concurrent.type, cancelled.type, child.type, raw.type, main().type]

    @Test(arguments: names) func decodesAndReplays(name: String) throws {
        let history = try Self.history(name)
        #expect(history.events.map(\.id) == Array(1...history.events.count))
        #expect(throws: Never.self) { try WorkflowReplayer(workflows: Self.all).replay(history) }
    }

    /// An open run is a prefix that ends with a transaction: not between a task's end and what it decided.
    @Test(arguments: names) func everyPrefixReplays(name: String) throws {
        let history = try Self.history(name)
        for count in 1...history.events.count where count == history.events.count || !history.events[count].kind.isCommand {
            let prefix = WorkflowHistory(events: Array(history.events.prefix(count)))
            #expect(throws: Never.self, "\(name), \(count) events") { try WorkflowReplayer(workflows: Self.all).replay(prefix) }
        }
    }

    @Test(arguments: names) func whatIsWrittenIsReadAgain(name: String) throws {
        let history = try Self.history(name)
        #expect(try WorkflowHistory(temporalJSON: history.temporalJSON) == history)
        let bytes = EventCoding.encode(history.events)
        #expect(try EventCoding.decode(bytes, first: 1) == history.events)
    }

    @Test func changedCodeIsRefusedWithTheEvent() throws {
        let other = Activity<String, String>("welcome") { _, name in name }
        let error = #expect(throws: NonDeterminismError.self) {
            try WorkflowReplayer(workflows: [Self.main(first: other).type]).replay(try Self.history("main-python"))
        }
        #expect(error?.eventID == 9)
        #expect(error?.expected == "activityTaskScheduled 1 greet")
        #expect(error?.found == "activityTaskScheduled 1 welcome")
        #expect(error?.workflowID == "main-e695db")
    }

    @Test func aPatchThatWasTakenOutIsRefused() throws {
        let error = #expect(throws: NonDeterminismError.self) {
            try WorkflowReplayer(workflows: [Self.main(isPatched: false).type]).replay(try Self.history("main-python"))
        }
        #expect(error?.eventID == 5)
    }

    @Test func codeThatDoesLessOrMoreIsRefused() throws {
        let less = Workflow<Nothing, [Int]>("Conc") { context, _ in [try await context.execute(Self.quick, 0, options: Self.short)] }
        let error = #expect(throws: NonDeterminismError.self) {
            try WorkflowReplayer(workflows: [less.type]).replay(try Self.history("conc"))
        }
        #expect(error?.eventID == 6)
        let more = Workflow<Int, Int>("Child") { context, number in
            try await context.sleep(for: .seconds(1))
            return number
        }
        let other = #expect(throws: NonDeterminismError.self) {
            try WorkflowReplayer(workflows: [more.type]).replay(try Self.history("main-python-child"))
        }
        #expect(other?.found == "timerStarted 1")
    }

    /// A run of Temporal's server that is taken over here at any moment goes on to the same end.
    @Test func anOpenRunGoesOnHere() async throws {
        let whole = try Self.history("conc")
        let cuts = whole.events.indices.dropFirst(2).filter { !whole.events[$0].kind.isCommand }
        #expect(cuts.count > 10)
        for cut in cuts {
            let scenario = WorkflowScenario(workflows: [Self.concurrent.type], activities: [Self.quick.type])
            scenario.clock.advance(by: try #require(whole.events.last).at - scenario.clock.now)
            let history = WorkflowHistory(events: Array(whole.events[..<cut]))
            let execution = try await scenario.engine.importRun(history, at: scenario.clock.now)
            try await scenario.run()
            #expect(try await scenario.result(execution.workflowID) == [0, 1, 2, 3, 4], "after event \(cut)")
            let finished = try await scenario.engine.history(workflowID: execution.workflowID)
            #expect(Array(finished.events[..<cut]) == history.events)
            try WorkflowReplayer(workflows: [Self.concurrent.type]).replay(WorkflowHistory(temporalJSON: finished.temporalJSON))
        }
    }

    /// A duration that no server writes ends no process.
    @Test(arguments: [
        ("315576000000s", true), ("-315576000000.999s", true), ("315576000001s", false), ("9223372036854775807s", false),
        ("-9223372036854775808s", false), ("9223372036854775807.999s", false),
    ]) func durationsHaveALimit(duration: String, isRead: Bool) throws {
        let text = """
            {"events":[{"eventId":"1","eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_STARTED","eventTime":"2026-01-01T00:00:00Z",\
            "workflowExecutionStartedEventAttributes":{"workflowType":{"name":"w"},"workflowExecutionTimeout":"\(duration)"}}]}
            """
        guard isRead else {
            let error = try #require(throws: HistoryError.self) { try WorkflowHistory(temporalJSON: text) }
            #expect(error.description.contains("expected a duration of at most 315576000000s"), "\(error)")
            return
        }
        #expect(try WorkflowHistory(temporalJSON: text).temporalJSON.contains("\"workflowExecutionTimeout\":\"\(duration)\""))
    }

    @Test func bothSpellingsAndUnknownEvents() throws {
        let first = #"{"eventId":"1","eventTime":"2026-01-01T00:00:00Z","eventType":"WorkflowExecutionStarted"}"#
        let ignorable = #"{"eventId":"2","eventTime":"2026-01-01T00:00:00Z","eventType":"EVENT_TYPE_NEW","workerMayIgnore":true}"#
        let unknown = ignorable.replacing(",\"workerMayIgnore\":true", with: "")
        #expect(try WorkflowHistory(temporalJSON: #"{"events":[\#(first),\#(ignorable)]}"#).events.map(\.id) == [1])
        let error = #expect(throws: HistoryError.self) { try WorkflowHistory(temporalJSON: #"{"events":[\#(first),\#(unknown)]}"#) }
        #expect(error?.description.contains("EVENT_TYPE_NEW") == true)
    }
}
