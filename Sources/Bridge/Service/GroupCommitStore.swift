public import DurableWorkflow
public import Events
public import HybridRouter
public import Outcomes

/// A hand-off store whose calls join the group commits of its database. For a store that is durable with its `flush`.
public struct GroupCommitStore: HandoffStore {
    private let base: any HandoffStore
    private let reading: (any HandoffStore)?
    private let commits: GroupCommits

    /// `base`, whose writes become durable with those of everybody else in `commits`. Reads go to `reading`, a store on another connection to the
    /// same file, and wait for no group; without one they are made between the groups.
    public init(_ base: any HandoffStore, _ commits: GroupCommits, reading: (any HandoffStore)? = nil) {
        self.base = base
        self.reading = reading
        self.commits = commits
    }

    private func read<Value: Sendable>(_ body: @escaping @Sendable (any HandoffStore) async throws -> Value) async throws -> Value {
        if let reading { return try await commits.readBeside { try await body(reading) } }
        return try await commits.read { [base] in try await body(base) }
    }

    /// Joins a commit.
    public func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        try await commits.write { [base] in try await base.accept(arrivals, at: now) }
    }
    /// Reads what is durable.
    public func snapshot(of entity: EntityID) async throws -> EntitySnapshot? {
        try await read { try await $0.snapshot(of: entity) }
    }
    /// Reads what is durable.
    public func row(_ sequence: Int) async throws -> InboxRow? {
        try await read { try await $0.row(sequence) }
    }
    /// Reads what is durable.
    public func rows(of entity: EntityID) async throws -> [InboxRow] {
        try await read { try await $0.rows(of: entity) }
    }
    /// Joins a commit.
    public func commit(_ transaction: EntityTransaction) async throws -> Committed {
        try await commits.write { [base] in try await base.commit(transaction) }
    }
    /// Joins a commit.
    public func keep(_ effects: [LedgerEntry]) async throws {
        try await commits.write { [base] in try await base.keep(effects) }
    }
    /// Reads what is durable.
    public func ledger(of entity: EntityID) async throws -> [LedgerEntry] {
        try await read { try await $0.ledger(of: entity) }
    }
    /// Reads what is durable.
    public func reply(to key: EffectKey) async throws -> JSONValue? {
        try await read { try await $0.reply(to: key) }
    }
    /// Reads what is durable.
    public func reads(of entity: EntityID) async throws -> [RecordedRead] {
        try await read { try await $0.reads(of: entity) }
    }
    /// Joins a commit.
    public func intend(_ call: EffectCall) async throws -> IntentionResult {
        try await commits.write { [base] in try await base.intend(call) }
    }
    /// Joins a commit.
    public func withdraw(_ key: EffectKey) async throws {
        try await commits.write { [base] in try await base.withdraw(key) }
    }
    /// Reads what is durable.
    public func intention(_ key: EffectKey) async throws -> EffectCall? {
        try await read { try await $0.intention(key) }
    }
    /// Reads what is durable.
    public func intentions() async throws -> [EffectCall] {
        try await read { try await $0.intentions() }
    }
    /// Joins a commit: it sets aside what cannot be read.
    public func durableOwnerships(after entity: EntityID?, limit: Int) async throws -> [Ownership] {
        try await commits.write { [base] in try await base.durableOwnerships(after: entity, limit: limit) }
    }
    /// Joins a commit.
    public func quarantine(_ item: Quarantined) async throws {
        try await commits.write { [base] in try await base.quarantine(item) }
    }
    /// Reads what is durable.
    public func quarantined() async throws -> [Quarantined] {
        try await read { try await $0.quarantined() }
    }
    /// Joins a commit.
    public func release(_ entity: EntityID) async throws -> [QueuedRow] {
        try await commits.write { [base] in try await base.release(entity) }
    }
    /// Joins a commit: it sets aside what cannot be read.
    public func pendingRows() async throws -> [QueuedRow] {
        try await commits.write { [base] in try await base.pendingRows() }
    }
    /// Joins a commit: it sets aside what cannot be read.
    public func pendingOutbox() async throws -> [OutboxMessage] {
        try await commits.write { [base] in try await base.pendingOutbox() }
    }
    /// Joins a commit.
    public func markDone(_ message: OutboxMessage) async throws {
        try await commits.write { [base] in try await base.markDone(message) }
    }
    /// Reads what is durable.
    public func due(at now: Timestamp) async throws -> [EntityID] {
        try await read { try await $0.due(at: now) }
    }
    /// Reads what is durable.
    public func nextDue() async throws -> Timestamp? {
        try await read { try await $0.nextDue() }
    }
    /// Reads what is durable.
    public func entities() async throws -> [EntityID] {
        try await read { try await $0.entities() }
    }
    /// Reads what is durable.
    public func journal(of entity: EntityID) async throws -> [JournalEntry] {
        try await read { try await $0.journal(of: entity) }
    }
    /// Reads what is durable.
    public func counters() async throws -> [String: Int] {
        try await read { try await $0.counters() }
    }
    /// Reads what is durable.
    public func deadLetters() async throws -> [String: Int] {
        try await read { try await $0.deadLetters() }
    }
    /// Reads what is durable.
    public func value(_ name: String) async throws -> String? {
        try await read { try await $0.value(name) }
    }
    /// Joins a commit.
    public func set(_ name: String, to value: String?) async throws {
        try await commits.write { [base] in try await base.set(name, to: value) }
    }
    /// Reads what is durable.
    public func values(prefix: String) async throws -> [String: String] {
        try await read { try await $0.values(prefix: prefix) }
    }
    /// Joins a commit.
    public func compact(before moment: Timestamp, after place: Int, limit: Int) async throws -> Compaction {
        try await commits.write { [base] in try await base.compact(before: moment, after: place, limit: limit) }
    }
    /// Reads what is durable.
    public func compactedDeliveries(of entity: EntityID) async throws -> Set<DeliveryName> {
        try await read { try await $0.compactedDeliveries(of: entity) }
    }
    /// Every write is durable when it returns.
    public func flush() async throws {
        try await commits.write {}
    }
    /// As it was when the present group began, or is now.
    public func takeForeignChange() async throws -> Bool { try await commits.takeForeignChange() }
    /// Reads on the caller's thread: a service that runs has no use for it.
    public func replayAccepted(_ body: (Event) throws -> Void) async throws { try await base.replayAccepted(body) }
}

