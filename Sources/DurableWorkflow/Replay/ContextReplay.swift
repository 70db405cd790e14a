import Events

// What the replay loop does to a context; on the thread that drains the workflow.

extension WorkflowContext {
    /// True when the code waits for something that the workflow knows, or has ended.
    var isAwaiting: Bool {
        !conditions.isEmpty || !waits.isEmpty || operations.values.contains { $0.result.waiter != nil || $0.started.waiter != nil }
    }

    /// Takes over what the run was started with.
    func restore(_ started: HistoryEvent) {
        memo = started.fields.map(.memo).compactMapValues { try? converter.value($0) }
        searchAttributes = started.fields.map(.searchAttributes).compactMapValues { try? $0.json() }
        random = SeededRandom(seed: 0, label: started.fields.text(.originalRunID))
        starting = started.fields
    }

    /// Starts `run` as the main task, with what the run was started with.
    ///
    /// Twice the same: a closure that passed through the generic one would need two frames more in every task.
    func start(_ run: @escaping WorkflowType.Run) -> Task<Void, Never> {
        Task.detached(executorPreference: executor) {
            do { self.end(returning: try await run(self, try self.begin())) } catch { self.end(throwing: error) }
        }
    }

    /// ``start(_:)`` of typed code.
    func start<Input: Codable & Sendable, Output: Codable & Sendable>(_ workflow: Workflow<Input, Output>) -> Task<Void, Never> {
        Task.detached(executorPreference: executor) {
            do { self.end(returning: try await workflow.run(self, try self.begin())) } catch { self.end(throwing: error) }
        }
    }

    /// The input; from now on the calling task is the main one.
    @inline(never)
    private func begin<Input: Decodable>() throws -> Input {
        becomeMain()
        defer { starting = [:] }
        return try converter.value(starting.payloads(.input).first)
    }

    @inline(never)
    private func end(returning value: some Encodable) {
        do { end(.workflowExecutionCompleted, [.result: .payloads([try converter.payload(value)])]) } catch { end(throwing: error) }
    }

    /// Ends the run, unless it has ended.
    func end(_ kind: HistoryEvent.Kind, _ fields: EventFields) {
        guard terminal == nil, !isEvicted else { return }
        terminal = HistoryEvent(kind: kind, at: now, fields: fields)
    }

    @inline(never)
    func end(throwing error: any Error) {
        switch error {
        case is Eviction: break
        case let new as ContinueAsNewError:
            end(
                .workflowExecutionContinuedAsNew,
                [.workflowType: .text(new.type), .taskQueue: .text(new.taskQueue), .input: .payloads([new.input])])
        case is CancellationError where isCancelRequested: end(.workflowExecutionCanceled, [:])
        case is CancellationError:
            end(.workflowExecutionFailed, [.failure: .failure(Failure(message: "cancelled", info: .canceled(details: [])))])
        case let failure as any WorkflowFailure:
            if isCancelRequested, failure.failure.isCancellation { return end(.workflowExecutionCanceled, [:]) }
            end(.workflowExecutionFailed, [.failure: .failure(failure.failure)])
        default: note(error)
        }
    }

    /// Gives the code the end of something that it has begun.
    func apply(_ event: HistoryEvent) {
        switch event.kind {
        case .timerFired: fire(event.fields.integer(.startedEventID))
        case .activityTaskCompleted: finish(initiated(event, .scheduledEventID), .success(event.payload(.result)))
        case .activityTaskFailed, .activityTaskTimedOut, .activityTaskCanceled: failActivity(event)
        case .childWorkflowExecutionStarted: childStarted(event)
        case .childWorkflowExecutionCompleted: finish(initiated(event, .initiatedEventID), .success(event.payload(.result)))
        case .startChildWorkflowExecutionFailed, .childWorkflowExecutionFailed, .childWorkflowExecutionCanceled,
            .childWorkflowExecutionTimedOut, .childWorkflowExecutionTerminated:
            failChild(event)
        case .externalWorkflowExecutionSignaled, .externalWorkflowExecutionCancelRequested:
            finish(initiated(event, .initiatedEventID), .success(nil))
        case .signalExternalWorkflowExecutionFailed, .requestCancelExternalWorkflowExecutionFailed:
            finish(initiated(event, .initiatedEventID), .failure(externalError(event)))
        default: break
        }
    }

    private func externalError(_ event: HistoryEvent) -> ApplicationError {
        if event.fields.text(.cause).hasSuffix("SIGNAL_COUNT_LIMIT_EXCEEDED") {
            return ApplicationError(
                type: "SignalCountLimitExceeded", message: "the workflow has received as many signals as a run may", isNonRetryable: true)
        }
        return ApplicationError(
            type: "ExternalWorkflowExecutionNotFound", message: "the workflow is not there or has closed", isNonRetryable: true)
    }

