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

    private static func text(_ step: EvidenceSummary.Step) -> [String] {
        let head = "step \(step.step): gate \(step.isOpen ? "open" : "closed"), build \(step.compared.build) of the step"
        return [head] + cases(step.compared, .compared) + mutants(step.mutants) + explored(step.exploration) + followed(step.following)
    }

    /// What is shown for a step that keeps its legacy code, too, once there is something.
    private static func followed(_ score: FollowingScore) -> [String] {
        let visits = score.visits
        if score.isImpossible { return ["  legacy in the shadow of durable: this program's legacy cannot follow"] }
        guard score.isNeeded || !visits.rows.isEmpty || visits.voided > 0 else { return [] }
        let gate = visits.suffice ? "open" : "closed"
        return ["  legacy in the shadow of durable: gate of stage retired \(gate), build \(visits.build) that was followed"]
            + cases(visits, .followed)
    }

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

    /// What the cases of a table are called.
    private struct Words {
        let one: String
        let many: String
        let compared: String

        static let compared = Words(one: "case", many: "cases", compared: "compared")
        static let followed = Words(one: "visit", many: "visits", compared: "followed")
    }

    private static func cases(_ found: EvidenceSummary.Cases, _ words: Words) -> [String] {
        var lines: [String] = []
        let voided = found.voided.counted(words.one, words.many)
        if found.isStale { lines.append("  stale: every \(words.one) is of another build, table, plan or rule (\(voided))") }
        if found.voided > 0, !found.isStale { lines.append("  \(voided) of other builds, tables, plans or rules: not counted") }
        if found.comparedAgain > 0 {
            let again = found.comparedAgain.counted("\(words.one) was", "\(words.many) were")
            lines.append("  \(again) \(words.compared) with an earlier build: not counted again")
        }
        guard !found.rows.isEmpty else { return lines + ["  no \(words.one)"] }
        lines.append(
            Console.table(
                [["  ends with", words.many, "mismatches", "log10 E", "gate", "proved", "still needed"]]
                    + found.rows.map { row in
                        [
                            "  " + row.path, String(row.cases), String(row.mismatches), decimal(row.log10E), row.isOpen ? "open" : "closed",
                            "below \(percent(row.bound))", needed(row, words),
                        ]
                    }))
        lines.append(
            "  \(found.paths.counted("different path")) in \(found.cases.counted(words.one, words.many)); a new \(words.one) takes another one in about"
                + " \(percent(found.unseenEstimate)) of \(words.many), in at most \(percent(found.unseenBound))")
        return lines
    }

    private static func needed(_ row: EvidenceSummary.Row, _ words: Words) -> String {
        guard let more = row.moreCleanCases else { return "no number of clean \(words.many) opens it" }
        return more == 0 ? "" : more.counted("more clean \(words.one)", "more clean \(words.many)")
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
                json["cases"] = .integer(step.compared.cases)
                json["mismatches"] = .integer(step.compared.mismatches)
                json["following"]?["isOpen"] = .bool(step.following.visits.suffice)
                return json
            })
        return json
    }
}
