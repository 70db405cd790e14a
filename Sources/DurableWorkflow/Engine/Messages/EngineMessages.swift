package import Events

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
    /// The same as the port's, at `now`.
    @discardableResult
    package func signal(workflowID: String, signal: SignalMessage, at now: Timestamp) async throws -> SignalReceipt {
        let fields = try SignalFields(signal, converter)
        return try await watch.call("SignalWorkflow:\(signal.name)", workflowID, at: now) { call in
            var fields = fields
            fields.fields[.header] = call.flatMap { .filled($0.header) }
            do {
                return try await turn(workflowID, at: now) { turn in
                    call?.note(runID: turn.state.run.runID)
                    return try await self.receive(fields, &turn)
                }
            } catch is WorkflowNotFound { return .notRunning }
        }
    }

    /// The same as the port's, at `now`.
    package func cancel(workflowID: String, at now: Timestamp) async throws {
        guard try await requestCancel(of: workflowID, runID: "", at: now) else {
            throw WorkflowNotFound(workflowID: workflowID, expected: "a run")
        }
    }

    /// Notes a request for cancellation, once; a closed run has nothing to cancel. False when there is no such run, or it is not the one that
    /// is meant.
    func requestCancel(
        of workflowID: String, runID: String, at now: Timestamp, if isOurs: (RunState) -> Bool = { _ in true }
    ) async throws -> Bool {
        do {
            return try await turn(workflowID, at: now) { turn in
                guard turn.state.isNamed(by: runID) else { return try await self.store.run(workflowID, runID: runID) != nil }
                guard isOurs(turn.state) else { return false }
                if !turn.state.isClosed, !turn.state.isCancelRequested {
                    try turn.append(.workflowExecutionCancelRequested, [.identity: .text(turn.identity)])
                }
                return true
            }
        } catch is WorkflowNotFound { return false }
    }

    /// Ends the open run at once; its code does not hear of it. Throws ``WorkflowNotFound`` when there is none.
    package func terminate(workflowID: String, reason: String, at now: Timestamp) async throws {
        try await terminate(workflowID: workflowID, runID: "", reason: reason, at: now)
    }

    func terminate(
        workflowID: String, runID: String, reason: String, at now: Timestamp, if isOurs: (RunState) -> Bool = { _ in true }
    ) async throws {
        try await turn(workflowID, at: now) { turn in
            guard !turn.state.isClosed, turn.state.isNamed(by: runID), isOurs(turn.state) else {
                throw WorkflowNotFound(workflowID: workflowID, expected: "an open run")
            }
            try turn.terminate(reason: reason)
        }
    }

    /// Asks the code something; nothing changes. A closed run answers too. Throws what the handler throws, ``UnknownMessage`` when there is
    /// none.
    package func query(workflowID: String, name: String, input: JSONValue = .null, at now: Timestamp) async throws -> JSONValue {
        let input = try converter.payload(input)
        return try await watch.call("QueryWorkflow:\(name)", workflowID, at: now) { _ in
            try await turn(workflowID, at: now) { turn in
                let live = try await self.live(&turn)
                return try self.converter.value(try live.answer(name, input))
            }
        }
    }

    /// Sends an update and runs the code with it at once. An update whose id the run has accepted before is not taken again.
    package func update(workflowID: String, id: String, name: String, input: JSONValue, at now: Timestamp) async throws -> UpdateOutcome {
        let request = UpdateRequest(id: id, name: name, arguments: try converter.payload(input))
        return try await watch.call("StartWorkflowUpdate:\(name)", workflowID, at: now) { _ in
            try await update(workflowID, request, at: now)
        }
    }

    private func update(_ workflowID: String, _ request: UpdateRequest, at now: Timestamp) async throws -> UpdateOutcome {
        let id = request.id
        return try await turn(workflowID, at: now) { turn -> UpdateOutcome in
            if let known = try await self.knownOutcome(ofUpdate: id, turn.state) { return known }
            if turn.state.isAdmitted(id), !turn.state.isClosed { return try await self.takeAdmitted(id, &turn) }
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

    /// An update that a reset has kept: the task that is due takes it.
    private func takeAdmitted(_ id: String, _ turn: inout Turn) async throws -> UpdateOutcome {
        guard try await runTask(&turn), let outcome = turn.outcome(ofUpdate: id) ?? turn.outcomesOfUpdates.first(where: { $0.id == id })
        else { throw UpdateNotHandled(workflowID: turn.state.run.workflowID, problem: turn.state.run.problem ?? "") }
        return outcome
    }

    /// Where an update stands; nil for one that no run of the chain has accepted.
    package func outcome(ofUpdate id: String, workflowID: String, at now: Timestamp) async throws -> UpdateOutcome? {
        try await turn(workflowID, at: now) { try await self.knownOutcome(ofUpdate: id, $0.state) }
    }

    private func knownOutcome(ofUpdate id: String, _ state: RunState) async throws -> UpdateOutcome? {
        if let known = state.outcome(ofUpdate: id) { return known }
        return try await earlierOutcome(ofUpdate: id, state)
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
