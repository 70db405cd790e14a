import Events

// Runs of one workflow id that follow each other by continue-as-new, retry, cron or reset are a chain; an id of a message counts once in it.

extension RunState {
    /// The id of the chain's first run.
    var chain: String {
        let first = started?.fields.text(.firstRunID) ?? ""
        return first.isEmpty ? run.runID : first
    }

    /// True for a run that is not the first of its chain.
    var isFollower: Bool { first?.isFollower == true || resetAt != nil }

    /// True when `runID` names this run, or the chain that it belongs to; an empty one names whichever is current.
    func isNamed(by runID: String) -> Bool { runID.isEmpty || run.runID == runID || isFollower && chain == runID }

    /// True for the child that `event` of the run `runID` has asked for.
    func isChild(of runID: String, event: Int) -> Bool {
        guard first?.isChild == true, let fields = started?.fields else { return false }
        return fields.text(.parentRunID) == runID && fields.integer(.parentInitiatedEventID) == event
    }

    private func scope(_ kind: String) -> String { "\(kind)/\(chain)" }
    var signalScope: String { scope("signal") }
    var updateScope: String { scope("update") }
}

extension StartRequest {
    static func scope(of workflowID: String) -> String { "start/\(workflowID)" }
}

extension Turn {
    /// The ids that this run has taken, for the runs that follow it.
    mutating func rememberRequests() {
        let (key, signals, updates) = (state.run.key, state.signalScope, state.updateScope)
        let taken =
            state.signals.filter { !$0.isEmpty }.sorted().map { TakenRequest(scope: signals, id: $0, run: key) }
            + state.updates.keys.sorted().map { TakenRequest(scope: updates, id: $0, run: key) }
        finish { $0.requests += taken }
    }
}

extension EmbeddedEngine {
    /// Takes a signal, once in the whole chain.
    func receive(_ signal: SignalFields, _ turn: inout Turn) async throws -> SignalReceipt {
        if turn.state.isClosed { return .notRunning }
        if !signal.id.isEmpty, turn.state.isFollower, try await store.taker(of: signal.id, in: turn.state.signalScope) != nil {
            return .duplicate
        }
        return try turn.receive(signal)
    }

    /// Where an update stands that an earlier run of the chain has accepted; nil when none has.
    func earlierOutcome(ofUpdate id: String, _ state: RunState) async throws -> UpdateOutcome? {
        guard state.isFollower, let key = try await store.taker(of: id, in: state.updateScope) else { return nil }
        var run = state.run
        run.key = key
        run.attempts = []
        let history = try await store.history(key)
        run.status = history.last.map { $0.kind.isTerminal ? WorkflowStatus($0.kind) : .running } ?? .running
        return RunState(run: run, history: history).outcome(ofUpdate: id)
    }

    /// The run that a start of the same request id has made; nil when there was none.
    func execution(of request: StartRequest) async throws -> WorkflowExecution? {
        guard let id = request.options.requestID,
            let key = try await store.taker(of: id, in: StartRequest.scope(of: request.workflowID))
        else { return nil }
        let runID = WorkflowHistory(events: try await store.history(key)).runID
        return WorkflowExecution(workflowID: request.workflowID, runID: runID)
    }
}