/// A durable engine's store whose calls join the group commits of its database.
public struct GroupCommitWorkflowStore: WorkflowStore {
    private let base: any WorkflowStore
    private let commits: GroupCommits

    /// `base`, whose writes become durable with those of everybody else in `commits`.
    public init(_ base: any WorkflowStore, _ commits: GroupCommits) {
        self.base = base
        self.commits = commits
    }

    /// Reads on the stores' thread.
    public func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun? {
        try await commits.read { [base] in try await base.run(workflowID, runID: runID) }
    }
    /// Reads on the stores' thread.
    public func history(_ run: Int64) async throws -> [HistoryEvent] {
        try await commits.read { [base] in try await base.history(run) }
    }
    /// Joins a commit.
    public func commit(_ changes: [WorkflowChange]) async throws {
        try await commits.write { [base] in try await base.commit(changes) }
    }
    /// Joins a commit: it sets aside what cannot be read.
    public func due(after key: DueItem.Key?, until moment: Timestamp, limit: Int) async throws -> [DueItem] {
        try await commits.write { [base] in try await base.due(after: key, until: moment, limit: limit) }
    }
    /// Reads on the stores' thread.
    public func nextDue(after key: DueItem.Key?) async throws -> Timestamp? {
        try await commits.read { [base] in try await base.nextDue(after: key) }
    }
    /// Reads on the stores' thread.
    public func highestKey() async throws -> Int64 {
        try await commits.read { [base] in try await base.highestKey() }
    }
    /// Reads on the stores' thread.
    public func runs(matching filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] {
        try await commits.read { [base] in try await base.runs(matching: filter, before: key, limit: limit) }
    }
    /// Reads on the stores' thread.
    public func count(matching filter: WorkflowFilter) async throws -> Int {
        try await commits.read { [base] in try await base.count(matching: filter) }
    }
    /// Joins a commit.
    public func remove(closedBefore moment: Timestamp, limit: Int) async throws -> Int {
        try await commits.write { [base] in try await base.remove(closedBefore: moment, limit: limit) }
    }
    /// Reads on the stores' thread.
    public func schedules() async throws -> [ScheduleRecord] {
        try await commits.read { [base] in try await base.schedules() }
    }
    /// Reads on the stores' thread.
    public func schedule(_ id: String) async throws -> ScheduleRecord? {
        try await commits.read { [base] in try await base.schedule(id) }
    }
    /// Reads on the stores' thread.
    public func taker(of id: String, in scope: String) async throws -> Int64? {
        try await commits.read { [base] in try await base.taker(of: id, in: scope) }
    }
    /// Reads on the stores' thread.
    public func quarantined() async throws -> [QuarantinedItem] {
        try await commits.read { [base] in try await base.quarantined() }
    }
}
