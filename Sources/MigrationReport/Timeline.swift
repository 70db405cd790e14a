public import Events
public import HybridRouter
public import Outcomes
public import ShadowComparator

/// What one path did with one entity, in order.
public struct Timeline: Codable, Hashable, Sendable {
    /// One thing that happened.
    public struct Entry: Codable, Hashable, Sendable {
        /// When.
        public var at: Timestamp
        /// Who owned the entity.
        public var owner: Owner
        /// Under which epoch.
        public var epoch: Int
        /// What happened: the event's kind, `hand off`, `hand back`.
        public var what: String
        /// More: states, codes, keys of effects.
        public var detail: String

        /// An entry.
        public init(at: Timestamp, owner: Owner, epoch: Int, what: String, detail: String) {
            self.at = at
            self.owner = owner
            self.epoch = epoch
            self.what = what
            self.detail = detail
        }
    }

    /// `legacy` or `hybrid`.
    public var path: String
    /// What happened, in order.
    public var entries: [Entry]

    /// A timeline.
    public init(path: String, entries: [Entry]) {
        self.path = path
        self.entries = entries
    }

    /// The timeline that an entity's audit tells.
    public init(path: String, journal: [JournalEntry]) {
        self.init(
            path: path,
            entries: journal.map { Entry(at: $0.at, owner: $0.owner, epoch: $0.epoch, what: $0.what, detail: $0.detail) })
    }
}

/// One mismatched entity: its differences and what both paths did.
public struct MismatchDetail: Codable, Hashable, Sendable {
    /// What differs.
    public var comparison: Comparison
    /// The control's timeline.
    public var control: Timeline
    /// The candidate's timeline.
    public var candidate: Timeline

    /// A mismatch.
    public init(comparison: Comparison, control: Timeline, candidate: Timeline) {
        self.comparison = comparison
        self.control = control
        self.candidate = candidate
    }
}
