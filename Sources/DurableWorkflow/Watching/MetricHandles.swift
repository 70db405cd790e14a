import CoreMetrics
import Synchronization

/// The handles of an engine's metrics, made once for every combination of labels.
final class EngineMetrics: Sendable {
    /// What names a handle.
    private struct Key: Hashable {
        let workflow: String
        var activity = ""
        let queue: String
    }

    private let make: HandleMaker
    let commits: Counter
    let commitGroupSize: Recorder
    let commitLatency: Timer
    let evictions: Counter
    let quarantined: Counter
    private let cacheSize: Meter
    private let slots = Mutex<WorkerHandles?>(nil)
    private let workflows = Mutex<[Key: WorkflowHandles]>([:])
    private let activities = Mutex<[Key: ActivityHandles]>([:])
    private let locals = Mutex<[Key: LocalActivityHandles]>([:])
    private let queues = Mutex<[String: QueueHandles]>([:])

    init(_ factory: any MetricsFactory, namespace: String) {
        make = HandleMaker(factory: factory, namespace: namespace)
        commits = make.counter(.commits)
        commitGroupSize = make.recorder(.commitGroupSize)
        commitLatency = make.timer(.commitLatency)
        evictions = make.counter(.stickyCacheTotalForcedEviction)
        quarantined = make.counter(.quarantined)
        cacheSize = make.meter(.stickyCacheSize)
    }

    func workflow(_ run: WorkflowRun) -> WorkflowHandles {
        workflows.withLock { known in
            let key = Key(workflow: run.type, queue: run.taskQueue)
            if let handles = known[key] { return handles }
            let handles = WorkflowHandles(make, ["task_queue": run.taskQueue, "workflow_type": run.type])
            known[key] = handles
            return handles
        }
    }

    func activity(_ type: String, of workflow: String, on queue: String) -> ActivityHandles {
        activities.withLock { known in
            let key = Key(workflow: workflow, activity: type, queue: queue)
            if let handles = known[key] { return handles }
            let handles = ActivityHandles(make, ["task_queue": queue, "workflow_type": workflow, "activity_type": type])
            known[key] = handles
            return handles
        }
    }

    func local(_ type: String, of run: WorkflowRun) -> LocalActivityHandles {
        locals.withLock { known in
            let key = Key(workflow: run.type, activity: type, queue: run.taskQueue)
            if let handles = known[key] { return handles }
            let handles = LocalActivityHandles(make, ["task_queue": run.taskQueue, "workflow_type": run.type, "activity_type": type])
            known[key] = handles
            return handles
        }
    }

    /// Sets the gauges; a queue that was seen once stays, at zero.
    func set(cacheSize size: Int, queues counts: [String: QueueCounts], slots now: WorkerSlots?) {
        cacheSize.set(size)
        queues.withLock { known in
            for queue in counts.keys where known[queue] == nil { known[queue] = QueueHandles(make, ["task_queue": queue]) }
            for (queue, handles) in known { handles.set(counts[queue] ?? QueueCounts()) }
        }
        guard let now else { return }
        slots.withLock { slots in
            let handles = slots ?? WorkerHandles(make)
            slots = handles
            handles.set(now)
        }
    }
}

/// Makes handles with the labels that a metric has.
struct HandleMaker: Sendable {
    let factory: any MetricsFactory
    let namespace: String

    func counter(_ metric: EngineMetric, _ labels: [String: String] = [:]) -> Counter {
        Counter(label: metric.rawValue, dimensions: dimensions(metric, labels), factory: factory)
    }

    func timer(_ metric: EngineMetric, _ labels: [String: String] = [:]) -> Timer {
        Timer(label: metric.rawValue, dimensions: dimensions(metric, labels), factory: factory)
    }

    func recorder(_ metric: EngineMetric, _ labels: [String: String] = [:]) -> Recorder {
        Recorder(label: metric.rawValue, dimensions: dimensions(metric, labels), factory: factory)
    }

