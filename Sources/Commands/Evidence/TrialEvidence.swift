import Bridge
import BridgeTesting
import Cutover
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// Adds what bugs and schedules came to to an evidence file.
struct TrialEvidence {
    private let file: EvidenceFile
    private let plan: MigrationPlan
    private let version: EvidenceVersion
    private let now: Timestamp

    /// Refuses a file that holds something else, before anything is tried.
    init(path: String, app: some Application, plan: MigrationPlan) throws {
        file = EvidenceFile(path: path)
        _ = try file.log()
        (self.plan, now) = (plan, Timestamp(Date()))
        version = try BuildIdentity.version(of: app, plan: plan)
    }

    /// Adds a line for each moved step, and says what the file comes to.
    func append(_ trials: [MutantTrial], _ app: some Application) throws -> EvidenceSummary {
        try file.append(
            plan.steps.filter(\.stage.isMoved).map(\.number).map { step in
                let ofStep = trials.filter { $0.step ?? step == step }
                let bugs = ofStep.expressible.map { ($0.name, $0.shownBy) }
                return .mutants(
                    MutantEvidence(
                        at: now, version: version, step: step, bugs: Dictionary(bugs, uniquingKeysWith: { $0.isEmpty ? $0 : $1 }),
                        unreached: ofStep.unmet.count, triesHandOff: ofStep.contains { $0.side == .handOff }))
            })
        return try file.weigh(plan, app)
    }

    /// The same for explorations.
    func append(_ steps: [ExploreText.Step], _ app: some Application) throws -> EvidenceSummary {
        try file.append(
            steps.map { step in
                let found = ExplorationFigures(step.result, recordings: step.entered.count)
                return .explored(ExplorationEvidence(at: now, version: version, step: step.number, found: found))
            })
        return try file.weigh(plan, app)
    }
}

extension MutantTrial {
    /// The layers in which the bug was seen, or the law that it broke; none for one that survives.
    fileprivate var shownBy: [String] {
        guard let caughtBy else { return [] }
        return layers.isEmpty ? [law ?? caughtBy.rawValue] : layers.map(\.rawValue)
    }
}

extension EvidenceFile {
    /// What the file comes to for `plan`, as this program judges it now.
    func weigh(_ plan: MigrationPlan, _ app: some Application, _ terms: GateTerms = GateTerms()) throws -> EvidenceSummary {
        var terms = terms
        terms.needsExploration = app.typed.canBeExplored
        terms.canFollow = app.typed.canFollow
        return try log().summary(of: plan, version: try BuildIdentity.version(of: app, plan: plan), terms: terms, at: Timestamp(Date()))
    }
}

extension LockstepApp {
    /// True when its legacy machine can follow durable: it is there, and in this process.
    var canFollow: Bool { domain.service == nil && !domain.processSteps.isLegacyGone }

    /// True when the program can be copied in the middle of its work: its legacy machine is in this process, and so is what stands for
    /// the outside of recordings.
    var canBeExplored: Bool { domain.service == nil && recorded(MemoryJournal()) is any ForkableOutside }
}
