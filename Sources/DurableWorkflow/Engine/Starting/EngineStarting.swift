package import Events

extension EmbeddedEngine {
    /// The same as the port's, at `now`.
    @discardableResult
    package func start(workflowID: String, type: String, input: JSONValue, options: WorkflowOptions, at now: Timestamp) async throws
        -> WorkflowExecution
    {
        let request = try StartRequest(workflowID, type, try converter.payload(input), options, converter)
        return try await call("StartWorkflow:\(type)", request, at: now)
    }

    /// Starts a workflow, unless it runs, and sends it a signal: both or neither.
    @discardableResult
    package func signalWithStart(
        workflowID: String, type: String, input: JSONValue, signal: SignalMessage, options: WorkflowOptions = WorkflowOptions(),
        at now: Timestamp
    ) async throws -> WorkflowExecution {
        var request = try StartRequest(workflowID, type, try converter.payload(input), options, converter)
        request.signal = try SignalFields(signal, converter)
        return try await call("SignalWithStartWorkflow:\(type)", request, at: now)
    }

    /// Starts a workflow at `now`; one of this id that exists already is left as it is.
    package func start(workflowID: String, type: String, input: JSONValue, at now: Timestamp) async throws {
        do {
            try await start(workflowID: workflowID, type: type, input: input, options: .once, at: now)
        } catch is WorkflowAlreadyStarted {}
    }

    /// A caller's start, in a span whose context goes along.
    private func call(_ name: @autoclosure () -> String, _ request: StartRequest, at now: Timestamp) async throws -> WorkflowExecution {
        try await watch.call(name(), request.workflowID, at: now) { call in
            guard let call else { return try await start(request, at: now) }
            var request = request
            request.header = call.header
            request.signal?.fields[.header] = .filled(call.header)
            let execution = try await start(request, at: now)
            call.note(runID: execution.runID)
            return execution
        }
    }

    /// Required by ``DurableEngine``.
    public var converter: PayloadConverter { options.converter }

    func start(_ request: StartRequest, at now: Timestamp) async throws -> WorkflowExecution {
        try request.check()
        var request = request
        if let cron = request.options.cronSchedule, request.backoff == nil {
            guard let first = try CronExpression(cron).next(after: now) else {
                throw ScheduleError(
                    "workflow \(request.workflowID): expected a cron that comes, found '\(cron)', which never does within five years")
            }
            request.backoff = first - now
        }
        let key = try await newKey()
        let (wanted, first) = (request, request.state(key: key, at: now))
        return try await turn(wanted.workflowID, at: now, absent: { first }) { turn in
            if let known = try await self.execution(of: wanted) { return known }
            if turn.state.run.key == key {
                try turn.begin(wanted)
            } else if try self.isToBegin(wanted, &turn) {
                turn.begin(first)
                try turn.begin(wanted)
            }
            if let signal = wanted.signal { _ = try await self.receive(signal, &turn) }
            return WorkflowExecution(workflowID: wanted.workflowID, runID: turn.state.run.runID)
        }
    }

    /// What the policies say about the run that is there.
    private func isToBegin(_ request: StartRequest, _ turn: inout Turn) throws -> Bool {
        let found = WorkflowAlreadyStarted(
            execution: WorkflowExecution(workflowID: request.workflowID, runID: turn.state.run.runID), status: turn.state.run.status)
        if request.isSameChild(as: turn.state) { return false }
        guard turn.state.isClosed else {
            if request.signal != nil { return false }
            switch request.options.idConflictPolicy {
            case .fail: throw found
            case .useExisting: return false
            case .terminateExisting:
                try turn.terminate(reason: "TerminateIfRunning policy")
                return true
            }
        }
        switch request.options.idReusePolicy {
        case .allowDuplicate: return true
        case .allowDuplicateFailedOnly:
            guard turn.state.run.status != .completed else { throw found }
            return true
        case .rejectDuplicate: throw found
        }
    }
}

/// What a run is started with.
struct StartRequest: Sendable {
    var workflowID: String
    var type: String
    var input: Payload?
    var options: WorkflowOptions
    var memo: [String: Payload]
    var searchAttributes: [String: Payload]
    var signal: SignalFields?
    /// Carries the context of the span that starts it.
    var header: [String: Payload] = [:]
    /// Parent, its run, and the initiating event.
    var parent: (workflowID: String, runID: String, event: Int)?
    /// Further fields of the first event: what one run hands to the next.
    var inherited: EventFields = [:]
    var attempt = 1
    var backoff: Duration?

    init(_ workflowID: String, _ type: String, _ input: Payload?, _ options: WorkflowOptions, _ converter: PayloadConverter) throws {
        self.workflowID = workflowID
        self.type = type
        self.input = input
        self.options = options
        memo = try options.memo.mapValues { try converter.payload($0) }
        searchAttributes = options.searchAttributes.mapValues(Payload.init(searchAttribute:))
        backoff = options.startDelay
    }

