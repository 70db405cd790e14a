import Events
import HybridRouter
import Outcomes
import ShadowComparator

/// What the page's template shows: texts and flags only, escaped by the template.
struct HTMLPage {
    struct Tile {
        let value: String
        let label: String
        let tone: String
    }

    struct Rung {
        let isReached: Bool
        let isHere: Bool
        let name: String
    }

    struct Step {
        let number: String
        let title: String
        let isAdded: Bool
        let rungs: [Rung]
        let percent: String
        let owner: String
        let ownerClass: String
        let entered: String
        let completed: String
        let share: String
        let handOffs: String
        let handBacks: String
        let time: String
    }

    struct Row {
        let title: String
        let cells: [String]
    }

    struct Cost {
        let step: String
        let rows: [Row]
    }

    let style = HTMLTemplate.style
    let title: String
    let subtitle: String
    let verdictClass: String
    let mark: String
    let sentence: String
    let reasons: [String]
    let notes: [String]
    let tiles: [Tile]
    let steps: [Step]
    let stages: [String]
    let runNames: [String]
    let runRows: [Row]
    let comparison: HTMLComparison?
    let evidence: [HTMLEvidence]
    let gateHead = GateRow.head
    let gates: [GateRow]
    let hasEvidence: Bool
    let segments: [HTMLSegment]
    let hasSegments: Bool
    let matrix: HTMLMatrix?
    let costs: [Cost]
    let hasCosts: Bool

    init(_ report: Report, showing limit: Int) {
        title = report.title
        subtitle = "plan \(report.plan.name), version \(report.plan.version) · \(Text.moment(report.generatedAt.description)) UTC"
        verdictClass = report.verdict.isSafe ? "good" : "bad"
        mark = report.verdict.isSafe ? "✓" : "✕"
        sentence = report.verdict.sentence
        reasons = report.verdict.reasons.dropFirst().map { "Also: \($0)." }
        notes = report.verdict.notes
        tiles = Self.tiles(report)
        stages = Self.stageNames
        steps = report.plan.steps.map(Self.step)
        runNames = report.runs.map(\.mode)
        runRows = RunRow.rows(of: report.runs).map { Row(title: $0.title, cells: $0.values) }
        comparison = report.comparison.map { HTMLComparison($0, details: report.mismatches, showing: limit) }
        evidence = HTMLEvidence.rows(of: report.evidence)
        gates = GateRow.rows(of: report.evidence)
        hasEvidence = !gates.isEmpty
        segments = report.segments.map { HTMLSegment($0) }
        hasSegments = !segments.isEmpty
        matrix = report.matrix.map { HTMLMatrix($0) }
        costs = report.costs.map(Self.cost)
        hasCosts = !costs.isEmpty
    }

    private static let stageNames = ["legacy", "shadow", "canary", "durable", "retired"]

    private static func tiles(_ report: Report) -> [Tile] {
        var tiles: [Tile] = []
        if let run = report.runs.last { tiles.append(Tile(value: Text.number(run.entities), label: "entities", tone: "")) }
        if let summary = report.comparison {
            tiles += [
                Tile(value: Text.number(summary.matched), label: "matched", tone: ""),
                Tile(value: Text.number(summary.expectedDifferences), label: "as explained", tone: ""),
                Tile(value: Text.number(summary.mismatched), label: "mismatched", tone: summary.mismatched > 0 ? "bad" : "good"),
            ]
        }
        if let run = report.runs.last {
            let dead = run.deadLetters.values.reduce(0, +)
            tiles += [
                Tile(value: Text.number(run.handOffs), label: "hand offs", tone: ""),
                Tile(value: Text.number(run.handBacks), label: "hand backs", tone: ""),
                Tile(value: Text.number(run.late), label: "late events", tone: ""),
                Tile(value: Text.number(dead), label: "dead letters", tone: (run.deadLetters["failed"] ?? 0) > 0 ? "warn" : ""),
            ]
        }
        return tiles
    }

    private static func step(_ step: StepProgress) -> Step {
        let words = step.stage.split(separator: " ")
        let here = stageNames.firstIndex(of: words.first.map(String.init) ?? "") ?? 0
        let figures = step.figures
        let share = figures.entered == 0 ? 0 : 100 * figures.completed / figures.entered
        return Step(
            number: step.step.description, title: step.title, isAdded: step.isAdded,
            rungs: stageNames.indices.map { Rung(isReached: $0 < here, isHere: $0 == here, name: stageNames[$0]) },
            percent: words.count > 1 ? "\(words[1]) %" : "", owner: step.owner,
            ownerClass: step.owner == Owner.legacy.rawValue ? "legacy" : "durable", entered: Text.number(figures.entered),
            completed: Text.number(figures.completed), share: String(share), handOffs: blankZero(figures.handOffs),
            handBacks: blankZero(figures.handBacks), time: Text.hours(figures.meanHours))
    }

    private static func cost(_ cost: StepCost) -> Cost {
        let rows = cost.rows.map { Row(title: $0.title, cells: [Text.number($0.legacy), Text.number($0.durable)]) }
        return Cost(step: cost.step.description, rows: rows)
    }

    private static func blankZero(_ value: Int) -> String { value == 0 ? "–" : Text.number(value) }
}
