import CoreMetrics
import Events
import Logging
import Synchronization
import Tracing

/// What an engine tells others about itself: metrics, spans and logs. When nobody listens, it does nothing.
final class Watch: Sendable {
    let metrics: EngineMetrics?
    let tracer: (any Tracer)?
    let logger: Logger?
    let uptime: @Sendable () -> Duration
    /// True when somebody listens.
    let isOn: Bool
    private let workers = Mutex<[@Sendable () -> WorkerSlots?]>([])

    init(_ telemetry: Telemetry, uptime: @escaping @Sendable () -> Duration) {
        let factory = telemetry.metrics ?? MetricsSystem.factory
        metrics = factory is NOOPMetricsHandler ? nil : EngineMetrics(factory, namespace: telemetry.namespace)
        let tracer = telemetry.tracer ?? InstrumentationSystem.tracer
        self.tracer = tracer is NoOpTracer ? nil : tracer
        logger = telemetry.logger
        self.uptime = uptime
        isOn = metrics != nil || self.tracer != nil || logger != nil
    }

    /// The same store, measured if somebody looks.
    func metered(_ store: any WorkflowStore) -> any WorkflowStore {
        metrics.map { MeteredStore(store: store, metrics: $0, uptime: uptime) } ?? store
    }

    /// Counts workflows that left memory because there were too many.
    func evicted(_ count: Int) { if count > 0 { metrics?.evictions.increment(by: count) } }

    /// Asks `slots` whenever the gauges are set, until it answers nil.
    func onSlots(_ slots: @escaping @Sendable () -> WorkerSlots?) { if metrics != nil { workers.withLock { $0.append(slots) } } }

    /// What all workers run; nil when there is none.
    var slots: WorkerSlots? {
        let known = workers.withLock { $0 }.map { $0() }
        return known.compactMap { $0 }.reduce(nil) { ($0 ?? WorkerSlots()) + $1 }
    }

    // MARK: Workflow tasks

    /// A workflow task begins; nil when nobody listens.
    func begin(_ turn: Turn) -> WatchedTask? {
        guard isOn else { return nil }
        let run = turn.state.run
        let handles = metrics?.workflow(run)
        if let task = turn.state.taskKey { handles?.taskScheduleToStart.record(turn.now - task.at) }
        if turn.state.live != nil { handles?.cacheHit.increment() }
        return WatchedTask(
            run: run, handles: handles, began: uptime(), at: turn.now,
            span: span("RunWorkflow:\(run.type)", .server, in: context(of: turn.state.started), run.ids, at: turn.now))
    }

    /// A workflow task has ended.
    func end(_ task: WatchedTask?, _ error: (any Error)? = nil) {
        guard let task else { return }
        let took = uptime() - task.began
        task.handles?.taskExecution.record(took)
        if let error { task.span?.fail(error is NonDeterminismError ? "NonDeterminismError" : "\(type(of: error))", at: task.at + took) }
        task.span?.end(at: SpanInstant(task.at, after: took))
    }

    /// A workflow task has taken longer than it may; its end is still to be told.
    func timedOut(_ task: WatchedTask?) {
        guard let task else { return }
        task.span?.fail("timeout \(TimeoutType.startToClose.rawValue)", at: task.at + (uptime() - task.began))
    }

    /// Replays; measured when there is something that the code has done before.
    func replay(_ run: WorkflowRun, _ history: [HistoryEvent], with live: LiveWorkflow) throws {
        guard let metrics, history.contains(where: { $0.kind == .workflowTaskCompleted }) else { return try live.replay(history) }
        let handles = metrics.workflow(run)
        let began = uptime()
        defer {
            handles.cacheMiss.increment()
            handles.taskReplay.record(uptime() - began)
        }
        try live.replay(history)
    }

    // MARK: Activities

    /// Runs an attempt's code: measured, in a span of its own, whose context is the task's while it runs.
    func run(_ attempt: Attempt, at moment: Timestamp, _ body: () async -> AttemptEnd) async -> AttemptEnd {
        guard isOn else { return await body() }
        let began = uptime()
        let span = span(
            "RunActivity:\(attempt.name)", .server, in: context(of: attempt.header), (attempt.token.workflowID, attempt.token.runID),
            at: moment)
        span?.attributes["temporalActivityID"] = attempt.context.activityID
        let end: AttemptEnd
        if let span { end = await ServiceContext.withValue(span.context) { await body() } } else { end = await body() }
        let took = uptime() - began
        attempt.handles?.execution.record(took)
        if let error = end.error { span?.fail(error, at: moment + took) }
        span?.end(at: SpanInstant(moment, after: took))
        return end
    }

    /// Runs one attempt of a local activity.
    func run(
        _ request: LocalRequest, in task: WatchedTask?, _ body: () async -> Result<Payload, Failure>
    ) async -> Result<Payload, Failure> {
        guard let task else { return await body() }
        let began = uptime()
        let moment = task.at + (began - task.began)
        let span = span("RunActivity:\(request.name)", .server, in: task.span?.context ?? .topLevel, task.run.ids, at: moment)
        let result: Result<Payload, Failure>
        if let span { result = await ServiceContext.withValue(span.context) { await body() } } else { result = await body() }
        let took = uptime() - began
        let handles = metrics?.local(request.name, of: task.run)
        handles?.execution.record(took)
        if case .failure(let failure) = result {
            handles?.failed.increment()
            span?.fail(failure.label, at: moment + took)
        }
        span?.end(at: SpanInstant(moment, after: took))
        return result
    }
}

/// A workflow task under way.
struct WatchedTask: Sendable {
    let run: WorkflowRun
    let handles: WorkflowHandles?
    let began: Duration
    let at: Timestamp
    let span: (any Span)?
}

extension AttemptEnd {
    /// What kind of failure it was; nil when there was none.
    fileprivate var error: String? {
        switch self {
        case .success, .later: nil
        case .failure(let failure): failure.label
        case .timeout(let type): "timeout \(type.rawValue)"
        case .cancelled: "canceled"
        }
    }
}

extension WorkflowRun {
    var ids: (workflowID: String, runID: String) { (workflowID, runID) }
}
