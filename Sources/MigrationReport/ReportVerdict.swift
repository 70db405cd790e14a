import Cutover
import Events
import Outcomes
import ShadowComparator

/// Whether the next step may move. The sentence comes first everywhere: it is what the reader opened the report for.
public struct ReportVerdict: Codable, Hashable, Sendable {
    /// True when nothing speaks against moving on.
    public let isSafe: Bool
    /// The answer in one sentence.
    public let sentence: String
    /// What speaks against it; empty when safe.
    public let reasons: [String]
    /// What the reader should know besides: the strength of the evidence, events nobody handled, rules nobody needs.
    public let notes: [String]

    init(run: RunFigures?, comparison: ComparisonSummary?, matrix: MatrixView?, evidence: EvidenceSummary?) {
        reasons = Self.reasons(run, comparison) + Self.closedGates(evidence)
        isSafe = reasons.isEmpty
        notes = Self.notes(run, comparison, matrix) + Self.strength(evidence)
        sentence = reasons.first.map { "Not safe to move on: \($0)." } ?? Self.safety(evidence)
    }

    private static func safety(_ evidence: EvidenceSummary?) -> String {
        let cases = evidence?.steps.map(\.compared.cases).min() ?? 0
        let limit = Text.decimal((evidence?.limit ?? 1) * 100)
        let enough = Text.count(cases, "case of every moved step excludes", "cases of every moved step exclude")
        return "Safe to move on: at least \(enough) a mismatch rate of \(limit) %."
    }

    /// A gate without evidence is closed.
    private static func closedGates(_ evidence: EvidenceSummary?) -> [String] {
        guard let evidence else { return ["no evidence was given, so no gate is open"] }
        return evidence.reasons
    }

    private static func strength(_ evidence: EvidenceSummary?) -> [String] {
        guard let evidence else { return [] }
        return evidence.steps.flatMap { step in
            [
                excluded(step.compared, "Step \(step.step)", "case", "cases"),
                excluded(step.following.visits, "Step \(step.step), followed by legacy", "visit", "visits"),
            ]
            .compactMap { $0 }
        } + evidence.steps.flatMap(tried)
            + evidence.needless.map { "The signature for the bug '\($0)' is not needed; it does not survive." }
    }

    private static func excluded(_ found: EvidenceSummary.Cases, _ subject: String, _ one: String, _ many: String) -> String? {
        guard !found.rows.isEmpty else { return nil }
        let bound = found.rows.map(\.bound).max() ?? 1
        let unseen = Text.decimal(found.unseenBound * 100)
        return
            "\(subject): \(Text.count(found.mismatches, "mismatch", "mismatches")) in \(Text.count(found.cases, one, many)) exclude a rate of"
            + " \(Text.decimal(bound * 100)) % in every kind of ending, however often one has looked; at most \(unseen) % of new \(many)"
            + " take a path never taken before. \(many.prefix(1).uppercased() + many.dropFirst()) are taken as exchangeable."
    }

    private static func tried(_ step: EvidenceSummary.Step) -> [String] {
        var notes: [String] = []
        let score = step.mutants
        if score.triedLast != nil {
            let signed = score.survivors.count { $0.answer == .signed }
            let survive =
                score.survivors.isEmpty ? "" : "; \(Text.number(score.survivors.count)) survive, \(Text.number(signed)) of them signed for"
            notes.append(
                "Step \(step.step): \(Text.number(score.caught)) of \(Text.count(score.expressible, "bug that was", "bugs that were")) put in on purpose found\(survive)\(score.triesHandOff ? "" : "; none of the hand-off was tried")."
            )
        }
        if !step.exploration.isNeeded, step.exploration.rows.isEmpty { notes.append("Step \(step.step): this program cannot be explored.") }
        if step.following.isImpossible { notes.append("Step \(step.step) is retired: this program's legacy cannot follow durable.") }
        return notes
            + step.exploration.rows.map { row in
                "Step \(step.step): explored within \(row.bounds), \(Text.count(row.covered, "schedule", "schedules")) of"
                    + " \(Text.count(row.recordings, "recording", "recordings"))."
            }
    }

