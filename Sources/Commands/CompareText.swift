import Cutover
import Events
import Outcomes
import ShadowComparator

/// What `compare` prints.
struct CompareText {
    var summary: ComparisonSummary
    /// Of a database as it stands.
    var stored: StoredSummary?
    /// Of two recordings.
    var recorded: RecordedSummary?
    /// Legacy alone against itself; nil when it was not measured.
    var noise: ComparisonSummary?
    /// The evidence file as it is now; nil when nothing was added to one.
    var evidence: EvidenceSummary?
    /// What was written about the causes of mismatches.
    var scenarios: [String] = []
    /// The inputs that are not the same, when each was compared by itself.
    var failing: [String] = []

    func text(databases: String?) -> String {
        var lines = head + layers + times + intended + rules + causes + places
        for mismatch in summary.mismatches.prefix(20) { lines += self.mismatch(mismatch) }
        if let stored {
            lines += ["", "\(stored.underWay) under way, \(stored.incomparable.count) that cannot be compared"]
            lines += stored.incomparable.prefix(20).map { "  " + Console.visible($0) }
        }
        if let recorded { lines += recordings(recorded) }
        if !scenarios.isEmpty { lines += [""] + scenarios.map { Console.visible($0) } }
        if !failing.isEmpty { lines += ["", "Not the same:"] + failing.map { "  " + Console.visible($0) } }
        lines += ["", noiseText]
        if let evidence { lines += ["", EvidenceText.text(evidence)] }
        if let databases { lines += ["", "databases \(databases).legacy and .hybrid; see '\(Program.name) history show'"] }
        return lines.joined(separator: "\n")
    }

    private var head: [String] {
        [
            "\(summary.compared) compared: \(summary.matched) matched, \(summary.expectedDifferences) with explained differences,"
                + " \(summary.mismatched) mismatched", "",
        ]
    }

    private var layers: [String] {
        let classes = Difference.Class.allCases.map(\.rawValue)
        let rows = summary.layers.map { layer in
            [layer.layer.rawValue, layer.verdict.rawValue] + classes.map { String(layer.differences[$0] ?? 0) }
        }
        return [Console.table([["layer", "verdict"] + classes] + rows)]
    }

    /// What is in one recording alone, and what cannot be read.
    private func recordings(_ recorded: RecordedSummary) -> [String] {
        let (unpaired, unreadable) = (recorded.unpaired, recorded.unreadable)
        let counts =
            "\(unpaired.control) in the first recording alone, \(unpaired.candidate) in the second alone,"
            + " \(unreadable.all.counted("line")) that cannot be read"
        return ["", counts] + unreadable.examples.map { "  " + Console.visible($0) }
    }

    /// A step is shown when somebody waits longer in it, or less.
    private var times: [String] {
        let shown = summary.times.filter { $0.longer + $0.shorter > 0 }
        guard !shown.isEmpty else { return [] }
        let head = ["time in step", "compared", "legacy, mean", "hybrid, mean", "over 2 h longer", "over 2 h less", ""]
        let slower = Set(summary.slower.map(\.step))
        let rows = shown.map { times in
            [
                "\(times.step)", String(times.compared), Self.mean(times.controlHours, times), Self.mean(times.candidateHours, times),
                String(times.longer), String(times.shorter), slower.contains(times.step) ? "takes longer" : "",
            ]
        }
        return ["", Console.table([head] + rows)]
    }

    private static func mean(_ hours: Double, _ times: StepTimes) -> String {
        "\((hours / Double(times.compared) * 10).rounded() / 10) h"
    }

    /// Where legacy is wrong, and somebody has signed for it.
    private var intended: [String] {
        let found = summary.rules.filter { $0.explains == .intended && $0.masked > 0 }
        return found.flatMap { rule -> [String] in
            guard let signature = rule.signature else { return [] }
            return [
                "", Console.visible("\(rule.rule): \(rule.masked.counted("difference"))"),
                Console.visible("  \(signature.what); \(signature.why)"),
                Console.visible("  owner \(signature.owner), until \(signature.expires), shown by \(signature.fixture)"),
            ]
        }
    }

    /// Rules with a finding; an announcement that was not needed by these cases is no finding here, but a note of the report.
    private var rules: [String] {
        let found = summary.rules.filter { $0.explains != .announced && !$0.findings.isEmpty }
        return found.isEmpty ? [] : [""] + found.map { Console.visible("\($0.rule): \($0.findings.joined(separator: "; "))") }
    }

    private var causes: [String] {
        guard !summary.causes.isEmpty else { return [] }
        let rows = summary.causes.map { cause in
            [
                cause.step?.description ?? "", cause.state ?? "", "\(cause.first) \(cause.kind.rawValue)", String(cause.entities),
                cause.example,
            ]
        }
        return ["", Console.table([["step", "state", "first that differs", Program.nouns, "example"]] + rows)]
    }

    private var places: [String] {
        guard !summary.clusters.isEmpty else { return [] }
        let rows = summary.clusters.map {
            [$0.layer.rawValue, $0.path, String($0.entities), String($0.unexpected), $0.example]
        }
        return ["", Console.table([["layer", "path", Program.nouns, "unexplained", "example"]] + rows)]
    }

    private func mismatch(_ mismatch: Comparison) -> [String] {
        ["", Console.visible("\(mismatch.entity)")]
            + mismatch.differences.filter { !$0.expected }.map { $0.line(candidate: "hybrid") }
    }

    private var noiseText: String {
        guard let noise else { return "noise: not measured" }
        guard noise.mismatched > 0 else { return "noise: none; legacy alone, played twice, is the same for all \(noise.compared)" }
        let places = noise.clusters.prefix(10).map { "\($0.layer.rawValue) \($0.path) (\($0.entities))" }.joined(separator: ", ")
        return
            "noise: legacy alone, played twice, differs for \(noise.mismatched) of \(noise.compared): \(places); find the cause, or rule it"
    }

    /// The members of a comparison; beside them `noise`, `evidence`, for a database `underWay` and `incomparable`, and
    /// for recordings `unpaired` and `unreadable`.
    var json: JSONValue {
        get throws {
            var json = try JSONValue(encoding: summary)
            json["verdicts"] = .object(
                Dictionary(uniqueKeysWithValues: summary.layers.map { ($0.layer.rawValue, .string($0.verdict.rawValue)) }))
            if let stored {
                json["underWay"] = .integer(stored.underWay)
                json["incomparable"] = .array(stored.incomparable.map { .string($0) })
            }
            if let recorded {
                json["unpaired"] = recorded.unpaired.json("examples")
                json["unreadable"] = recorded.unreadable.json("lines")
            }
            if !failing.isEmpty { json["failing"] = .array(failing.map { .string($0) }) }
            json["slower"] = .array(summary.slower.map { .string($0.step.description) })
            if let noise { json["noise"] = ["compared": .integer(noise.compared), "differing": .integer(noise.mismatched)] }
            if let evidence { json["evidence"] = try EvidenceText.json(evidence) }
            return json
        }
    }
}

extension Difference {
    /// `effects 5.2/vetting.order/1 missing`
    var place: String { "\(layer.rawValue) \(path) \(kind.rawValue)" }

    /// One line of a result in full; `candidate` is what the path is called that legacy was compared with.
    func line(candidate path: String) -> String {
        let (before, after) = (control?.canonicalText ?? "nothing", candidate?.canonicalText ?? "nothing")
        let owed = rule.map { ", promised: \($0)" } ?? ""
        return "  \(place): legacy \(before), \(path) \(after)\(owed)"
    }
}
