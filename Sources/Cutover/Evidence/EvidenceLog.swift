public import Events
public import Outcomes
import ShadowComparator

/// What is judged: the program, the machine's table, and what the plan says of differences. A change of any makes evidence stale.
public struct EvidenceVersion: Hashable, Sendable, Codable {
    /// Names the program's build.
    public var build: String
    /// Names the machine's table.
    public var machine: String
    /// Names which steps durable runs, and what they announce.
    public var plan: String
    /// Names what somebody has signed for, by step.
    public var rules: [StepNumber: String]

    /// A version.
    public init(build: String, machine: String, plan: MigrationPlan) {
        self.build = build
        self.machine = machine
        self.plan = plan.digestOfPromises
        rules = Dictionary(plan.steps.map { ($0.number, $0.digestOfRules) }, uniquingKeysWith: { first, _ in first })
    }

    /// What is judged at one step, as one name.
    public func name(for step: StepNumber) -> String {
        StableHash.hexadecimal([build, machine, plan, rules[step] ?? ""].joined(separator: " "))
    }
}

extension MigrationPlan {
    /// Names which steps durable runs and what they announce. Titles, the version and the percentage of a canary do not matter: they
    /// change nothing for a case that durable runs.
    var digestOfPromises: String {
        let lines = steps.map { step in
            ([step.number.description, step.stage.isMoved ? "durable" : "legacy"] + step.announces.map(\.description)).joined(
                separator: "\u{1F}")
        }
        return StableHash.hexadecimal(lines.joined(separator: "\u{1E}"))
    }
}

extension PlannedStep {
    fileprivate var digestOfRules: String {
        rules.isEmpty ? "" : StableHash.hexadecimal(rules.map(\.words).joined(separator: "\u{1E}"))
    }
}

/// One compared case: an entity that durable has taken through steps.
public struct EvidenceCase: Hashable, Sendable, Codable {
    /// Names the case: the same deliveries of the same entity are the same case, and count once.
    public var id: String
    /// The steps that durable has run, with the class of the path through each.
    public var steps: [StepNumber: String]
    /// The whole paths, by step, as names.
    public var paths: [StepNumber: String]
    /// True when it differs in a way that nothing explains. It counts against all its steps: an outcome does not say whose fault it is.
    public var isMismatch: Bool

    /// A case.
    public init(id: String, steps: [StepNumber: String], paths: [StepNumber: String], isMismatch: Bool) {
        self.id = id
        self.steps = steps
        self.paths = paths
        self.isMismatch = isMismatch
    }
}

/// Folds over the lines of an evidence file.
public struct EvidenceLog: Sendable {
    fileprivate struct Known {
        var versions: [String] = []
        var cases: [String: (version: String, path: String)] = [:]
        var strata: [String: [String: (cases: Int, mismatches: Int)]] = [:]
        var unseen: [String: UnseenMass] = [:]
        /// Cases that were compared again with another version, by that version.
        var again: [String: Int] = [:]
        /// What came of bugs that were put in, by version.
        var mutants: [String: [MutantEvidence]] = [:]
        /// Explorations by version.
        var explored: [String: [ExplorationEvidence]] = [:]
    }

    private var version: EvidenceVersion?
    private var steps: [StepNumber: Known] = [:]
    /// When the last comparison began; nil when there was none.
    public private(set) var last: Timestamp?

    /// Nothing compared yet.
    public init() {}

    /// Takes one more line. A case before the first run is about no version, and is left out.
    public mutating func add(_ line: EvidenceLine) {
        switch line {
        case .run(let at, let version): (last, self.version) = (at, version)
        case .compared(let one):
            guard let version else { return }
            for (step, path) in one.steps { steps[step, default: Known()].add(one, path, step, version.name(for: step)) }
        case .mutants(let score):
            steps[score.step, default: Known()].mutants[score.version.name(for: score.step), default: []].append(score)
        case .explored(let explored):
            steps[explored.step, default: Known()].explored[explored.version.name(for: explored.step), default: []].append(explored)
        }
    }