    func check() throws {
        for (what, name) in [("workflow id", workflowID), ("workflow type", type), ("task queue", options.taskQueue)] {
            guard !name.isEmpty, name.count <= WorkflowLimits.maximumNameLength else {
                throw LimitExceeded("\(what): expected 1 to \(WorkflowLimits.maximumNameLength) characters, found \(name.count)")
            }
        }
        try checkOptions()
        if let cron = options.cronSchedule { _ = try CronExpression(cron) }
    }

    /// The run before its first event.
    func state(key: Int64, at now: Timestamp) -> RunState {
        let runID = StableHash.hexadecimal("\(workflowID) \(now.milliseconds) \(key)")
        var run = WorkflowRun(
            key: key, workflowID: workflowID, runID: runID, type: type, taskQueue: options.taskQueue, startedAt: now)
        run.memo = memo.compactMapValues { try? $0.json() }
        run.searchAttributes = searchAttributes.compactMapValues { try? $0.json() }
        return RunState(run: run)
    }

    /// True for a repeated start of a child that runs already.
    func isSameChild(as state: RunState) -> Bool {
        guard let parent else { return false }
        return state.isChild(of: parent.runID, event: parent.event)
    }

    func fields(runID: String, identity: String) -> EventFields {
        var fields: EventFields = [
            .workflowType: .text(type), .taskQueue: .text(options.taskQueue), .workflowID: .text(workflowID), .input: .payload(input),
            .executionTimeout: .duration(options.executionTimeout), .runTimeout: .duration(options.effectiveRunTimeout),
            .taskTimeout: .duration(options.taskTimeout), .firstTaskBackoff: .duration(backoff), .attempt: .integer(attempt),
            .retryPolicy: options.retryPolicy.map { .retry($0) }, .cronSchedule: .filled(options.cronSchedule),
            .memo: .filled(memo), .searchAttributes: .filled(searchAttributes), .originalRunID: .text(runID), .identity: .text(identity),
            .parentWorkflowID: .filled(parent?.workflowID), .parentRunID: .filled(parent?.runID),
            .parentInitiatedEventID: parent.map { .integer($0.event) }, .header: .filled(header),
        ]
        for (field, value) in inherited.pairs { fields[field] = value }
        if fields[.firstRunID] == nil { fields[.firstRunID] = .text(runID) }
        return fields
    }
}

extension WorkflowOptions {
    /// A run may not take longer than all runs together.
    var effectiveRunTimeout: Duration? { [runTimeout, executionTimeout].compactMap { $0 }.min() }
}

/// A signal on its way into a history.
struct SignalFields: Sendable {
    let id: String
    var fields: EventFields

    init(_ signal: SignalMessage, _ converter: PayloadConverter) throws {
        guard signal.name.count <= WorkflowLimits.maximumNameLength, signal.id.count <= WorkflowLimits.maximumNameLength else {
            throw LimitExceeded("signal: expected at most \(WorkflowLimits.maximumNameLength) characters in id and name, found more")
        }
        self.init(id: signal.id, name: signal.name, input: try converter.payload(signal.payload))
    }

    init(id: String, name: String, input: Payload?, from: (workflowID: String, runID: String)? = nil) {
        self.id = id
        fields = [
            .signalName: .text(name), .input: .payload(input), .requestID: .filled(id), .externalWorkflowID: .filled(from?.workflowID),
            .externalRunID: .filled(from?.runID),
        ]
    }
}

extension Turn {
    /// The first event of a run.
    mutating func begin(_ request: StartRequest) throws {
        var fields = request.fields(runID: state.run.runID, identity: identity)
        if fields[.executionExpiresAt] == nil { fields[.executionExpiresAt] = request.expiry(startedAt: now).map { .text($0.description) } }
        try append(.workflowExecutionStarted, fields)
        guard let id = request.options.requestID else { return }
        let taken = TakenRequest(scope: StartRequest.scope(of: request.workflowID), id: id, run: state.run.key)
        finish { $0.requests.append(taken) }
    }

    /// Takes a signal, once.
    mutating func receive(_ signal: SignalFields) throws -> SignalReceipt {
        if state.isClosed { return .notRunning }
        if !signal.id.isEmpty, state.signals.contains(signal.id) { return .duplicate }
        guard state.signalCount < WorkflowLimits.maximumSignals else {
            throw LimitExceeded(
                "workflow \(state.run.workflowID): expected at most \(WorkflowLimits.maximumSignals) signals, found another")
        }
        try append(.workflowExecutionSignaled, signal.fields)
        return .delivered
    }

    mutating func terminate(reason: String) throws {
        guard !state.isClosed else { return }
        try append(.workflowExecutionTerminated, [.reason: .text(reason), .identity: .text(identity)])
        try closeOthers()
    }
}