    private static func reasons(_ run: RunFigures?, _ comparison: ComparisonSummary?) -> [String] {
        guard let comparison, comparison.compared > 0 else { return ["the two paths have not been compared"] }
        var reasons: [String] = []
        if comparison.mismatched > 0 {
            let mismatched = Text.number(comparison.mismatched)
            let compared = Text.count(comparison.compared, "compared entity", "compared entities")
            let differ = comparison.mismatched == 1 ? "differs" : "differ"
            reasons.append("\(mismatched) of \(compared) \(differ) in a way that nothing explains")
        }
        if let run, run.entities > comparison.compared {
            let all = Text.count(run.entities, "entity", "entities")
            reasons.append("only \(Text.number(comparison.compared)) of \(all) \(comparison.compared == 1 ? "was" : "were") compared")
        }
        reasons += comparison.rules.filter { $0.explains != .announced }.flatMap { rule in
            rule.findings.map { "rule '\(rule.rule)': \($0)" }
        }
        return reasons
    }

    private static func notes(_ run: RunFigures?, _ comparison: ComparisonSummary?, _ matrix: MatrixView?) -> [String] {
        var notes: [String] = []
        if let run { notes += notesOfRun(run) }
        if let undefined = matrix?.count(of: .undefined, taken: true), undefined > 0 {
            notes.append(
                "In \(Text.count(undefined, "cell", "cells")) of the legacy table an event arrived for which the table says nothing.")
        }
        for rule in comparison?.rules ?? [] where [.announced, .intended].contains(rule.explains) && rule.masked == 0 {
            notes.append("The \(rule.explains.rawValue) difference '\(rule.rule)' never occurred.")
        }
        return notes
    }

    private static func notesOfRun(_ run: RunFigures) -> [String] {
        var notes: [String] = []
        let open = run.handOffs - run.handBacks
        if open > 0 { notes.append("\(Text.count(open, "entity is", "entities are")) with durable and not handed back yet.") }
        if let failed = run.deadLetters["failed"], failed > 0 {
            notes.append("\(Text.count(failed, "message", "messages")) failed for good; see the dead letters.")
        }
        if run.late > 0 { notes.append("\(Text.count(run.late, "event", "events")) came after their step was finished.") }
        if let unread = UnreadEvents(run.unread).sentence { notes.append(unread + ".") }
        return notes
    }
}

/// Numbers as people read them.
enum Text {
    /// `1,204`
    static func number(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return value < 0 ? "-\(text)" : text
    }

    /// `1 entity`, `1,204 entities`
    static func count(_ value: Int, _ one: String, _ many: String) -> String { "\(number(value)) \(value == 1 ? one : many)" }

    /// Two digits that count, for example `12`, `1.2`, `0.12`, `0.012`; never rounded down.
    static func decimal(_ value: Double) -> String {
        if value >= 10 { return number(Int(value.rounded(.up))) }
        if value <= 0.0001 { return "0.0001" }
        var scale = 10
        while value * Double(scale) < 10 { scale *= 10 }
        let scaled = Int((value * Double(scale)).rounded(.up))
        let fraction = String(scale + scaled % scale).dropFirst()
        return "\(scaled / scale).\(fraction)"
    }

    /// `12 min`, `5.2 h`, `3.1 d`; a dash for nil.
    static func hours(_ hours: Double?) -> String {
        guard let hours else { return "–" }
        if hours < 1 / 60.0 { return "< 1 min" }
        if hours < 1 { return "\(Int((hours * 60).rounded())) min" }
        return hours < 48 ? "\(tenths(hours)) h" : "\(tenths(hours / 24)) d"
    }

    private static func tenths(_ value: Double) -> String {
        let scaled = Int((value * 10).rounded())
        return "\(number(scaled / 10)).\(scaled % 10)"
    }

    /// `2026-03-02 09:00:46`
    static func moment(_ text: String) -> String {
        String(text.prefix(19)).split(separator: "T").joined(separator: " ")
    }
}
