public import Events

/// What became of an update.
public enum UpdateOutcome: Hashable, Sendable {
    /// A validator refused it, or nobody handles it; it left no trace.
    case rejected(id: String, Failure)
    /// It is under way.
    case accepted(id: String)
    /// It is done.
    case completed(id: String, Payload?)
    /// It was accepted and then failed.
    case failed(id: String, Failure)

    var id: String {
        switch self {
        case .rejected(let id, _), .accepted(let id), .completed(let id, _), .failed(let id, _): id
        }
    }
}

extension EmbeddedEngine {
    /// Required by ``DurableEngine``, which says what it does.
    @discardableResult
    public func signal(workflowID: String, signal: SignalMessage, at now: Timestamp) async throws -> SignalReceipt {
        let fields = try SignalFields(signal, converter)
        return try await watch.call("SignalWorkflow:\(signal.name)", workflowID, at: now) { call in
            var fields = fields
            fields.fields[.header] = call.flatMap { .filled($0.header) }
            do {
                return try await turn(workflowID, at: now) { turn in
                    call?.note(runID: turn.state.run.runID)
                    return try turn.receive(fields)
                }
            } catch is WorkflowNotFound { return .notRunning }
        }
    }

    /// Required by ``DurableEngine``, which says what it does.
    public func cancel(workflowID: String, at now: Timestamp) async throws {
        _ = try await requestCancel(of: workflowID, runID: "", at: now)
    }

    /// Notes a request for cancellation, once; false when there is no open run.
    func requestCancel(of workflowID: String, runID: String, at now: Timestamp) async throws -> Bool {
        do {
            return try await turn(workflowID, at: now) { turn in
                guard !turn.state.isClosed, runID.isEmpty || turn.state.run.runID == runID else { return false }
                if !turn.state.isCancelRequested { try turn.append(.workflowExecutionCancelRequested, [.identity: .text(turn.identity)]) }
                return true
            }
        } catch is WorkflowNotFound { return false }
    }

    /// Ends the open run at once; its code does not hear of it. Throws ``WorkflowNotFound`` when there is none.
    public func terminate(workflowID: String, reason: String, at now: Timestamp) async throws {
        try await terminate(workflowID: workflowID, runID: "", reason: reason, at: now)
    }

    func terminate(workflowID: String, runID: String, reason: String, at now: Timestamp) async throws {
        try await turn(workflowID, at: now) { turn in
            guard !turn.state.isClosed, runID.isEmpty || turn.state.run.runID == runID else {
                throw WorkflowNotFound(workflowID: workflowID, expected: "an open run")
            }
            try turn.terminate(reason: reason)
        }
    }

    /// Asks the code something; nothing changes. A closed run answers too. Throws what the handler throws, ``UnknownMessage`` when there is
    /// none.
    public func query(workflowID: String, name: String, input: JSONValue = .null, at now: Timestamp) async throws -> JSONValue {
        let input = try converter.payload(input)
        return try await watch.call("QueryWorkflow:\(name)", workflowID, at: now) { _ in
            try await turn(workflowID, at: now) { turn in
                let live = try await self.live(&turn)
                return try self.converter.value(try live.answer(name, input))
            }
        }
    }

    /// Sends an update and runs the code with it at once. An update whose id the run has accepted before is not taken again.
    public func update(workflowID: String, id: String, name: String, input: JSONValue, at now: Timestamp) async throws -> UpdateOutcome {
        let request = UpdateRequest(id: id, name: name, arguments: try converter.payload(input))
        return try await watch.call("StartWorkflowUpdate:\(name)", workflowID, at: now) { _ in
            try await update(workflowID, request, at: now)
        }
    }

