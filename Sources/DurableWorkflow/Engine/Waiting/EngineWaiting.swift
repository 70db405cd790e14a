import Events
import Synchronization

// Who waits for the end of a workflow or of an update; nobody waits for what can never come, and nobody asks again and again.

extension EmbeddedEngine {
    /// Waits for the end of a workflow, through continue-as-new, retries and cron runs. Returns its result; throws ``WorkflowFailed``,
    /// ``WorkflowNotFound`` for an id that nobody has started, `CancellationError` when the waiting task is cancelled, and what has ended or
    /// ends a worker of the engine.
    public func result(workflowID: String) async throws -> Payload? {
        let outcome = try await results.wait(for: workflowID) { try await self.end(of: workflowID) }
        guard outcome.event.kind == .workflowExecutionCompleted else { throw WorkflowFailed(outcome) }
        return outcome.event.payload(.result)
    }

    /// The end of a workflow that has closed before somebody waited; nil while it is open.
    private func end(of workflowID: String) async throws -> RunOutcome? {
        guard let run = try await store.run(workflowID) else { throw WorkflowNotFound(workflowID: workflowID, expected: "a run") }
        guard run.status.isClosed, run.status != .continuedAsNew,
            let end = try await store.history(run.key).last(where: { $0.kind.isTerminal }), end.fields[.newRunID] == nil
        else { return nil }
        return RunOutcome(run: run, event: end)
    }

    /// Waits for the end of an update that a run has accepted. Throws ``WorkflowNotFound`` for one that no run of the chain knows, and as
    /// ``result(workflowID:)`` does.
    public func result(ofUpdate id: String, workflowID: String) async throws -> UpdateOutcome {
        try await updates.wait(for: UpdateKey(workflowID: workflowID, id: id)) { try await self.end(ofUpdate: id, workflowID) }
    }

    private func end(ofUpdate id: String, _ workflowID: String) async throws -> UpdateOutcome? {
        let known = try await outcome(ofUpdate: id, workflowID: workflowID, at: time.now)
        guard let known else { throw WorkflowNotFound(workflowID: workflowID, expected: "a run that has accepted update \(id)") }
        if case .accepted = known { return nil }
        return known
    }

    /// Tells those who wait what a turn has made durable.
    func tell(_ turn: Turn) {
        for outcome in turn.outcomes { results.tell(outcome.run.workflowID, outcome) }
        for (update, outcome) in turn.updateEnds { updates.tell(update, outcome) }
    }

    /// What was in a commit that failed may have come true all the same; then nobody else tells those who wait. Who comes later looks for
    /// himself.
    func tellLater(_ turn: Turn) {
        for id in Set(turn.outcomes.map(\.run.workflowID)).intersection(results.keys) {
            Task { await self.results.answer(id) { try await self.end(of: id) } }
        }
        for key in Set(turn.updateEnds.map(\.0)).intersection(updates.keys) {
            Task { await self.updates.answer(key) { try await self.end(ofUpdate: key.id, key.workflowID) } }
        }
    }

    /// Nobody works any more, because of `error`.
    func failWaiters(_ error: any Error) {
        results.fail(error)
        updates.fail(error)
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

extension Turn {
    /// Where an update stands that the run has accepted. One that is open when its run closes has failed: nobody can complete it any more.
    func outcome(ofUpdate id: String) -> UpdateOutcome? { state.outcome(ofUpdate: id) }

    /// The updates that end with the run, for those who wait for them.
    mutating func endUpdates() {
        for (id, update) in state.updates where update.outcome == nil { noteEnd(ofUpdate: id) }
    }

    mutating func noteEnd(ofUpdate id: String) {
        guard let outcome = outcome(ofUpdate: id) else { return }
        updateEnds.append((UpdateKey(workflowID: state.run.workflowID, id: id), outcome))
    }
}

extension RunState {
    func outcome(ofUpdate id: String) -> UpdateOutcome? {
        guard let update = updates[id] else { return nil }
        guard let outcome = update.outcome else { return isClosed ? .failed(id: id, Self.closedBeforeUpdate) : .accepted(id: id) }
        if let failure = outcome.fields.failure(.outcomeFailure) { return .failed(id: id, failure) }
        return .completed(id: id, outcome.payload(.outcomeSuccess))
    }

    /// Temporal's failure of an update that was accepted and not completed.
    private static let closedBeforeUpdate = Failure(
        message: "Workflow Update failed because the Workflow completed before the Update completed.", source: "Server",
        info: .application(type: "AcceptedUpdateCompletedWorkflow", nonRetryable: true, details: [], nextRetryDelay: nil))
}
