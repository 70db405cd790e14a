import Events
import Logging

/// What an activation of workflow code has led to.
struct Activation {
    /// The events that are to be appended, in order; their ids and times are the engine's business.
    var commands: [HistoryEvent] = []
    /// Updates that were refused.
    var rejections: [UpdateRejection] = []

    /// The event that ends the run, if there is one.
    var terminal: HistoryEvent? { commands.last.flatMap { $0.kind.isTerminal ? $0 : nil } }
}

/// One workflow in memory: its task, its executor, and how much of its history the code has seen.
///
/// Touched only by who holds the run, one activation at a time.
final class LiveWorkflow: @unchecked Sendable {
    /// The longest that code may run without waiting.
    static let deadlockLimit = Duration.seconds(2)

    private let executor = WorkflowExecutor()
    private let context: WorkflowContext
    private let start: @Sendable (WorkflowContext) -> Task<Void, Never>
    private let uptime: @Sendable () -> Duration
    private var task: Task<Void, Never>?
    /// Events that the code has not been shown yet.
    private var inputs: [HistoryEvent] = []
    /// What the history says about local activities that the code will ask for.
    private var resolutions: [LocalResolution] = []
    /// Markers of patches may be followed by an upsert that no command stands for.
    private var mayUpsertVersion = false
    /// Timers that have fired, by the event that started them; of histories of older builds only.
    private var fired: Set<Int> = []
    /// Updates that a reset has kept, for the task that accepts them.
    private var admitted: [String: UpdateRequest] = [:]
    private(set) var lastEventID = 0
    /// How long the code has run since this was last set to zero.
    var worked = Duration.zero

    init(
        _ state: RunState, type: WorkflowType, converter: PayloadConverter, uptime: @escaping @Sendable () -> Duration, log: Logger? = nil
    ) {
        context = WorkflowContext(state, executor: executor, converter: converter, log: log ?? .silent)
        start = type.start
        self.uptime = uptime
    }

    /// Shows the code a whole history, comparing what it decides with what is recorded.
    ///
    /// What no task has seen yet stays unseen.
    func replay(_ history: [HistoryEvent]) throws {
        context.isReplaying = true
        defer {
            context.isReplaying = false
            fired = []
        }
        var index = 0
        while index < history.count {
            let event = history[index]
            index += 1
            switch event.kind {
            case .workflowTaskStarted:
                guard let end = completion(of: index, in: history) else { continue }
                lastEventID = event.id
                try replayTask(startedAt: event, decisions: history[(end + 1)...].prefix { $0.kind.isCommand })
                index = end + 1
            default: try note(event)
            }
        }
        try checkNothingIsLeft()
    }

    /// The place of the event that completes a task; nil when it failed, timed out, or is still under way.
    private func completion(of index: Int, in history: [HistoryEvent]) -> Int? {
        for place in index..<history.count {
            switch history[place].kind {
            case .workflowTaskCompleted: return place
            case .workflowTaskFailed, .workflowTaskTimedOut, .workflowExecutionTimedOut, .workflowExecutionTerminated: return nil
            default: continue
            }
        }
        return nil
    }

    private func replayTask(startedAt started: HistoryEvent, decisions: ArraySlice<HistoryEvent>) throws {
        try checkNothingIsLeft()
        for event in decisions {
            if let patch = event.patch { context.announced.insert(patch.id) }
            if let resolution = LocalResolution(event) { resolutions.append(resolution) }
            if event.kind == .workflowExecutionUpdateAccepted {
                let id = event.fields.text(.acceptedUpdateID)
                context.updates.append(admitted.removeValue(forKey: id) ?? UpdateRequest(accepted: event))
            }
        }
        if inputs.isEmpty, context.updates.isEmpty { return }
        try activate(at: started.at, startedID: started.id)
        if let terminal = context.terminal { context.commands.append(PendingCommand(event: terminal)) }
        context.terminal = nil
    }

    /// Takes one event that was appended: a command is compared, anything else waits for the next activation.
    func note(_ event: HistoryEvent) throws {
        // A task that failed leaves events, which must not make the same problem look like another one.
        if event.kind.isCommand || event.kind.wakes { lastEventID = event.id }
        if event.kind.isCommand { return try match(event) }
        if event.kind == .timerFired { try matchFired(event) }
        if event.kind == .timerFired, context.isReplaying, let started = event.fields.integer(.startedEventID) { fired.insert(started) }
        if event.kind == .workflowExecutionUpdateAdmitted, context.isReplaying {
            var request = UpdateRequest(admitted: event)
            request.isToBeValidated = false
            admitted[request.id] = request
        }
        if event.kind.wakes { inputs.append(event) }
    }

    /// The signals that the code has not been shown.
    var unseenSignals: [HistoryEvent] { inputs.filter { $0.kind == .workflowExecutionSignaled } }

