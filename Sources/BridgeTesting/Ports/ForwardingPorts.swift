public import DurableWorkflow
public import Events
public import HybridRouter
public import Outcomes

/// A hand-off store that does what another one does, but for the methods that it defines itself.
public protocol ForwardingHandoffStore: HandoffStore {
    /// The other one.
    var base: any HandoffStore { get }
}

extension ForwardingHandoffStore {
    /// Forwards to ``base``, as every method here does.
    public func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] { try await base.accept(arrivals, at: now) }
    /// Forwards.
    public func snapshot(of entity: EntityID) async throws -> EntitySnapshot? { try await base.snapshot(of: entity) }
    /// Forwards.
    public func row(_ sequence: Int) async throws -> InboxRow? { try await base.row(sequence) }
    /// Forwards.
    public func rows(of entity: EntityID) async throws -> [InboxRow] { try await base.rows(of: entity) }
    /// Forwards.
    public func commit(_ transaction: EntityTransaction) async throws -> Committed { try await base.commit(transaction) }
    /// Forwards.
    public func keep(_ effects: [LedgerEntry]) async throws { try await base.keep(effects) }
    /// Forwards.
    public func ledger(of entity: EntityID) async throws -> [LedgerEntry] { try await base.ledger(of: entity) }
    /// Forwards.
    public func reply(to key: EffectKey) async throws -> JSONValue? { try await base.reply(to: key) }
    /// Forwards.
    public func reads(of entity: EntityID) async throws -> [RecordedRead] { try await base.reads(of: entity) }
    /// Forwards.
    public func intend(_ call: EffectCall) async throws -> IntentionResult { try await base.intend(call) }
    /// Forwards.
    public func withdraw(_ key: EffectKey) async throws { try await base.withdraw(key) }
    /// Forwards.
    public func intention(_ key: EffectKey) async throws -> EffectCall? { try await base.intention(key) }
    /// Forwards.
    public func intentions() async throws -> [EffectCall] { try await base.intentions() }
    /// Forwards.
    public func compact(before moment: Timestamp, after place: Int, limit: Int) async throws -> Compaction {
        try await base.compact(before: moment, after: place, limit: limit)
    }
    /// Forwards.
    public func compactedDeliveries(of entity: EntityID) async throws -> Set<DeliveryName> {
        try await base.compactedDeliveries(of: entity)
    }
    /// Forwards.
    public func durableOwnerships(after entity: EntityID?, limit: Int) async throws -> [Ownership] {
        try await base.durableOwnerships(after: entity, limit: limit)
    }
    /// Forwards.
    public func quarantine(_ item: Quarantined) async throws { try await base.quarantine(item) }
    /// Forwards.
    public func quarantined() async throws -> [Quarantined] { try await base.quarantined() }
    /// Forwards.
    public func release(_ entity: EntityID) async throws -> [QueuedRow] { try await base.release(entity) }
    /// Forwards.
    public func pendingRows() async throws -> [QueuedRow] { try await base.pendingRows() }
    /// Forwards.
    public func pendingOutbox() async throws -> [OutboxMessage] { try await base.pendingOutbox() }
    /// Forwards.
    public func markDone(_ message: OutboxMessage) async throws { try await base.markDone(message) }
    /// Forwards.
    public func due(at now: Timestamp) async throws -> [EntityID] { try await base.due(at: now) }
    /// Forwards.
    public func nextDue() async throws -> Timestamp? { try await base.nextDue() }
    /// Forwards.
    public func entities() async throws -> [EntityID] { try await base.entities() }
    /// Forwards.
    public func journal(of entity: EntityID) async throws -> [JournalEntry] { try await base.journal(of: entity) }
    /// Forwards.
    public func counters() async throws -> [String: Int] { try await base.counters() }
    /// Forwards.
    public func deadLetters() async throws -> [String: Int] { try await base.deadLetters() }
    /// Forwards.
    public func value(_ name: String) async throws -> String? { try await base.value(name) }
    /// Forwards.
    public func set(_ name: String, to value: String?) async throws { try await base.set(name, to: value) }
    /// Forwards.
    public func values(prefix: String) async throws -> [String: String] { try await base.values(prefix: prefix) }
    /// Forwards.
    public func replayAccepted(_ body: (Event) throws -> Void) async throws { try await base.replayAccepted(body) }
    /// Forwards.
    public func flush() async throws { try await base.flush() }
    /// Forwards.
    public func takeForeignChange() async throws -> Bool { try await base.takeForeignChange() }
}

/// An engine's store that does what another one does, but for the methods that it defines itself.
public protocol ForwardingWorkflowStore: WorkflowStore {
    /// The other one.
    var base: any WorkflowStore { get }
}

extension ForwardingWorkflowStore {
    /// Forwards to ``base``, as every method here does.
    public func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun? { try await base.run(workflowID, runID: runID) }
    /// Forwards.
    public func history(_ run: Int64) async throws -> [HistoryEvent] { try await base.history(run) }
    /// Forwards.
    public func commit(_ changes: [WorkflowChange]) async throws { try await base.commit(changes) }
    /// Forwards.
    public func due(after key: DueItem.Key?, until moment: Timestamp, limit: Int) async throws -> [DueItem] {
        try await base.due(after: key, until: moment, limit: limit)
    }
    /// Forwards.
    public func nextDue(after key: DueItem.Key?) async throws -> Timestamp? { try await base.nextDue(after: key) }
    /// Forwards.
    public func highestKey() async throws -> Int64 { try await base.highestKey() }
    /// Forwards.
    public func runs(matching filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] {
        try await base.runs(matching: filter, before: key, limit: limit)
    }
    /// Forwards.
    public func count(matching filter: WorkflowFilter) async throws -> Int { try await base.count(matching: filter) }
    /// Forwards.
    public func remove(closedBefore moment: Timestamp, limit: Int) async throws -> Int {
        try await base.remove(closedBefore: moment, limit: limit)
    }
    /// Forwards.
    public func schedules() async throws -> [ScheduleRecord] { try await base.schedules() }
    /// Forwards.
    public func schedule(_ id: String) async throws -> ScheduleRecord? { try await base.schedule(id) }
    /// Forwards.
    public func taker(of id: String, in scope: String) async throws -> Int64? { try await base.taker(of: id, in: scope) }
    /// Forwards.
    public func quarantined() async throws -> [QuarantinedItem] { try await base.quarantined() }
}

/// Parties that do what others do, but for the methods that it defines itself.
public protocol ForwardingEffects: EffectPort {
    /// The others.
    var base: any EffectPort { get }
}

extension ForwardingEffects {
    /// Forwards to ``base``, as every method here does.
    public func kind(of operation: String) -> PartyKind { base.kind(of: operation) }
    /// Forwards.
    public func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue { try await base.perform(call) }
    /// Forwards.
    public func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { try await base.reply(to: key) }
    /// Forwards.
    public func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { try await base.read(query) }
}
