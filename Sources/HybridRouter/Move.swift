public import Events
public import Outcomes

/// An inbox row as a move names it.
public struct RowReference: Hashable, Sendable {
    /// The row's place in the order of arrival.
    public var sequence: Int
    /// What happened, by the event's kind.
    public var kind: EventKind

    /// A reference.
    public init(_ sequence: Int, _ kind: EventKind) {
        self.sequence = sequence
        self.kind = kind
    }
}

/// One thing that became true of one entity: the only vocabulary of the audit.
///
/// Ownership, inbox and outbox follow from moves by one pure function, ``Consequences``. The report, the matrix, the audit and the
/// invariants fold over moves; nobody parses prose.
public enum Move: Hashable, Sendable {
    /// The entity exists, in `step`.
    case born(step: StepNumber, state: String)
    /// By the row, the entity came in from elsewhere in the middle of its life: `completed` are the steps that it had behind it, a step once for each
    /// visit, and `passed` is the step that is complete in its state; nil in the middle of a step.
    case imported(RowReference, completed: [StepNumber], passed: StepNumber?)
    /// A row of the legacy table ran; `from` and `to` are equal when the entity stays where it is.
    case handled(RowReference, from: String, to: String)
    /// The attempts of a legacy action are used up, and the entity waits in `to`.
    case exhausted(RowReference, from: String, to: String, reason: String)
    /// The legacy table drops the event on purpose.
    case ignored(RowReference, in: String, reason: String)
    /// The legacy table says nothing about the event.
    case undefined(RowReference, in: String)
    /// The action failed for now; the same row is handled again at `at`.
    case retried(RowReference, attempt: Int, at: Timestamp, reason: String)
    /// The legacy service keeps the row's event in a queue of its own, and comes back to it by itself.
    case delegated(RowReference, reason: String)
    /// The legacy service did something by itself, on a timer of its own or on an event that it had queued.
    case acted(EventKind, from: String, to: String)
    /// The row's internal message was seen to; other moves say what it led to.
    case seen(RowReference)
    /// The legacy service is to let go of the entity before `step`, which is durable.
    case handOffAsked(StepNumber)
    /// The row failed for good and is a dead letter.
    case deadLettered(RowReference, reason: String)
    /// The event waits until its step is due, or until the entity changes hands.
    case parked(RowReference, until: StepNumber?)
    /// The event came while the segment of the present epoch was at work: who gets it is decided when the segment waits again.
    case held(RowReference)
    /// The segment of the present epoch is to be told of the event.
    case signalled(RowReference)
    /// The event came after its step, and nobody can use it.
    case late(RowReference, after: StepNumber)
    /// The event came before its step, which wants such events dropped.
    case dropped(RowReference, before: StepNumber)
    /// The event came before its step, which refuses such events.
    case rejected(RowReference, before: StepNumber)
    /// The cron job has sent the entity a timer.
    case swept(rule: String, sends: EventKind)
    /// Legacy is told to go on with the next step.
    case continued
    /// A canary has decided who runs `step` for this entity.
    case drawn(StepNumber, Owner)
    /// The entity is in `step`, in `state`. When a durable step waits there, `used` are the rows that it has used on its way.
    case entered(StepNumber, state: String, used: [Int])
    /// The step is complete, for the `visit`-th time; `used` are the rows that its durable code has used.
    case completed(StepNumber, visit: Int, used: [Int])
    /// An event that belongs to no step has ended the durable step.
    case interrupted(StepNumber, by: EventKind, used: [Int])
    /// The entity goes to the durable side, which runs `steps` in one segment.
    case handedOff([StepNumber])
    /// The durable side takes the entity over in the middle of `step`, where legacy is in `state`.
    case adopted(StepNumber, state: String)
    /// The segment goes on with its next step, `step`, and keeps the entity.
    case wentOn(to: StepNumber)
    /// Legacy has the entity again, for `step`.
    case handedBack(to: StepNumber)
    /// Legacy takes the entity back in the middle of `step`.
    case recalled(StepNumber, reason: String)
    /// The durable code of `step` failed, and legacy takes the entity back.
    case failed(StepNumber, reason: String)
    /// An effect was performed.
    case performed(EffectKey)
    /// The entity has reached a state that nothing leaves.
    case ended(state: String)
    /// Another entity has the external id, and keeps it.
    case referenceRefused(String, holder: EntityID)
    /// Nothing of the entity is handled until somebody has looked at it.
    case quarantined(reason: String)
    /// The quarantine is over.
    case released
    /// A line of text that an older build has written; it is shown and counted nowhere.
    case noted(what: String, detail: String)
}