    func meter(_ metric: EngineMetric, _ labels: [String: String] = [:]) -> Meter {
        Meter(label: metric.rawValue, dimensions: dimensions(metric, labels), factory: factory)
    }

    private func dimensions(_ metric: EngineMetric, _ labels: [String: String]) -> [(String, String)] {
        [("namespace", namespace)] + metric.labels.map { ($0, labels[$0] ?? "") }
    }
}

/// What is measured of the runs of one type on one queue.
final class WorkflowHandles: Sendable {
    let completed, failed, canceled, continuedAsNew, terminated, timedOut: Counter
    let taskFailedByNonDeterminism, taskFailed, taskTimedOut, cacheHit, cacheMiss, historyWarnings: Counter
    let endToEnd, taskExecution, taskReplay, taskScheduleToStart: Timer

    init(_ make: HandleMaker, _ labels: [String: String]) {
        completed = make.counter(.workflowCompleted, labels)
        failed = make.counter(.workflowFailed, labels)
        canceled = make.counter(.workflowCanceled, labels)
        continuedAsNew = make.counter(.workflowContinueAsNew, labels)
        terminated = make.counter(.workflowTerminated, labels)
        timedOut = make.counter(.workflowTimedOut, labels)
        taskFailedByNonDeterminism = make.counter(
            .workflowTaskExecutionFailed, labels.merging(["failure_reason": "NonDeterminismError"]) { $1 })
        taskFailed = make.counter(.workflowTaskExecutionFailed, labels.merging(["failure_reason": "WorkflowError"]) { $1 })
        taskTimedOut = make.counter(.workflowTaskTimedOut, labels)
        cacheHit = make.counter(.stickyCacheHit, labels)
        cacheMiss = make.counter(.stickyCacheMiss, labels)
        historyWarnings = make.counter(.historyWarnings, labels)
        endToEnd = make.timer(.workflowEndToEndLatency, labels)
        taskExecution = make.timer(.workflowTaskExecutionLatency, labels)
        taskReplay = make.timer(.workflowTaskReplayLatency, labels)
        taskScheduleToStart = make.timer(.workflowTaskScheduleToStartLatency, labels)
    }

    /// The counter of a terminal event.
    func ended(_ end: HistoryEvent.Kind) -> Counter {
        switch WorkflowStatus(end) {
        case .completed: completed
        case .cancelled: canceled
        case .continuedAsNew: continuedAsNew
        case .terminated: terminated
        case .timedOut: timedOut
        case .failed, .running, .blocked: failed
        }
    }
}

/// What is measured of one activity of one workflow type on one queue.
final class ActivityHandles: Sendable {
    let failed: Counter
    let execution, scheduleToStart, endToEnd: Timer
    private let make: HandleMaker
    private let labels: [String: String]
    /// Made when they are needed: most activities never run out of time.
    private let timedOut = Mutex<[TimeoutType: Counter]>([:])

    init(_ make: HandleMaker, _ labels: [String: String]) {
        failed = make.counter(.activityExecutionFailed, labels)
        execution = make.timer(.activityExecutionLatency, labels)
        scheduleToStart = make.timer(.activityScheduleToStartLatency, labels)
        endToEnd = make.timer(.activitySucceedEndToEndLatency, labels)
        self.make = make
        self.labels = labels
    }

    func timedOut(_ type: TimeoutType) {
        timedOut.withLock { known in
            let counter =
                known[type] ?? make.counter(.activityTimedOut, labels.merging(["timeout_type": type.rawValue]) { $1 })
            known[type] = counter
            counter.increment()
        }
    }
}

/// What is measured of one local activity of one workflow type.
final class LocalActivityHandles: Sendable {
    let failed: Counter
    let execution: Timer

    init(_ make: HandleMaker, _ labels: [String: String]) {
        failed = make.counter(.localActivityExecutionFailed, labels)
        execution = make.timer(.localActivityExecutionLatency, labels)
    }
}

extension Timer {
    /// Records a duration; one below zero, as of a clock that was set back, counts as none.
    func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        recordNanoseconds(max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000))
    }
}
