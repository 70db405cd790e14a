public import Events
public import Outcomes

/// A record's content: a value in memory or a JSON text, each made from the other when it is asked for.
public struct RecordBody: Hashable, Sendable {
    private enum Form: Sendable {
        case text(String)
        case value(any Encodable & Sendable)
    }

    private let form: Form

    /// The body that `text` holds.
    public init(text: String) { form = .text(text) }
    /// The body of a record.
    public init(_ value: some Codable & Sendable) { form = .value(value) }

    /// Canonical JSON. Throws what the record's `encode(to:)` throws.
    public func text() throws -> String {
        switch form {
        case .text(let text): text
        case .value(let value): try JSONValue(encoding: value).canonicalText
        }
    }

    /// The record. Throws a `DecodingError` that names the path when the text is of another type.
    public func value<Record: Codable & Sendable>(as type: Record.Type = Record.self) throws -> Record {
        switch form {
        case .text(let text): try JSONValue(parsing: text).decoded()
        case .value(let value): if let record = value as? Record { record } else { try JSONValue(encoding: value).decoded() }
        }
    }

    /// Equal texts.
    public static func == (left: RecordBody, right: RecordBody) -> Bool { (try? left.text()) == (try? right.text()) }

    /// Hashes the text.
    public func hash(into hasher: inout Hasher) { hasher.combine(try? text()) }
}

/// The legacy record of an entity as stored.
public struct StoredRecord: Hashable, Sendable {
    /// The legacy state.
    public var state: String
    /// The record.
    public var body: RecordBody
    /// Grows by one with every commit of the entity.
    public var version: Int
    /// True when the state is one that nothing leaves.
    public var isFinal: Bool
    /// When the entity was born.
    public var createdAt: Timestamp
    /// When it entered the step it is in.
    public var stepEnteredAt: Timestamp
    /// When it last moved on an event that was not a timer.
    public var lastEventAt: Timestamp
    /// When the sweeper last sent it something.
    public var lastSweptAt: Timestamp
    /// When the sweeper should look at it next; nil for never, and while durable owns the entity.
    public var dueAt: Timestamp?

    /// A record.
    public init(
        state: String, body: RecordBody, version: Int, isFinal: Bool, createdAt: Timestamp, stepEnteredAt: Timestamp,
        lastEventAt: Timestamp, lastSweptAt: Timestamp, dueAt: Timestamp?
    ) {
        self.state = state
        self.body = body
        self.version = version
        self.isFinal = isFinal
        self.createdAt = createdAt
        self.stepEnteredAt = stepEnteredAt
        self.lastEventAt = lastEventAt
        self.lastSweptAt = lastSweptAt
        self.dueAt = dueAt
    }
}

/// Everything a handling of an entity's event reads.
public struct EntitySnapshot: Hashable, Sendable {
    /// Who owns it.
    public var ownership: Ownership
    /// Its record.
    public var record: StoredRecord

    /// A snapshot.
    public init(ownership: Ownership, record: StoredRecord) {
        self.ownership = ownership
        self.record = record
    }
}

/// One durable move of one entity: everything in it becomes true in one transaction or nothing does.
public struct Change: Sendable {
    /// A new disposition of an inbox row.
    public struct RowUpdate: Hashable, Sendable {
        /// Which row.
        public var sequence: Int
        /// What became of it.
        public var disposition: Disposition
        /// For `signalled`: under which epoch.
        public var epoch: Int?
        /// For `pending`: the next attempt and when.
        public var retry: Retry?
        /// Why, for the audit.
        public var note: String

        /// An update.
        public init(sequence: Int, disposition: Disposition, epoch: Int? = nil, retry: Retry? = nil, note: String = "") {
            self.sequence = sequence
            self.disposition = disposition
            self.epoch = epoch
            self.retry = retry
            self.note = note
        }
    }

    /// The next attempt of a message.
    public struct Retry: Hashable, Sendable {
        /// From 2.
        public var attempt: Int
        /// When.
        public var at: Timestamp

        /// A retry.
        public init(attempt: Int, at: Timestamp) {
            self.attempt = attempt
            self.at = at
        }
    }

