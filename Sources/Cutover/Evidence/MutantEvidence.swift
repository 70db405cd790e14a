public import Events
public import Outcomes

/// What came of the bugs that were put in on purpose, for one step: those of its code, of its cells of the legacy table, and of the
/// hand-off, which every step shares.
public struct MutantEvidence: Hashable, Sendable, Codable {
    /// When they were tried.
    public var at: Timestamp
    /// What was judged.
    public var version: EvidenceVersion
    /// The step.
    public var step: StepNumber
    /// The bugs that the recordings met, by their descriptions, each with the layers or the law that showed it. None for one that survives.
    public var bugs: [String: [String]]
    /// How many bugs are in cells that no recording comes to.
    public var unreached: Int
    /// False when no bug of the hand-off was tried: half of them need a simulation, which not every program has.
    public var triesHandOff: Bool

    /// A score.
    public init(
        at: Timestamp, version: EvidenceVersion, step: StepNumber, bugs: [String: [String]], unreached: Int = 0, triesHandOff: Bool = true
    ) {
        self.at = at
        self.version = version
        self.step = step
        self.bugs = bugs
        self.unreached = unreached
        self.triesHandOff = triesHandOff
    }
}

/// The mutation score of a step, over all trials with one version. A bug that one trial has found is found.
public struct MutationScore: Codable, Hashable, Sendable {
    /// A bug that nobody finds.
    public struct Survivor: Codable, Hashable, Sendable {
        /// Whether somebody answers for it.
        public enum Answer: String, Codable, Hashable, Sendable, CaseIterable {
            /// Nobody does.
            case none
            /// Somebody does.
            case signed
            /// Somebody did, or will.
            case expired
        }

        /// Its description.
        public var bug: String
        /// Whether somebody answers for it.
        public var answer: Answer
        /// Who; empty when nobody does.
        public var owner: String
        /// Why it may survive; empty when nobody says.
        public var reason: String
        /// When the signature expires; nil without one.
        public var expires: Timestamp?

        /// A survivor, with the signature that is about it.
        init(_ bug: String, _ signature: SignedSurvivor?, at moment: Timestamp) {
            self.bug = bug
            answer = signature.map { $0.counts(at: moment) ? .signed : .expired } ?? .none
            (owner, reason, expires) = (signature?.owner ?? "", signature?.reason ?? "", signature?.expires)
        }
    }

    /// When bugs were last tried with this version; nil when they never were.
    public private(set) var triedLast: Timestamp?
    /// True when bugs were tried with another build, table, plan or rule alone.
    public private(set) var isStale: Bool
    /// How many bugs the recordings met.
    public private(set) var expressible: Int
    /// How many of them were found.
    public private(set) var caught: Int
    /// How many each layer or law has shown.
    public private(set) var shownBy: [String: Int]
    /// Those that nobody found, by description.
    public private(set) var survivors: [Survivor]
    /// How many bugs are in cells that no recording comes to.
    public private(set) var unreached: Int
    /// False when no bug of the hand-off was tried, because the program has no simulation.
    public private(set) var triesHandOff: Bool

    /// True when bugs were tried, and somebody answers for each that survives.
    public var isOpen: Bool { triedLast != nil && expressible > 0 && survivors.allSatisfy { $0.answer == .signed } }

    init(_ trials: [MutantEvidence], isTriedOtherwise: Bool, signed: [SignedSurvivor], at moment: Timestamp) {
        let bugs = trials.reduce(into: [:]) { $0.merge($1.bugs) { $0.isEmpty ? $1 : $0 } }
        triedLast = trials.last?.at
        isStale = trials.isEmpty && isTriedOtherwise
        expressible = bugs.count
        caught = bugs.values.count { !$0.isEmpty }
        shownBy = bugs.values.joined().reduce(into: [:]) { $0[$1, default: 0] += 1 }
        unreached = trials.last?.unreached ?? 0
        triesHandOff = trials.contains(where: \.triesHandOff)
        survivors = bugs.filter(\.value.isEmpty).keys.sorted().map { bug in
            let known = signed.filter { $0.bug == bug }
            return Survivor(bug, known.first { $0.counts(at: moment) } ?? known.first, at: moment)
        }
    }

    /// What keeps the gate of `step` closed, and what opens it.
    func reasons(of step: StepNumber) -> [String] {
        if triedLast == nil {
            let of = isStale ? " of this build, table, plan and rules" : ""
            return ["step \(step) has no mutation score\(of); 'mutants --evidence' measures it"]
        }
        guard expressible > 0 else {
            return ["step \(step) has a mutation score of no bug; give 'mutants --evidence' recordings that meet some"]
        }
        return [
            sentence(step, .none, "nobody has signed for", "record what shows it, or sign for it in the plan, with 'survives'"),
            sentence(step, .expired, "the signature does not count for", "renew it, or record what shows the bug"),
        ].compactMap { $0 }
    }

    private func sentence(_ step: StepNumber, _ answer: Survivor.Answer, _ what: String, _ remedy: String) -> String? {
        let found = survivors.filter { $0.answer == answer }
        guard let first = found.first else { return nil }
        let count = found.count.counted("bug that survives and that", "bugs that survive and that")
        return "step \(step) has \(count) \(what), the first is '\(first.bug)'; \(remedy)"
    }
}
