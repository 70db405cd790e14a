import Events

/// One workflow in memory: its task, its executor, and how much of its history the code has seen.
///
/// Touched only by the engine, one activation at a time.
final class LiveWorkflow: @unchecked Sendable {
    private let executor = WorkflowExecutor()
    private let context: WorkflowContext
    private var task: Task<Void, Never>?
    /// The number of history events that the code has seen or made.
    private(set) var seen = 0

    init(id: String, runID: String) {
        context = WorkflowContext(workflowID: id, runID: runID, now: .distantPast)
    }

    /// Shows the code everything in `history` that it has not seen, comparing the commands it makes with the recorded ones.
    ///
    /// `history` must be the whole history; its last part may be events that no task has seen yet, which stay unseen.
    func replay(_ history: [HistoryEvent], run: @escaping WorkflowType.Run) throws {
        var inputs: [HistoryEvent] = []
        var index = seen
        while index < history.count {
            let event = history[index]
            index += 1
            guard event.kind == .taskStarted else {
                inputs.append(event)
                continue
            }
            let commands = try activate(inputs, at: event.at, run: run).0
            try compare(commands, with: history, from: &index)
            inputs = []
            seen = index
        }
    }

    /// Shows the code new events and returns what it decided.
    func activate(
        _ inputs: [HistoryEvent], at now: Timestamp, run: @escaping WorkflowType.Run
    ) throws -> ([HistoryEvent], [Int: RetryPolicy]) {
        context.now = now
        try executor.host {
            for event in inputs { try show(event, run: run) }
            executor.drain()
        }
        if executor.takeEscape() {
            throw WorkflowEscape(workflowID: context.workflowID, what: "a task or actor outside the workflow resumed it")
        }
        let decided = context.takeCommands()
        let isDone = decided.0.last.map { [.workflowCompleted, .workflowFailed, .workflowCancelled].contains($0.kind) } ?? false
        if !isDone, !context.isAwaiting {
            throw WorkflowEscape(workflowID: context.workflowID, what: "it awaits nothing of the workflow context")
        }
        return decided
    }

    /// The signals that the code waits for now.
    var awaited: [AwaitedSignal] { context.awaited }

    /// Notes that the code has made or seen `count` further events.
    func advance(by count: Int) { seen += count }

    private func show(_ event: HistoryEvent, run: @escaping WorkflowType.Run) throws {
        switch event.kind {
        case .workflowStarted: start(event.attributes["input"] ?? .null, run: run)
        case .cancelRequested: task?.cancel()
        default: try context.apply(event)
        }
    }

    private func start(_ input: JSONValue, run: @escaping WorkflowType.Run) {
        let context = context
        task = Task(executorPreference: executor) {
            do {
                let result = try await run(context, input)
                context.finish(.workflowCompleted, ["result": result])
            } catch is CancellationError {
                context.finish(.workflowCancelled, [:])
            } catch {
                context.finish(.workflowFailed, ["failure": .string("\(error)")])
            }
        }
    }

    private func compare(_ commands: [HistoryEvent], with history: [HistoryEvent], from index: inout Int) throws {
        for command in commands {
            let recorded = index < history.count ? history[index] : nil
            guard let recorded, recorded.identity == command.identity else { throw mismatch(recorded, found: command.identity) }
            index += 1
        }
        if index < history.count, history[index].kind.isCommand { throw mismatch(history[index], found: "nothing") }
    }

    private func mismatch(_ recorded: HistoryEvent?, found: String) -> NonDeterminismError {
        NonDeterminismError(
            workflowID: context.workflowID, runID: context.runID, eventID: recorded?.id ?? 0,
            expected: recorded?.identity ?? "the end of the recorded commands", found: found)
    }

    /// Lets the code end with an error whose consequences are dropped, so that nothing of it stays in memory.
    func evict() {
        executor.host {
            context.evict()
            executor.drain()
        }
        task = nil
    }
}

/// Workflow code has left its executor: `Task.detached`, an actor, `Task.sleep`, I/O. It would not replay.
public struct WorkflowEscape: Error, Hashable, Sendable, CustomStringConvertible {
    /// The workflow.
    public let workflowID: String
    /// What was seen.
    public let what: String

    /// One sentence.
    public var description: String {
        "workflow \(workflowID): expected code that awaits only its context, found that \(what); use activities and the context's timers"
    }
}