    /// True when there is something that the code has not been shown.
    var hasInputs: Bool { !inputs.isEmpty }

    /// Shows the code what has arrived and returns what it decided. Local activities that it wants are in ``takeLocals()``.
    /// `startedID` is the id of the task's start, as it will be in the history.
    func activate(at now: Timestamp, startedID: Int, updates: [UpdateRequest]) throws {
        if !updates.isEmpty { context.updates += updates }
        try activate(at: now, startedID: startedID)
    }

    private func activate(at now: Timestamp, startedID: Int) throws {
        context.now = max(context.now, now)
        context.historyLength = startedID
        let began = uptime()
        executor.host {
            showInputs()
            context.deliverUpdates()
            settle()
            resolveRecordedLocals()
        }
        try check(took: uptime() - began)
    }

    /// Signals and updates first, with what the code does about them and the conditions that they make true; then everything else. Each
    /// in history order; the code itself starts after the handlers. So a signal that stands before a timeout wins, whatever waits for it.
    private func showInputs() {
        let shown = inputs
        inputs.removeAll(keepingCapacity: true)
        for event in shown where event.kind == .timerFired { context.noteFired(event) }
        var hasMessages = !context.updates.isEmpty
        for event in shown where event.kind == .workflowExecutionSignaled {
            context.receive(ReceivedSignal(event))
            hasMessages = true
        }
        for event in shown where event.kind == .workflowExecutionUpdateAdmitted && !context.isReplaying {
            context.updates.append(UpdateRequest(admitted: event))
            hasMessages = true
        }
        if hasMessages, task != nil {
            context.deliverUpdates()
            settle()
        }
        for event in shown where event.kind != .workflowExecutionSignaled {
            switch event.kind {
            case .workflowExecutionStarted: start(event)
            case .workflowExecutionCancelRequested: cancel()
            default: context.apply(event)
            }
        }
    }

    /// Runs what can run, then wakes who waits for a condition that has come true, in order, until nothing changes any more.
    private func settle() {
        executor.drain()
        while let index = context.conditions.firstIndex(where: { $0.predicate() }) {
            context.end(wait: context.conditions[index].id, .success(true))
            executor.drain()
        }
    }

    private func resolveRecordedLocals() {
        while let first = resolutions.first, let request = context.locals.first(where: { $0.sequence == first.sequence }) {
            // Another activity's result is not given to the code; the comparison names both.
            guard asked(request).isSame(as: first) else { return context.command(.markerRecorded, asked(request).fields) }
            resolutions.removeFirst()
            context.resolve(request, first)
            settle()
        }
    }

    /// What the code asks for. Its command stands for it when the history has something else, so that the comparison finds it.
    private func asked(_ request: LocalRequest) -> LocalResolution {
        LocalResolution(
            sequence: request.sequence, name: request.name, shape: request.shape, attempt: request.attempt,
            scheduledAt: request.scheduledAt, completedAt: context.now)
    }

    private func check(took: Duration) throws {
        worked += took
        let ids = (context.workflowID, context.runID, lastEventID)
        if let construct = executor.takeEscape() {
            throw WorkflowEscape(workflowID: ids.0, runID: ids.1, eventID: ids.2, construct: construct)
        }
        if took > Self.deadlockLimit { throw WorkflowDeadlock(workflowID: ids.0, runID: ids.1, eventID: ids.2, took: took) }
        if let problem = context.problem {
            throw UnhandledWorkflowError(workflowID: ids.0, runID: ids.1, eventID: ids.2, error: "\(problem)")
        }
        if context.terminal == nil, task != nil, !context.isAwaiting {
            throw WorkflowEscape(workflowID: ids.0, runID: ids.1, eventID: ids.2, construct: .awaitsNothing)
        }
        if context.locals.isEmpty { context.rejectUnknownUpdates() }
    }

    // MARK: Live

    /// Local activities that the code wants now.
    func takeLocals() -> [LocalRequest] { context.takeLocals() }

    /// Gives the code the end of a local activity, inside the same workflow task.
    func resolve(_ request: LocalRequest, _ resolution: LocalResolution) throws {
        let began = uptime()
        executor.host {
            context.resolve(request, resolution)
            settle()
        }
        try check(took: uptime() - began)
    }

    /// What the code has decided since the last call, its end last.
    func takeActivation() -> Activation {
        var commands = context.commands.rest.map(\.event)
        if let terminal = context.terminal { commands.append(terminal) }
        if let terminal = context.terminal { context.commands.append(PendingCommand(event: terminal)) }
        context.terminal = nil
        return Activation(commands: commands, rejections: context.takeRejections())
    }

    /// Runs the validators of updates that come alone, without running the code: a refusal leaves no trace at all.
    func validate(_ updates: [UpdateRequest]) -> [UpdateRejection] { executor.host { context.refused(updates) } }

