import DurableWorkflow
import Events
import Foundation
import SQLiteStorage
import Testing

/// Every durable engine behind the port. Another one is one more case: the laws see `any DurableEngine`, a worker, and nothing else.
enum PortEngine: CaseIterable, CustomTestStringConvertible {
    /// The embedded one, in memory.
    case memory
    /// The embedded one, on SQLite.
    case disk

    var testDescription: String { "\(self)" }

    private func engine(_ workflows: [WorkflowType], _ activities: [ActivityType]) throws -> any DurableEngine {
        EmbeddedEngine(store: try store(), workflows: workflows, activities: activities, options: EngineOptions(isEager: true))
    }

    private func store() throws -> any WorkflowStore {
        switch self {
        case .memory: InMemoryWorkflowStore()
        case .disk: SQLiteWorkflowStore(try LockstepDatabase(path: NSTemporaryDirectory() + "lockstep-port-\(UUID().uuidString).sqlite"))
        }
    }

    /// Runs `body` with an engine whose worker is at work, in real time.
    func working(
        _ workflows: [WorkflowType], _ activities: [ActivityType] = [], _ body: (any DurableEngine) async throws -> Void
    ) async throws {
        let engine = try engine(workflows, activities)
        let worker = engine.worker(activitySlots: 10, longestSleep: .seconds(1))
        let running = Task { try await worker.run() }
        do { try await body(engine) } catch {
            worker.stop()
            throw error
        }
        await worker.drain()
        worker.stop()
        try await running.value
    }
}

/// A call of the port, and its name.
typealias PortCall = (name: String, body: @Sendable (any DurableEngine) async throws -> Void)

extension DurableEngine {
    /// Expects each call to throw a `Failure`.
    func refuses<Failure: Error>(_ calls: [PortCall], with failure: Failure.Type) async {
        for call in calls { await #expect(throws: failure, "\(call.name)") { try await call.body(self) } }
    }

    func start(_ type: String, _ input: JSONValue = .null, id: String = "w", _ options: WorkflowOptions = WorkflowOptions()) async throws
        -> WorkflowExecution
    { try await start(workflowID: id, type: type, input: input, options: options) }

    func signal(_ name: String, _ payload: JSONValue, id: String, to workflow: String = "w") async throws -> SignalReceipt {
        try await signal(workflowID: workflow, signal: SignalMessage(id: id, name: name, payload: payload))
    }

    func value(of workflow: String = "w") async throws -> JSONValue { try converter.value(try await result(workflowID: workflow)) }

    /// How the run ended that did not complete.
    func failure(of workflow: String = "w") async throws -> WorkflowStatus? {
        await #expect(throws: WorkflowFailed.self) { try await result(workflowID: workflow) }?.run.status
    }
}