    private func update(_ workflowID: String, _ request: UpdateRequest, at now: Timestamp) async throws -> UpdateOutcome {
        let id = request.id
        return try await turn(workflowID, at: now) { turn -> UpdateOutcome in
            if let known = turn.outcome(ofUpdate: id) { return known }
            guard !turn.state.isClosed else { throw WorkflowNotFound(workflowID: workflowID, expected: "an open run") }
            if turn.state.task == nil {
                let live = try await self.live(&turn)
                if let rejection = live.validate([request]).first { return .rejected(id: id, rejection.failure) }
                try turn.append(.workflowTaskScheduled, [.attempt: .integer(1)])
            }
            guard try await self.runTask(&turn, updates: [request]) else {
                throw UpdateNotHandled(workflowID: workflowID, problem: turn.state.run.problem ?? "")
            }
            guard let outcome = turn.outcome(ofUpdate: id) ?? turn.outcomesOfUpdates.first(where: { $0.id == id }) else {
                throw UpdateNotHandled(workflowID: workflowID, problem: "its code took longer than a workflow task may")
            }
            return outcome
        }
    }

    /// Where an update stands; nil for one that the current run does not know.
    public func outcome(ofUpdate id: String, workflowID: String, at now: Timestamp) async throws -> UpdateOutcome? {
        try await turn(workflowID, at: now) { $0.outcome(ofUpdate: id) }
    }

    /// Waits for the end of a workflow, through continue-as-new, retries and cron runs. Returns its result; throws ``WorkflowFailed``, and
    /// what has ended or ends a worker of the engine.
    public func result(workflowID: String) async throws -> Payload? {
        let outcome = try await withCheckedThrowingContinuation { continuation in
            waiters.add(continuation, for: workflowID)
            Task {
                await self.answerIfClosed(workflowID)
                self.waiters.dropIfFailed()
            }
        }
        guard outcome.event.kind == .workflowExecutionCompleted else { throw WorkflowFailed(outcome) }
        return outcome.event.payload(.result)
    }

    /// Runs whose end was in a commit that failed may have ended all the same; then nobody else tells those who wait. Who comes later
    /// looks for himself.
    func answerLater(_ outcomes: [RunOutcome]) {
        for id in outcomes.map(\.run.workflowID) where waiters.isWaitedFor(id) { Task { await self.answerIfClosed(id) } }
    }

    /// A workflow that has closed before somebody waited.
    private func answerIfClosed(_ workflowID: String) async {
        guard let run = try? await store.run(workflowID), run.status.isClosed, run.status != .continuedAsNew,
            let end = try? await store.history(run.key).last(where: { $0.kind.isTerminal }), end.fields[.newRunID] == nil
        else { return }
        waiters.tell(RunOutcome(run: run, event: end))
    }
}

/// A workflow did not complete.
public struct WorkflowFailed: Error, Sendable, CustomStringConvertible {
    /// The run.
    public let run: WorkflowRun
    /// Why; nil for a cancelled, terminated or timed out run.
    public let cause: Failure?

    init(_ outcome: RunOutcome) {
        run = outcome.run
        cause = outcome.event.fields.failure(.failure)
    }

    /// One sentence.
    public var description: String {
        "workflow \(run.workflowID), run \(run.runID): \(run.status.rawValue)\(cause.map { ", \($0)" } ?? "")"
    }
}

/// The workflow's code does not fit, so it took no update.
public struct UpdateNotHandled: Error, Hashable, Sendable, CustomStringConvertible {
    /// The workflow.
    public let workflowID: String
    /// Why it is blocked.
    public let problem: String

    /// One sentence.
    public var description: String { "workflow \(workflowID): expected it to take updates, found it blocked: \(problem)" }
}

extension Turn {
    /// Where an update stands that the run has accepted.
    func outcome(ofUpdate id: String) -> UpdateOutcome? {
        guard let update = state.updates[id] else { return nil }
        guard let outcome = update.outcome else { return .accepted(id: id) }
        if let failure = outcome.fields.failure(.outcomeFailure) { return .failed(id: id, failure) }
        return .completed(id: id, outcome.payload(.outcomeSuccess))
    }
}
