import ArgumentParser
import Events
import FoundationEssentials
import HybridRouter
import Outcomes
import SQLiteStorage
import ShadowComparator

/// `lockstep shadow`
struct ShadowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shadow",
        abstract: "Shows what the side that does not own a step made of what the owner was told.",
        discussion: """
            \(Program.name) run trace.jsonl --plan my-shadow-plan.yaml --database shadowed.sqlite
            \(Program.name) shadow --database shadowed.sqlite
            \(Program.name) shadow --database shadowed.sqlite --limit 100 --format json
            \(Program.name) run trace.jsonl --plan my-followed-plan.yaml --database followed.sqlite
            \(Program.name) shadow --database followed.sqlite --evidence evidence.jsonl
            \(Program.name) evidence evidence.jsonl --plan my-retired-plan.yaml

            While legacy runs such a step, a run notes what it is told, what it does outside and where it then stands. When a \(Program.noun) \
            has left the step, its durable code is run on the same events, with legacy's answers: it reaches nobody. Compared are what it \
            does outside, where it stands at each wait, and how it ends.

            After the cut-over the direction turns: with 'shadow: legacy' at a step on stage durable or canary, legacy's table is played on what \
            the durable code was told, with its answers. In the table, 'follows' says who. A step that legacy does not have is counted under \
            'added' and compared with nothing.

            'open' are visits of the step that are under way or wait for their turn, 'explained' those that differ only as the plan says. \
            'incomparable': who follows asks what the owner never asked, or an operator has ended the visit. 'dropped': something was not seen, because the run was ended or had \
            no time; none of these says anything about the code. 'answered' are calls and reads that were answered from what the owner had \
            done; 'unanswered' those that nobody could answer. None was made.

            --evidence adds each visit that legacy has followed, and that was compared, to an evidence file; one that is there already is not \
            added again. They count for the gate of a step on stage retired, and for nothing else. A visit counts when one build, table and \
            plan has run it from its beginning to its end, and followed it.

            It reads FILE\(SQLiteShadowBook.suffix) beside the database, also while a run goes on.

            Exit codes: 1 when a visit differs in a way that nothing explains, 3 when there is no such file.
            """)

    @Option(help: "The database file of the run.") var database: String
    @Option(help: ArgumentHelp("Add what legacy has followed to this evidence file, see '\(Program.name) evidence'.", valueName: "file"))
    var evidence: String?
    @Option(help: "The most results to show in full, newest first.") var limit = 20
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit: expected 0 or more, found \(limit)") }
    }

    func run() async throws {
        let path = database + SQLiteShadowBook.suffix
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(
                .environment,
                "\(path): expected what a shadow has found, found no such file; run \(database) with a plan that has a step on stage shadow, or one with 'shadow: legacy'"
            )
        }
        let book = SQLiteShadowBook(try LockstepDatabase(path: path, access: .reader))
        var found = ShadowFindings(
            counts: [.durable: try await book.counts(of: .durable), .legacy: try await book.counts(of: .legacy)],
            results: try await book.results(limit: limit))
        if let evidence { found.kept = try KeptVisits(await book.judged(), of: found.compared(.legacy), in: EvidenceFile(path: evidence)) }
        Console.print(format == .json ? found.json.inTheWordsOfTheApp.canonicalText : found.text)
        let mismatched = found.count(.mismatched)
        guard mismatched == 0 else {
            throw CommandFailure(.differences, "\(mismatched.counted("visit differs", "visits differ")) in a way that nothing explains")
        }
    }
}

/// What `shadow` prints.
private struct ShadowFindings {
    /// By who follows.
    let counts: [Owner: [StepNumber: ShadowCounts]]
    let results: [ShadowResult]
    /// What has become evidence; nil when nobody has asked for that.
    var kept: KeptVisits?

    /// Visits that were compared.
    func compared(_ follower: Owner) -> Int {
        (counts[follower] ?? [:]).values.reduce(0) { $0 + $1.count(.matched) + $1.count(.expected) + $1.count(.mismatched) }
    }

    func count(_ verdict: ShadowResult.Verdict) -> Int { rows.reduce(0) { $0 + $1.counts.count(verdict) } }

    private static let columns: [(String, @Sendable (ShadowCounts) -> Int)] = [
        ("open", \.open), ("matched", { $0.count(.matched) }), ("explained", { $0.count(.expected) }),
        ("mismatched", { $0.count(.mismatched) }), ("incomparable", { $0.count(.incomparable) }), ("dropped", { $0.count(.dropped) }),
        ("added", { $0.count(.added) }),
        ("answered", \.answered), ("unanswered", \.unanswered),
    ]

    private var rows: [(step: StepNumber, follower: Owner, counts: ShadowCounts)] {
        counts.flatMap { follower, steps in steps.map { ($0.key, follower, $0.value) } }
            .sorted { ($0.0, $0.1.rawValue) < ($1.0, $1.1.rawValue) }
    }

    var json: JSONValue {
        let steps = rows.map { row -> JSONValue in
            .object(
                Dictionary(Self.columns.map { ($0.0, .integer($0.1(row.counts))) }, uniquingKeysWith: { $1 })
                    .merging(["step": .string(row.step.description), "follows": .string(row.follower.rawValue)]) { $1 })
        }
        let json: JSONValue = ["steps": .array(steps), "results": .array(results.map(Self.json))]
        return kept.map { json.merging(["evidence": $0.json]) } ?? json
    }

    private static func json(_ result: ShadowResult) -> JSONValue {
        var json: JSONValue = [
            "registration": .string(result.visit.entity.rawValue), "step": .string(result.visit.step.description),
            "visit": .integer(result.visit.number), "follows": .string(result.visit.follower.rawValue),
            "at": .string(result.at.description), "path": .string(result.path),
            "verdict": .string(result.verdict.rawValue),
            "differences": .array(result.differences.map { (try? JSONValue(encoding: $0)) ?? .null }),
        ]
        if let reason = result.reason { json["reason"] = .string(reason) }
        return json
    }

    var text: String {
        guard !rows.isEmpty else { return (["nothing was followed yet"] + (kept.map { [$0.text] } ?? [])).joined(separator: "\n") }
        let table = rows.map { row in [row.step.description, row.follower.rawValue] + Self.columns.map { String($0.1(row.counts)) } }
        var lines = [Console.table([["step", "follows"] + Self.columns.map(\.0)] + table)]
        for row in rows where row.counts.count(.added) > 0 {
            lines.append("legacy has no step \(row.step); nothing to compare with")
        }
        if let kept { lines += ["", kept.text] }
        for result in results where result.verdict != .expected { lines += ["", Console.visible(head(result))] + body(result) }
        return lines.joined(separator: "\n")
    }

    private func head(_ result: ShadowResult) -> String {
        "\(result.visit), \(result.at): \(result.verdict.rawValue) (\(result.path))\(result.reason.map { ": \($0)" } ?? "")"
    }

    private func body(_ result: ShadowResult) -> [String] {
        result.differences.filter { !$0.expected }.map { Console.visible($0.line(candidate: "durable")) }
    }
}
