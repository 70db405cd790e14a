package import Events
import Synchronization

/// One attempt of an activity that is under way.
struct Attempt: Sendable {
    let item: DueItem.Key
    let token: TaskToken
    /// Carries the context of the span that scheduled it.
    let header: [String: Payload]
    let handles: ActivityHandles?
    let name: String
    let input: Payload
    let context: ActivityContext
    let startedAt: Timestamp
    let deadline: Timestamp?
    /// What the deadline means.
    let deadlineType: TimeoutType
    let heartbeatTimeout: Duration?
}

/// How an attempt ended.
enum AttemptEnd: Sendable {
    case success(Payload)
    case failure(Failure)
    case timeout(TimeoutType)
    case cancelled
    case later
}

extension EmbeddedEngine {
    /// Runs one attempt to its end, on the caller's task.
    func runActivity(_ item: DueItem, at now: Timestamp) async throws {
        guard let attempt = try await begin(item, at: now) else { return }
        try await settle(attempt, await end(of: attempt, from: now), at: now)
    }

    /// The attempt that an item stands for; nil when there is none any more, or its time is over.
    func begin(_ item: DueItem, at now: Timestamp) async throws -> Attempt? {
        try await turn(item.workflowID, at: now) { turn in
            let event = item.key.event
            guard turn.state.run.key == item.key.run, let activity = turn.state.activities[event], activity.attempt.dueAt == item.key.at
            else {
                turn.finish { $0.done.append(item.key) }
                return nil
            }
            if let type = activity.overdue(at: now) {
                try turn.settle(event, .timeout(type))
                return nil
            }
            return self.attempt(item.key, activity, turn, at: now)
        }
    }

    private func attempt(_ item: DueItem.Key, _ activity: RunState.Activity, _ turn: Turn, at now: Timestamp) -> Attempt {
        let fields = activity.event.fields
        let token = TaskToken(
            workflowID: turn.state.run.workflowID, runID: turn.state.run.runID, scheduledEventID: activity.event.id,
            attempt: activity.attempt.attempt)
        let context = ActivityContext(
            workflowID: token.workflowID, runID: token.runID, activityID: activity.id, attempt: token.attempt, now: now, taskToken: token,
            heartbeatDetails: activity.attempt.heartbeatDetails, activityType: activity.type, workflowType: turn.state.run.type,
            log: watch.logger ?? .silent,
            beat: { [weak self] details in try await self?.heartbeat(token, details: details) })
        let handles = watch.metrics?.activity(activity.type, of: turn.state.run.type, on: fields.text(.taskQueue))
        handles?.scheduleToStart.record(now - item.at)
        let (deadline, type) = activity.deadline(startedAt: now, heartbeatAt: now)
        return Attempt(
            item: item, token: token, header: watch.tracer == nil ? [:] : fields.map(.header), handles: handles, name: activity.type,
            input: fields.payloads(.input).first ?? .null, context: context, startedAt: now,
            deadline: deadline, deadlineType: type, heartbeatTimeout: fields.duration(.heartbeatTimeout))
    }

    func end(of attempt: Attempt, from moment: @autoclosure () -> Timestamp) async -> AttemptEnd {
        let moment = moment()
        agenda.begun(attempt.item, at: moment)
        return await watch.run(attempt, at: moment) { await perform(attempt) }
    }

    private func perform(_ attempt: Attempt) async -> AttemptEnd {
        guard let type = activities[attempt.name] else { return .failure(Self.unknown(attempt.name)) }
        do { return .success(try await type.body(attempt.context, attempt.input, converter)) } catch is CompletesLater {
            return .later
        } catch is CancellationError {
            return .cancelled
        } catch {
            return .failure(failure(error))
        }
    }

    /// One call of an activity's code, whatever it throws.
    func perform(_ name: String, _ input: Payload, _ context: ActivityContext) async -> Result<Payload, Failure> {
        guard let type = activities[name] else { return .failure(Self.unknown(name)) }
        do { return .success(try await type.body(context, input, converter)) } catch { return .failure(failure(error)) }
    }

