public import Events

extension WorkflowContext {
    /// Runs an activity and returns its result; throws ``ActivityError`` when it failed for good, `CancellationError` when cancelled.
    public func execute<Input, Output>(_ activity: Activity<Input, Output>, _ input: Input, options: ActivityOptions) async throws
        -> Output
    {
        let key = try schedule(activity.name, input, options)
        return try value(await outcome(of: key))
    }

    /// Runs an activity by name, untyped; one attempt may take ten minutes.
    public func execute(_ activity: String, input: JSONValue) async throws -> JSONValue {
        let key = try schedule(activity, input, RetryPolicy())
        return try value(await outcome(of: key))
    }

    /// Runs an activity by name, untyped, as `options` say.
    public func execute(_ activity: String, input: JSONValue, options: ActivityOptions) async throws -> JSONValue {
        let key = try schedule(activity, input, options)
        return try value(await outcome(of: key))
    }

    /// Runs an activity by name, untyped, with this retry policy.
    public func execute(_ activity: String, input: JSONValue, retry: RetryPolicy) async throws -> JSONValue {
        let key = try schedule(activity, input, retry)
        return try value(await outcome(of: key))
    }

    @inline(never)
    private func schedule(_ name: String, _ input: JSONValue, _ retry: RetryPolicy) throws -> Int {
        try schedule(name, input, ActivityOptions(startToCloseTimeout: .seconds(600), retryPolicy: retry))
    }

    /// Schedules an activity and returns its key.
    @inline(never)
    private func schedule(_ name: String, _ input: some Encodable, _ options: ActivityOptions) throws -> Int {
        let payload = try outgoing(input)
        try Task.checkCancellation()
        counters.activities += 1
        let id = String(counters.activities)
        let key = begin(.activity(options.cancellationType), name: name, id: id)
        command(
            .activityTaskScheduled,
            [
                .activityID: .text(id), .activityType: .text(name), .taskQueue: .text(options.taskQueue ?? taskQueue),
                .input: .payloads([payload]), .scheduleToCloseTimeout: .duration(options.scheduleToCloseTimeout),
                .scheduleToStartTimeout: .duration(options.scheduleToStartTimeout),
                .startToCloseTimeout: .duration(options.startToCloseTimeout), .heartbeatTimeout: .duration(options.heartbeatTimeout),
                .retryPolicy: options.retryPolicy == RetryPolicy() ? nil : .retry(options.retryPolicy),
            ], operation: key)
        return key
    }

    /// Runs an activity inside the workflow task, without a place in a queue: for what takes milliseconds. Its result is a marker in the
    /// history. An attempt that fails is repeated after a durable timer.
    public func executeLocal<Input, Output>(_ activity: Activity<Input, Output>, _ input: Input, retry: RetryPolicy = RetryPolicy())
        async throws -> Output
    {
        try value(await executeLocal(activity.name, payload: converter.payload(input), retry: retry))
    }

    /// ``executeLocal(_:_:retry:)`` by name, untyped.
    public func executeLocal(_ activity: String, input: JSONValue, retry: RetryPolicy = RetryPolicy()) async throws -> JSONValue {
        try value(await executeLocal(activity, payload: converter.payload(input), retry: retry))
    }

    /// ``executeLocal(_:input:retry:)``, retried as by default, with an input that is made when an attempt is made, and not while replaying. Its shape is not part
    /// of the history, so a type that has grown since does not make the code another one.
    func executeLocal(_ activity: String, input: () throws -> some Encodable) async throws -> JSONValue {
        try value(
            await executeLocal(activity, shape: nil, retry: RetryPolicy()) { isReplaying ? .null : try converter.payload(input()) })
    }

    private func executeLocal(_ name: String, payload: Payload, retry: RetryPolicy) async throws -> Arrival {
        // A later attempt may be made after a replay, so the input is converted even then.
        let shape = (try? converter.value(payload, as: JSONValue.self)).map { ArgumentShape($0) }
        return try await executeLocal(name, shape: shape, retry: retry) { payload }
    }

