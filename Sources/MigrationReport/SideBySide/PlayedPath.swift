public import Events
public import HybridRouter
public import Outcomes

/// What one path did with one entity: its moves, its effects and the timers of its durable side, in order.
public struct PlayedPath: Hashable, Sendable {
    /// One thing that happened.
    public struct Event: Codable, Hashable, Sendable {
        /// What kind of thing it is.
        public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
            /// An event came to the entity, or a message that it had sent itself.
            case delivery
            /// A timer of the durable side fired, or legacy's cron job sent one.
            case timer
            /// An effect was performed.
            case effect
            /// Anything else that became true: a state was entered, the entity changed hands.
            case move
        }

        /// When.
        public var at: Timestamp
        /// Who owned the entity after it.
        public var owner: Owner
        /// What kind of thing it is.
        public var kind: Kind
        /// What happened, in a few words: the event's kind, `enter`, `hand off`, `effect`.
        public var what: String
        /// More: states, steps, an effect as `step/operation/ordinal`.
        public var detail: String
        /// Its place in the ledger when it is an effect, from 0; not part of the JSON form.
        public var effect: Int?

        private enum CodingKeys: CodingKey { case at, owner, kind, what, detail }

        /// What two paths have in common when both did it: the event's kind, an effect's key, and of other moves all that they say.
        var counterpart: String { kind == .delivery ? "\(kind.rawValue) \(what)" : "\(kind.rawValue) \(what) \(detail)" }
    }

    /// A timer of a durable step that fired.
    public struct Timer: Hashable, Sendable {
        /// Its name in the history of the segment.
        public var name: String
        /// When it fired.
        public var at: Timestamp

        /// A timer.
        public init(name: String, at: Timestamp) {
            self.name = name
            self.at = at
        }
    }

    /// What the path is called: `legacy` or `hybrid`.
    public let name: String
    /// What happened, in order.
    public let events: [Event]

    /// What the audit of an entity tells, its ledger, and the timers of its segments.
    ///
    /// A move that says that an effect was performed is that effect. An effect of which no move says so, and a timer, stand behind what
    /// woke the durable side at their moment.
    public init(name: String, journal: [JournalEntry], ledger: [LedgerEntry], timers: [Timer] = []) {
        self.name = name
        let places = Dictionary(ledger.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
        var moved = Set<Int>()
        var events = journal.map { entry in
            var event = Event(entry)
            guard case .performed(let key) = entry.move, let place = places[key], moved.insert(place).inserted else {
                return (event, entry.wakes)
            }
            event.effect = place
            return (event, false)
        }
        let owner = { (at: Timestamp) in journal.last { $0.at <= at }?.owner ?? .legacy }
        var loose = timers.map { Event(at: $0.at, owner: .durable, kind: .timer, what: "timer", detail: "\($0.name) fired") }
        loose += ledger.indices.filter { !moved.contains($0) }.map { Event(ledger[$0], at: $0, owner: owner(ledger[$0].at)) }
        for event in loose.sortedStably(by: \.at) {
            let place = events.lastIndex { $0.0.at < event.at || ($0.0.at == event.at && $0.1) }
            events.insert((event, true), at: place.map { $0 + 1 } ?? 0)
        }
        self.events = events.map(\.0).sortedStably(by: \.at)
    }
}

extension PlayedPath.Event {
    fileprivate init(_ entry: JournalEntry) {
        var detail = entry.detail
        if case .performed(let key) = entry.move { detail = key.withoutEntity }
        self.init(at: entry.at, owner: entry.owner, kind: Kind(entry.move), what: entry.what, detail: detail)
    }

    fileprivate init(_ entry: LedgerEntry, at place: Int, owner: Owner) {
        self.init(at: entry.at, owner: owner, kind: .effect, what: "effect", detail: entry.key.withoutEntity, effect: place)
    }
}

extension PlayedPath.Event.Kind {
    fileprivate init(_ move: Move) {
        switch move {
        case .performed: self = .effect
        case .swept: self = .timer
        case .acted: self = .delivery
        default: self = move.row == nil ? .move : .delivery
        }
    }
}

extension JournalEntry {
    /// True for a move that lets the durable side go on.
    fileprivate var wakes: Bool {
        switch move {
        case .handedOff, .adopted, .wentOn, .signalled: true
        default: false
        }
    }
}

extension Array {
    /// In order of a key; elements of equal keys stay as they were.
    fileprivate func sortedStably(by key: (Element) -> Timestamp) -> [Element] {
        enumerated().sorted { (key($0.element), $0.offset) < (key($1.element), $1.offset) }.map(\.element)
    }
}