    private static func unknown(_ name: String) -> Failure {
        ApplicationError(type: "UnknownActivity", message: "expected code for activity \(name), found none; register it").failure
    }

    private func failure(_ error: any Error) -> Failure {
        switch error {
        case let error as ApplicationError: error.failure(by: converter)
        case let failure as any WorkflowFailure: failure.failure
        case let error as PayloadError: ApplicationError(type: "PayloadError", message: error.description, isNonRetryable: true).failure
        default: ApplicationError(type: "\(type(of: error))", message: "\(error)").failure
        }
    }

    /// Notes how an attempt ended; nothing when it is not the present one any more.
    func settle(_ attempt: Attempt, _ end: AttemptEnd, at now: Timestamp) async throws {
        try await settle(attempt.token, end, startedAt: attempt.startedAt, at: now)
    }

    @discardableResult
    private func settle(
        _ token: TaskToken, _ end: AttemptEnd, startedAt: Timestamp?, at now: Timestamp, isFromOutside: Bool = false
    ) async throws -> Bool {
        try await turn(token.workflowID, at: now) { turn in
            guard let activity = turn.activity(of: token) else { return false }
            switch end {
            case .later: turn.leaveOpen(token.scheduledEventID, startedAt: startedAt ?? now)
            case .cancelled where isFromOutside && activity.cancelRequested == nil: throw CancellationNotRequested(token: token)
            default: try turn.settle(token.scheduledEventID, end, startedAt: startedAt)
            }
            return true
        }
    }

    /// The code wants an activity cancelled: one that runs is told, one that does not has ended.
    func cancelActivity(_ scheduled: Int, _ turn: inout Turn) throws {
        guard let activity = turn.state.activities[scheduled] else { return }
        let token = TaskToken(
            workflowID: turn.state.run.workflowID, runID: turn.state.run.runID, scheduledEventID: scheduled,
            attempt: activity.attempt.attempt)
        if let task = attempts.withLock({ $0[token] }) { return task.cancel() }
        if activity.attempt.startedAt == nil { try turn.settle(scheduled, .cancelled) }
    }

    // MARK: Completion from outside

    /// Completes an activity whose code threw ``CompletesLater``. Throws ``ActivityNotFound`` when its attempt is not open any more.
    package func complete(_ token: TaskToken, result: JSONValue, at now: Timestamp) async throws {
        try await answer(token, .success(try converter.payload(result)), at: now)
    }

    /// Fails an attempt that is open; the retry policy decides what follows.
    package func fail(_ token: TaskToken, _ error: ApplicationError, at now: Timestamp) async throws {
        try await answer(token, .failure(error.failure), at: now)
    }

    /// Says that an open attempt has ended because it was cancelled. Throws ``CancellationNotRequested`` when nobody has asked for that.
    package func reportCancelled(_ token: TaskToken, at now: Timestamp) async throws { try await answer(token, .cancelled, at: now) }

    private func answer(_ token: TaskToken, _ end: AttemptEnd, at now: Timestamp) async throws {
        do {
            guard try await settle(token, end, startedAt: nil, at: now, isFromOutside: true) else { throw ActivityNotFound(token: token) }
        } catch is WorkflowNotFound { throw ActivityNotFound(token: token) }
    }

    /// Says that an open attempt is alive. Throws `CancellationError` when it was cancelled, ``ActivityNotFound`` when it is not open.
    package func heartbeat(_ token: TaskToken, details: JSONValue, at now: Timestamp) async throws {
        let isCancelled = try await turn(token.workflowID, at: now) { turn in
            guard let activity = turn.activity(of: token) else { throw ActivityNotFound(token: token) }
            turn.beat(token.scheduledEventID, details)
            return activity.cancelRequested != nil
        }
        if isCancelled { throw CancellationError() }
    }
}

