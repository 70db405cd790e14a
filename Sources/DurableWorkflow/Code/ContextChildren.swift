public import Events

/// A child workflow that has started.
public struct ChildWorkflowHandle<Output: Codable & Sendable> {
    /// Its id.
    public let workflowID: String
    /// Its run.
    public let runID: String
    let key: Int
    let context: WorkflowContext

    /// Waits for its end. Throws ``ChildWorkflowError`` when it did not complete, `CancellationError` when it was cancelled from here.
    public func result() async throws -> Output { try context.value(await context.outcome(of: key)) }

    /// Sends it a signal; throws when it is not there any more.
    public func signal<Input>(_ signal: Signal<Input>, _ input: Input) async throws {
        try await context.signal(workflowID, "", isChild: true, signal.name, try context.outgoing(input))
    }

    /// Asks it to cancel, and returns.
    public func cancel() { context.cancel(key) }
}

/// A workflow that is not a child.
public struct ExternalWorkflowHandle {
    /// Its id.
    public let workflowID: String
    /// Its run; nil for whichever is open.
    public let runID: String?
    let context: WorkflowContext

    /// Sends it a signal; throws ``ApplicationError`` of type `ExternalWorkflowExecutionNotFound` when it is not there.
    public func signal<Input>(_ signal: Signal<Input>, _ input: Input) async throws {
        try await context.signal(workflowID, runID ?? "", isChild: false, signal.name, try context.outgoing(input))
    }

    /// Asks it to cancel; throws ``ApplicationError`` of type `ExternalWorkflowExecutionNotFound` when it is not there.
    public func cancel() async throws {
        try Task.checkCancellation()
        let key = context.begin(.externalCancel, name: workflowID, id: workflowID)
        context.requestCancel(of: workflowID, runID: runID ?? "", isChild: false, operation: key)
        _ = try await context.outcome(of: key)
    }
}

extension WorkflowContext {
    /// Starts a child workflow and waits until it runs; throws ``ChildWorkflowError`` when its id is in use.
    public func startChildWorkflow<Input, Output>(
        _ workflow: Workflow<Input, Output>, _ input: Input, options: ChildWorkflowOptions = ChildWorkflowOptions()
    ) async throws -> ChildWorkflowHandle<Output> {
        try await startChild(workflow.name, try outgoing(input), options)
    }

    /// Starts a child workflow by name, untyped: one of another team's, on another queue.
    public func startChildWorkflow(_ type: String, input: JSONValue, options: ChildWorkflowOptions = ChildWorkflowOptions()) async throws
        -> ChildWorkflowHandle<JSONValue>
    {
        try await startChild(type, try outgoing(input), options)
    }

    /// Starts a child workflow and waits for its end.
    public func executeChildWorkflow<Input, Output>(
        _ workflow: Workflow<Input, Output>, _ input: Input, options: ChildWorkflowOptions = ChildWorkflowOptions()
    ) async throws -> Output {
        try await startChildWorkflow(workflow, input, options: options).result()
    }

    /// A workflow that is not a child.
    public func externalWorkflow(_ workflowID: String, runID: String? = nil) -> ExternalWorkflowHandle {
        ExternalWorkflowHandle(workflowID: workflowID, runID: runID, context: self)
    }

    private func startChild<Output>(_ type: String, _ input: Payload, _ options: ChildWorkflowOptions) async throws
        -> ChildWorkflowHandle<Output>
    {
        let key = try initiateChild(type, input, options)
        try await started(key)
        return handle(of: key)
    }

    @inline(never)
    private func handle<Output>(of key: Int) -> ChildWorkflowHandle<Output> {
        let child = operations[key]
        return ChildWorkflowHandle(workflowID: child?.id ?? "", runID: child?.runID ?? "", key: key, context: self)
    }

    /// The run that the history began with: a reset keeps the ids of its children.
    private var originalRunID: String {
        let original = first?.event?.fields.text(.originalRunID) ?? ""
        return original.isEmpty ? runID : original
    }

    /// Asks for a child and returns its key.
    @inline(never)
    private func initiateChild(_ type: String, _ input: Payload, _ options: ChildWorkflowOptions) throws -> Int {
        try Task.checkCancellation()
        counters.children += 1
        let id = options.id ?? "\(originalRunID)/\(counters.children)"
        let key = begin(.child(options.cancellationType), name: type, id: id)
        command(
            .startChildWorkflowExecutionInitiated,
            [
                .workflowID: .text(id), .workflowType: .text(type), .taskQueue: .text(options.taskQueue ?? taskQueue),
                .input: .payloads([input]), .executionTimeout: .duration(options.executionTimeout),
                .runTimeout: .duration(options.runTimeout),
                .parentClosePolicy: .text(ProtoName.name(options.parentClosePolicy.rawValue, "PARENT_CLOSE_POLICY")),
                .idReusePolicy: .text(ProtoName.name(options.idReusePolicy.rawValue, "WORKFLOW_ID_REUSE_POLICY")),
                .retryPolicy: options.retryPolicy.map { .retry($0) },
                .memo: .filled(try options.memo.mapValues { try converter.payload($0) }),
                .searchAttributes: .filled(options.searchAttributes.mapValues(Payload.init(searchAttribute:))),
            ], operation: key)
        return key
    }

    /// A child that ends before it has started ends the wait for its start too.
    func childEnded(_ key: Int) {
        guard let waiter = operations[key]?.started.waiter, let outcome = operations[key]?.result.outcome else { return }
        forget(key)
        waiter.resume(with: outcome.map(Arrival.result))
    }

    func signal(_ workflowID: String, _ runID: String, isChild: Bool, _ name: String, _ input: Payload) async throws {
        _ = try await outcome(of: sendSignal(workflowID, runID, isChild: isChild, name, input))
    }

    @inline(never)
    private func sendSignal(_ workflowID: String, _ runID: String, isChild: Bool, _ name: String, _ input: Payload) throws -> Int {
        try Task.checkCancellation()
        let key = begin(.externalSignal, name: name, id: workflowID)
        command(
            .signalExternalWorkflowExecutionInitiated,
            [
                .executionWorkflowID: .text(workflowID), .executionRunID: .filled(runID), .signalName: .text(name),
                .input: .payloads([input]), .childWorkflowOnly: isChild ? .integer(1) : nil,
            ], operation: key)
        return key
    }
}
