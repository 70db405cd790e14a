import Cutover
import Events
import HybridRouter
import Outcomes
import ShadowComparator

/// The report as Markdown, for a pull request or a ticket: everything but the timelines and the matrix' cells.
public struct MarkdownRenderer: ReportRenderer {
    private let limit: Int

    /// A renderer that lists at most `limit` mismatched entities.
    public init(listing limit: Int = 20) { self.limit = limit }

    /// `md`
    public var fileExtension: String { "md" }

    /// The whole text.
    public func render(_ report: Report) throws -> String {
        let parts = [
            heading(report), steps(report.plan), runs(report.runs), evidence(report.evidence), comparison(report),
            segments(report.segments), matrix(report.matrix), costs(report.costs),
        ]
        return parts.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
    }

    private func heading(_ report: Report) -> [String] {
        var lines = ["**\(escape(report.verdict.sentence))**", ""]
        lines += report.verdict.reasons.dropFirst().map { "- Also: \(escape($0))" }
        lines += report.verdict.notes.map { "- \(escape($0))" }
        if lines.count > 2 { lines.append("") }
        let plan = "plan \(report.plan.name) version \(report.plan.version)"
        lines.append("# Migration report: \(escape(report.title))")
        lines += ["", escape("\(plan), \(Text.moment(report.generatedAt.description)) UTC")]
        return lines
    }

    private func steps(_ plan: PlanProgress) -> [String] {
        ["## Steps", ""]
            + table(
                ["step", "what", "stage", "owner", "entered", "completed", "hand offs", "hand backs", "mean time"],
                plan.steps.map { step in
                    [
                        step.step.description, step.title + (step.isAdded ? " (new)" : ""), step.stage, step.owner,
                        Text.number(step.figures.entered), Text.number(step.figures.completed), Text.number(step.figures.handOffs),
                        Text.number(step.figures.handBacks), Text.hours(step.figures.meanHours),
                    ]
                }, numbersFrom: 4)
    }

    private func runs(_ runs: [RunFigures]) -> [String] {
        guard !runs.isEmpty else { return [] }
        let rows = RunRow.rows(of: runs)
        return ["## Runs", ""] + table([""] + runs.map(\.mode), rows.map { [$0.title] + $0.values }, numbersFrom: 1)
    }

    private func evidence(_ evidence: EvidenceSummary?) -> [String] {
        guard let evidence else { return [] }
        let head = ["step", "ends with", "cases", "mismatches", "gate", "rate is below", "more clean cases", "voided"]
        return ["## Evidence", ""] + table(head, HTMLEvidence.rows(of: evidence).map(\.cells), numbersFrom: 5) + [""]
            + table(GateRow.head, GateRow.rows(of: evidence).map(\.cells), numbersFrom: 5)
    }

    private func layers(_ summary: ComparisonSummary) -> [String] {
        let classes = Difference.Class.allCases.map(\.rawValue)
        return [""]
            + table(
                ["layer", "verdict"] + classes,
                summary.layers.map { layer in
                    [layer.layer.rawValue, layer.verdict.rawValue] + classes.map { Text.number(layer.differences[$0] ?? 0) }
                }, numbersFrom: 2)
    }

    private func signed(_ summary: ComparisonSummary) -> [String] {
        let rows = SignedRow.rows(of: summary)
        return rows.isEmpty ? [] : ["", "Legacy is wrong, and somebody has signed for it:", ""] + table(SignedRow.head, rows.map(\.cells))
    }

    private func comparison(_ report: Report) -> [String] {
        guard let summary = report.comparison else { return [] }
        let counts =
            "\(Text.number(summary.compared)) compared, \(Text.number(summary.matched)) matched,"
            + " \(Text.number(summary.expectedDifferences)) with explained differences, \(Text.number(summary.mismatched)) mismatched"
        var lines = ["## Comparison", "", counts] + layers(summary) + signed(summary)
        if !summary.clusters.isEmpty {
            lines.append("")
            lines += table(
                ["layer", "path", "entities", "unexplained", "example"],
                summary.clusters.map {
                    [$0.layer.rawValue, $0.path, Text.number($0.entities), Text.number($0.unexpected), $0.example]
                })
        }
        for mismatch in summary.mismatches.prefix(limit) { lines += self.mismatch(mismatch) }
        let rest = summary.mismatched - min(limit, summary.mismatches.count)
        if rest > 0 { lines += ["", "… and \(Text.count(rest, "more mismatched entity", "more mismatched entities"))"] }
        return lines
    }