    private func executeLocal(
        _ name: String, shape: ArgumentShape?, retry: RetryPolicy, _ payload: () throws -> Payload
    ) async throws -> Arrival {
        var attempt = 1
        while true {
            let key = try requestLocal(name, try payload(), shape, attempt, retry)
            do { return try await outcome(of: key) } catch let pause as LocalPause {
                try await sleep(for: pause.backoff)
                attempt += 1
            }
        }
    }

    @inline(never)
    private func requestLocal(_ name: String, _ payload: Payload, _ shape: ArgumentShape?, _ attempt: Int, _ retry: RetryPolicy) throws
        -> Int
    {
        try Task.checkCancellation()
        counters.activities += 1
        let sequence = counters.activities
        let key = begin(.localActivity, name: name, id: String(sequence))
        guard !isEvicted else { return key }
        locals.append(
            LocalRequest(
                operation: key, sequence: sequence, name: name, input: payload, shape: shape, attempt: attempt, retry: retry,
                scheduledAt: now))
        return key
    }
}

/// A local activity is to be tried again after a timer.
struct LocalPause: Error {
    let backoff: Duration
}

/// Options that no engine can follow; the workflow task fails with it.
public struct UnusableOptions: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
    init(_ description: String) { self.description = description }
}

// MARK: Cancellation

extension WorkflowContext {
    /// Cancels one operation: nobody waits for it any more, or it is to end soon.
    func cancel(_ key: Int) {
        guard let operation = operations[key], !operation.isCancelSent, operation.result.outcome == nil else { return }
        if operation.eventID == nil {
            if !locals.isEmpty { locals.removeAll { $0.operation == key } }
            _ = commands.retract(key)
            return finish(key, .failure(CancellationError()))
        }
        switch operation.kind {
        case .timer:
            retire(timer: key)
            finish(key, .failure(CancellationError()))
        case .activity(.abandon), .child(.abandon), .localActivity, .externalSignal, .externalCancel:
            finish(key, .failure(CancellationError()))
        case .activity(let type):
            command(.activityTaskCancelRequested, [.scheduledEventID: operation.eventID.map { .integer($0) }])
            end(key, waiting: type == .waitCancellationCompleted)
        case .child(let type):
            requestCancel(
                of: operation.id, runID: operation.runID, isChild: true)
            end(key, waiting: type == .waitCancellationCompleted)
        }
    }

    private func end(_ key: Int, waiting: Bool) {
        operations[key]?.isCancelSent = true
        if !waiting { finish(key, .failure(CancellationError())) }
    }

    /// Takes a timer back: its command if that was not sent, else by a command.
    func retire(timer key: Int) {
        guard let operation = operations[key] else { return }
        if operation.isFired {
            // Its end is in the history already.
        } else if let event = operation.eventID {
            command(.timerCanceled, [.timerID: .text(operation.id), .startedEventID: .integer(event)])
        } else {
            _ = commands.retract(key)
        }
        if operation.result.waiter == nil { forget(key) }
    }

    func requestCancel(of workflowID: String, runID: String, isChild: Bool, operation: Int? = nil) {
        command(
            .requestCancelExternalWorkflowExecutionInitiated,
            [
                .executionWorkflowID: .text(workflowID), .executionRunID: .filled(runID),
                .childWorkflowOnly: isChild ? .integer(1) : nil,
            ], operation: operation)
    }

    /// Ends a wait for a condition or a signal.
    func end(wait id: Int, _ outcome: Result<Bool, any Error>) {
        if let index = conditions.firstIndex(where: { $0.id == id }) {
            let condition = conditions.remove(at: index)
            if let timer = condition.timer, !isFired(outcome) { retire(timer: timer) }
            condition.continuation?.resume(with: outcome.map(Arrival.isTrue))
        } else if let index = waits.firstIndex(where: { $0.id == id }) {
            let wait = waits.remove(at: index)
            if let timer = wait.timer, !isFired(outcome) { retire(timer: timer) }
            wait.continuation?.resume(with: outcome.map { _ in .signal(nil) })
        }
    }

    /// False as an outcome says that the timer itself ended the wait.
    private func isFired(_ outcome: Result<Bool, any Error>) -> Bool { (try? outcome.get()) == false }
}