extension Move {
    /// The row that the move is about.
    public var row: RowReference? {
        switch self {
        case .handled(let row, _, _), .exhausted(let row, _, _, _), .ignored(let row, _, _), .undefined(let row, _),
            .retried(let row, _, _, _), .deadLettered(let row, _), .parked(let row, _), .signalled(let row), .late(let row, _),
            .dropped(let row, _), .rejected(let row, _), .imported(let row, _, _), .delegated(let row, _), .seen(let row), .held(let row):
            row
        default: nil
        }
    }

    /// Who has the entity after the move; nil when it does not change hands.
    public var newOwner: Owner? {
        switch self {
        case .handedOff, .adopted: .durable
        case .handedBack, .recalled, .failed: .legacy
        default: nil
        }
    }

    /// The rows that a durable step has used up.
    public var used: [Int] {
        switch self {
        case .entered(_, _, let used), .completed(_, _, let used), .interrupted(_, _, let used): used
        default: []
        }
    }

    /// The event that legacy was given, the state it met, and the state it led to; nil for every other move.
    public var transition: (event: EventKind, from: String, to: String)? {
        switch self {
        case .handled(let row, let from, let to), .exhausted(let row, let from, let to, _): (row.kind, from, to)
        case .ignored(let row, let state, _), .undefined(let row, let state): (row.kind, state, state)
        case .acted(let kind, let from, let to): (kind, from, to)
        default: nil
        }
    }

    /// The counter that the move adds one to; nil for a move that nobody counts.
    public var counter: String? {
        switch self {
        case .exhausted: "exhausted"
        case .ignored: "ignored"
        case .undefined: "undefined"
        case .retried: "retries"
        case .deadLettered: "failed"
        case .parked: "parked"
        case .held: "held"
        case .signalled: "signalled"
        case .late: "late"
        case .dropped: "dropped"
        case .rejected: "rejected"
        case .swept: "sweeps"
        case .handedOff: "handOffs"
        case .adopted: "adoptions"
        case .wentOn: "segmentsWentOn"
        case .handedBack: "handBacks"
        case .recalled: "recalls"
        case .failed: "failures"
        case .referenceRefused: "referencesRefused"
        case .quarantined: "quarantined"
        case .imported: "imported"
        case .delegated: "delegated"
        case .acted: "actedAlone"
        case .born, .handled, .continued, .drawn, .entered, .completed, .interrupted, .performed, .ended, .released, .noted,
            .handOffAsked, .seen:
            nil
        }
    }
}

/// One move of an entity's audit: what became true, when, and in whose hands the entity was after it.
public struct JournalEntry: Hashable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// When.
    public var at: Timestamp
    /// Who owned the entity after the move.
    public var owner: Owner
    /// The epoch after the move.
    public var epoch: Int
    /// What became true.
    public var move: Move

    /// An entry.
    public init(entity: EntityID, at: Timestamp, owner: Owner, epoch: Int, move: Move) {
        self.entity = entity
        self.at = at
        self.owner = owner
        self.epoch = epoch
        self.move = move
    }
}

extension JournalEntry {
    /// The entries of one transaction's moves, which began under `owner` and `epoch`.
    public static func entries(_ moves: [Move], of entity: EntityID, at now: Timestamp, owner: Owner, epoch: Int) -> [JournalEntry] {
        var (owner, epoch) = (owner, epoch)
        return moves.map { move in
            if let next = move.newOwner { (owner, epoch) = (next, epoch + 1) }
            return JournalEntry(entity: entity, at: now, owner: owner, epoch: epoch, move: move)
        }
    }
}
