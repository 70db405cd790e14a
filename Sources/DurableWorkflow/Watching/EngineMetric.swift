/// What an engine measures: under Temporal's SDK name where there is one, ours with `lockstep_`. Latencies are in seconds where the
/// back end shows seconds.
public enum EngineMetric: String, CaseIterable, Sendable {
    /// A run's code returned.
    case workflowCompleted = "temporal_workflow_completed"
    /// A run's code threw a failure.
    case workflowFailed = "temporal_workflow_failed"
    /// A run ended on a cancellation.
    case workflowCanceled = "temporal_workflow_canceled"
    /// A run went on in another.
    case workflowContinueAsNew = "temporal_workflow_continue_as_new"
    /// From a run's start to its end.
    case workflowEndToEndLatency = "temporal_workflow_endtoend_latency"
    /// The time of one workflow task, a replay included.
    case workflowTaskExecutionLatency = "temporal_workflow_task_execution_latency"
    /// The time to replay a run that was not in memory.
    case workflowTaskReplayLatency = "temporal_workflow_task_replay_latency"
    /// A workflow task whose code did not fit, or threw what it may not.
    case workflowTaskExecutionFailed = "temporal_workflow_task_execution_failed"
    /// From the moment a workflow task was due to its begin.
    case workflowTaskScheduleToStartLatency = "temporal_workflow_task_schedule_to_start_latency"
    /// The time of one attempt's code, whatever came of it.
    case activityExecutionLatency = "temporal_activity_execution_latency"
    /// An attempt that failed; timeouts are counted apart.
    case activityExecutionFailed = "temporal_activity_execution_failed"
    /// From the moment an attempt was due to its begin.
    case activityScheduleToStartLatency = "temporal_activity_schedule_to_start_latency"
    /// From the moment an activity was scheduled to its success, all attempts included.
    case activitySucceedEndToEndLatency = "temporal_activity_succeed_endtoend_latency"
    /// The time of one attempt of a local activity.
    case localActivityExecutionLatency = "temporal_local_activity_execution_latency"
    /// An attempt of a local activity that failed.
    case localActivityExecutionFailed = "temporal_local_activity_execution_failed"
    /// Workflows in memory.
    case stickyCacheSize = "temporal_sticky_cache_size"
    /// A workflow task that found its workflow in memory.
    case stickyCacheHit = "temporal_sticky_cache_hit"
    /// A run that had to be replayed.
    case stickyCacheMiss = "temporal_sticky_cache_miss"
    /// Workflows that left memory because there were too many.
    case stickyCacheTotalForcedEviction = "temporal_sticky_cache_total_forced_eviction"
    /// What a worker could begin more.
    case workerTaskSlotsAvailable = "temporal_worker_task_slots_available"
    /// What a worker runs.
    case workerTaskSlotsUsed = "temporal_worker_task_slots_used"
    /// Somebody ended a run.
    case workflowTerminated = "lockstep_workflow_terminated_total"
    /// A run's time was over.
    case workflowTimedOut = "lockstep_workflow_timed_out_total"
    /// A workflow task whose code took longer than it may.
    case workflowTaskTimedOut = "lockstep_workflow_task_timed_out_total"
    /// An attempt whose time was over.
    case activityTimedOut = "lockstep_activity_timed_out_total"
    /// A run whose history has passed a fifth of its limit.
    case historyWarnings = "lockstep_history_warnings_total"
    /// A thing that was due, could not be run, and was set aside.
    case quarantined = "lockstep_quarantined_total"
    /// Transactions of the store.
    case commits = "lockstep_commits_total"
    /// How many changes went into one transaction.
    case commitGroupSize = "lockstep_commit_group_size"
    /// The time of one transaction.
    case commitLatency = "lockstep_commit_latency"
    /// Attempts of activities that are due and have not begun.
    case queueDue = "lockstep_queue_due"
    /// Those of them that the queue's rate, or its number of slots, does not let go.
    case queueWaiting = "lockstep_queue_waiting"
    /// Attempts that run.
    case queueRunning = "lockstep_queue_running"