    private func initiated(_ event: HistoryEvent, _ field: EventField) -> Int? { event.fields.integer(field).flatMap { initiated[$0] } }

    private func finish(_ key: Int?, _ outcome: Result<Payload?, any Error>) {
        if let key { finish(key, outcome) }
    }

    /// Notes that a timer's end is in the history; whoever ends the wait first need not cancel it.
    func noteFired(_ event: HistoryEvent) {
        if let key = initiated(event, .startedEventID) { operations[key]?.isFired = true }
    }

    private func fire(_ started: Int?) {
        guard let started, let key = initiated[started], case .timer(let wait) = operations[key]?.kind else { return }
        if let wait {
            forget(key)
            end(wait: wait, .success(false))
        } else {
            finish(key, .success(nil))
        }
    }

    private func failActivity(_ event: HistoryEvent) {
        guard let key = initiated(event, .scheduledEventID), let operation = operations[key] else { return }
        if event.kind == .activityTaskCanceled { return finish(key, .failure(CancellationError())) }
        let state = RetryState(rawValue: ProtoName.camel(event.fields.text(.retryState), "RETRY_STATE")) ?? .nonRetryableFailure
        let cause = event.fields.failure(.failure) ?? Failure(message: "unknown")
        finish(
            key,
            .failure(
                ActivityError(
                    activity: operation.name, activityID: operation.id, scheduledEventID: operation.eventID ?? 0, retryState: state,
                    cause: cause)))
    }

    private func childStarted(_ event: HistoryEvent) {
        guard let key = initiated(event, .initiatedEventID) else { return }
        operations[key]?.runID = event.fields.text(.executionRunID)
        let waiter = operations[key]?.started.waiter
        operations[key]?.started.waiter = nil
        waiter?.resume(returning: .result(nil))
    }

    private func failChild(_ event: HistoryEvent) {
        guard let key = initiated(event, .initiatedEventID), let operation = operations[key] else { return }
        if event.kind == .childWorkflowExecutionCanceled, operation.isCancelSent {
            finish(key, .failure(CancellationError()))
        } else {
            let error = ChildWorkflowError(
                type: operation.name, workflowID: operation.id, runID: operation.runID, initiatedEventID: operation.eventID ?? 0,
                cause: cause(ofChildEnd: event))
            finish(key, .failure(error))
        }
        childEnded(key)
    }

    private func cause(ofChildEnd event: HistoryEvent) -> Failure {
        switch event.kind {
        case .startChildWorkflowExecutionFailed:
            ApplicationError(type: "WorkflowAlreadyExists", message: "the id is in use", isNonRetryable: true).failure
        case .childWorkflowExecutionCanceled: Failure(message: "canceled", info: .canceled(details: event.fields.payloads(.details)))
        case .childWorkflowExecutionTimedOut:
            Failure(message: "timed out", info: .timeout(.startToClose, lastHeartbeatDetails: []))
        case .childWorkflowExecutionTerminated: Failure(message: "terminated", info: .terminated)
        default: event.fields.failure(.failure) ?? Failure(message: "unknown")
        }
    }

    /// Gives the code the end of a local activity and notes it as a marker.
    func resolve(_ request: LocalRequest, _ resolution: LocalResolution) {
        locals.removeAll { $0.operation == request.operation }
        now = max(now, resolution.completedAt)
        var made = resolution
        (made.name, made.shape) = (request.name, request.shape)
        command(.markerRecorded, made.fields)
        if let backoff = resolution.backoff {
            finish(request.operation, .failure(LocalPause(backoff: backoff)))
        } else if let failure = resolution.failure {
            let error = ActivityError(
                activity: request.name, activityID: String(request.sequence), scheduledEventID: 0, retryState: .nonRetryableFailure,
                cause: failure)
            finish(request.operation, .failure(error))
        } else {
            finish(request.operation, .success(resolution.result))
        }
    }

    /// The updates that their validators refuse; those without a handler too.
    func refused(_ requests: [UpdateRequest]) -> [UpdateRejection] {
        updates = requests.filter { handlers.updates[$0.name] == nil }
        rejectUnknownUpdates()
        for request in requests { validate(request) }
        return takeRejections()
    }

    /// Gives back the memory of what is over.
    func trim() {
        commands.trim()
        if operations.isEmpty { operations = [:] }
        if initiated.isEmpty { initiated = [:] }
        if conditions.isEmpty { conditions = [] }
        if waits.isEmpty { waits = [] }
        if buffer.isEmpty { buffer = [] }
    }

