public import Events

extension WorkflowContext {
    /// Runs an activity and returns its result; throws ``ActivityError`` when it failed for good, `CancellationError` when cancelled.
    public func execute<Input, Output>(_ activity: Activity<Input, Output>, _ input: Input, options: ActivityOptions) async throws
        -> Output
    {
        let result = try await execute(activity.name, payload: try outgoing(input), options: options)
        return try converter.value(result)
    }

    /// Runs an activity by name, untyped; one attempt may take ten minutes unless `options` say otherwise.
    public func execute(
        _ activity: String, input: JSONValue, options: ActivityOptions = ActivityOptions(startToCloseTimeout: .seconds(600))
    ) async throws -> JSONValue {
        try converter.value(try await execute(activity, payload: try outgoing(input), options: options))
    }

    /// Runs an activity by name, untyped, with this retry policy.
    public func execute(_ activity: String, input: JSONValue, retry: RetryPolicy) async throws -> JSONValue {
        try await execute(
            activity, input: input, options: ActivityOptions(startToCloseTimeout: .seconds(600), retryPolicy: retry))
    }

    private func execute(_ name: String, payload: Payload, options: ActivityOptions) async throws -> Payload? {
        try Task.checkCancellation()
        guard options.startToCloseTimeout != nil || options.scheduleToCloseTimeout != nil else {
            throw UnusableOptions("activity \(name): expected startToCloseTimeout or scheduleToCloseTimeout, found neither")
        }
        counters.activities += 1
        let id = String(counters.activities)
        let key = begin(.activity(options.cancellationType), name: name, id: id)
        command(
            .activityTaskScheduled,
            [
                .activityID: .text(id), .activityType: .text(name), .taskQueue: .text(options.taskQueue ?? info.taskQueue),
                .input: .payloads([payload]), .scheduleToCloseTimeout: .duration(options.scheduleToCloseTimeout),
                .scheduleToStartTimeout: .duration(options.scheduleToStartTimeout),
                .startToCloseTimeout: .duration(options.startToCloseTimeout), .heartbeatTimeout: .duration(options.heartbeatTimeout),
                .retryPolicy: options.retryPolicy == RetryPolicy() ? nil : .retry(options.retryPolicy),
            ], operation: key)
        return try await outcome(of: key)
    }

    /// Runs an activity inside the workflow task, without a place in a queue: for what takes milliseconds. Its result is a marker in the
    /// history. An attempt that fails is repeated after a durable timer.
    public func executeLocal<Input, Output>(_ activity: Activity<Input, Output>, _ input: Input, retry: RetryPolicy = RetryPolicy())
        async throws -> Output
    {
        try converter.value(try await executeLocal(activity.name, payload: try converter.payload(input), retry: retry))
    }

    /// ``executeLocal(_:_:retry:)`` by name, untyped.
    public func executeLocal(_ activity: String, input: JSONValue, retry: RetryPolicy = RetryPolicy()) async throws -> JSONValue {
        try converter.value(try await executeLocal(activity, payload: try converter.payload(input), retry: retry))
    }

    private func executeLocal(_ name: String, payload: Payload, retry: RetryPolicy) async throws -> Payload? {
        // A later attempt may be made after a replay, so the input is converted even then.
        var attempt = 1
        while true {
            try Task.checkCancellation()
            counters.activities += 1
            let sequence = counters.activities
            let key = begin(.localActivity, name: name, id: String(sequence))
            if !isEvicted {
                locals.append(
                    LocalRequest(
                        operation: key, sequence: sequence, name: name, input: payload, attempt: attempt, retry: retry, scheduledAt: now))
            }
            do { return try await outcome(of: key) } catch let pause as LocalPause {
                try await sleep(for: pause.backoff)
                attempt += 1
            }
        }
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
            locals.removeAll { $0.operation == key }
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
        if let event = operation.eventID {
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
            condition.continuation.resume(with: outcome)
        } else if let index = waits.firstIndex(where: { $0.id == id }) {
            let wait = waits.remove(at: index)
            if let timer = wait.timer, !isFired(outcome) { retire(timer: timer) }
            wait.continuation.resume(with: outcome.map { _ in nil })
        }
    }

    /// False as an outcome says that the timer itself ended the wait.
    private func isFired(_ outcome: Result<Bool, any Error>) -> Bool { (try? outcome.get()) == false }
}
