import Events

/// Runs a recorded history against the code that is here: before a deploy, and as a test.
public struct WorkflowReplayer: Sendable {
    private let workflows: [String: WorkflowType]
    let converter: PayloadConverter

    /// A replayer of `workflows`.
    public init(workflows: [WorkflowType], converter: PayloadConverter = PayloadConverter()) {
        self.workflows = Dictionary(workflows.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.converter = converter
    }

    /// Replays a whole history, open or closed. Nothing is called: what activities returned is in the history.
    ///
    /// Throws ``NonDeterminismError`` when the code does something else than it did, ``WorkflowEscape`` when it leaves its executor,
    /// ``UnhandledWorkflowError`` when it throws, ``UnknownWorkflowType`` when there is no code.
    public func replay(_ history: WorkflowHistory) throws { try replayed(history) { _ in } }

    /// Replays a whole history and asks the code where it stands then.
    func replayed<Value>(_ history: WorkflowHistory, _ ask: (LiveWorkflow) throws -> Value) throws -> Value {
        guard let started = history.events.first, started.kind == .workflowExecutionStarted else {
            throw HistoryError("event 1: expected workflowExecutionStarted, found \(history.events.first?.kind.name ?? "no event")")
        }
        guard let type = workflows[history.workflowType] else {
            throw UnknownWorkflowType(workflowID: history.workflowID, type: history.workflowType)
        }
        var run = WorkflowRun(
            key: 0, workflowID: history.workflowID, runID: history.runID, type: history.workflowType,
            taskQueue: started.fields.text(.taskQueue), startedAt: started.at)
        run.length = history.events.count
        let state = RunState(run: run, history: [started])
        let live = LiveWorkflow(state, type: type, converter: converter, uptime: Uptime.now)
        defer { live.evict() }
        try live.replay(history.events)
        return try ask(live)
    }
}
