public import DurableWorkflow
public import Events
import Synchronization

/// Runs workflows in virtual time: the clock jumps to whatever the engine waits for next. Activities are given by name, so a test mocks
/// one by giving another.
///
/// With `rebuilding` every single step is made by a new engine on the same store, as if the process had died after each.
public final class WorkflowScenario: Sendable {
    /// Where the workflows live.
    public let store: any WorkflowStore
    /// Its time, which is the engine's clock.
    public let clock: ManualClock
    private let workflows: [WorkflowType]
    private let activities: [ActivityType]
    private let options: EngineOptions
    private let isRebuilding: Bool
    private let current: Mutex<EmbeddedEngine>

    /// A scenario.
    public init(
        store: any WorkflowStore = InMemoryWorkflowStore(), workflows: [WorkflowType], activities: [ActivityType] = [],
        options: EngineOptions = EngineOptions(), rebuilding: Bool = false
    ) {
        self.store = store
        self.workflows = workflows
        self.activities = activities
        self.options = options
        isRebuilding = rebuilding
        clock = ManualClock()
        current = Mutex(EmbeddedEngine(store: store, workflows: workflows, activities: activities, options: options, time: clock))
    }

    /// The engine that makes the next step.
    public var engine: EmbeddedEngine {
        guard isRebuilding else { return current.withLock { $0 } }
        return EmbeddedEngine(store: store, workflows: workflows, activities: activities, options: options, time: clock)
    }

    /// Runs until nothing is due at or before `limit`, or nothing that is due can be run; the clock ends at the last thing that happened.
    public func run(until limit: Timestamp = .distantFuture) async throws {
        while true {
            let engine = engine
            guard let due = try await engine.nextDue(), due <= limit else { return }
            if due > clock.now { clock.advance(by: due - clock.now) }
            if try await !step(engine) { return }
        }
    }

    /// One step, or everything that is due; false when nothing came of it.
    private func step(_ engine: EmbeddedEngine) async throws -> Bool {
        guard isRebuilding else { return try await engine.runDue() > 0 }
        let before = try await state()
        _ = try await engine.runNext()
        return try await state() != before
    }

    private func state() async throws -> [Int64: Int] {
        let runs = try await store.runs()
        let due = try await store.due(after: nil, until: .distantFuture, limit: .max)
        var state = Dictionary(runs.map { ($0.key, $0.length + $0.attempts.hashValue) }, uniquingKeysWith: { $1 })
        state[-1] = due.hashValue
        return state
    }

    /// The result of a workflow that has completed.
    public func result(_ workflowID: String) async throws -> JSONValue? {
        guard let run = try await store.run(workflowID), let end = try await store.history(run.key).last else { return nil }
        return try end.payload(.result).map { try options.converter.value($0) }
    }
}
