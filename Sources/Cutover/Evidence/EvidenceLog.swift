public import Events
import Outcomes
public import ShadowComparator

/// Folds over the lines of an evidence file.
public struct EvidenceLog: Sendable {
    private var version: EvidenceVersion?
    private var steps: [StepNumber: KnownEvidence] = [:]
    /// What legacy has followed in the shadow of durable. It has nothing in common with the cases of a comparison.
    private var followed: [StepNumber: KnownCases] = [:]
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
            for (step, path) in one.steps {
                let known = KnownCases.One(
                    id: one.id, path: path, way: one.paths[step] ?? path, version: version.name(for: step), isMismatch: one.isMismatch)
                steps[step, default: KnownEvidence()].cases.add(known)
            }
        case .mutants(let score):
            steps[score.step, default: KnownEvidence()].mutants[score.version.name(for: score.step), default: []].append(score)
        case .explored(let explored):
            let name = explored.version.name(for: explored.step)
            steps[explored.step, default: KnownEvidence()].explored[name, default: []].append(explored)
        case .followed(let visit): followed[visit.step, default: KnownCases()].add(KnownCases.One(visit))
        }
    }

    /// True when a line about `visit` would change nothing.
    public func knows(_ visit: JudgedVisit) -> Bool { followed[visit.step]?.knows(KnownCases.One(visit)) ?? false }

    /// What counts for the steps that `plan` has moved, as `version` judges them. Signatures of the plan count as they do at `moment`.
    public func summary(
        of plan: MigrationPlan, version: EvidenceVersion, terms: GateTerms = GateTerms(), at moment: Timestamp
    ) -> EvidenceSummary {
        let moved = plan.steps.filter(\.stage.isMoved)
        let signed = moved.flatMap(\.survivors)
        let weighed = moved.map { step in
            let (name, known) = (version.name(for: step.number), steps[step.number] ?? KnownEvidence())
            return EvidenceSummary.Step(
                step: step.number, EvidenceSummary.Cases(known.cases, of: step.number, name, terms),
                mutants: MutationScore(
                    known.mutants[name] ?? [], isTriedOtherwise: !known.mutants.isEmpty, signed: signed, at: moment),
                exploration: ExplorationScore(
                    known.explored[name] ?? [], isTriedOtherwise: !known.explored.isEmpty, isNeeded: terms.needsExploration),
                following: FollowingScore(
                    EvidenceSummary.Cases(followed[step.number] ?? KnownCases(), of: step.number, name, terms),
                    isRetired: step.stage == .retired && !step.isAdded, canFollow: terms.canFollow))
        }
        return EvidenceSummary(
            limit: terms.limit, alpha: terms.alpha, comparedLast: last, version: version, steps: weighed,
            needless: Self.needless(signed, weighed.map(\.mutants)))
    }

    private static func needless(_ signed: [SignedSurvivor], _ scores: [MutationScore]) -> [String] {
        guard scores.allSatisfy({ $0.triedLast != nil }) else { return [] }
        let surviving = Set(scores.flatMap { $0.survivors.map(\.bug) })
        return Set(signed.map(\.bug)).subtracting(surviving).sorted()
    }
}

/// What is known of one step.
private struct KnownEvidence {
    var cases = KnownCases()
    /// What came of bugs that were put in, by version.
    var mutants: [String: [MutantEvidence]] = [:]
    /// Explorations by version.
    var explored: [String: [ExplorationEvidence]] = [:]
}

extension KnownCases.One {
    fileprivate init(_ visit: JudgedVisit) {
        self.init(id: visit.id, path: visit.path, way: visit.way, version: visit.version, isMismatch: visit.isMismatch)
    }
}
