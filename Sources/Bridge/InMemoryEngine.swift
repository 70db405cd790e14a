import DurableWorkflow
import Events

/// A durable engine in memory that somebody steps: what a shadow, a rehearsal and a comparison run on. The one place of this module that
/// names a class of engine.
func inMemoryEngine(
    _ workflows: [WorkflowType] = [], _ activities: [ActivityType] = [], on clock: VirtualClock
) -> any DurableEngine & VirtualTime {
    EmbeddedEngine(store: InMemoryWorkflowStore(), workflows: workflows, activities: activities, time: clock)
}
