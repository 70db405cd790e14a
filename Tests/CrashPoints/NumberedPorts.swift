import BridgeTesting
import DurableWorkflow
import Events
import HybridRouter
import Outcomes

// The ports are written out method by method, and not by way of the forwarding protocols of the test kit, so that a new method of a
// port does not compile until it has its number.

/// The hand-off store, every call of it numbered.
struct NumberedHandoffStore: HandoffStore {
    let base: any HandoffStore
    let points: CrashPoints

    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        try await points.around(.accept, arrivals.map(\.subject).joined(separator: " ")) { try await base.accept(arrivals, at: now) }
    }
    func snapshot(of entity: EntityID) async throws -> EntitySnapshot? {
        try await points.around(.snapshot, entity.rawValue) { try await base.snapshot(of: entity) }
    }
    func row(_ sequence: Int) async throws -> InboxRow? {
        try await points.around(.row, "row \(sequence)") { try await base.row(sequence) }
    }
    func rows(of entity: EntityID) async throws -> [InboxRow] {
        try await points.around(.rows, entity.rawValue) { try await base.rows(of: entity) }
    }
    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        let what = transaction.moves.map(\.what).joined(separator: ", ")
        return try await points.around(.commit, "\(transaction.entity) \(what)") { try await base.commit(transaction) }
    }
    func keep(_ effects: [LedgerEntry]) async throws {
        try await points.around(.keep, effects.map(\.key.description).joined(separator: " ")) { try await base.keep(effects) }
    }
    func ledger(of entity: EntityID) async throws -> [LedgerEntry] {
        try await points.around(.ledger, entity.rawValue) { try await base.ledger(of: entity) }
    }
    func reply(to key: EffectKey) async throws -> JSONValue? {
        try await points.around(.ledgerReply, key.description) { try await base.reply(to: key) }
    }
    func reads(of entity: EntityID) async throws -> [RecordedRead] {
        try await points.around(.reads, entity.rawValue) { try await base.reads(of: entity) }
    }
    func compact(before moment: Timestamp, after place: Int, limit: Int) async throws -> Compaction {
        try await points.around(.compact) { try await base.compact(before: moment, after: place, limit: limit) }
    }
    func compactedDeliveries(of entity: EntityID) async throws -> Set<DeliveryName> {
        try await points.around(.compactedDeliveries, entity.rawValue) { try await base.compactedDeliveries(of: entity) }
    }
    func intend(_ call: EffectCall) async throws -> IntentionResult {
        try await points.around(.intend, call.key.description) { try await base.intend(call) }
    }
    func withdraw(_ key: EffectKey) async throws {
        try await points.around(.withdraw, key.description) { try await base.withdraw(key) }
    }
    func intention(_ key: EffectKey) async throws -> EffectCall? {
        try await points.around(.intention, key.description) { try await base.intention(key) }
    }
    func intentions() async throws -> [EffectCall] { try await points.around(.intentions) { try await base.intentions() } }
    func durableOwnerships(after entity: EntityID?, limit: Int) async throws -> [Ownership] {
        try await points.around(.durableOwnerships) { try await base.durableOwnerships(after: entity, limit: limit) }
    }
    func quarantine(_ item: Quarantined) async throws {
        try await points.around(.quarantine, item.key) { try await base.quarantine(item) }
    }
    func quarantined() async throws -> [Quarantined] { try await points.around(.quarantined) { try await base.quarantined() } }
    func release(_ entity: EntityID) async throws -> [QueuedRow] {
        try await points.around(.release, entity.rawValue) { try await base.release(entity) }
    }
    func pendingRows() async throws -> [QueuedRow] { try await points.around(.pendingRows) { try await base.pendingRows() } }
    func pendingOutbox() async throws -> [OutboxMessage] { try await points.around(.pendingOutbox) { try await base.pendingOutbox() } }
    func markDone(_ message: OutboxMessage) async throws {
        try await points.around(.markDone, "\(message.kind) \(message.segmentID)") { try await base.markDone(message) }
    }
    func due(at now: Timestamp) async throws -> [EntityID] { try await points.around(.due) { try await base.due(at: now) } }
    func nextDue() async throws -> Timestamp? { try await points.around(.nextDue) { try await base.nextDue() } }
    func entities() async throws -> [EntityID] { try await points.around(.entities) { try await base.entities() } }
    func journal(of entity: EntityID) async throws -> [JournalEntry] {
        try await points.around(.journal, entity.rawValue) { try await base.journal(of: entity) }
    }
    func counters() async throws -> [String: Int] { try await points.around(.counters) { try await base.counters() } }
    func deadLetters() async throws -> [String: Int] { try await points.around(.deadLetters) { try await base.deadLetters() } }
    func value(_ name: String) async throws -> String? { try await points.around(.value, name) { try await base.value(name) } }
    func set(_ name: String, to value: String?) async throws {
        try await points.around(.set, name) { try await base.set(name, to: value) }
    }
    func values(prefix: String) async throws -> [String: String] {
        try await points.around(.values, prefix) { try await base.values(prefix: prefix) }
    }
    func replayAccepted(_ body: (Event) throws -> Void) async throws {
        try await points.around(.replayAccepted) { try await base.replayAccepted(body) }
    }
    func flush() async throws { try await points.around(.flush) { try await base.flush() } }
    func takeForeignChange() async throws -> Bool { try await points.around(.takeForeignChange) { try await base.takeForeignChange() } }
}

