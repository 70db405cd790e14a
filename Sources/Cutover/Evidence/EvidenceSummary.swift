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

    /// One step.
    public struct Step: Codable, Hashable, Sendable {
        /// The step.
        public var step: StepNumber
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
        /// What came of bugs that were put in on purpose.
        public var mutants: MutationScore
        /// What explorations came to.
        public var exploration: ExplorationScore

        /// True when the cases suffice, every bug that survives is signed for, and the exploration has found nothing.
        public var isOpen: Bool { hasEnoughCases && mutants.isOpen && exploration.isOpen }

        /// True when every stratum's gate is open, and there is one.
        public var hasEnoughCases: Bool { !rows.isEmpty && rows.allSatisfy(\.isOpen) }

        /// Cases that count.
        public var cases: Int { rows.reduce(0) { $0 + $1.cases } }

        /// How many of them are mismatches.
        public var mismatches: Int { rows.reduce(0) { $0 + $1.mismatches } }
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
        (hasEnoughCases ? [] : [lackOfCases]) + mutants.reasons(of: step) + exploration.reasons(of: step)
    }

    private var lackOfCases: String {
        guard !rows.isEmpty else {
            return isStale
                ? "step \(step) has no case of this build, table, plan and rules; \(voided.counted("of others counts", "of others count")) no longer"
                : "step \(step) has no compared case"
        }
        let closed = rows.filter { !$0.isOpen }
        let more = closed.compactMap(\.moreCleanCases).max() ?? 0
        let row = closed.first { $0.moreCleanCases == more } ?? closed.first
        return "step \(step) needs \(more.counted("more clean case that ends", "more clean cases that end")) with \(row?.path ?? "")"
    }
}
