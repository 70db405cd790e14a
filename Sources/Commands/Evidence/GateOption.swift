import ArgumentParser
import Cutover
import Events
import Outcomes

/// The evidence file whose gates a verb shows.
struct GateOption: ParsableArguments {
    @Option(help: ArgumentHelp("Show the gates as this evidence file has them, see '\(Program.name) evidence'.", valueName: "file"))
    var evidence: String?

    /// What the file comes to for `plan`; nil without a file.
    func weigh(_ plan: MigrationPlan) throws -> EvidenceSummary? {
        try evidence.map { try EvidenceFile(path: $0).existing().weigh(plan, try Program.app) }
    }
}

extension EvidenceSummary.Step {
    /// Whether the gate is open, and what keeps it closed.
    var gate: JSONValue { ["isOpen": .bool(isOpen), "reasons": .array(reasons.map { .string($0) })] }
}

extension EvidenceSummary? {
    /// What stands behind a change that a gate has to be open for; empty when there is nothing to say.
    func words(on change: PlanStepChange) -> String {
        guard change.isForward else { return "" }
        guard let step = self?.steps.first(where: { $0.step == change.step }) else {
            return change.after == .retired ? "; its gate is closed, since no evidence was given" : ""
        }
        return step.isOpen ? "; its gate is open" : "; its gate is closed: " + step.reasons.joined(separator: "; ")
    }
}
