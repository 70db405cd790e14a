import BridgeTesting
import DurableWorkflow
import Events
import InMemoryLogging
import Logging
import Testing

@Suite struct LogTests {
    private let handler = InMemoryLogHandler()
    private var telemetry: Telemetry { Telemetry(logger: Logger(label: "test") { [handler] _ in handler }) }
    private static let secret = "+1 555-0100"

    private static let talks = WorkflowType("talks") { context, input in
        context.logger.info("before")
        defer { context.logger.info("after everything") }
        _ = try await context.execute("work", input: input)
        context.logger.info("between", metadata: ["n": "1"])
        try await context.sleep(for: .hours(1))
        context.logger.info("behind")
        return .null
    }

    private static let work = ActivityType("work") { context, input in
        context.logger.info("working")
        if context.attempt == 1 { throw ApplicationError(type: "Busy", message: "no line to \(secret)") }
        return input
    }

    private func messages() -> [String] { handler.entries.map { $0.message.description } }

    @Test(arguments: [false, true]) func everyLineIsWrittenOnceHoweverOftenItIsReplayed(rebuilding: Bool) async throws {
        let scenario = WorkflowScenario(
            workflows: [Self.talks], activities: [Self.work], options: EngineOptions(telemetry: telemetry), rebuilding: rebuilding)
        try await scenario.engine.start(workflowID: "w", type: "talks", input: .string(Self.secret), at: scenario.clock.now)
        try await scenario.run()
        #expect(messages() == ["before", "working", "an attempt failed", "working", "between", "behind", "after everything"])
        #expect(handler.entries.allSatisfy { $0.metadata["workflowID"] == "w" && $0.metadata["workflowType"] == "talks" })
        let run = try #require(try await scenario.store.run("w"))
        #expect(handler.entries.allSatisfy { $0.metadata["runID"] == .string(run.runID) })
        let working = handler.entries.filter { $0.message == "working" }
        #expect(working.map { $0.metadata["attempt"] } == ["1", "2"])
        #expect(working.allSatisfy { $0.metadata["activityType"] == "work" && $0.metadata["activityID"] == "1" })
        let failed = try #require(handler.entries.first { $0.message == "an attempt failed" })
        #expect(failed.level == .warning)
        #expect([failed.metadata["error"], failed.metadata["next"], failed.metadata["attempt"]] == ["Busy", "in 1000 ms", "1"])
        #expect(handler.entries.allSatisfy { !"\($0.message) \($0.metadata)".contains(Self.secret) })
    }

    @Test func evictionIsSilentToo() async throws {
        let scenario = WorkflowScenario(workflows: [Self.talks], activities: [Self.work], options: EngineOptions(telemetry: telemetry))
        try await scenario.engine.start(workflowID: "w", type: "talks", input: 1, at: scenario.clock.now)
        try await scenario.run(until: scenario.clock.now + .minutes(1))
        let before = messages()
        scenario.engine.evictAll()
        #expect(messages() == before)
        #expect(before.last == "between")
    }

    @Test func aBlockedRunSaysWhyWithoutWhatTheCodeSays() async throws {
        struct Leak: Error, CustomStringConvertible { var description: String { "cannot reach \(LogTests.secret)" } }
        let type = WorkflowType("breaks") { _, _ in throw Leak() }
        let scenario = WorkflowScenario(workflows: [type], options: EngineOptions(telemetry: telemetry))
        try await scenario.engine.start(workflowID: "w", type: "breaks", input: 1, at: scenario.clock.now)
        try await scenario.run()
        let entry = try #require(handler.entries.first)
        #expect(handler.entries.count == 1)
        #expect(entry.message == "the code does not fit; the run waits for code that does")
        #expect("\(entry.metadata["reason"] ?? "")".contains("expected a result or a WorkflowFailure, found another error"))
        #expect(!"\(entry.metadata)".contains(Self.secret))
    }

    @Test func aLongHistoryIsWarnedOfOnce() async throws {
        let type = WorkflowType("long") { context, _ in
            for _ in 0..<2600 { try await context.sleep(for: .milliseconds(1)) }
            return .null
        }
        let recorded = Recorded()
        var telemetry = telemetry
        telemetry.metrics = recorded.metrics
        let scenario = WorkflowScenario(workflows: [type], options: EngineOptions(telemetry: telemetry))
        try await scenario.engine.start(workflowID: "w", type: "long", input: 1, at: scenario.clock.now)
        try await scenario.run()
        #expect(messages() == ["the history has passed a fifth of its limit; continue as new"])
        #expect(recorded.count(.historyWarnings, ["workflow_type": "long"]) == 1)
        #expect(try await scenario.store.run("w")?.length ?? 0 > WorkflowLimits.warnEvents)
    }
}