    /// What one sample is.
    public enum Kind: String, Sendable {
        /// It only grows.
        case counter
        /// It goes up and down; renewed every second by a worker, else by ``EngineUpkeep/updateGauges()``.
        case gauge
        /// A duration.
        case latency
        /// A number of which many are recorded.
        case distribution
    }

    /// What one sample is.
    public var kind: Kind {
        switch self {
        case .stickyCacheSize, .workerTaskSlotsAvailable, .workerTaskSlotsUsed, .queueDue, .queueWaiting, .queueRunning: .gauge
        case .commitGroupSize: .distribution
        default: rawValue.hasSuffix("_latency") ? .latency : .counter
        }
    }

    /// The labels beside `namespace`.
    public var labels: [String] {
        switch self {
        case .stickyCacheSize, .stickyCacheTotalForcedEviction, .quarantined, .commits, .commitGroupSize, .commitLatency: []
        case .workerTaskSlotsAvailable, .workerTaskSlotsUsed: ["worker_type"]
        case .stickyCacheHit, .stickyCacheMiss, .queueDue, .queueWaiting, .queueRunning: ["task_queue"]
        case .workflowTaskExecutionFailed: ["task_queue", "workflow_type", "failure_reason"]
        case .activityTimedOut: ["task_queue", "workflow_type", "activity_type", "timeout_type"]
        case .activityExecutionLatency, .activityExecutionFailed, .activityScheduleToStartLatency, .activitySucceedEndToEndLatency,
            .localActivityExecutionLatency, .localActivityExecutionFailed:
            ["task_queue", "workflow_type", "activity_type"]
        default: ["task_queue", "workflow_type"]
        }
    }

    /// The sentences of all, by name.
    public static var helpByName: [String: String] { Dictionary(allCases.map { ($0.rawValue, $0.help) }) { $1 } }

    /// One sentence, for whoever reads the figures.
    public var help: String {
        switch self {
        case .workflowCompleted: "Runs whose code returned."
        case .workflowFailed: "Runs whose code threw a failure."
        case .workflowCanceled: "Runs that ended on a cancellation."
        case .workflowContinueAsNew: "Runs that went on in another."
        case .workflowEndToEndLatency: "From a run's start to its end."
        case .workflowTaskExecutionLatency: "The time of one workflow task, a replay included."
        case .workflowTaskReplayLatency: "The time to replay a run that was not in memory."
        case .workflowTaskExecutionFailed: "Workflow tasks whose code did not fit, or threw what it may not."
        case .workflowTaskScheduleToStartLatency: "From the moment a workflow task was due to its begin."
        case .activityExecutionLatency: "The time of one attempt's code, whatever came of it."
        case .activityExecutionFailed: "Attempts that failed, without timeouts."
        case .activityScheduleToStartLatency: "From the moment an attempt was due to its begin."
        case .activitySucceedEndToEndLatency: "From the moment an activity was scheduled to its success."
        case .localActivityExecutionLatency: "The time of one attempt of a local activity."
        case .localActivityExecutionFailed: "Attempts of local activities that failed."
        case .stickyCacheSize: "Workflows in memory."
        case .stickyCacheHit: "Workflow tasks that found their workflow in memory."
        case .stickyCacheMiss: "Runs that had to be replayed."
        case .stickyCacheTotalForcedEviction: "Workflows that left memory because there were too many."
        case .workerTaskSlotsAvailable: "What a worker could begin more."
        case .workerTaskSlotsUsed: "What a worker runs."
        case .workflowTerminated: "Runs that somebody ended."
        case .workflowTimedOut: "Runs whose time was over."
        case .workflowTaskTimedOut: "Workflow tasks whose code took longer than they may."
        case .activityTimedOut: "Attempts whose time was over."
        case .historyWarnings: "Runs whose history has passed a fifth of its limit."
        case .quarantined: "Things that were due, could not be run, and were set aside."
        case .commits: "Transactions of the store."
        case .commitGroupSize: "Changes in one transaction."
        case .commitLatency: "The time of one transaction."
        case .queueDue: "Attempts of activities that are due and have not begun."
        case .queueWaiting: "Due attempts that the queue's rate or slots do not let go."
        case .queueRunning: "Attempts of activities that run."
        }
    }
}