    /// The updates that were refused since the last call.
    func takeRejections() -> [UpdateRejection] {
        guard !rejections.isEmpty else { return [] }
        defer { rejections = [] }
        return rejections
    }

    /// Local activities that the code wants now.
    func takeLocals() -> [LocalRequest] {
        guard !locals.isEmpty else { return [] }
        defer { locals = [] }
        return locals
    }

    /// Resumes everything with an error so that nothing leaks; commands that the code issues meanwhile are dropped.
    func evict() {
        isEvicted = true
        for condition in conditions { condition.continuation?.resume(throwing: Eviction()) }
        conditions.removeAll()
        for wait in waits { wait.continuation?.resume(throwing: Eviction()) }
        waits.removeAll()
        for key in operations.keys.sorted() {
            guard let operation = operations.removeValue(forKey: key) else { continue }
            operation.started.waiter?.resume(throwing: Eviction())
            operation.result.waiter?.resume(throwing: Eviction())
        }
        rest = nil
    }
}

extension UpdateRequest {
    init(accepted event: HistoryEvent) {
        self.init(
            id: event.fields.text(.acceptedUpdateID), name: event.fields.text(.acceptedUpdateName),
            arguments: event.payload(.updateArguments), isToBeValidated: false)
    }
}

extension UpdateRequest {
    init(admitted event: HistoryEvent) {
        self.init(
            id: event.fields.text(.admittedUpdateID), name: event.fields.text(.admittedUpdateName),
            arguments: event.payload(.admittedArguments))
    }
}

extension LocalResolution {
    /// What a marker says; nil for other events.
    init?(_ event: HistoryEvent) {
        guard event.kind == .markerRecorded, event.fields.text(.markerName) == Self.marker else { return nil }
        let details = event.fields.map(.markerDetails)
        guard let data = try? details["data"]?.json(), let sequence = data["seq"]?.integer else { return nil }
        self.init(
            sequence: sequence, name: data["activity_type"]?.string ?? "",
            shape: ArgumentShape(marker: data) ?? (try? details["input"]?.json()).map(ArgumentShape.init),
            attempt: data["attempt"]?.integer ?? 1,
            scheduledAt: Self.time(data["original_schedule_time"]), completedAt: Self.time(data["complete_time"]),
            result: details["result"], failure: event.fields.failure(.failure),
            backoff: data["backoff"].flatMap {
                $0.isNull ? nil : .seconds($0["seconds"]?.integer ?? 0) + .nanoseconds($0["nanos"]?.integer ?? 0)
            })
    }

    /// True for the marker of a failed attempt that is followed by another. Nearly no marker is, so the bytes are not decoded.
    static func isPause(_ event: HistoryEvent) -> Bool {
        guard event.fields.text(.markerName) == marker, let data = event.fields.map(.markerDetails)["data"]?.data else { return false }
        return data.contains(#""backoff":{"#.utf8)
    }

    /// The activity, as comparisons name it.
    var identity: String { " \(sequence) \(name)\(shape.map { " with \($0)" } ?? "")" }

    /// True when `other` is the same activity with arguments of the same shape, as far as both say.
    func isSame(as other: LocalResolution) -> Bool {
        guard sequence == other.sequence, name == other.name || other.name.isEmpty else { return false }
        guard let shape, let others = other.shape else { return true }
        return shape.digest == others.digest
    }

    private static func time(_ json: JSONValue?) -> Timestamp {
        Timestamp(milliseconds: Int64((json?["seconds"]?.integer ?? 0) * 1000 + (json?["nanos"]?.integer ?? 0) / 1_000_000))
    }

    private static func json(_ moment: Timestamp) -> JSONValue {
        let milliseconds = Int(moment.milliseconds)
        return ["seconds": .integer(milliseconds / 1000), "nanos": .integer(milliseconds % 1000 * 1_000_000)]
    }

    /// The marker, in the form of Temporal's core.
    var fields: EventFields {
        let wait = backoff.map { Int($0.milliseconds) }
        var data: [String: JSONValue] = [
            "seq": .integer(sequence), "attempt": .integer(attempt), "activity_id": .string(String(sequence)),
            "activity_type": .string(name), "complete_time": Self.json(completedAt), "original_schedule_time": Self.json(scheduledAt),
            "backoff": wait.map { ["seconds": .integer($0 / 1000), "nanos": .integer($0 % 1000 * 1_000_000)] } ?? .null,
        ]
        data["argument_shape"] = shape?.json
        var details = ["data": Payload(.object(data))]
        details["result"] = result
        return [.markerName: .text(Self.marker), .markerDetails: .map(details), .failure: failure.map { .failure($0) }]
    }
}