    /// Answers a query.
    func answer(_ name: String, _ input: Payload?) throws -> Payload { try executor.host { try context.answer(name, input) } }

    /// The signals that the code waits for now.
    var awaited: [AwaitedSignal] { context.awaited }

    /// How many conditions on its own state the code waits for now.
    var conditions: Int { context.conditions.count }

    /// The patches that the code has asked for so far.
    var patchCalls: [PatchCall] { context.patchCalls.values.sorted { $0.id < $1.id } }

    /// Signals that nobody has taken, as they arrived.
    var untaken: [ReceivedSignal] { context.buffer }

    private func start(_ event: HistoryEvent) {
        context.restore(event)
        task = start(context)
    }

    private func cancel() {
        context.isCancelRequested = true
        context.cancelMainWait()
        task?.cancel()
    }

    /// Gives back the memory that was needed to come this far.
    func trim() {
        if inputs.isEmpty { inputs = [] }
        executor.trim()
        context.trim()
    }

    // MARK: Comparing

    private func match(_ event: HistoryEvent) throws {
        defer { mayUpsertVersion = event.patch != nil }
        if mayUpsertVersion, event.kind == .upsertWorkflowSearchAttributes,
            event.fields.map(.searchAttributes)[WorkflowRun.changeVersion] != nil
        {
            return
        }
        dropUnrecordedPatches(before: event)
        guard let command = context.commands.first, fits(command.event, event) else {
            if event.patch?.deprecated == true || isCancelOfFired(event) { return }
            throw mismatch(event, found: context.commands.first?.event.identity ?? "nothing")
        }
        context.commands.removeFirst()
        guard let operation = command.operation else { return }
        context.operations[operation]?.eventID = event.id
        context.initiated[event.id] = operation
    }

    /// A timer that fires under another id than the code has given it is another timer.
    private func matchFired(_ event: HistoryEvent) throws {
        let (id, started) = (event.fields.text(.timerID), event.fields.integer(.startedEventID) ?? 0)
        guard !id.isEmpty, let timer = context.initiated[started].flatMap({ context.operations[$0] }), timer.id != id else { return }
        throw NonDeterminismError(
            workflowID: context.workflowID, runID: context.runID, eventID: event.id, expected: "timerFired \(id)",
            found: "timerFired \(timer.id)")
    }

    /// Older builds cancelled a timer that had fired already; nothing depends on it.
    private func isCancelOfFired(_ event: HistoryEvent) -> Bool {
        event.kind == .timerCanceled && event.fields.integer(.startedEventID).map { fired.contains($0) } == true
    }

    /// A patch that the history does not note here was asked for by newer code; nothing depends on it.
    private func dropUnrecordedPatches(before event: HistoryEvent) {
        while let patch = context.commands.first?.event.patch, patch.id != event.patch?.id { context.commands.removeFirst() }
    }

    private func fits(_ command: HistoryEvent, _ event: HistoryEvent) -> Bool {
        guard command.kind == event.kind else { return false }
        if let patch = command.patch { return patch.id == event.patch?.id }
        switch event.kind {
        case .activityTaskScheduled: return same(.activityID, command, event) && same(.activityType, command, event)
        // As by Temporal: the id of a timer is compared when it fires.
        case .timerStarted: return true
        case .timerCanceled:
            return same(.timerID, command, event) || command.fields.integer(.startedEventID) == event.fields.integer(.startedEventID)
        case .startChildWorkflowExecutionInitiated: return same(.workflowType, command, event) && same(.workflowID, command, event)
        case .signalExternalWorkflowExecutionInitiated: return same(.signalName, command, event)
        case .markerRecorded:
            guard let made = LocalResolution(command), let recorded = LocalResolution(event) else {
                return command.identity == event.identity
            }
            return made.isSame(as: recorded)
        default: return true
        }
    }

    private func same(_ field: EventField, _ command: HistoryEvent, _ event: HistoryEvent) -> Bool {
        command.fields.text(field) == event.fields.text(field)
    }

    private func checkNothingIsLeft() throws {
        while context.commands.first?.event.patch != nil { context.commands.removeFirst() }
        guard let left = context.commands.first else { return }
        throw mismatch(nil, found: left.event.identity)
    }

    private func mismatch(_ recorded: HistoryEvent?, found: String) -> NonDeterminismError {
        NonDeterminismError(
            workflowID: context.workflowID, runID: context.runID, eventID: recorded?.id ?? lastEventID,
            expected: recorded?.identity ?? "the end of the recorded commands", found: found)
    }

    // MARK: The end

    /// Lets the code end with an error whose consequences are dropped, so that nothing of it stays in memory.
    func evict() {
        executor.close()
        executor.host {
            context.evict()
            executor.drain()
        }
        _ = executor.takeEscape()
        task = nil
    }
}
