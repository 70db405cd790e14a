import Cutover
import Events
import Outcomes
import ShadowComparator

/// A row of the table of evidence, as the page's template shows it.
struct HTMLEvidence {
    let step: String
    let path: String
    let cases: String
    let mismatches: String
    let gate: String
    let tone: String
    let bound: String
    let more: String
    let voided: String

    private init(_ step: String, _ row: EvidenceSummary.Row) {
        self.step = step
        path = row.path
        cases = Text.number(row.cases)
        mismatches = Text.number(row.mismatches)
        gate = row.isOpen ? "open" : "closed"
        tone = row.isOpen ? "quiet" : "bad"
        bound = "\(Text.decimal(row.bound * 100)) %"
        more = row.moreCleanCases.map(Text.number) ?? "none suffices"
        voided = Text.number(row.voided)
    }

    /// All strata of all steps.
    static func rows(of evidence: EvidenceSummary?) -> [HTMLEvidence] {
        (evidence?.steps ?? []).flatMap { step in
            step.compared.rows.map { HTMLEvidence(step.step.description, $0) }
                + step.following.visits.rows.map { HTMLEvidence("\(step.step), followed by legacy", $0) }
        }
    }

    /// The same as the cells of a Markdown table.
    var cells: [String] { [step, path, cases, mismatches, gate, bound, more, voided] }
}

/// What was tried for a step, as a row: bugs and schedules.
struct GateRow {
    static let head = ["step", "gate", "bugs found", "which survive", "explored within", "recordings", "schedules", "unexplained"]

    let tone: String
    let cells: [String]

    private init(_ step: EvidenceSummary.Step) {
        let (score, explored) = (step.mutants, step.exploration)
        tone = step.isOpen ? "quiet" : "bad"
        cells = [
            step.step.description, step.isOpen ? "open" : "closed",
            score.triedLast == nil ? "never tried" : "\(score.caught) of \(score.expressible)",
            score.survivors.map(Self.text).joined(separator: "; "), Self.bounds(explored),
            Text.number(explored.rows.map(\.recordings).max() ?? 0), Text.number(explored.rows.reduce(0) { $0 + $1.covered }),
            Text.number(explored.unexplained),
        ]
    }

    private static func text(_ survivor: MutationScore.Survivor) -> String {
        switch survivor.answer {
        case .none: "\(survivor.bug) (not signed for)"
        case .signed: "\(survivor.bug) (\(survivor.owner), until \(survivor.expires.map { String($0.description.prefix(10)) } ?? ""))"
        case .expired: "\(survivor.bug) (signature of \(survivor.owner) expired)"
        }
    }

    private static func bounds(_ explored: ExplorationScore) -> String {
        guard !explored.rows.isEmpty else { return explored.isNeeded ? "never explored" : "cannot be explored" }
        return explored.rows.map { $0.bounds.description + ($0.isComplete ? "" : " (not complete)") }.joined(separator: "; ")
    }

    /// All steps.
    static func rows(of evidence: EvidenceSummary?) -> [GateRow] { (evidence?.steps ?? []).map { GateRow($0) } }
}