/// The engine's store, every call of it numbered.
struct NumberedWorkflowStore: WorkflowStore {
    let base: any WorkflowStore
    let points: CrashPoints

    func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun? {
        try await points.around(.run, workflowID) { try await base.run(workflowID, runID: runID) }
    }
    func history(_ run: Int64) async throws -> [HistoryEvent] {
        try await points.around(.history, "run \(run)") { try await base.history(run) }
    }
    func commit(_ changes: [WorkflowChange]) async throws {
        let runs = changes.flatMap(\.runs).map(\.run.workflowID).joined(separator: ", ")
        try await points.around(.workflowCommit, runs) { try await base.commit(changes) }
    }
    func due(after key: DueItem.Key?, until moment: Timestamp, limit: Int) async throws -> [DueItem] {
        try await points.around(.workflowDue) { try await base.due(after: key, until: moment, limit: limit) }
    }
    func nextDue(after key: DueItem.Key?) async throws -> Timestamp? {
        try await points.around(.workflowNextDue) { try await base.nextDue(after: key) }
    }
    func highestKey() async throws -> Int64 { try await points.around(.highestKey) { try await base.highestKey() } }
    func runs(matching filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] {
        try await points.around(.runs) { try await base.runs(matching: filter, before: key, limit: limit) }
    }
    func count(matching filter: WorkflowFilter) async throws -> Int {
        try await points.around(.count) { try await base.count(matching: filter) }
    }
    func remove(closedBefore moment: Timestamp, limit: Int) async throws -> Int {
        try await points.around(.remove) { try await base.remove(closedBefore: moment, limit: limit) }
    }
    func schedules() async throws -> [ScheduleRecord] { try await points.around(.schedules) { try await base.schedules() } }
    func schedule(_ id: String) async throws -> ScheduleRecord? {
        try await points.around(.schedule, id) { try await base.schedule(id) }
    }
    func taker(of id: String, in scope: String) async throws -> Int64? {
        try await points.around(.taker, id) { try await base.taker(of: id, in: scope) }
    }
    func quarantined() async throws -> [QuarantinedItem] {
        try await points.around(.quarantinedRuns) { try await base.quarantined() }
    }
}

/// The parties, every call of them numbered.
struct NumberedEffects: EffectPort {
    let base: any EffectPort
    let points: CrashPoints

    func kind(of operation: String) -> PartyKind { base.kind(of: operation) }
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        try await points.around(.perform, call.key.description) { () async throws(EffectError) in try await base.perform(call) }
    }
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        try await points.around(.partyReply, key.description) { () async throws(EffectError) in try await base.reply(to: key) }
    }
    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        try await points.around(.read, "\(query.entity) \(query.operation)") { () async throws(EffectError) in try await base.read(query) }
    }
}

extension Arrival {
    fileprivate var subject: String {
        switch self {
        case .event(let incoming, _): "\(incoming.id)"
        case .deadLetter(let letter): "\(letter.id)"
        }
    }
}

extension PortWrapper {
    /// Every call of every port numbered by `points`; `outside` stands between the bridge and the numbered parties.
    static func numbered(_ points: CrashPoints, outside: @escaping @Sendable (any EffectPort) -> any EffectPort) -> PortWrapper {
        PortWrapper(
            handoffs: { NumberedHandoffStore(base: $0, points: points) },
            workflows: { NumberedWorkflowStore(base: $0, points: points) },
            effects: { outside(NumberedEffects(base: $0, points: points)) })
    }
}
