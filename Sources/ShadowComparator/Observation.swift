public import Events
public import Outcomes

/// One path's frozen result for one entity. The control is what the owner did, the candidate what is measured against it.
public struct Observation: Codable, Hashable, Sendable {
    /// An event that the machine dropped on purpose, or says nothing about.
    public struct Unhandled: Codable, Hashable, Sendable {
        /// The event.
        public var event: EventKind
        /// The state that it met.
        public var state: String

        /// An event in a state.
        public init(event: EventKind, state: String) { (self.event, self.state) = (event, state) }
    }

    /// The entity.
    public var entity: EntityID
    /// Which path it was: `legacy` or `hybrid`.
    public var path: String
    /// What the entity ended as, or stands at.
    public var outcome: Outcome
    /// Its effects in the order performed.
    public var ledger: [LedgerEntry]
    /// Its messages that failed for good, by reason.
    public var deadLetters: [String: Int]
    /// How often each step was completed: what a step owes, it owes for every completed visit.
    public var visits: [StepNumber: Int]
    /// How often the durable code of each step failed, and the other side took over.
    public var failures: [StepNumber: Int] = [:]
    /// Where and how long it waited, by step; nil when nobody has noted it.
    public var waits: [StepNumber: Waiting]?
    /// The events that the machine did not handle, each with the state that it met.
    public var unhandled: Set<Unhandled> = []
    /// The members of its record; nil when nobody wants them compared.
    public var record: [String: JSONValue]?

    /// An observation.
    public init(
        entity: EntityID, path: String, outcome: Outcome, ledger: [LedgerEntry], deadLetters: [String: Int] = [:],
        visits: [StepNumber: Int] = [:]
    ) {
        self.entity = entity
        self.path = path
        self.outcome = outcome
        self.ledger = ledger
        self.deadLetters = deadLetters
        self.visits = visits
    }

    /// What the outcome layer compares, by path: the business status, the outcome's facts, `deadLetter/<reason>`,
    /// `failed/<step>`.
    var outcomeFacts: [String: JSONValue] {
        var facts = outcome.facts
        facts["status"] = .string(outcome.status)
        for (reason, count) in deadLetters where count != 0 { facts["deadLetter/\(reason)"] = .integer(count) }
        for (step, count) in failures where count != 0 { facts["failed/\(step)"] = .integer(count) }
        return facts
    }

    /// What the state layer compares: where it stands, and `waits/<step>`, the wait points of `steps`.
    func stateFacts(of steps: some Sequence<StepNumber>) -> [String: JSONValue] {
        var facts: [String: JSONValue] = ["state": .string(outcome.state)]
        for step in steps { facts["waits/\(step)"] = .array((waits?[step]?.states ?? []).map { .string($0) }) }
        return facts
    }

    /// `record/<member>`; none when nobody wants them compared.
    var recordFacts: [String: JSONValue] {
        Dictionary((record ?? [:]).map { ("record/\($0.key)", $0.value) }, uniquingKeysWith: { first, _ in first })
    }
}

/// Where an entity waited within a step, in all its visits.
public struct Waiting: Codable, Hashable, Sendable {
    /// The states, in order; staying in one counts once.
    public private(set) var states: [String] = []
    /// How long in each of them.
    public private(set) var times: [Duration] = []

    /// Nowhere yet.
    public init() {}

    /// A stay that is shorter may be made by one path alone: the two try again at other moments what a party has refused.
    static let shortStay = Duration.seconds(10)

    /// True when both have been in the same states in the same order, short stays of either aside.
    func isAlmost(_ other: Waiting) -> Bool { states == other.states || longStays == other.longStays }

    private var longStays: [String] {
        var long = Waiting()
        for (state, time) in zip(states, times) where time >= Self.shortStay { long.note(state, for: time) }
        return long.states
    }

    /// How long in all.
    public var time: Duration { times.reduce(.zero, +) }

    /// How long up to the end of each state.
    var ends: [Duration] {
        var sum = Duration.zero
        return times.map { time in
            sum += time
            return sum
        }
    }

    /// It waited in `state`, for so long.
    public mutating func note(_ state: String, for time: Duration) {
        if states.last == state {
            times[times.count - 1] += time
        } else {
            states.append(state)
            times.append(time)
        }
    }
}
