public import Events
public import Outcomes

/// What became of an accepted event. The inbox row is the truth; a signal to a workflow only notifies of it.
public enum Disposition: String, Codable, Hashable, Sendable, CaseIterable {
    /// Waits to be routed.
    case pending
    /// A transaction has used it.
    case consumed
    /// Its owner's segment was told; the row says under which epoch.
    case signalled
    /// It came early and waits for its step; or it came while the segment was at work, and waits for its next wait: the row says of which epoch.
    case parked
    /// It came after its step was finished and nobody can use it any more.
    case late
    /// It failed for good; see the dead letters.
    case dead
}

/// One accepted event in the inbox of its entity.
public struct InboxRow: Hashable, Sendable {
    /// Its place in the order of arrival.
    public var sequence: Int
    /// The event.
    public var event: Event
    /// What became of it.
    public var disposition: Disposition
    /// 0 for `continue`, which is handled before everything else of its entity; else 1.
    public var priority: Int
    /// From 1; the retry count lives in the message, as legacy queues have it.
    public var attempt: Int
    /// Not to be handled before; set by a retry, else ``Events/Timestamp/distantPast``: a clock that is set back must not hide a new event.
    public var visibleAt: Timestamp
    /// The epoch whose segment was told of it, or is waited for; nil for a row that does not depend on one.
    public var epoch: Int?

    /// An inbox row.
    public init(sequence: Int, event: Event, disposition: Disposition, priority: Int, attempt: Int, visibleAt: Timestamp) {
        self.sequence = sequence
        self.event = event
        self.disposition = disposition
        self.priority = priority
        self.attempt = attempt
        self.visibleAt = visibleAt
    }
}

/// Something that was delivered and decoded, ready to be accepted.
public enum Arrival: Hashable, Sendable {
    /// An event; `birth` is what to create when its entity does not exist yet.
    case event(IncomingEvent, birth: Birth?)
    /// A delivery that cannot be read or is nobody's; it is kept for people to look at.
    case deadLetter(DeadLetter)
}

/// The first record and ownership of a new entity.
public struct Birth: Hashable, Sendable {
    /// The plan's first step.
    public var step: StepNumber
    /// The machine's initial state.
    public var state: String
    /// The record.
    public var body: RecordBody

    /// When the sweeper should look at it first, also when nobody can handle what it was born of; nil for never.
    public var dueAt: Timestamp?

    /// A birth.
    public init(step: StepNumber, state: String, body: RecordBody, dueAt: Timestamp? = nil) {
        self.step = step
        self.state = state
        self.body = body
        self.dueAt = dueAt
    }
}

extension Birth {
    /// The new entity: legacy has it, in the first epoch.
    package func snapshot(_ entity: EntityID, at now: Timestamp) -> EntitySnapshot {
        EntitySnapshot(
            ownership: Ownership(entity: entity, epoch: 1, owner: .legacy, step: step),
            record: StoredRecord(
                state: state, body: body, version: 1, isFinal: false, createdAt: now, stepEnteredAt: now, lastEventAt: now,
                lastSweptAt: .distantPast, dueAt: dueAt))
    }

    /// The first entry of its audit.
    package func entry(_ entity: EntityID, at now: Timestamp) -> JournalEntry {
        JournalEntry(entity: entity, at: now, owner: .legacy, epoch: 1, move: .born(step: step, state: state))
    }
}

/// The answer to an arrival. What it says is durable once ``OwnershipStore/accept(_:at:)`` returns, in a grouped store once it is flushed.
public enum Acceptance: Hashable, Sendable {
    /// A new inbox row.
    case accepted(EventID, QueuedRow)
    /// The id, or the content on an unchanged subject, was seen before; nothing was stored but the count.
    case duplicate(EventID)
    /// Kept as a dead letter.
    case deadLetter(EventID, DeadLetter.Reason)

    /// The event's id.
    public var id: EventID {
        switch self {
        case .accepted(let id, _), .duplicate(let id), .deadLetter(let id, _): id
        }
    }
}

extension DeadLetter {
    /// The letter for an event whose entity is not known.
    public static func unknownEntity(_ incoming: IncomingEvent) -> DeadLetter {
        let ids: String =
            switch incoming.reference {
            case .entity(let entity): entity.rawValue
            case .external(let ids): ids.joined(separator: ", ")
            }
        return DeadLetter(
            id: incoming.id, source: incoming.source, reason: .unknownEntity,
            detail: "\(incoming.kind): expected the id of a known entity, found [\(ids)]; redrive it once the entity exists",
            body: incoming.payload.canonicalText, receivedAt: incoming.receivedAt)
    }
}

/// A row of an entity that is pending, signalled or parked.
public struct OpenRow: Hashable, Sendable {
    /// The row.
    public var row: QueuedRow
    /// What became of it.
    public var disposition: Disposition
    /// See ``InboxRow/epoch``.
    public var epoch: Int?

    /// An open row.
    public init(_ row: QueuedRow, _ disposition: Disposition, epoch: Int? = nil) {
        (self.row, self.disposition, self.epoch) = (row, disposition, epoch)
    }
}

/// What the in-memory queue needs to know of a pending row.
public struct QueuedRow: Hashable, Sendable {
    /// See ``InboxRow/sequence``.
    public var sequence: Int
    /// The entity.
    public var entity: EntityID
    /// See ``InboxRow/priority``.
    public var priority: Int
    /// See ``InboxRow/attempt``.
    public var attempt: Int
    /// See ``InboxRow/visibleAt``.
    public var visibleAt: Timestamp
    /// The event, when it was in hand anyway; else it is read from the row.
    public var event: Event?

    /// A queued row.
    public init(sequence: Int, entity: EntityID, priority: Int, attempt: Int, visibleAt: Timestamp, event: Event? = nil) {
        self.sequence = sequence
        self.entity = entity
        self.priority = priority
        self.attempt = attempt
        self.visibleAt = visibleAt
        self.event = event
    }
}

/// Something that the engine is to be told, outside the transaction that decided it.
public struct OutboxMessage: Hashable, Sendable {
    /// What must happen.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// Start the segment `entity/epoch`.
        case start
        /// Tell the segment of an inbox row.
        case signal
        /// Cancel the segment.
        case cancel
    }

    /// Its place in the order of sending; 0 until it is stored.
    public var sequence: Int
    /// The entity.
    public var entity: EntityID
    /// The epoch of the segment it is for.
    public var epoch: Int
    /// What must happen.
    public var kind: Kind
    /// For a signal: the inbox row that it tells of.
    public var row: Int?
    /// For a start: the segment's input without its record, which is read when the message is sent.
    public var segment: JSONValue?
    /// For a signal: the event, when it was in hand anyway; else it is read from the row.
    public var event: Event?

    /// A message.
    public init(sequence: Int = 0, entity: EntityID, epoch: Int, kind: Kind, row: Int? = nil, segment: JSONValue? = nil) {
        self.sequence = sequence
        self.entity = entity
        self.epoch = epoch
        self.kind = kind
        self.row = row
        self.segment = segment
    }

    /// The id of the workflow it is for.
    public var segmentID: String { SegmentID(entity: entity, epoch: epoch).description }
}

extension Event {
    /// True for what somebody has delivered: neither `continue` nor a timer of the sweeper.
    package var isFromOutside: Bool { source != .lockstep && !id.rawValue.hasPrefix("sweep/") }
}
