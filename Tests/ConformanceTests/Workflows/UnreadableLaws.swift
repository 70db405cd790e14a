import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import GRDB
import SQLiteStorage
import Testing

/// A row that cannot be read is named, and set aside alone: a worker goes on with everything else.
@Suite struct UnreadableLaws {
    private static let waiting = WorkflowType("waiting") { context, _ in
        try await context.sleep(for: .minutes(1))
        return "well"
    }

    /// What was done to a row, and what its error names.
    private static let damages: [(sql: String, table: String, column: String)] = [
        ("PRAGMA ignore_check_constraints=ON; UPDATE workflow_run SET status = 'dozing' WHERE workflow = 'bad'", "workflow_run", "status"),
        ("UPDATE workflow_run SET more = '{\"memo\":1}' WHERE workflow = 'bad'", "workflow_run", "more"),
        ("UPDATE workflow_run SET more = 'no json' WHERE workflow = 'bad'", "workflow_run", "more"),
        (
            "UPDATE workflow_history SET events = x'FFFFFF' WHERE run = (SELECT key FROM workflow_run WHERE workflow = 'bad')",
            "workflow_history", "events"
        ),
        (
            "DELETE FROM workflow_history WHERE first = 1 AND run = (SELECT key FROM workflow_run WHERE workflow = 'bad')",
            "workflow_history", "events"
        ),
    ]

    private func database() throws -> LockstepDatabase {
        try LockstepDatabase(path: NSTemporaryDirectory() + "lockstep-unreadable-\(UUID().uuidString).sqlite")
    }

    @Test(arguments: damages.indices) func aDamagedRunStopsItselfAlone(index: Int) async throws {
        let damage = Self.damages[index]
        let database = try database()
        let store = SQLiteWorkflowStore(database)
        let before = WorkflowScenario(store: store, workflows: [Self.waiting])
        for id in ["good", "bad", "other"] { try await before.start("waiting", id: id) }
        try await before.settle()
        try database.write { try $0.execute(sql: damage.sql) }
        let after = WorkflowScenario(store: store, workflows: [Self.waiting], options: EngineOptions(isEager: true))
        after.clock.advance(by: .minutes(2))
        let engine = after.engine
        let worker = WorkflowWorker(engine: engine)
        let running = Task { try await worker.run() }
        for id in ["good", "other"] { #expect(try await engine.result(workflowID: id) == Payload("well")) }
        let error = await #expect(throws: UnreadableRow.self) {
            try await engine.signal(workflowID: "bad", signal: SignalMessage(id: "s", name: "s", payload: 1), at: after.clock.now)
        }
        #expect(error?.table == damage.table)
        #expect(error?.column == damage.column)
        while try await engine.quarantined().isEmpty { await Task.yield() }
        let set = try #require(try await engine.quarantined().first)
        #expect(set.item.workflowID == "bad")
        #expect(set.problem.hasPrefix("\(damage.table), row "), "\(set.problem)")
        #expect(set.problem.contains("expected") && set.problem.contains("found"))
        worker.stop()
        try await running.value
    }

    @Test(arguments: [
        "PRAGMA ignore_check_constraints=ON; UPDATE workflow_due SET kind = 'dance' WHERE workflow = 'bad'",
        "UPDATE workflow_due SET body = 'no json' WHERE workflow = 'bad'",
    ]) func aDueThingThatCannotBeReadIsSetAside(sql: String) async throws {
        let database = try database()
        let store = SQLiteWorkflowStore(database)
        let before = WorkflowScenario(store: store, workflows: [Self.waiting])
        for id in ["good", "bad"] { try await before.start("waiting", id: id) }
        try await before.settle()
        try database.write { try $0.execute(sql: sql) }
        let after = WorkflowScenario(store: store, workflows: [Self.waiting])
        try await after.pass(.minutes(2))
        #expect(try await after.result("good") == "well")
        let set = try await after.engine.quarantined()
        #expect(set.map(\.item.workflowID) == ["bad"])
        #expect(set.first?.problem.hasPrefix("workflow_due, row bad") == true)
    }

    /// What is mended goes on where it was set aside.
    @Test func whatIsMendedIsReleased() async throws {
        let database = try database()
        let store = SQLiteWorkflowStore(database)
        let before = WorkflowScenario(store: store, workflows: [Self.waiting])
        try await before.start("waiting", id: "bad")
        try await before.settle()
        try database.write { try $0.execute(sql: "UPDATE workflow_run SET more = 'no json'") }
        let after = WorkflowScenario(store: store, workflows: [Self.waiting])
        try await after.pass(.minutes(2))
        #expect(try await after.engine.quarantined().count == 1)
        try database.write { try $0.execute(sql: "UPDATE workflow_run SET more = NULL") }
        #expect(try await after.engine.release(workflowID: "bad") == 1)
        #expect(try await after.engine.quarantined().isEmpty)
        try await after.settle()
        #expect(try await after.result("bad") == "well")
    }

    @Test func aDamagedScheduleStopsItselfAlone() async throws {
        let database = try database()
        let store = SQLiteWorkflowStore(database)
        let before = WorkflowScenario(store: store, workflows: [Self.waiting])
        for id in ["good", "bad"] {
            let schedule = Schedule(interval: .hours(1), workflowType: "waiting")
            try await before.engine.putSchedule(id, schedule, at: before.clock.now)
        }
        try database.write { try $0.execute(sql: "UPDATE workflow_schedule SET body = '{' || body WHERE id = 'bad'") }
        let after = WorkflowScenario(store: store, workflows: [Self.waiting])
        try await after.pass(.minutes(150))
        #expect(try await after.engine.schedule("good").started == 2)
        let error = await #expect(throws: UnreadableRow.self) { try await after.engine.schedule("bad") }
        #expect(error?.table == "workflow_schedule")
        #expect(try await after.engine.quarantined().map(\.item.workflowID) == ["schedule/bad"])
    }
}