/// The attempt that a token names is not open: it has ended, its time is over, or its workflow has.
public struct ActivityNotFound: Error, Hashable, Sendable, CustomStringConvertible {
    /// The token.
    public let token: TaskToken

    /// One sentence.
    public var description: String {
        "activity \(token.scheduledEventID) of workflow \(token.workflowID): expected attempt \(token.attempt) to be open, found that it is not"
    }
}

/// An attempt is said to have ended on a cancellation that nobody has asked for.
public struct CancellationNotRequested: Error, Hashable, Sendable, CustomStringConvertible {
    /// The token.
    public let token: TaskToken

    /// One sentence.
    public var description: String {
        "activity \(token.scheduledEventID) of workflow \(token.workflowID): expected a request to cancel it, found none (unable to mark activity"
            + " as canceled without activity being request canceled first); complete or fail the attempt"
    }
}

extension RunState.Activity {
    /// The time that is over when this activity comes up: of all attempts, of the wait for a worker, or of the attempt that is open.
    func overdue(at now: Timestamp) -> TimeoutType? {
        if let deadline, deadline <= now { return .scheduleToClose }
        if let startedAt = attempt.startedAt {
            return deadline(startedAt: startedAt, heartbeatAt: attempt.heartbeatAt ?? startedAt).1
        }
        if attempt.attempt == 1, let wait = event.fields.duration(.scheduleToStartTimeout), event.at + wait <= now {
            return .scheduleToStart
        }
        return nil
    }

    /// When an attempt's time is over, and which time that is.
    func deadline(startedAt: Timestamp, heartbeatAt: Timestamp) -> (Timestamp?, TimeoutType) {
        var all: [(Timestamp, TimeoutType)] = []
        if let limit = event.fields.duration(.startToCloseTimeout) { all.append((startedAt + limit, .startToClose)) }
        if let limit = event.fields.duration(.heartbeatTimeout) { all.append((heartbeatAt + limit, .heartbeat)) }
        if let deadline { all.append((deadline, .scheduleToClose)) }
        let first = all.min { $0.0 < $1.0 }
        return (first?.0, first?.1 ?? .startToClose)
    }
}

extension Turn {
    /// The activity whose open attempt a token names; nil when the attempt or its run is over.
    func activity(of token: TaskToken) -> RunState.Activity? {
        guard state.run.runID == token.runID, !state.isClosed, let activity = state.activities[token.scheduledEventID],
            activity.attempt.attempt == token.attempt
        else { return nil }
        return activity
    }

    /// The attempt goes on outside; from now on only its times are due. A beat that came before counts.
    mutating func leaveOpen(_ scheduled: Int, startedAt: Timestamp) {
        guard let activity = state.activities[scheduled] else { return }
        update(scheduled) { attempt in
            let beat = max(attempt.heartbeatAt ?? startedAt, startedAt)
            attempt.startedAt = startedAt
            attempt.heartbeatAt = beat
            attempt.dueAt = activity.deadline(startedAt: startedAt, heartbeatAt: beat).0
        }
    }

    mutating func beat(_ scheduled: Int, _ details: JSONValue) {
        guard let activity = state.activities[scheduled] else { return }
        let now = now
        update(scheduled) { attempt in
            attempt.heartbeatDetails = details.isNull ? attempt.heartbeatDetails : details
            attempt.heartbeatAt = now
            if let startedAt = attempt.startedAt { attempt.dueAt = activity.deadline(startedAt: startedAt, heartbeatAt: now).0 }
        }
    }

