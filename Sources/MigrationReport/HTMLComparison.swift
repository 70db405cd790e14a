import Events
import Outcomes
import ShadowComparator

/// The comparison as the page's template shows it.
struct HTMLComparison {
    struct Cluster {
        let layer: String
        let path: String
        let entities: String
        let unexpected: String
        let tone: String
        let example: String
    }

    struct Finding {
        let layer: String
        let kind: String
        let path: String
        let control: String
        let candidate: String
        let tone: String
        let rule: String
    }

    struct Entry {
        let at: String
        let owner: String
        let epoch: String
        let what: String
        let detail: String
    }

    struct Line {
        let isFolded: Bool
        let folded: String
        let tone: String
        let control: Entry?
        let candidate: Entry?
    }

    struct Mismatch {
        let entity: String
        let count: String
        let findings: [Finding]
        let hasTimelines: Bool
        let controlPath: String
        let candidatePath: String
        let lines: [Line]
    }

    struct Layer {
        let name: String
        let verdict: String
        let tone: String
        let classes: [String]
    }

    struct Cause {
        let step: String
        let state: String
        let first: String
        let entities: String
        let example: String
    }

    let counts: String
    let layers: [Layer]
    let signed: [SignedRow]
    let hasSigned: Bool
    let causes: [Cause]
    let hasCauses: Bool
    let clusters: [Cluster]
    let hasClusters: Bool
    let mismatches: [Mismatch]
    let more: String
    let hasMore: Bool

    init(_ summary: ComparisonSummary, details: [MismatchDetail], showing limit: Int) {
        counts =
            "\(Text.number(summary.compared)) compared: \(Text.number(summary.matched)) matched,"
            + " \(Text.number(summary.expectedDifferences)) with explained differences, \(Text.number(summary.mismatched)) mismatched"
        layers = summary.layers.map { layer in
            Layer(
                name: layer.layer.rawValue, verdict: layer.verdict.rawValue, tone: layer.verdict == .mismatched ? "bad" : "quiet",
                classes: Difference.Class.allCases.map { Text.number(layer.differences[$0.rawValue] ?? 0) })
        }
        signed = SignedRow.rows(of: summary)
        hasSigned = !signed.isEmpty
        causes = summary.causes.prefix(limit).map { cause in
            Cause(
                step: cause.step?.description ?? "", state: cause.state ?? "", first: "\(cause.first) \(cause.kind.rawValue)",
                entities: Text.number(cause.entities), example: cause.example)
        }
        hasCauses = !causes.isEmpty
        clusters = summary.clusters.map { cluster in
            Cluster(
                layer: cluster.layer.rawValue, path: cluster.path, entities: Text.number(cluster.entities),
                unexpected: Text.number(cluster.unexpected), tone: cluster.unexpected > 0 ? "bad" : "quiet", example: cluster.example)
        }
        hasClusters = !clusters.isEmpty
        let known = Dictionary(details.map { ($0.comparison.entity, $0) }, uniquingKeysWith: { first, _ in first })
        mismatches = summary.mismatches.prefix(limit).map { Self.mismatch($0, known[$0.entity]) }
        let rest = summary.mismatched - mismatches.count
        hasMore = rest > 0
        more = hasMore ? "… and \(Text.count(rest, "more mismatched entity", "more mismatched entities"))" : ""
    }

    private static func mismatch(_ comparison: Comparison, _ detail: MismatchDetail?) -> Mismatch {
        let unexpected = comparison.differences.count { !$0.expected }
        let alignment = detail.map { TimelineAlignment($0.control, $0.candidate) }
        return Mismatch(
            entity: comparison.entity.rawValue, count: Text.count(unexpected, "unexplained difference", "unexplained differences"),
            findings: comparison.differences.sorted { !$0.expected && $1.expected }.map(finding),
            hasTimelines: detail != nil, controlPath: detail?.control.path ?? "", candidatePath: detail?.candidate.path ?? "",
            lines: alignment?.lines.map(line) ?? [])
    }

    private static func finding(_ difference: Difference) -> Finding {
        let value = { (value: JSONValue?) in
            value.map { difference.kind == .order ? "after \($0.string ?? "")" : $0.canonicalText }
                ?? (difference.kind == .order ? "first" : "–")
        }
        return Finding(
            layer: difference.layer.rawValue, kind: difference.kind.rawValue, path: difference.path,
            control: value(difference.control), candidate: value(difference.candidate), tone: difference.expected ? "quiet" : "bad",
            rule: [difference.explanation.rawValue, difference.rule ?? ""].filter { !$0.isEmpty }.joined(separator: ": "))
    }

    private static func line(_ line: TimelineAlignment.Line) -> Line {
        switch line {
        case .equal(let control, let candidate):
            Line(isFolded: false, folded: "", tone: "", control: entry(control), candidate: entry(candidate))
        case .different(let control, let candidate):
            Line(isFolded: false, folded: "", tone: tone(control, candidate), control: control.map(entry), candidate: candidate.map(entry))
        case .folded(let count):
            Line(isFolded: true, folded: Text.count(count, "equal entry", "equal entries"), tone: "", control: nil, candidate: nil)
        }
    }

    /// What only a durable step does is the move itself, not a finding.
    private static func tone(_ control: Timeline.Entry?, _ candidate: Timeline.Entry?) -> String {
        guard control == nil || candidate == nil, let only = control ?? candidate else { return "diff" }
        return only.owner == .durable || only.what == "hand back" ? "moved" : "diff"
    }

    private static func entry(_ entry: Timeline.Entry) -> Entry {
        Entry(
            at: String(Text.moment(entry.at.description).dropFirst(5)), owner: entry.owner.rawValue, epoch: String(entry.epoch),
            what: entry.what, detail: entry.detail)
    }
}

/// The matrix as the page's template shows it.
struct HTMLMatrix {
    struct Row {
        let state: String
        let cells: [Cell]
    }

    struct Cell {
        let tone: String
        let tip: String
    }

    let caption: String
    let events: [String]
    let rows: [Row]

    init(_ matrix: MatrixView) {
        let handled = matrix.count(of: .handled)
        caption =
            "\(matrix.machine): \(matrix.size), \(Text.count(handled, "cell", "cells")) handled"
            + " (\(Text.number(matrix.count(of: .handled, taken: true))) of them taken), \(Text.number(matrix.count(of: .ignored)))"
            + " ignored on purpose, \(Text.number(matrix.count(of: .undefined))) undefined"
        events = matrix.events
        rows = zip(matrix.states, matrix.cells).map { state, cells in
            Row(
                state: state,
                cells: zip(matrix.events, cells).map { event, cell in
                    let taken = cell.taken > 0 ? "taken \(Text.count(cell.taken, "time", "times"))" : "never taken"
                    return Cell(tone: Self.tone(cell), tip: "\(state) × \(event): \(cell.kind.rawValue), \(taken)")
                })
        }
    }

    private static func tone(_ cell: MatrixView.Cell) -> String {
        switch (cell.kind, cell.taken) {
        case (.undefined, 0): "u"
        case (.undefined, _): "ux"
        case (.ignored, 0): "i"
        case (.ignored, _): "ix"
        case (.handled, 0): "h0"
        case (.handled, 1...9): "h1"
        case (.handled, 10...99): "h2"
        case (.handled, 100...999): "h3"
        case (.handled, _): "h4"
        }
    }
}