    private func mismatch(_ comparison: Comparison) -> [String] {
        ["", "### \(escape(comparison.entity.rawValue))", ""]
            + table(
                ["layer", "finding", "path", "control", "candidate"],
                comparison.differences.map { difference in
                    [
                        difference.layer.rawValue, difference.kind.rawValue + " (\(difference.explanation.rawValue))", difference.path,
                        difference.control?.canonicalText ?? "–", difference.candidate?.canonicalText ?? "–",
                    ]
                })
    }

    private func segments(_ audits: [SegmentAudit]) -> [String] {
        guard !audits.isEmpty else { return [] }
        return ["## Durable segments"]
            + audits.flatMap { audit in
                ["", "### \(escape(audit.workflow)), \(escape(audit.status)), run \(escape(audit.run))", ""]
                    + table(
                        ["#", "at", "event", "detail", "by"],
                        audit.entries.map { [String($0.event), Text.moment($0.at.description), $0.kind, $0.detail, $0.identity] })
            }
    }

    private func matrix(_ matrix: MatrixView?) -> [String] {
        guard let matrix else { return [] }
        let size = "\(escape(matrix.machine)): \(matrix.size)"
        return ["## Legacy machine", "", size, ""]
            + table(
                ["cells", "all", "taken"],
                MatrixView.Kind.allCases.map {
                    [$0.rawValue, Text.number(matrix.count(of: $0)), Text.number(matrix.count(of: $0, taken: true))]
                }, numbersFrom: 1)
    }

    private func costs(_ costs: [StepCost]) -> [String] {
        guard !costs.isEmpty else { return [] }
        return ["## What adding a step costs"]
            + costs.flatMap { cost in
                ["", "Step \(cost.step) as rows of the table, and as durable code:", ""]
                    + table(
                        ["", "legacy", "durable"], cost.rows.map { [$0.title, Text.number($0.legacy), Text.number($0.durable)] },
                        numbersFrom: 1)
            }
    }

    private func table(_ head: [String], _ rows: [[String]], numbersFrom: Int = .max) -> [String] {
        let line = { (cells: [String]) in "| " + cells.map(escape).joined(separator: " | ") + " |" }
        let rule = "|" + head.indices.map { $0 >= numbersFrom ? "---:|" : "---|" }.joined()
        return [line(head), rule] + rows.map(line)
    }

    /// Text that Markdown and the HTML in it leave alone.
    private func escape(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\n", "\r", "\r\n": result += " "
            case "\\", "`", "*", "_", "|", "[", "]", "#": result += "\\\(character)"
            default: result.append(character)
            }
        }
        return result
    }
}

/// A row of the table that sets runs side by side.
struct RunRow {
    let title: String
    let values: [String]

    static func rows(of runs: [RunFigures]) -> [RunRow] {
        let row = { (title: String, value: (RunFigures) -> Int) in
            RunRow(title: title, values: runs.map { Text.number(value($0)) })
        }
        let outcomes = Set(runs.flatMap(\.outcomes.keys)).sorted()
        let reasons = Set(runs.flatMap(\.deadLetters.keys)).sorted()
        let unread = UnreadEvents(runs.map(\.unread).reduce([:]) { $0.merging($1, uniquingKeysWith: max) }).named.map(\.type)
        return [row("entities") { $0.entities }]
            + outcomes.map { status in row(status) { $0.outcomes[status] ?? 0 } }
            + [
                row("hand offs") { $0.handOffs }, row("hand backs") { $0.handBacks }, row("parked events") { $0.parked },
                row("late events") { $0.late }, row("duplicates") { $0.duplicates },
            ]
            + reasons.map { reason in row("dead letters: \(reason)") { $0.deadLetters[reason] ?? 0 } }
            + unread.map { type in row("nobody reads: \(type)") { $0.unread[type] ?? 0 } }
    }
}