    /// An attempt has ended: the activity has too, or another attempt is due.
    mutating func settle(_ scheduled: Int, _ end: AttemptEnd, startedAt: Timestamp? = nil) throws {
        guard let activity = state.activities[scheduled] else { return }
        let began = startedAt ?? activity.attempt.startedAt ?? now
        switch end {
        case .later: break
        case .success(let result):
            note(activity, nil)
            try close(activity, .activityTaskCompleted, [.result: .payloads([result])], began)
        case .cancelled where activity.cancelRequested != nil:
            try close(
                activity, .activityTaskCanceled, [.latestCancelRequestedEventID: activity.cancelRequested.map { .integer($0) }], began)
        case .cancelled: try fail(activity, Failure(message: "the attempt was cancelled by its worker"), began)
        case .failure(let failure): try fail(activity, failure, began)
        case .timeout(let type):
            let details = activity.attempt.heartbeatDetails.map { [Payload($0)] } ?? []
            let failure = Failure(
                message: "activity \(type.rawValue) timeout", source: "Server", info: .timeout(type, lastHeartbeatDetails: details),
                cause: try activity.attempt.lastFailure.map(Failure.init(json:)))
            try fail(activity, failure, began)
        }
    }

    private mutating func fail(_ activity: RunState.Activity, _ failure: Failure, _ began: Timestamp) throws {
        let number = activity.attempt.attempt
        var isTimeout = false
        if case .timeout = failure.info { isTimeout = true }
        let kind: HistoryEvent.Kind = isTimeout ? .activityTaskTimedOut : .activityTaskFailed
        var state = RetryState.cancelRequested
        if activity.cancelRequested == nil {
            switch activity.retry.verdict(afterAttempt: number, failure: failure) {
            case .success(let wait):
                // The time is kept in milliseconds; an attempt that is due when this one was would be the same thing.
                let wait = max(wait, .milliseconds(1))
                if activity.deadline.map({ now + wait < $0 }) ?? true { return try retry(activity, failure, after: wait) }
                return try timeOut(activity, last: failure, began)
            case .failure(let verdict): state = verdict.state
            }
        }
        note(activity, failure)
        try close(activity, kind, [.failure: .failure(failure), .retryState: .text(ProtoName.name(state.rawValue, "RETRY_STATE"))], began)
    }

    /// The time of all attempts ends before the next one could begin.
    private mutating func timeOut(_ activity: RunState.Activity, last: Failure, _ began: Timestamp) throws {
        let details = activity.attempt.heartbeatDetails.map { [Payload($0)] } ?? []
        let failure = Failure(
            message: "Not enough time to schedule next retry before activity ScheduleToClose timeout, giving up retrying", source: "Server",
            info: .timeout(.scheduleToClose, lastHeartbeatDetails: details), cause: last)
        note(activity, failure)
        let fields: EventFields = [
            .failure: .failure(failure), .retryState: .text(ProtoName.name(RetryState.timeout.rawValue, "RETRY_STATE")),
        ]
        try close(activity, .activityTaskTimedOut, fields, began)
    }

    private mutating func retry(_ activity: RunState.Activity, _ failure: Failure, after wait: Duration) throws {
        let now = now
        note(activity, failure, next: wait)
        update(activity.event.id) { attempt in
            attempt.attempt += 1
            attempt.dueAt = now + wait
            attempt.startedAt = nil
            attempt.lastFailure = failure.json
        }
    }

    /// The start is written together with the end, as Temporal does, unless it stands there already.
    private mutating func close(
        _ activity: RunState.Activity, _ kind: HistoryEvent.Kind, _ fields: EventFields, _ began: Timestamp
    ) throws {
        var fields = fields
        fields[.scheduledEventID] = .integer(activity.event.id)
        fields[.startedEventID] = .integer(try activity.startedBy ?? start(activity, began))
        try append(kind, fields)
    }

    private mutating func start(_ activity: RunState.Activity, _ began: Timestamp) throws -> Int {
        try append(
            .activityTaskStarted,
            [
                .scheduledEventID: .integer(activity.event.id), .attempt: .integer(activity.attempt.attempt), .identity: .text(identity),
                .lastFailure: try activity.attempt.lastFailure.map { .failure(try Failure(json: $0)) },
            ], at: began
        ).id
    }
}
