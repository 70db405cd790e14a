import DurableWorkflow
import Events

/// What the verbs need of an engine that keeps its database in this process.
typealias OwnEngine = DurableEngine & EngineUpkeep

/// The engines of the command line: the one place of this module that names a class of engine.
enum Engines {
    /// One that has code: a run's, on the system's time or on a clock that the run turns.
    static func running(
        _ store: any WorkflowStore, _ workflows: [WorkflowType], _ activities: [ActivityType], _ options: EngineOptions,
        on time: any TimeSource
    ) -> any OwnEngine & VirtualTime {
        EmbeddedEngine(store: store, workflows: workflows, activities: activities, options: options, time: time)
    }

    /// One without code: what it notes is taken up by the next one that has it.
    static func operators(_ store: any WorkflowStore, at now: Timestamp) -> any OwnEngine {
        EmbeddedEngine(
            store: store, workflows: [], activities: [], options: EngineOptions(identity: "lockstep workflow"), time: VirtualClock(now))
    }
}