    /// What counts for the steps that `plan` has moved, as `version` judges them. Signatures of the plan count as they do at `moment`.
    public func summary(
        of plan: MigrationPlan, version: EvidenceVersion, terms: GateTerms = GateTerms(), at moment: Timestamp
    ) -> EvidenceSummary {
        let moved = plan.steps.filter(\.stage.isMoved)
        let signed = moved.flatMap(\.survivors)
        let steps = moved.map { step in
            let name = version.name(for: step.number)
            let mutants = mutationScore(of: step.number, name, signed, at: moment)
            return summary(of: step.number, name, terms, mutants, explorationScore(of: step.number, name, terms))
        }
        return EvidenceSummary(
            limit: terms.limit, alpha: terms.alpha, comparedLast: last, version: version, steps: steps,
            needless: Self.needless(signed, steps.map(\.mutants)))
    }

    private static func needless(_ signed: [SignedSurvivor], _ scores: [MutationScore]) -> [String] {
        guard scores.allSatisfy({ $0.triedLast != nil }) else { return [] }
        let surviving = Set(scores.flatMap { $0.survivors.map(\.bug) })
        return Set(signed.map(\.bug)).subtracting(surviving).sorted()
    }

    private func mutationScore(
        of step: StepNumber, _ version: String, _ signed: [SignedSurvivor], at moment: Timestamp
    ) -> MutationScore {
        let tried = steps[step]?.mutants ?? [:]
        return MutationScore(tried[version] ?? [], isTriedOtherwise: !tried.isEmpty, signed: signed, at: moment)
    }

    private func explorationScore(of step: StepNumber, _ version: String, _ terms: GateTerms) -> ExplorationScore {
        let tried = steps[step]?.explored ?? [:]
        return ExplorationScore(tried[version] ?? [], isTriedOtherwise: !tried.isEmpty, isNeeded: terms.needsExploration)
    }

    private func summary(
        of step: StepNumber, _ version: String, _ terms: GateTerms, _ mutants: MutationScore, _ explored: ExplorationScore
    ) -> EvidenceSummary.Step {
        let known = steps[step] ?? Known()
        let isNew = !known.versions.contains(version)
        let number = (known.versions.firstIndex(of: version) ?? known.versions.count) + 1
        let strata = known.strata[version] ?? [:]
        let rows = strata.sorted { $0.key < $1.key }.map { path, counts in
            EvidenceSummary.Row(
                StratumEvidence(
                    stratum: Stratum(step: step, path: path), cases: counts.cases, mismatches: counts.mismatches,
                    voided: known.voided(path, but: version), build: number), terms)
        }
        let mass = known.unseen[version] ?? UnseenMass()
        let voided = known.cases.values.count { $0.version != version }
        return EvidenceSummary.Step(
            step: step, build: number, isStale: isNew && voided > 0, voided: voided, comparedAgain: known.again[version] ?? 0, rows: rows,
            unseenEstimate: mass.estimate, unseenBound: mass.bound(alpha: terms.alpha), paths: mass.firsts, mutants: mutants,
            exploration: explored)
    }
}

extension EvidenceLog.Known {
    /// A case counts for the version that compared it first: a mended build that passes what its author has seen proves little.
    fileprivate mutating func add(_ one: EvidenceCase, _ path: String, _ step: StepNumber, _ version: String) {
        if !versions.contains(version) { versions.append(version) }
        if let before = cases[one.id] {
            if before.version != version { again[version, default: 0] += 1 }
            return
        }
        cases[one.id] = (version, path)
        var counts = strata[version]?[path] ?? (cases: 0, mismatches: 0)
        counts.cases += 1
        counts.mismatches += one.isMismatch ? 1 : 0
        strata[version, default: [:]][path] = counts
        unseen[version, default: UnseenMass()].add(one.paths[step] ?? path)
    }

    fileprivate func voided(_ path: String, but version: String) -> Int {
        strata.filter { $0.key != version }.values.reduce(0) { $0 + ($1[path]?.cases ?? 0) }
    }
}