    /// The entity.
    public var entity: EntityID
    /// The epoch under which the change is made; a stored one that differs makes the commit throw ``StaleEpoch``.
    public var epoch: Int
    /// The version of the record that the change was decided on; a stored one that differs makes the commit throw ``StaleRecord``. Nil
    /// for those who are the only one that writes records under their epoch.
    public var version: Int?
    /// The moment of the change.
    public var at: Timestamp
    /// Refuses the change with ``MigrationHalted`` while the migration is halted: for moves to the durable side.
    public var unlessHalted = false
    /// The new record; its `version` is set by the store.
    public var record: StoredRecord?
    /// The new ownership.
    public var ownership: Ownership?
    /// New dispositions of rows.
    public var rows: [RowUpdate] = []
    /// Ids of events that a segment has used: their rows become consumed.
    public var consumedEvents: [EventID] = []
    /// Makes every row that is still `signalled` pending again, in its order (hand back, recall).
    public var requeueSignalled = false
    /// Makes every parked row pending again, so that it is routed anew.
    public var unpark = false
    /// Internal events to append: `continue` and timers.
    public var append: [Event] = []
    /// Messages to the engine.
    public var outbox: [OutboxMessage] = []
    /// New ledger entries; a key that exists is left as it is.
    public var ledger: [LedgerEntry] = []
    /// External ids by which senders name the entity.
    public var references: [String] = []
    /// Lines for the audit.
    public var journal: [JournalEntry] = []
    /// Counters to add one to, by name.
    public var counters: [String] = []
    /// A message that failed for good.
    public var deadLetter: DeadLetter?

    /// An empty change of `entity` under `epoch`.
    public init(entity: EntityID, epoch: Int, at: Timestamp) {
        self.entity = entity
        self.epoch = epoch
        self.at = at
    }
}

/// A line of an entity's audit: what was decided, by whom, under which epoch.
public struct JournalEntry: Codable, Hashable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// When.
    public var at: Timestamp
    /// Who owned the entity.
    public var owner: Owner
    /// Under which epoch.
    public var epoch: Int
    /// What happened, in a few words: the event's kind, `hand off`, `hand back`.
    public var what: String
    /// More, for example `BRAND_VERIFIED -> BRAND_READY`; ids, states and codes only.
    public var detail: String

    /// A line.
    public init(entity: EntityID, at: Timestamp, owner: Owner, epoch: Int, what: String, detail: String) {
        self.entity = entity
        self.at = at
        self.owner = owner
        self.epoch = epoch
        self.what = what
        self.detail = detail
    }
}

extension JournalEntry {
    private static let recalled = "recall"

    /// The line of an entity that legacy took back in the middle of `ownership.step`.
    public static func recall(_ ownership: Ownership, reason: String, at now: Timestamp) -> JournalEntry {
        JournalEntry(
            entity: ownership.entity, at: now, owner: .legacy, epoch: ownership.epoch, what: recalled,
            detail: "step \(ownership.step): \(reason)")
    }

    /// The step in which legacy took the entity back; nil for any other line.
    public var recalledStep: StepNumber? {
        guard what == Self.recalled, detail.hasPrefix("step "), let colon = detail.firstIndex(of: ":") else { return nil }
        return StepNumber(String(detail[..<colon].dropFirst(5)))
    }
}

/// What a commit made runnable.
public struct Committed: Sendable {
    /// Rows that are pending now and were not before, or have a new attempt.
    public var queued: [QueuedRow]
    /// The stored outbox messages, with their sequence.
    public var outbox: [OutboxMessage]

    /// A result.
    public init(queued: [QueuedRow] = [], outbox: [OutboxMessage] = []) {
        self.queued = queued
        self.outbox = outbox
    }
}

/// A write under an epoch that is not the entity's any more. The writer has lost the entity and must do nothing.
public struct StaleEpoch: Error, Hashable, Sendable, CustomStringConvertible {
    /// The entity.
    public var entity: EntityID
    /// The epoch the writer had.
    public var found: Int
    /// The epoch that is stored.
    public var expected: Int

