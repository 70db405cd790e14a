public import Events
public import Outcomes

/// What becomes true of one entity together, or not at all: the moves, and the record that they lead to.
///
/// The first members are its fence: a stored epoch, version or halt that does not fit refuses the transaction, and nothing is written.
public struct EntityTransaction: Sendable {
    /// The entity.
    public var entity: EntityID
    /// The epoch under which it was decided; another stored one throws ``StaleEpoch``.
    public var epoch: Int
    /// The version of the record on which it was decided; another stored one throws ``StaleRecord``. Nil when only the caller writes
    /// records in this epoch.
    public var version: Int?
    /// True for moves to the durable side: while the migration is halted the transaction throws ``MigrationHalted``.
    public var unlessHalted = false
    /// True when the segment that has the entity did not decide this: it is cancelled when the entity is handed back.
    public var isCancelling = false
    /// When.
    public var at: Timestamp
    /// What became true, in order.
    public var moves: [Move] = []
    /// The new record; the store sets its version. Nil to leave it, or when records are kept elsewhere.
    public var record: StoredRecord?
    /// The effects that ``Move/performed(_:)`` speaks of, with request and reply.
    public var effects: [LedgerEntry] = []
    /// What was read from outside parties while this was decided; it is recorded, so that a shadow gets the same answers.
    public var reads: [RecordedRead] = []
    /// What failed outside while this was decided. No store keeps it; a shadow is told.
    public var failures: [RecordedFailure] = []
    /// External ids by which senders name the entity. One that belongs to another entity is refused and counted.
    public var references: [String] = []
    /// What the timers of ``Move/swept(rule:sends:)`` carry, by rule.
    public var timers: [String: JSONValue] = [:]
    /// The input of the segment that ``Move/handedOff(_:)`` or ``Move/adopted(_:state:)`` starts, without its record.
    public var segment: JSONValue?
    /// The dead letter of a row that failed for good.
    public var letter: DeadLetter?

    /// An empty transaction of `entity` under `epoch`.
    public init(entity: EntityID, epoch: Int, version: Int? = nil, at: Timestamp, moves: [Move] = []) {
        self.entity = entity
        self.epoch = epoch
        self.version = version
        self.at = at
        self.moves = moves
    }
}

extension EntityTransaction {
    /// Adds moves, and makes them of `ownership`, by which what follows is decided.
    package mutating func add(_ moves: [Move], to ownership: inout Ownership) {
        for move in moves { ownership.apply(move) }
        self.moves += moves
    }
}

/// What a commit has led to.
public struct Committed: Sendable {
    /// The ownership after it.
    public var ownership: Ownership
    /// The record as stored, with its version; nil when the transaction had none.
    public var record: StoredRecord?
    /// Rows that can be handled now and could not before.
    public var queued: [QueuedRow]
    /// The stored messages to the engine, with their sequence.
    public var outbox: [OutboxMessage]

    /// A result.
    public init(ownership: Ownership, record: StoredRecord?, queued: [QueuedRow] = [], outbox: [OutboxMessage] = []) {
        self.ownership = ownership
        self.record = record
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

/// A transaction that was decided on a record which was written since, in the same epoch. Read again and decide anew.
public struct StaleRecord: Error, Hashable, Sendable, CustomStringConvertible {
    /// The entity.
    public var entity: EntityID
    /// The version on which it was decided.
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

extension OwnershipStore {
    /// Since when the migration is halted; nil when it is not. A damaged row halts it, too: it is the setting's, not the entity's that is
    /// looking, and what was meant to stop must not go on.
    package func haltedSince() async throws -> String? {
        do { return try await value(MigrationHalted.setting) } catch is UnreadableRow { return "a moment that cannot be read" }
    }
}
