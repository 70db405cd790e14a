import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import SQLiteStorage
import Synchronization
import Testing

/// Every engine on which the laws of workflows hold.
enum LawEngine: CaseIterable, CustomTestStringConvertible {
    /// In memory; code runs when the caller says so.
    case memory
    /// On disk.
    case disk
    /// A new engine for every single step, as if the process had died after each.
    case memoryRebuilt, diskRebuilt
    /// Code runs in the transaction of what makes it due.
    case memoryEager, diskEager

    var testDescription: String { "\(self)" }
    private var isRebuilding: Bool { self == .memoryRebuilt || self == .diskRebuilt }
    var isEager: Bool { self == .memoryEager || self == .diskEager }

    func store() throws -> any WorkflowStore {
        switch self {
        case .memory, .memoryRebuilt, .memoryEager: return InMemoryWorkflowStore()
        case .disk, .diskRebuilt, .diskEager:
            let path = NSTemporaryDirectory() + "lockstep-laws-\(UUID().uuidString).sqlite"
            return SQLiteWorkflowStore(try LockstepDatabase(path: path))
        }
    }

    func scenario(
        _ workflows: [WorkflowType], _ activities: [ActivityType] = [], _ options: EngineOptions = EngineOptions(),
        store: (any WorkflowStore)? = nil
    ) throws -> WorkflowScenario {
        var options = options
        options.isEager = isEager
        return WorkflowScenario(
            store: try store ?? self.store(), workflows: workflows, activities: activities, options: options, rebuilding: isRebuilding)
    }
}

extension WorkflowScenario {
    @discardableResult
    func start(_ type: String, _ input: JSONValue = .null, _ options: WorkflowOptions = WorkflowOptions(), id: String = "w")
        async throws -> WorkflowExecution
    {
        try await engine.start(workflowID: id, type: type, input: input, options: options, at: clock.now)
    }

    @discardableResult
    func signal(_ name: String, _ payload: JSONValue = .null, id signalID: String = UUID().uuidString, to workflow: String = "w")
        async throws -> SignalReceipt
    {
        try await engine.signal(workflowID: workflow, signal: SignalMessage(id: signalID, name: name, payload: payload), at: clock.now)
    }

    /// Runs what can be run without time passing.
    func settle() async throws { try await run(until: clock.now) }

    func pass(_ duration: Duration) async throws {
        let end = clock.now + duration
        try await run(until: end)
        if clock.now < end { clock.advance(by: end - clock.now) }
    }

    func status(_ id: String = "w") async throws -> WorkflowStatus? { try await store.run(id)?.status }
    func problem(_ id: String = "w") async throws -> String { try await store.run(id)?.problem ?? "" }
    func kinds(_ id: String = "w") async throws -> [HistoryEvent.Kind] { try await store.history(of: id).map(\.kind) }
    func failure(_ id: String = "w") async throws -> Failure? { try await store.history(of: id).last?.fields.failure(.failure) }
}

/// Counts and notes, across engines.
final class Notes: Sendable {
    private let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}

let briefly = ActivityOptions(startToCloseTimeout: .seconds(10))
let echo = ActivityType("echo") { _, input in input }
