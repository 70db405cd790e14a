public import Events
import Outcomes

/// What moves do to ownership, inbox and outbox: one pure function. A store persists what it returns and decides nothing.
public struct Consequences: Sendable {
    /// What becomes of an inbox row.
    public struct RowChange: Hashable, Sendable {
        /// Which row.
        public var sequence: Int
        /// Its new disposition.
        public var disposition: Disposition
        /// For `signalled`, and for `parked` until the segment waits again: under which epoch.
        public var epoch: Int?
        /// For a row that is handled again: its next attempt.
        public var attempt: Int?
        /// For a row that is handled again: not before.
        public var visibleAt: Timestamp?
    }

    /// The ownership after the moves.
    public var ownership: Ownership
    /// New dispositions of rows.
    public var rows: [RowChange] = []
    /// The rows that can be handled now and could not before.
    public var requeued: [QueuedRow] = []
    /// Those of them that were parked.
    public var unparked: Set<Int> = []
    /// Internal events to append: `continue` and timers.
    public var appended: [Event] = []
    /// Messages to the engine, not yet numbered.
    public var outbox: [OutboxMessage] = []
    /// What to add to which counter.
    public var counters: [String: Int] = [:]

    private var isRequeuing = false
    private var isUnparking = false
    /// The epoch whose segment says where it waits; nil when none does.
    private var waiting: Int?

    /// The consequences of a transaction for an entity that is `before`, and whose record has `version`.
    ///
    /// `open` yields the entity's rows that are pending, signalled or parked, in order; it is asked only when moves need them.
    public init(
        of transaction: EntityTransaction, _ before: Ownership, version: Int,
        open: () throws -> [OpenRow]
    ) rethrows {
        ownership = before
        for move in transaction.moves { apply(move, transaction, version: version) }
        if isRequeuing || isUnparking || waiting != nil || transaction.moves.contains(where: { !$0.used.isEmpty }) {
            resolve(try open(), used: Set(transaction.moves.flatMap(\.used)))
        }
    }

    private mutating func apply(_ move: Move, _ transaction: EntityTransaction, version: Int) {
        let before = ownership
        ownership.apply(move)
        if let counter = move.counter { counters[counter, default: 0] += 1 }
        if move.row != nil { return dispose(move) }
        // A legacy service is to be told that it has the entity again, whether a step is to begin there or not.
        if move.newOwner == .legacy, transaction.record?.mark != nil {
            appended.append(.look(ownership, version: version, at: transaction.at))
        }
        switch move {
        case .swept(let rule, let kind): appended.append(.timer(rule, kind, transaction))
        case .continued: appended.append(.continue(ownership, version: version, at: transaction.at))
        case .handOffAsked: appended.append(.handOff(ownership, version: version, at: transaction.at))
        case .entered where before.owner == .legacy: if ownership.step != before.step { isUnparking = true }
        case .entered: waiting = before.epoch
        case .completed:
            if before.owner == .durable { counters["stepsCompleted", default: 0] += 1 }
            isUnparking = true
        case .wentOn, .ended: isUnparking = true
        case .handedOff, .adopted:
            isUnparking = true
            send(.start, ownership.epoch, segment: transaction.segment ?? .null)
        case .handedBack:
            (isRequeuing, isUnparking) = (true, true)
            if transaction.isCancelling { send(.cancel, before.epoch) }
        case .recalled, .failed:
            (isRequeuing, isUnparking) = (true, true)
            send(.cancel, before.epoch)
        default: break
        }
    }

    private mutating func send(_ kind: OutboxMessage.Kind, _ epoch: Int, row: Int? = nil, segment: JSONValue? = nil) {
        outbox.append(OutboxMessage(entity: ownership.entity, epoch: epoch, kind: kind, row: row, segment: segment))
    }

    /// What becomes of the row that a move is about.
    private mutating func dispose(_ move: Move) {
        guard let row = move.row else { return }
        var change = RowChange(sequence: row.sequence, disposition: .consumed)
        switch move {
        case .retried(_, let attempt, let at, _):
            change.disposition = .pending
            change.attempt = attempt
            change.visibleAt = at
        case .deadLettered, .rejected: change.disposition = .dead
        case .parked: change.disposition = .parked
        case .held:
            change.disposition = .parked
            change.epoch = ownership.epoch
        case .late: change.disposition = .late
        case .signalled:
            change.disposition = .signalled
            change.epoch = ownership.epoch
            send(.signal, ownership.epoch, row: row.sequence)
        default: break
        }
        rows.append(change)
    }

    /// What was told to the segment and used is consumed; what was told and not used, or has waited, can be handled again.
    private mutating func resolve(_ open: [OpenRow], used: Set<Int>) {
        let decided = Set(rows.map(\.sequence))
        for open in open where !decided.contains(open.row.sequence) {
            let sequence = open.row.sequence
            if used.contains(sequence) {
                rows.append(RowChange(sequence: sequence, disposition: .consumed))
            } else if isFree(open) {
                rows.append(RowChange(sequence: sequence, disposition: .pending))
                requeued.append(open.row)
                if open.disposition == .parked { unparked.insert(sequence) }
            }
        }
    }

    private func isFree(_ open: OpenRow) -> Bool {
        switch open.disposition {
        case .signalled: isRequeuing
        case .parked: isUnparking || waiting != nil && open.epoch == waiting
        default: false
        }
    }
}

extension Event {
    /// True for the internal events that come before everything else of their entity.
    package var isNext: Bool { source == .lockstep && [.continue, .handOff, .look].contains(kind) }

    /// The internal event that starts the next legacy step.
    fileprivate static func `continue`(_ ownership: Ownership, version: Int, at now: Timestamp) -> Event {
        Event(
            id: EventID("continue/\(ownership.entity)/\(ownership.epoch)/\(version)"), source: .lockstep, entity: ownership.entity,
            kind: .continue, receivedAt: now)
    }

    /// The internal event that asks a legacy service to let go. It is the row in which the intention lies until the service has.
    fileprivate static func handOff(_ ownership: Ownership, version: Int, at now: Timestamp) -> Event {
        Event(
            id: EventID("handoff/\(ownership.entity)/\(ownership.epoch)/\(version)"), source: .lockstep, entity: ownership.entity,
            kind: .handOff, receivedAt: now)
    }

    /// The internal event on which a legacy service gets the entity back.
    fileprivate static func look(_ ownership: Ownership, version: Int, at now: Timestamp) -> Event {
        Event(
            id: EventID("look/\(ownership.entity)/\(ownership.epoch)/\(version)"), source: .lockstep, entity: ownership.entity,
            kind: .look, receivedAt: now)
    }

    /// A timer of the cron job.
    fileprivate static func timer(_ rule: String, _ kind: EventKind, _ transaction: EntityTransaction) -> Event {
        Event(
            id: EventID("sweep/\(transaction.entity)/\(rule)/\(transaction.at.milliseconds)"), source: .timer, entity: transaction.entity,
            kind: kind, payload: transaction.timers[rule] ?? ["rule": .string(rule)], receivedAt: transaction.at)
    }
}
