public import Events

/// What the cron job sees of a record.
public struct RecordSummary<State: MachineState>: Hashable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// Its legacy state.
    public var state: State
    /// When it was born.
    public var createdAt: Timestamp
    /// When it entered the step it is in.
    public var stepEnteredAt: Timestamp
    /// When it last moved on an event that was not a timer.
    public var lastEventAt: Timestamp
    /// When it was last sent a timer.
    public var lastSweptAt: Timestamp

    /// A summary.
    public init(
        entity: EntityID, state: State, createdAt: Timestamp, stepEnteredAt: Timestamp, lastEventAt: Timestamp, lastSweptAt: Timestamp
    ) {
        self.entity = entity
        self.state = state
        self.createdAt = createdAt
        self.stepEnteredAt = stepEnteredAt
        self.lastEventAt = lastEventAt
        self.lastSweptAt = lastSweptAt
    }
}

/// One thing the cron job looks for: records that have been in some states for too long.
public struct SweepRule<State: MachineState>: Sendable {
    /// From when the time counts.
    public enum Since: Hashable, Sendable {
        /// The last event that moved it, or the last sweep: the rule repeats.
        case lastEventOrSweep
        /// The entry into the step: the rule fires once per entry.
        case stepEntered
        /// The birth: the rule fires once.
        case created
    }

    /// The rule's name, for the audit.
    public let name: String
    /// The states it looks at.
    public let states: Set<State>
    /// How long is too long.
    public let after: Duration
    /// From when.
    public let since: Since
    /// What it sends.
    public let emits: EventKind

    /// A rule.
    public init(_ name: String, in states: Set<State>, after: Duration, since: Since, emits: EventKind) {
        self.name = name
        self.states = states
        self.after = after
        self.since = since
        self.emits = emits
    }

    /// When a record in one of ``states`` breaks the rule; nil when it has been told already.
    fileprivate func dueAt(_ summary: RecordSummary<State>) -> Timestamp? {
        switch since {
        case .lastEventOrSweep: return max(summary.lastEventAt, summary.lastSweptAt) + after
        case .stepEntered: return once(summary.stepEnteredAt + after, summary)
        case .created: return once(summary.createdAt + after, summary)
        }
    }

    private func once(_ moment: Timestamp, _ summary: RecordSummary<State>) -> Timestamp? {
        moment > summary.lastSweptAt ? moment : nil
    }
}

/// The cron job that crawls the database for what got stuck.
public struct Sweeper<State: MachineState>: Sendable {
    /// What it looks for.
    public let rules: [SweepRule<State>]
    private let rulesByState: [State: [SweepRule<State>]]

    /// A sweeper.
    public init(rules: [SweepRule<State>]) {
        self.rules = rules
        rulesByState = Dictionary(
            State.allCases.map { state in (state, rules.filter { $0.states.contains(state) }) }, uniquingKeysWith: { first, _ in first })
    }

    /// The rules that a record breaks at `now`.
    public func due(for summary: RecordSummary<State>, at now: Timestamp) -> [SweepRule<State>] {
        rules(for: summary.state).filter { rule in rule.dueAt(summary).map { $0 <= now } == true }
    }

    /// When the record breaks its next rule; nil for never.
    public func nextDue(for summary: RecordSummary<State>) -> Timestamp? {
        var earliest: Timestamp?
        for rule in rules(for: summary.state) {
            if let due = rule.dueAt(summary) { earliest = min(earliest ?? due, due) }
        }
        return earliest
    }

    private func rules(for state: State) -> [SweepRule<State>] { rulesByState[state] ?? [] }
}
