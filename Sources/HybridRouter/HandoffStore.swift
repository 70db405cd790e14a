public import Events
public import Outcomes

/// Where the records of a legacy machine in this process live. A machine elsewhere keeps its own.
public protocol RecordStore: Sendable {
    /// The entity's ownership and record; nil for an unknown entity. Throws ``UnreadableRow`` for a row that cannot be read.
    func snapshot(of entity: EntityID) async throws -> EntitySnapshot?
    /// Entities whose `dueAt` is not after `now`, in order of `dueAt`; those in quarantine are left out.
    func due(at now: Timestamp) async throws -> [EntityID]
    /// The earliest `dueAt`.
    func nextDue() async throws -> Timestamp?
}

/// Where ownership, inbox, outbox, ledger and moves live. Every method is one transaction.
public protocol OwnershipStore: EffectLedger {
    /// Stores arrivals; each answer is durable once the call returns (or once ``flush()`` does, in a grouped store).
    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance]
    /// One inbox row.
    func row(_ sequence: Int) async throws -> InboxRow?
    /// All inbox rows of an entity, in order.
    func rows(of entity: EntityID) async throws -> [InboxRow]
    /// Makes a transaction true; throws ``StaleEpoch`` when the entity has changed hands, ``StaleRecord`` when its record has changed.
    func commit(_ transaction: EntityTransaction) async throws -> Committed
    /// Stores performed effects whatever the epoch is: a performed effect is a fact, not a business write.
    func keep(_ effects: [LedgerEntry]) async throws
    /// The entity's effects in the order performed.
    func ledger(of entity: EntityID) async throws -> [LedgerEntry]
    /// What was read outside for the entity, in order.
    func reads(of entity: EntityID) async throws -> [RecordedRead]
    /// All pending rows, in order: what a restart begins with. A row that cannot be read is set aside.
    func pendingRows() async throws -> [QueuedRow]
    /// All outbox messages not sent, in order. A message that cannot be read is set aside.
    func pendingOutbox() async throws -> [OutboxMessage]
    /// Removes a message that was sent.
    func markDone(_ message: OutboxMessage) async throws
    /// All entities, in order.
    func entities() async throws -> [EntityID]
    /// The ownership of so many entities that durable owns, in order, from the first one behind `entity`; fewer when there are no more. A row
    /// that cannot be read is set aside.
    func durableOwnerships(after entity: EntityID?, limit: Int) async throws -> [Ownership]
    /// The audit of an entity, in order.
    func journal(of entity: EntityID) async throws -> [JournalEntry]
    /// All counters.
    func counters() async throws -> [String: Int]
    /// All dead letters' counts by reason.
    func deadLetters() async throws -> [String: Int]
    /// The effects that were begun and have no result, in the order in which they were begun.
    func intentions() async throws -> [EffectCall]
    /// Sets something aside; nothing of its entity is handled from now on. Something of the same kind and key that is set aside already
    /// keeps its reason.
    func quarantine(_ item: Quarantined) async throws
    /// What is set aside, oldest first.
    func quarantined() async throws -> [Quarantined]
    /// Lets everything of the entity be handled again, and returns its rows that can be handled.
    func release(_ entity: EntityID) async throws -> [QueuedRow]
    /// A named value of the run (clock, position in a trace); nil when never set.
    func value(_ name: String) async throws -> String?
    /// Sets a named value; nil removes it.
    func set(_ name: String, to value: String?) async throws
    /// All named values whose names begin with `prefix`.
    func values(prefix: String) async throws -> [String: String]
    /// Hands every event that was accepted from outside to `body`, in order of arrival.
    func replayAccepted(_ body: (Event) throws -> Void) async throws
    /// Packs what became true before `moment`, so that the store does not grow for ever.
    ///
    /// Of an entity that legacy owns and of which nothing waits, all moves that are older go into one row, and nobody sees a difference: they
    /// are still its journal. The events that were handled before the moment lose their contents; their names are kept, so that one that comes
    /// again is still a duplicate. So do the answers of reads. Ownership, record, references and performed effects stay as they are.
    /// What is lost: such an entity can no longer be compared with legacy alone, which would need what it was told.
    ///
    /// It is one transaction. It looks at no more than `limit` transactions' moves, in the order in which they were written, behind the place
    /// `after`, at which an earlier call has stopped; 0 is the beginning. What was written while a clock was ahead holds up what came after it
    /// until the clock is there. A store that goes with its process packs nothing.
    func compact(before moment: Timestamp, after place: Int, limit: Int) async throws -> Compaction
    /// The names of the entity's deliveries of which the contents are gone; empty when nothing of it was packed.
    func compactedDeliveries(of entity: EntityID) async throws -> Set<DeliveryName>
    /// Makes everything so far durable; does nothing in a store that commits every call.
    func flush() async throws
    /// True when another process or connection has committed something since this was last asked, or since the store was opened. The
    /// caller then reads again which rows are pending and which messages are unsent. What was written through this store does not count.
    func takeForeignChange() async throws -> Bool
}

/// Ownership and records on one database, so that a hand-off is one transaction.
public protocol HandoffStore: OwnershipStore, RecordStore {}
