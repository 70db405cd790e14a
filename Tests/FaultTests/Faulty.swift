import DurableWorkflow
import Events
import Foundation
import SQLiteStorage
import Synchronization
import Testing

/// Workflows on a database that will not take a write, and what becomes of them when it does again.
final class Faulty: Sendable {
    private static let workflow = WorkflowType("steps") { context, input in
        var last = input
        for _ in 0..<20 { last = try await context.execute("step", input: last) }
        _ = try await context.nextSignal(named: ["go"])
        return last
    }
    private static let step = ActivityType("step") { _, input in .string((input.string ?? "") + "0123456789012345678901234567890123456789")
    }

    private let path: String
    private let database: Mutex<LockstepDatabase?>
    private let engine: Mutex<EmbeddedEngine?>
    private let signalled = Mutex<Set<String>>([])
    private let started = Mutex<Set<String>>([])
    private let time = SystemTime()

    init(_ path: String) throws {
        self.path = path
        let opened = try LockstepDatabase(path: path, patience: .milliseconds(50))
        database = Mutex(opened)
        engine = Mutex(Self.engine(opened))
    }

    private static func engine(_ database: LockstepDatabase) -> EmbeddedEngine {
        EmbeddedEngine(
            store: SQLiteWorkflowStore(database), workflows: [workflow], activities: [step], options: EngineOptions(isEager: true))
    }

    private func present() throws -> EmbeddedEngine { try #require(engine.withLock { $0 }) }

    func setMaximumPages(more: Int) throws {
        let database = try #require(database.withLock { $0 })
        let count = Int(try #require(try database.setting("page_count"))) ?? 0
        _ = try database.setting("max_page_count=\(count + more)")
    }

    /// Starts workflows and signals every second one: all of this is acknowledged.
    func start(_ numbers: Range<Int>) async throws {
        for number in numbers {
            try await present().start(workflowID: "w\(number)", type: "steps", input: "", options: WorkflowOptions(), at: time.now)
            started.withLock { _ = $0.insert("w\(number)") }
            if number.isMultiple(of: 2) { try await signal("w\(number)") }
        }
    }

    private func signal(_ workflow: String) async throws {
        let message = SignalMessage(id: "\(workflow)-go", name: "go", payload: .null)
        try await present().signal(workflowID: workflow, signal: message, at: time.now)
        signalled.withLock { _ = $0.insert(workflow) }
    }

    /// Works until the store refuses; who waits for a result, and who starts a workflow, gets the same error. What is small may still fit.
    func runIntoFailure() async throws -> DatabaseFailure {
        let engine = try present()
        let waiting = Task { try await engine.result(workflowID: "w1") }
        let error = await #expect(throws: DatabaseFailure.self) { try await WorkflowWorker(engine: engine).run() }
        let told = await #expect(throws: DatabaseFailure.self) { try await waiting.value }
        #expect(told?.code == error?.code)
        let refused = await #expect(throws: DatabaseFailure.self) {
            for number in 1000..<100_000 { try await self.start(number..<number + 1) }
        }
        #expect(refused?.code == error?.code)
        return try #require(error)
    }

    /// The database, once what the failed worker had begun has let go of it.
    private func reopened() async throws -> LockstepDatabase {
        for _ in 0..<30_000 {
            do { return try LockstepDatabase(path: path) } catch is DatabaseRefusal { try await Task.sleep(for: .milliseconds(1)) }
        }
        return try LockstepDatabase(path: path)
    }

    /// A new engine on the database, opened again, ends everything; each thing has happened once.
    func finish() async throws {
        engine.withLock { $0 = nil }
        database.withLock { $0 = nil }
        let opened = try await reopened()
        let engine = Self.engine(opened)
        self.engine.withLock { $0 = engine }
        let worker = WorkflowWorker(engine: engine)
        let running = Task { try await worker.run() }
        let store = SQLiteWorkflowStore(opened)
        for workflow in signalled.withLock({ $0 }) where workflow != "w1" {
            #expect(try await store.history(of: workflow).contains { $0.kind == .workflowExecutionSignaled }, "it was acknowledged")
        }
        let all = started.withLock { $0 }
        for workflow in all { try await signal(workflow) }
        for workflow in all { _ = try await engine.result(workflowID: workflow) }
        worker.stop()
        try await running.value
        #expect(try await store.count(matching: WorkflowFilter()) == all.count)
        for workflow in all {
            let kinds = Dictionary(try await store.history(of: workflow).map { ($0.kind, 1) }, uniquingKeysWith: +)
            #expect(kinds[.activityTaskCompleted] == 20 && kinds[.workflowExecutionSignaled] == 1, "\(workflow)")
            #expect(kinds[.workflowExecutionCompleted] == 1, "\(workflow)")
        }
        #expect(try opened.setting("integrity_check") == "ok")
    }
}