    /// An error.
    public init(entity: EntityID, found: Int, expected: Int) {
        self.entity = entity
        self.found = found
        self.expected = expected
    }

    /// One sentence.
    public var description: String {
        "\(entity): expected epoch \(expected), found \(found); the entity has changed hands, drop the write"
    }
}

/// A move that was decided on a record that its owner has written since, under the same epoch. Read again and decide anew.
public struct StaleRecord: Error, Hashable, Sendable, CustomStringConvertible {
    /// The entity.
    public var entity: EntityID
    /// The version the move was decided on.
    public var found: Int
    /// The version that is stored.
    public var expected: Int

    /// An error.
    public init(entity: EntityID, found: Int, expected: Int) {
        self.entity = entity
        self.found = found
        self.expected = expected
    }

    /// One sentence.
    public var description: String { "\(entity): expected version \(expected) of its record, found \(found); read it again" }
}

/// A move to the durable side while the migration is halted.
public struct MigrationHalted: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the setting that holds the moment of the halt; no such setting: not halted.
    public static let setting = "halted"

    /// An error.
    public init() {}

    /// One sentence.
    public var description: String { "expected a running migration, found it halted; legacy goes on, see 'lockstep migrate resume'" }
}

/// Where ownership, inbox, outbox, records and ledger live. Every method is one transaction.
public protocol HandoffStore: Sendable {
    /// Stores arrivals; each answer is durable once the call returns (or once ``flush()`` does, in a grouped store).
    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance]
    /// The entity's ownership and record; nil for an unknown entity.
    func snapshot(of entity: EntityID) async throws -> EntitySnapshot?
    /// One inbox row.
    func row(_ sequence: Int) async throws -> InboxRow?
    /// All inbox rows of an entity, in order.
    func rows(of entity: EntityID) async throws -> [InboxRow]
    /// Makes a change true; throws ``StaleEpoch`` when the entity has changed hands, ``StaleRecord`` when its record has changed.
    func commit(_ change: Change) async throws -> Committed
    /// Keeps effects that were performed under whatever epoch: a performed effect is a fact, not a business write.
    func keep(_ effects: [LedgerEntry]) async throws
    /// The entity's effects in the order performed.
    func ledger(of entity: EntityID) async throws -> [LedgerEntry]
    /// The reply that the ledger has for a key; nil when it has none.
    func reply(to key: EffectKey) async throws -> JSONValue?
    /// All pending rows, in order: what a restart begins with.
    func pendingRows() async throws -> [QueuedRow]
    /// All outbox messages not marked done, in order.
    func pendingOutbox() async throws -> [OutboxMessage]
    /// Marks a message done.
    func markDone(_ message: OutboxMessage) async throws
    /// Entities whose `dueAt` is not after `now`, in order of `dueAt`.
    func due(at now: Timestamp) async throws -> [EntityID]
    /// The earliest `dueAt`.
    func nextDue() async throws -> Timestamp?
    /// All entities, in order.
    func entities() async throws -> [EntityID]
    /// The audit of an entity, in order.
    func journal(of entity: EntityID) async throws -> [JournalEntry]
    /// All counters.
    func counters() async throws -> [String: Int]
    /// All dead letters' counts by reason.
    func deadLetters() async throws -> [String: Int]
    /// A named value of the run (clock, position in a trace); nil when never set.
    func value(_ name: String) async throws -> String?
    /// Sets a named value; nil removes it.
    func set(_ name: String, to value: String?) async throws
    /// All named values whose names begin with `prefix`.
    func values(prefix: String) async throws -> [String: String]
    /// Hands every event that was accepted from outside to `body`, in order of arrival.
    func replayAccepted(_ body: (Event) throws -> Void) async throws
    /// Makes everything so far durable; does nothing in a store that commits every call.
    func flush() async throws
    /// True when another process or connection has committed something since this was last asked, or since the store was opened: rows
    /// may be pending and messages unsent of which the caller does not know. Never for what was written through this store.
    func takeForeignChange() async throws -> Bool
}
