public import Events

/// Everything that happened in one segment on the durable side, from its history: what was decided, tried, answered and when.
///
/// Inputs and outputs are given by their size: what they say may be personal, and a report is passed around.
public struct SegmentAudit: Codable, Hashable, Sendable {
    /// One event of the history.
    public struct Entry: Codable, Hashable, Sendable {
        /// Its number.
        public var event: Int
        /// When.
        public var at: Timestamp
        /// Its kind, as Temporal names it.
        public var kind: String
        /// Activity, timer, signal or attempt, sizes of inputs and outputs, failures from the outermost to the cause.
        public var detail: String
        /// The worker or client that made it; empty when nobody is named.
        public var identity: String

        /// An entry.
        public init(event: Int, at: Timestamp, kind: String, detail: String, identity: String) {
            self.event = event
            self.at = at
            self.kind = kind
            self.detail = detail
            self.identity = identity
        }
    }

    /// The registration.
    public var entity: EntityID
    /// The workflow.
    public var workflow: String
    /// Its run.
    public var run: String
    /// `running`, `completed` and so on.
    public var status: String
    /// Its history, in order.
    public var entries: [Entry]

    /// An audit.
    public init(entity: EntityID, workflow: String, run: String, status: String, entries: [Entry]) {
        self.entity = entity
        self.workflow = workflow
        self.run = run
        self.status = status
        self.entries = entries
    }
}
