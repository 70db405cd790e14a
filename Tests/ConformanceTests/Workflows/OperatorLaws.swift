import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import SQLiteStorage
import Synchronization
import Testing

/// What operators do with many runs, on every store.
@Suite struct OperatorLaws {
    private static let done = WorkflowType("done") { _, input in input }
    private static let sleep = WorkflowType("sleep") { context, _ in
        try await context.sleep(for: .hours(1))
        return .null
    }

    private static let queries: [(String, [String])] = [
        ("WorkflowType = 'sleep'", ["b", "c"]), ("WorkflowType != 'sleep'", ["a"]),
        ("ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH 'b'", ["b"]), ("ExecutionStatus IN ('Completed', 'Blocked')", ["a"]),
        ("customer = 'c1' OR customer = 'c2'", ["a", "b"]), ("amount > 2", ["b"]), ("amount BETWEEN 1 AND 2.5", ["a"]),
        ("amount >= 3 OR (tags = 'x' AND amount < 3)", ["a", "b"]), ("amount IS NULL", ["c"]), ("`amount` is not null", ["a", "b"]),
        ("CloseTime IS NULL AND isOld = true", ["b"]), ("StartTime <= '9000-01-01T00:00:00Z' and HistoryLength > 1", ["a", "b", "c"]),
        ("customer > 'c1'", ["b"]), ("amount > 'text'", []), ("RunId = 'none'", []),
    ]

    @Test(arguments: LawEngine.allCases) func queriesFindRuns(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.done, Self.sleep])
        let first: [String: JSONValue] = ["customer": "c1", "amount": 2, "tags": ["x", "y"]]
        try await scenario.start("done", 1, WorkflowOptions(searchAttributes: first), id: "a")
        let second: [String: JSONValue] = ["customer": "c2", "amount": 3, "isOld": true]
        try await scenario.start("sleep", 1, WorkflowOptions(searchAttributes: second), id: "b")
        try await scenario.start("sleep", id: "c")
        try await scenario.settle()
        for (text, expected) in Self.queries {
            let filter = WorkflowFilter(query: try WorkflowQuery(text))
            #expect(try await scenario.engine.list(filter).map(\.workflowID).sorted() == expected, "\(text)")
            #expect(try await scenario.engine.count(filter) == expected.count)
        }
        #expect(try await scenario.engine.count(WorkflowFilter(isOpen: true)) == 2)
        #expect(try await scenario.engine.count(WorkflowFilter(isOpen: false)) == 1)
    }

    @Test(arguments: [
        ("", 1), ("WorkflowType", 13), ("WorkflowType = ", 16), ("WorkflowType = 'a", 16), ("= 'a'", 1), ("a = b", 5), ("a = 1 b = 2", 7),
        ("(a = 1", 7), ("a IN 1", 6), ("a IS 1", 6), ("a BETWEEN 1 OR 2", 13), ("a ~ 1", 3), ("a = 1-2", 5),
    ]) func aBadQueryIsRefusedWithItsPlace(text: String, place: Int) throws {
        let error = try #require(throws: WorkflowQueryError.self) { try WorkflowQuery(text) }
        #expect(error.description.hasPrefix("query, character \(place): expected"), "\(error)")
    }

    /// A condition has limits before it takes stack and memory.
    @Test func aQueryHasLimits() throws {
        func nested(_ depth: Int) -> String { String(repeating: "(", count: depth) + "a = 1" + String(repeating: ")", count: depth) }
        #expect(throws: Never.self) { try WorkflowQuery(nested(64)) }
        for text in [nested(65), nested(30_000), String(repeating: "(", count: 60_000)] {
            let error = try #require(throws: WorkflowQueryError.self) { try WorkflowQuery(text) }
            #expect(error.description.contains("at most 64 levels of parentheses"), "\(error.description.prefix(200))")
        }
        let long = try #require(throws: WorkflowQueryError.self) { try WorkflowQuery("a = '\(String(repeating: "x", count: 65_536))'") }
        #expect(long.description.contains("at most 65536 bytes"))
    }

    /// Retention keeps the end of a child until its parent has heard of it.
    @Test(arguments: LawEngine.allCases) func retentionKeepsWhatIsNotDelivered(engine: LawEngine) async throws {
        let parent = WorkflowType("parent") { context, _ in
            let handle: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow(
                "done", input: 7, options: ChildWorkflowOptions(id: "child"))
            return try await handle.result()
        }
        let scenario = try engine.scenario([parent, Self.done])
        try await scenario.start("parent")
        while try await scenario.status("child") != .completed { _ = try await scenario.engine.runNext(at: scenario.clock.now) }
        let later = scenario.clock.now + .days(1)
        #expect(try await scenario.engine.removeClosed(retention: .seconds(1), at: later) == 0)
        try await scenario.run()
        #expect(try await scenario.result("w") == 7)
        #expect(try await scenario.engine.removeClosed(retention: .seconds(1), at: later, limit: 1) == 1)
        #expect(try await scenario.engine.removeClosed(retention: .seconds(1), at: later) == 1)
        #expect(try await scenario.engine.count() == 0)
    }

    /// Schedules that separate processes have created are two schedules, even where there was never a run.
    @Test(arguments: LawEngine.allCases) func schedulesOfTwoProcessesDoNotMeet(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.done])
        let schedule = Schedule(crons: ["@hourly"], workflowType: "done")
        for id in ["a", "b"] {
            let process = EmbeddedEngine(store: scenario.store, workflows: [], activities: [])
            try await process.createSchedule(id, schedule, at: scenario.clock.now)
            await #expect(throws: ScheduleError.self) { try await process.createSchedule(id, schedule, at: scenario.clock.now) }
        }
        let next = WorkflowScenario(store: scenario.store, workflows: [Self.done])
        try await next.pass(.minutes(150))
        #expect(try await next.engine.schedule("a").started == 2)
        #expect(try await next.engine.schedule("b").started == 2)
    }

    @Test(arguments: LawEngine.allCases) func aScheduleSaysWhatItDidAndWhatComesNext(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.sleep])
        let began = scenario.clock.now
        try await scenario.engine.createSchedule("s", Schedule(interval: .minutes(40), workflowType: "sleep"), at: began)
        try await scenario.pass(.minutes(125))
        var record = try await scenario.engine.schedule("s")
        let first = try #require(record.recent?.last?.scheduledAt)
        #expect(record.recent?.map { $0.scheduledAt - first } == [.minutes(80), .zero])
        #expect((record.started, record.skipped) == (2, 1))
        #expect(try record.upcoming(2).map { $0 - first } == [.minutes(120), .minutes(160)])
        #expect(try await scenario.engine.running(ofSchedule: "s").map(\.runID) == [record.last?.runID])
        try await scenario.engine.updateSchedule("s", at: scenario.clock.now) { $0.interval = .hours(6) }
        try await scenario.engine.triggerSchedule("s", overlap: .allowAll, at: scenario.clock.now)
        try await scenario.engine.backfillSchedule("s", from: first, to: first, overlap: .allowAll, at: scenario.clock.now)
        record = try await scenario.engine.schedule("s")
        #expect(record.started == 3, "a start that was made is not made again")
        #expect(record.schedule.interval == .hours(6))
        try await scenario.engine.pauseSchedule("s", note: "later")
        #expect(try await scenario.engine.schedule("s").upcoming(3).isEmpty)
    }
}
