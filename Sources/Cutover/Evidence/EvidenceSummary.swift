public import Events
public import Outcomes

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the evidence for a plan's moved steps comes to. A gate without evidence is closed.
public struct EvidenceSummary: Codable, Hashable, Sendable {
    /// One stratum of a step.
    public struct Row: Codable, Hashable, Sendable {
        /// The class of paths.
        public var path: String
        /// Cases that count.
        public var cases: Int
        /// How many of them are mismatches.
        public var mismatches: Int
        /// Cases of this class that were compared with another build, table, plan or rule, and count no longer.
        public var voided: Int
        /// The decimal logarithm of E.
        public var log10E: Double
        /// The rate of mismatches that is excluded.
        public var bound: Double
        /// Clean cases that are still needed; nil when no number suffices.
        public var moreCleanCases: Int?
        /// True when the gate of the stratum is open.
        public var isOpen: Bool

        init(_ evidence: StratumEvidence, _ terms: GateTerms) {
            path = evidence.stratum.path
            cases = evidence.cases
            mismatches = evidence.mismatches
            voided = evidence.voided
            log10E = evidence.logEvidence(terms) / log(10)
            bound = evidence.bound(terms)
            let more = evidence.moreCleanCases(terms)
            moreCleanCases = more == .max ? nil : more
            isOpen = evidence.isOpen(terms)
        }
    }

    /// What was compared in one direction, for one step.
    public struct Cases: Codable, Hashable, Sendable {
        /// The number of what is judged now among all that the step was compared with, from 1. It decides the level.
        public var build: Int
        /// True when there are cases, and all of them are of another build, table, plan or rule.
        public var isStale: Bool
        /// Cases that count no longer.
        public var voided: Int
        /// Cases that were compared now and before with another build: they do not count for this one.
        public var comparedAgain: Int
        /// The strata.
        public var rows: [Row]
        /// Good–Turing's estimate of the share of cases that will take a path never taken before.
        public var unseenEstimate: Double
        /// A bound on that share.
        public var unseenBound: Double
        /// Different paths that were taken.
        public var paths: Int

        init(_ known: KnownCases, of step: StepNumber, _ version: String, _ terms: GateTerms) {
            build = (known.versions.firstIndex(of: version) ?? known.versions.count) + 1
            voided = known.voided(but: version)
            isStale = !known.versions.contains(version) && voided > 0
            comparedAgain = known.again[version]?.count ?? 0
            let mass = known.unseen[version] ?? UnseenMass()
            (unseenEstimate, unseenBound, paths) = (mass.estimate, mass.bound(alpha: terms.alpha), mass.firsts)
            rows = []
            for (path, counts) in (known.strata[version] ?? [:]).sorted(by: { $0.key < $1.key }) {
                let evidence = StratumEvidence(
                    stratum: Stratum(step: step, path: path), cases: counts.cases, mismatches: counts.mismatches,
                    voided: known.voided(path, but: version), build: build)
                rows.append(Row(evidence, terms))
            }
        }

        /// True when every stratum's gate is open, and there is one.
        public var suffice: Bool { !rows.isEmpty && rows.allSatisfy(\.isOpen) }

        /// Cases that count.
        public var cases: Int { rows.reduce(0) { $0 + $1.cases } }

        /// How many of them are mismatches.
        public var mismatches: Int { rows.reduce(0) { $0 + $1.mismatches } }

        /// The stratum that is furthest from being open, with what it still needs; nil when there is none.
        var furthest: (row: Row, more: Int?)? {
            let closed = rows.filter { !$0.isOpen }
            let more = closed.compactMap(\.moreCleanCases).max()
            return (closed.first { $0.moreCleanCases == nil } ?? closed.first { $0.moreCleanCases == more }).map { ($0, $0.moreCleanCases) }
        }
    }

    /// One step.
    public struct Step: Codable, Hashable, Sendable {
        /// The step.
        public var step: StepNumber
        /// What was compared of both paths.
        public var compared: Cases
        /// What came of bugs that were put in on purpose.
        public var mutants: MutationScore
        /// What explorations came to.
        public var exploration: ExplorationScore
        /// What legacy has come to in the shadow of durable.
        public var following: FollowingScore

        private enum CodingKeys: String, CodingKey { case step, mutants, exploration, following }

        init(
            step: StepNumber, _ compared: Cases, mutants: MutationScore, exploration: ExplorationScore, following: FollowingScore
        ) {
            self.step = step
            self.compared = compared
            self.mutants = mutants
            self.exploration = exploration
            self.following = following
        }

        /// Reads a step; what was compared stands beside the other members.
        public init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: CodingKeys.self)
            compared = try Cases(from: decoder)
            step = try members.decode(StepNumber.self, forKey: .step)
            mutants = try members.decode(MutationScore.self, forKey: .mutants)
            exploration = try members.decode(ExplorationScore.self, forKey: .exploration)
            following = try members.decode(FollowingScore.self, forKey: .following)
        }

        /// Writes a step; what was compared stands beside the other members.
        public func encode(to encoder: any Encoder) throws {
            try compared.encode(to: encoder)
            var members = encoder.container(keyedBy: CodingKeys.self)
            try members.encode(step, forKey: .step)
            try members.encode(mutants, forKey: .mutants)
            try members.encode(exploration, forKey: .exploration)
            try members.encode(following, forKey: .following)
        }

        /// True when the cases suffice, every bug that survives is signed for, the exploration has found nothing, and for stage `retired`
        /// the visits that legacy has followed suffice, too.
        public var isOpen: Bool { compared.suffice && mutants.isOpen && exploration.isOpen && following.isOpen }
    }

    /// The rate of mismatches that a gate excludes.
    public var limit: Double
    /// The level over all builds of a step.
    public var alpha: Double
    /// When the last comparison began.
    public var comparedLast: Timestamp?
    /// What is judged.
    public var version: EvidenceVersion
    /// The steps that the plan has moved.
    public var steps: [Step]
    /// Bugs that somebody has signed for, and that do not survive; none as long as a step lacks its mutation score.
    public var needless: [String]

    /// True when every moved step's gate is open, and there is one.
    public var isOpen: Bool { !steps.isEmpty && steps.allSatisfy(\.isOpen) }

    /// What keeps the gates closed, a sentence for each thing that a step lacks; a sentence when no step is moved.
    public var reasons: [String] {
        guard !steps.isEmpty else { return ["the plan moves no step"] }
        return steps.flatMap(\.reasons)
    }
}

extension EvidenceSummary.Step {
    /// What keeps the gate of the step closed.
    public var reasons: [String] {
        (compared.suffice ? [] : [lackOfCases]) + mutants.reasons(of: step) + exploration.reasons(of: step) + following.reasons(of: step)
    }

    private var lackOfCases: String {
        guard let (row, more) = compared.furthest else {
            return compared.isStale
                ? "step \(step) has no case of this build, table, plan and rules; \(compared.voided.counted("of others counts", "of others count")) no longer"
                : "step \(step) has no compared case"
        }
        guard let more else {
            return "step \(step): no number of clean cases outweighs its mismatches where it ends with \(row.path)"
        }
        return "step \(step) needs \(more.counted("more clean case that ends", "more clean cases that end")) with \(row.path)"
    }
}
