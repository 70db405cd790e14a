import Cutover
import Outcomes

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

    private init(_ step: EvidenceSummary.Step, _ row: EvidenceSummary.Row) {
        self.step = step.step.description
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
        (evidence?.steps ?? []).flatMap { step in step.rows.map { HTMLEvidence(step, $0) } }
    }

    /// The same as the cells of a Markdown table.
    var cells: [String] { [step, path, cases, mismatches, gate, bound, more, voided] }
}
