public import DurableWorkflow
public import Events
import Synchronization

/// Runs workflows in virtual time: the clock jumps to whatever the engine waits for next.
///
/// With `rebuilding` every single step is made by a new engine on the same store, as if the process had died after each.
public final class WorkflowScenario: Sendable {
    /// Where the workflows live.
    public let store: any WorkflowStore
    /// Its time.
    public let clock: ManualClock
    private let workflows: [WorkflowType]
    private let activities: [ActivityType]
    private let isRebuilding: Bool
    private let current: Mutex<EmbeddedEngine>

    /// A scenario.
    public init(
        store: any WorkflowStore = InMemoryWorkflowStore(), workflows: [WorkflowType], activities: [ActivityType] = [],
        rebuilding: Bool = false
    ) {
        self.store = store
        self.workflows = workflows
        self.activities = activities
        isRebuilding = rebuilding
        clock = ManualClock()
        current = Mutex(EmbeddedEngine(store: store, workflows: workflows, activities: activities))
    }

    /// The engine that makes the next step.
    public var engine: EmbeddedEngine {
        guard isRebuilding else { return current.withLock { $0 } }
        return EmbeddedEngine(store: store, workflows: workflows, activities: activities)
    }

    /// Runs until nothing is due at or before `limit`; the clock ends at the last thing that happened.
    public func run(until limit: Timestamp = .distantFuture) async throws {
        while let due = try await engine.nextDue(), due <= limit {
            if due > clock.now { clock.advance(by: due - clock.now) }
            try await engine.runDue(at: clock.now)
        }
    }
}
