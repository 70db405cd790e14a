/// What an exploration comes to. Everything but the time is the same for the same arguments.
public struct ExplorationResult: Codable, Hashable, Sendable {
    /// How far it went.
    public var bounds: ExplorationBounds
    /// Schedules walked one by one, to their end or to a state that was known already.
    public var executed = 0
    /// Schedules that exist within the bounds, all of which those stand for. At `UInt64.max`, there are more.
    public var covered: UInt64 = 0
    /// Joint states: where both paths stand, and what can still happen.
    public var states = 0
    /// Joint steps.
    public var transitions = 0
    /// The states of either path, and the steps that its code was really run for.
    public var paths: [String: Path] = [:]
    /// Joint states that lead no further, because what happens next outside answers a call that one of the paths never makes.
    public var unanswerable = 0
    /// Pairs of ends that were compared.
    public var ends = 0
    /// Pairs of ends with an unexplained difference.
    public var unexplained = 0
    /// The first schedule that shows each cause of a difference.
    public var findings: [Finding] = []
    /// What holds in every state that was met, or does not.
    public var laws: [String: Law] = [:]

    /// One path.
    public struct Path: Codable, Hashable, Sendable {
        /// Its states.
        public var states = 0
        /// Steps that its code was run for; every other joint step was known.
        public var steps = 0
        /// How many ways from a state to an end of the recording were played.
        public var ends = 0
        /// A hash of each different end of a schedule: outcome, effects in their order, visits of durable steps; in order.
        public var endings: [String] = []
        /// How often each event met each state: `state event`.
        public var cells: [String: Int] = [:]

        /// A path that has gone nowhere.
        public init() {}
    }

    /// A difference, and how to see it.
    public struct Finding: Codable, Hashable, Sendable {
        /// What differs.
        public var cause: ComparisonSummary.Cause
        /// The schedule, one move a line.
        public var schedule: [String]
        /// Pairs of ends that differ so.
        public var ends: Int
    }

    /// A law, for one path.
    public struct Law: Codable, Hashable, Sendable {
        /// How often it was checked.
        public var checked = 0
        /// How often it did not hold, by the kind of the delivery.
        public var broken: [String: Int] = [:]
    }

    /// An exploration that has gone nowhere.
    public init(bounds: ExplorationBounds) { self.bounds = bounds }

    /// The law that a delivery that comes again changes nothing.
    static let duplicateIsOnce = "duplicate is once"
    /// The law that a delivery that is lost comes to the same as one that arrives, because somebody looks.
    static let lostIsFound = "lost is found"

    /// The kinds of deliveries whose repetition changes something on the hybrid path, and never on the other.
    public var repetitionsBrokenByHybridAlone: [String] {
        let legacy = laws["legacy: \(Self.duplicateIsOnce)"]?.broken ?? [:]
        return (laws["hybrid: \(Self.duplicateIsOnce)"]?.broken ?? [:]).keys.filter { legacy[$0] == nil }.sorted()
    }

    mutating func check(_ law: String, of path: String, _ kind: String, holds: Bool) {
        laws["\(path): \(law)", default: Law()].checked += 1
        if !holds { laws["\(path): \(law)", default: Law()].broken[kind, default: 0] += 1 }
    }

    /// Adds another exploration's figures.
    public mutating func add(_ other: ExplorationResult) {
        executed += other.executed
        covered = covered.addingReportingOverflow(other.covered).overflow ? .max : covered + other.covered
        states += other.states
        transitions += other.transitions
        unanswerable += other.unanswerable
        ends += other.ends
        unexplained += other.unexplained
        for finding in other.findings { add(finding) }
        for (name, path) in other.paths { paths[name, default: Path()].add(path) }
        for (name, law) in other.laws {
            laws[name, default: Law()].checked += law.checked
            laws[name, default: Law()].broken.merge(law.broken, uniquingKeysWith: +)
        }
    }

    mutating func add(_ finding: Finding) {
        if let index = findings.firstIndex(where: { $0.cause.isSame(as: finding.cause) }) {
            findings[index].ends += finding.ends
        } else {
            findings.append(finding)
        }
    }
}

extension ExplorationResult.Path {
    fileprivate mutating func add(_ other: Self) {
        states += other.states
        steps += other.steps
        ends += other.ends
        endings = Set(endings).union(other.endings).sorted()
        cells.merge(other.cells, uniquingKeysWith: +)
    }
}
