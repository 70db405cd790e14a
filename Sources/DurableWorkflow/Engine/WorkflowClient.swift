import Events

/// Starts workflows and talks to them, with types, on any engine.
public struct WorkflowClient: Sendable {
    let engine: any DurableEngine

    /// A client of `engine`.
    public init(engine: any DurableEngine) { self.engine = engine }

    /// Starts a workflow. Throws ``WorkflowAlreadyStarted`` when the policies do not allow it.
    public func startWorkflow<Input, Output>(
        _ workflow: Workflow<Input, Output>, id: String, input: Input, options: WorkflowOptions = WorkflowOptions()
    ) async throws -> WorkflowHandle<Output> {
        let json = try JSONValue(encoding: input)
        try await engine.start(workflowID: id, type: workflow.name, input: json, options: options)
        return WorkflowHandle(workflowID: id, client: self)
    }

    /// Starts a workflow and waits for its result. Throws ``WorkflowFailed`` when it does not complete.
    public func executeWorkflow<Input, Output>(
        _ workflow: Workflow<Input, Output>, id: String, input: Input, options: WorkflowOptions = WorkflowOptions()
    ) async throws -> Output {
        try await startWorkflow(workflow, id: id, input: input, options: options).result()
    }

    /// A workflow that was started before.
    public func workflowHandle<Input, Output>(_ workflow: Workflow<Input, Output>, id: String) -> WorkflowHandle<Output> {
        WorkflowHandle(workflowID: id, client: self)
    }
}

/// A workflow, wherever it stands.
public struct WorkflowHandle<Output: Codable & Sendable>: Sendable {
    /// Its id.
    public let workflowID: String
    let client: WorkflowClient

    /// Waits for its result, through continue-as-new, retries and cron runs. Throws ``WorkflowFailed``.
    public func result() async throws -> Output {
        try client.engine.converter.value(try await client.engine.result(workflowID: workflowID))
    }

    /// Sends a signal; a second one of the same id is not delivered.
    @discardableResult
    public func signal<Input>(_ signal: Signal<Input>, _ input: Input, id: String) async throws -> SignalReceipt {
        let message = SignalMessage(id: id, name: signal.name, payload: try JSONValue(encoding: input))
        return try await client.engine.signal(workflowID: workflowID, signal: message)
    }

    /// Asks it something.
    public func query<Input, Answer: Decodable>(_ query: Query<Input, Answer>, _ input: Input) async throws -> Answer {
        let json = try JSONValue(encoding: input)
        return try await client.engine.query(workflowID: workflowID, name: query.name, input: json).decoded()
    }

    /// Sends an update and waits until it is done. Throws the failure with which it was refused or ended; when its run closes first, one of
    /// type `AcceptedUpdateCompletedWorkflow`.
    public func executeUpdate<Input, Answer: Decodable>(_ update: Update<Input, Answer>, _ input: Input, id: String) async throws -> Answer
    {
        let engine = client.engine
        let json = try JSONValue(encoding: input)
        var outcome = try await engine.update(workflowID: workflowID, id: id, name: update.name, input: json)
        if case .accepted = outcome { outcome = try await engine.result(ofUpdate: id, workflowID: workflowID) }
        switch outcome {
        case .completed(_, let payload): return try engine.converter.value(payload)
        case .rejected(_, let failure), .failed(_, let failure): throw failure
        case .accepted: throw WorkflowNotFound(workflowID: workflowID, expected: "the end of update \(id)")
        }
    }

    /// Asks for cancellation.
    public func cancel() async throws { try await client.engine.cancel(workflowID: workflowID) }

    /// Ends it at once; its code does not hear of it.
    public func terminate(reason: String) async throws {
        try await client.engine.terminate(workflowID: workflowID, reason: reason)
    }

    /// What operations see.
    public func describe() async throws -> WorkflowDescription {
        try await client.engine.describe(workflowID: workflowID)
    }

    /// Its history so far.
    public func fetchHistory() async throws -> WorkflowHistory { try await client.engine.history(workflowID: workflowID) }
}
