public import Events

/// An engine that runs elsewhere, or nowhere: every call throws ``refusal``.
///
/// For a process that works on a bridge's database beside the one that has its engine.
public struct AbsentEngine: Sendable {
    /// What every call throws.
    public let refusal: any Error

    /// An engine that refuses with `refusal`.
    public init(_ refusal: any Error) { self.refusal = refusal }
}

extension AbsentEngine: DurableEngine {
    /// Required by ``DurableEngine``.
    public var workflowTypes: [WorkflowType] { [] }
    /// Required by ``DurableEngine``.
    public var converter: PayloadConverter { PayloadConverter() }
    /// Required by ``DurableEngine``.
    public func worker(activitySlots: Int, longestSleep: Duration) -> any EngineWorker { self }

    /// Required by ``DurableEngine``.
    public func start(workflowID: String, type: String, input: JSONValue, options: WorkflowOptions) async throws -> WorkflowExecution {
        throw refusal
    }
    /// Required by ``DurableEngine``.
    public func signalWithStart(workflowID: String, type: String, input: JSONValue, signal: SignalMessage, options: WorkflowOptions)
        async throws -> WorkflowExecution
    { throw refusal }
    /// Required by ``DurableEngine``.
    public func signal(workflowID: String, signal: SignalMessage) async throws -> SignalReceipt { throw refusal }
    /// Required by ``DurableEngine``.
    public func query(workflowID: String, name: String, input: JSONValue) async throws -> JSONValue { throw refusal }
    /// Required by ``DurableEngine``.
    public func update(workflowID: String, id: String, name: String, input: JSONValue) async throws -> UpdateOutcome { throw refusal }
    /// Required by ``DurableEngine``.
    public func outcome(ofUpdate id: String, workflowID: String) async throws -> UpdateOutcome? { throw refusal }
    /// Required by ``DurableEngine``.
    public func result(ofUpdate id: String, workflowID: String) async throws -> UpdateOutcome { throw refusal }
    /// Required by ``DurableEngine``.
    public func cancel(workflowID: String) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func terminate(workflowID: String, reason: String) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func reset(workflowID: String, toEvent event: Int, reason: String) async throws -> WorkflowExecution { throw refusal }
    /// Required by ``DurableEngine``.
    public func result(workflowID: String) async throws -> Payload? { throw refusal }

    /// Required by ``DurableEngine``.
    public func status(of workflowID: String) async throws -> WorkflowStatus? { throw refusal }
    /// Required by ``DurableEngine``.
    public func describe(workflowID: String) async throws -> WorkflowDescription { throw refusal }
    /// Required by ``DurableEngine``.
    public func list(_ filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] { throw refusal }
    /// Required by ``DurableEngine``.
    public func count(_ filter: WorkflowFilter) async throws -> Int { throw refusal }
    /// Required by ``DurableEngine``.
    public func history(workflowID: String, runID: String?) async throws -> WorkflowHistory { throw refusal }

    /// Required by ``DurableEngine``.
    public func createSchedule(_ id: String, _ schedule: Schedule) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func putSchedule(_ id: String, _ schedule: Schedule) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func updateSchedule(_ id: String, _ body: (inout Schedule) throws -> Void) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func pauseSchedule(_ id: String, note: String) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func resumeSchedule(_ id: String, note: String) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func triggerSchedule(_ id: String, overlap: ScheduleOverlapPolicy?) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func backfillSchedule(_ id: String, from start: Timestamp, to end: Timestamp, overlap: ScheduleOverlapPolicy?) async throws {
        throw refusal
    }
    /// Required by ``DurableEngine``.
    public func deleteSchedule(_ id: String) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func schedule(_ id: String) async throws -> ScheduleRecord { throw refusal }
    /// Required by ``DurableEngine``.
    public func schedules() async throws -> [ScheduleRecord] { throw refusal }
    /// Required by ``DurableEngine``.
    public func running(ofSchedule id: String) async throws -> [WorkflowRun] { throw refusal }

    /// Required by ``DurableEngine``.
    public func complete(_ token: TaskToken, result: JSONValue) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func fail(_ token: TaskToken, _ error: ApplicationError) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func reportCancelled(_ token: TaskToken) async throws { throw refusal }
    /// Required by ``DurableEngine``.
    public func heartbeat(_ token: TaskToken, details: JSONValue) async throws { throw refusal }
}

extension AbsentEngine: EngineWorker {
    /// Required by ``EngineWorker``.
    public func run() async throws { throw refusal }
    /// Required by ``EngineWorker``.
    public func stop() {}
    /// Required by ``EngineWorker``.
    public func drain() async {}
    /// Required by ``EngineWorker``.
    public var busyCount: Int { 0 }
    /// Required by ``EngineWorker``.
    public func waitUntilIdle() async {}
    /// Required by ``EngineWorker``.
    public func nextDue() async throws -> Timestamp? { throw refusal }
}
