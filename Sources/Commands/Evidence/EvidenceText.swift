import Cutover
import Events
import Outcomes

/// Evidence as people read it.
enum EvidenceText {
    static func text(_ summary: EvidenceSummary) -> String {
        var lines = summary.isOpen ? ["All gates are open."] : ["Gates are closed:"] + summary.reasons.map { Console.visible("  \($0)") }
        lines.append(
            "Limit \(percent(summary.limit)), level \(percent(summary.alpha)) over all builds of a step, cases taken as exchangeable.")
        for step in summary.steps { lines += [""] + text(step) }
        if !summary.needless.isEmpty { lines.append("") }
        lines += summary.needless.map { Console.visible("signed for, and no survivor: \($0); remove it from the plan") }
        let version = summary.version
        lines += ["", "build \(version.build), table \(version.machine), plan \(version.plan), compared last \(last(summary))"]
        return lines.joined(separator: "\n")
    }

    private static func last(_ summary: EvidenceSummary) -> String { summary.comparedLast?.description ?? "never" }

    private static func text(_ step: EvidenceSummary.Step) -> [String] { cases(step) + mutants(step.mutants) + explored(step.exploration) }

    private static func mutants(_ score: MutationScore) -> [String] {
        guard let last = score.triedLast else { return ["  bugs put in on purpose: \(tried(score.isStale))"] }
        let shown = score.shownBy.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }
        let handOff = score.triesHandOff ? "" : "; none of the hand-off, since this program has no simulation"
        let unreached = score.unreached > 0 ? "; \(score.unreached) more in cells that no recording comes to" : ""
        return [
            "  bugs put in on purpose: \(score.caught) of \(score.expressible) found (\(shown.joined(separator: ", ")))\(unreached)\(handOff); last \(last)"
        ] + score.survivors.map { Console.visible("    survives: \($0.bug); \(answer($0))") }
    }

    private static func answer(_ survivor: MutationScore.Survivor) -> String {
        let expires = survivor.expires.map { $0.description } ?? ""
        return switch survivor.answer {
        case .none: "nobody has signed for it"
        case .signed: "signed for by \(survivor.owner) until \(expires): \(survivor.reason)"
        case .expired: "the signature of \(survivor.owner), until \(expires), does not count now"
        }
    }

    private static func explored(_ score: ExplorationScore) -> [String] {
        guard !score.rows.isEmpty else { return ["  explored: \(score.isNeeded ? tried(score.isStale) : "this program cannot be")"] }
        return score.rows.map { row in
            let end = row.isComplete ? "complete" : "complete but for \(row.unanswerable.counted("joint state"))"
            return
                "  explored: \(row.bounds); \(row.recordings.counted("recording")), \(row.covered.counted("schedule")), \(end); \(row.unexplained) unexplained"
        } + score.findings.map { Console.visible("    found: \($0)") }
    }

    private static func tried(_ isStale: Bool) -> String { isStale ? "with other builds, tables, plans or rules alone" : "never" }

    private static func cases(_ step: EvidenceSummary.Step) -> [String] {
        var lines = ["step \(step.step): gate \(step.isOpen ? "open" : "closed"), build \(step.build) of the step"]
        if step.isStale { lines.append("  stale: every case is of another build, table, plan or rule (\(step.voided.counted("case")))") }
        if step.voided > 0, !step.isStale {
            lines.append("  \(step.voided.counted("case")) of other builds, tables, plans or rules: not counted")
        }
        if step.comparedAgain > 0 {
            lines.append("  \(step.comparedAgain.counted("case was", "cases were")) compared with an earlier build: not counted again")
        }
        guard !step.rows.isEmpty else { return lines + ["  no case"] }
        lines.append(
            Console.table(
                [["  ends with", "cases", "mismatches", "log10 E", "gate", "proved", "still needed"]]
                    + step.rows.map { row in
                        [
                            "  " + row.path, String(row.cases), String(row.mismatches), decimal(row.log10E), row.isOpen ? "open" : "closed",
                            "below \(percent(row.bound))", needed(row),
                        ]
                    }))
        lines.append(
            "  \(step.paths.counted("different path")) in \(step.cases.counted("case")); a new case takes another one in about \(percent(step.unseenEstimate))"
                + " of cases, in at most \(percent(step.unseenBound))")
        return lines
    }

    private static func needed(_ row: EvidenceSummary.Row) -> String {
        guard let more = row.moreCleanCases else { return "no number of clean cases opens it" }
        return more == 0 ? "" : more.counted("more clean case")
    }

    /// `0.081 %`, with two digits that count, rounded up: a bound is never shown better than it is.
    static func percent(_ value: Double) -> String {
        let percent = value * 100
        guard percent > 1e-9 else { return "0 %" }
        var scale = 1.0
        while percent * scale < 10, scale < 1e9 { scale *= 10 }
        let scaled = (percent * scale - 1e-9).rounded(.up) / scale
        return scaled == scaled.rounded() ? "\(Int(scaled)) %" : "\(scaled) %"
    }

    private static func decimal(_ value: Double) -> String { String((value * 100).rounded(.down) / 100) }

    /// The members of the summary, with what follows from them: whether gates are open, and why not.
    static func json(_ summary: EvidenceSummary) throws -> JSONValue {
        var json = try JSONValue(encoding: summary)
        json["isOpen"] = .bool(summary.isOpen)
        json["reasons"] = .array(summary.reasons.map { .string($0) })
        json["steps"] = .array(
            try summary.steps.map { step in
                var json = try JSONValue(encoding: step)
                json["isOpen"] = .bool(step.isOpen)
                json["reasons"] = .array(step.reasons.map { .string($0) })
                json["cases"] = .integer(step.cases)
                json["mismatches"] = .integer(step.mismatches)
                return json
            })
        return json
    }
}
