public import Events
import HeapModule
public import Outcomes
import Synchronization

/// A store that lives as long as the process: for tests and simulations. It is ``Consequences`` over dictionaries.
public final class InMemoryHandoffStore: HandoffStore {
    /// Changes what a transaction leads to: a known bug, for tests of the laws.
    package typealias Bend = @Sendable (inout Consequences, inout EntityTransaction, EntitySnapshot) -> Void

    let contents: Mutex<InMemoryContents>
    private let bend: Bend?

    /// An empty store.
    public convenience init() { self.init(InMemoryContents(), bend: nil) }

    /// A store with a bug.
    package convenience init(bend: @escaping Bend) { self.init(InMemoryContents(), bend: bend) }

    private init(_ contents: sending InMemoryContents, bend: Bend?) {
        self.contents = Mutex(contents)
        self.bend = bend
    }

    /// A store of its own that has what this one has now.
    package func fork() -> InMemoryHandoffStore { InMemoryHandoffStore(contents.withLock { $0.copy() }, bend: bend) }

    /// All that this store has and that can still matter, as text: two stores with equal texts go on in the same way, as long as what
    /// comes is within `scope`.
    package func standing(_ scope: StandingScope) -> String { contents.withLock { $0.standing(scope) } }

    /// See ``OwnershipStore``.
    public func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        contents.withLock { contents in arrivals.map { contents.accept($0, at: now) } }
    }

    /// See ``RecordStore``.
    public func snapshot(of entity: EntityID) async throws -> EntitySnapshot? { contents.withLock { $0.entities[entity]?.snapshot } }

    /// See ``OwnershipStore``.
    public func row(_ sequence: Int) async throws -> InboxRow? {
        contents.withLock { $0.rows.indices.contains(sequence - 1) ? $0.rows[sequence - 1] : nil }
    }

    /// See ``OwnershipStore``.
    public func rows(of entity: EntityID) async throws -> [InboxRow] {
        contents.withLock { contents in contents.entities[entity]?.rows.map { contents.rows[$0 - 1] } ?? [] }
    }

    /// See ``OwnershipStore``.
    public func commit(_ transaction: EntityTransaction) async throws -> Committed {
        try contents.withLock { try $0.commit(transaction, bend) }
    }

    /// See ``OwnershipStore``.
    public func keep(_ effects: [LedgerEntry]) async throws {
        contents.withLock { contents in for entry in effects { contents.keep(entry) } }
    }

    /// See ``OwnershipStore``.
    public func ledger(of entity: EntityID) async throws -> [LedgerEntry] { contents.withLock { $0.entities[entity]?.ledger ?? [] } }

    /// See ``EffectLedger``.
    public func reply(to key: EffectKey) async throws -> JSONValue? {
        contents.withLock { $0.entities[key.entity]?.ledger.first { $0.key == key }?.reply }
    }

    /// See ``OwnershipStore``.
    public func reads(of entity: EntityID) async throws -> [RecordedRead] { contents.withLock { $0.entities[entity]?.reads ?? [] } }

    /// See ``EffectLedger``.
    public func intend(_ call: EffectCall) async throws -> IntentionResult {
        contents.withLock { contents in
            let ledger = contents.entities[call.key.entity]?.ledger ?? []
            if let entry = ledger.first(where: { $0.key == call.key }) { return .performed(entry.reply) }
            if let begun = contents.intentions[call.key]?.call { return .begun(begun) }
            contents.lastIntention += 1
            contents.intentions[call.key] = (contents.lastIntention, call)
            return .noted
        }
    }

    /// See ``EffectLedger``.
    public func withdraw(_ key: EffectKey) async throws { contents.withLock { $0.intentions[key] = nil } }

    /// See ``EffectLedger``.
    public func intention(_ key: EffectKey) async throws -> EffectCall? { contents.withLock { $0.intentions[key]?.call } }

    /// See ``OwnershipStore``.
    public func intentions() async throws -> [EffectCall] {
        contents.withLock { $0.intentions.values.sorted { $0.number < $1.number }.map(\.call) }
    }

    /// See ``OwnershipStore``.
    public func pendingRows() async throws -> [QueuedRow] {
        contents.withLock { contents in
            contents.pending.sorted().map { contents.rows[$0 - 1].queued }.filter { !contents.isQuarantined($0.entity) }
        }
    }

    /// See ``OwnershipStore``.
    public func pendingOutbox() async throws -> [OutboxMessage] {
        contents.withLock { contents in
            contents.outbox.values.filter { !contents.isQuarantined($0.entity) }.sorted { $0.sequence < $1.sequence }
        }
    }

    /// See ``OwnershipStore``.
    public func markDone(_ message: OutboxMessage) async throws {
        contents.withLock { _ = $0.outbox.removeValue(forKey: message.sequence) }
    }

    /// See ``RecordStore``.
    public func due(at now: Timestamp) async throws -> [EntityID] { contents.withLock { $0.due(at: now) } }

    /// See ``RecordStore``.
    public func nextDue() async throws -> Timestamp? { contents.withLock { $0.nextDue?.at } }

    /// See ``OwnershipStore``.
    public func entities() async throws -> [EntityID] { contents.withLock { $0.entities.keys.sorted() } }

    /// See ``OwnershipStore``.
    public func durableOwnerships(after entity: EntityID?, limit: Int) async throws -> [Ownership] {
        contents.withLock { contents in
            let owned = contents.entities.values.map(\.snapshot.ownership).filter { ownership in
                ownership.owner == .durable && entity.map { $0 < ownership.entity } ?? true
            }
            return Array(owned.sorted { $0.entity < $1.entity }.prefix(limit))
        }
    }

    /// See ``OwnershipStore``.
    public func journal(of entity: EntityID) async throws -> [JournalEntry] { contents.withLock { $0.entities[entity]?.journal ?? [] } }

    /// See ``OwnershipStore``.
    public func counters() async throws -> [String: Int] { contents.withLock { $0.counters } }

    /// See ``OwnershipStore``.
    public func deadLetters() async throws -> [String: Int] {
        contents.withLock { Dictionary($0.deadLetters.map { ($0.reason.rawValue, 1) }, uniquingKeysWith: +) }
    }

    /// See ``OwnershipStore``.
    public func quarantine(_ item: Quarantined) async throws { contents.withLock { $0.quarantine(item) } }

    /// See ``OwnershipStore``.
    public func quarantined() async throws -> [Quarantined] { contents.withLock { $0.quarantined } }

    /// See ``OwnershipStore``.
    public func release(_ entity: EntityID) async throws -> [QueuedRow] {
        contents.withLock { contents in
            contents.quarantined.removeAll { $0.entity == entity }
            return contents.pending.sorted().map { contents.rows[$0 - 1].queued }.filter { $0.entity == entity }
        }
    }

    /// See ``OwnershipStore``.
    public func value(_ name: String) async throws -> String? { contents.withLock { $0.values[name] } }

    /// See ``OwnershipStore``.
    public func set(_ name: String, to value: String?) async throws { contents.withLock { $0.values[name] = value } }

    /// See ``OwnershipStore``.
    public func values(prefix: String) async throws -> [String: String] {
        contents.withLock { $0.values.filter { $0.key.hasPrefix(prefix) } }
    }

    /// See ``OwnershipStore``.
    public func replayAccepted(_ body: (Event) throws -> Void) async throws {
        for row in contents.withLock({ $0.rows }) where row.event.isFromOutside {
            try body(row.event)
        }
    }

    /// It goes with its process: nothing is packed.
    public func compact(before moment: Timestamp, after place: Int, limit: Int) async throws -> Compaction { Compaction() }

    /// Empty: nothing is packed.
    public func compactedDeliveries(of entity: EntityID) async throws -> Set<DeliveryName> { [] }

    /// See ``OwnershipStore``.
    public func flush() async throws {}

    /// See ``OwnershipStore``.
    public func takeForeignChange() async throws -> Bool { false }
}
