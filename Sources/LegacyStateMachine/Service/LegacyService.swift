public import Events

/// A legacy machine that runs as a service of its own, in any language, with its records in its own database.
///
/// The bridge keeps ownership, inbox and ledger, and a copy of the record as the service last showed it. Every call that writes is fenced
/// by an epoch, which grows when the entity changes hands, and by the version on which the caller decided. Every call may be repeated: it
/// has the same answer, and nothing is done twice.
public protocol LegacyService: Sendable {
    /// Which machine it is: its states, its boundaries, what it handles.
    func machine() async throws -> LegacyMachine
    /// Lets it handle one event.
    func handle(_ call: LegacyCall) async throws -> LegacyAnswer
    /// The entity as it is, with its moves after version `version`; nil for an unknown entity.
    func view(_ entity: EntityID, after version: Int) async throws -> LegacyView?
    /// Hands the entity off: from now on the service does nothing to it by itself, its cron job and its queue included.
    func release(_ call: LegacyRelease) async throws -> LegacyView
    /// Gives the entity back: the service has it again, in this state and with this record.
    func take(_ call: LegacyTake) async throws -> LegacyView
    /// The entities that moved after the place `cursor` in the order of commits; nil for the beginning.
    func changes(after cursor: String?, limit: Int) async throws -> LegacyChanges
}

/// One event for a legacy service.
public struct LegacyCall: Codable, Hashable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// The epoch under which legacy has it.
    public var epoch: Int
    /// The version of the record on which the event was routed; 0 for an entity that the service does not know yet.
    public var version: Int
    /// The number of the inbox row: with `attempt` the key under which the call counts once. A move that the event leads to names it.
    public var row: Int
    /// From 1: grows when the service asked for the event to be sent again.
    public var attempt: Int
    /// What happened.
    public var event: Event

    /// A call.
    public init(entity: EntityID, epoch: Int, version: Int, row: Int, attempt: Int, event: Event) {
        self.entity = entity
        self.epoch = epoch
        self.version = version
        self.row = row
        self.attempt = attempt
        self.event = event
    }
}

/// Asks a legacy service to let go of an entity.
public struct LegacyRelease: Codable, Hashable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// The epoch under which the durable side will have it: whatever comes under an older one is refused from now on.
    public var epoch: Int
    /// The version on which the hand-off was decided.
    public var version: Int

    /// A call.
    public init(entity: EntityID, epoch: Int, version: Int) {
        self.entity = entity
        self.epoch = epoch
        self.version = version
    }
}

/// Gives an entity back to a legacy service.
public struct LegacyTake: Codable, Hashable, Sendable {
    /// The entity. The service makes it when it does not know it: its first step was durable.
    public var entity: EntityID
    /// The epoch under which legacy has it now.
    public var epoch: Int
    /// The state to go on from.
    public var state: String
    /// The whole record: what the service had at the release, with what the durable steps have changed.
    public var record: JSONValue

    /// A call.
    public init(entity: EntityID, epoch: Int, state: String, record: JSONValue) {
        self.entity = entity
        self.epoch = epoch
        self.state = state
        self.record = record
    }
}

/// One thing that a legacy service did to an entity: it changed the record, or called somebody.
public struct LegacyMove: Codable, Hashable, Sendable {
    /// The version that it led to: one more than before.
    public var version: Int
    /// The event, or the timer of the service's own cron job, for example `timer.poll`.
    public var event: EventKind
    /// The inbox row of the event; nil for what the service did by itself.
    public var row: Int?
    /// The state before it.
    public var from: String
    /// The state after it; the same one when it stayed.
    public var to: String
    /// When.
    public var at: Timestamp
    /// Why, when all attempts of an action failed and the entity waits in `to`.
    public var exhausted: String?
    /// The calls it made, in order.
    public var effects: [LegacyEffect]?

    /// A move.
    public init(
        version: Int, event: EventKind, row: Int?, from: String, to: String, at: Timestamp, exhausted: String? = nil,
        effects: [LegacyEffect]? = nil
    ) {
        self.version = version
        self.event = event
        self.row = row
        self.from = from
        self.to = to
        self.at = at
        self.exhausted = exhausted
        self.effects = effects
    }
}

/// A call to an outside party that a legacy service has made.
public struct LegacyEffect: Codable, Hashable, Sendable {
    /// The step it belongs to, for example `"5"`.
    public var step: String
    /// What was asked for, for example `registry.submitBrand`.
    public var operation: String
    /// The how-manieth call of that operation in this visit of the step, from 1; nil for the first.
    public var ordinal: Int?
    /// What was sent.
    public var request: JSONValue?
    /// What was answered.
    public var reply: JSONValue?

    /// An effect.
    public init(step: String, operation: String, ordinal: Int? = nil, request: JSONValue? = nil, reply: JSONValue? = nil) {
        self.step = step
        self.operation = operation
        self.ordinal = ordinal
        self.request = request
        self.reply = reply
    }
}

/// An entity as a legacy service has it.
public struct LegacyView: Codable, Hashable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// Its state.
    public var state: String
    /// Grows by one with each move, each release that changed hands left out.
    public var version: Int
    /// The last epoch that the service was told.
    public var epoch: Int
    /// True while the durable side has it: the service does nothing to it.
    public var isReleased: Bool
    /// The record.
    public var record: JSONValue
    /// External ids by which senders name the entity.
    public var references: [String]?
    /// The moves after the version that was asked for, in order.
    public var moves: [LegacyMove]

    /// A view.
    public init(
        entity: EntityID, state: String, version: Int, epoch: Int, isReleased: Bool, record: JSONValue, references: [String]? = nil,
        moves: [LegacyMove]
    ) {
        self.entity = entity
        self.state = state
        self.version = version
        self.epoch = epoch
        self.isReleased = isReleased
        self.record = record
        self.references = references
        self.moves = moves
    }
}

/// What a legacy service made of one event.
public struct LegacyAnswer: Codable, Hashable, Sendable {
    /// What became of it.
    public enum Result: String, Codable, Hashable, Sendable, CaseIterable {
        /// It was handled: the view's moves have one for its row.
        case handled
        /// Dropped on purpose, see `reason`.
        case ignored
        /// The machine says nothing about it.
        case undefined
        /// It failed for now; send it again after `afterSeconds`.
        case retry
        /// The service keeps it in a queue of its own and comes back to it by itself.
        case queued
        /// It failed for good, see `reason`.
        case failed
    }

    /// What became of the event.
    public var result: Result
    /// Why; nil when it was handled.
    public var reason: String?
    /// For `retry`: the wait in seconds.
    public var afterSeconds: Double?
    /// The entity afterwards, with its moves after the version of the call; nil for one that the service does not know afterwards.
    public var view: LegacyView?

    /// An answer.
    public init(_ result: Result, reason: String? = nil, afterSeconds: Double? = nil, view: LegacyView?) {
        self.result = result
        self.reason = reason
        self.afterSeconds = afterSeconds
        self.view = view
    }
}

/// A page of what moved in a legacy service, in the order of its commits.
public struct LegacyChanges: Codable, Hashable, Sendable {
    /// One entity that moved.
    public struct Change: Codable, Hashable, Sendable {
        /// The entity.
        public var entity: EntityID
        /// The version that the move led to.
        public var version: Int

        /// A change.
        public init(entity: EntityID, version: Int) {
            self.entity = entity
            self.version = version
        }
    }

    /// What moved.
    public var changes: [Change]
    /// The place to go on from; what commits later comes behind it.
    public var cursor: String

    /// A page.
    public init(changes: [Change], cursor: String) {
        self.changes = changes
        self.cursor = cursor
    }
}
