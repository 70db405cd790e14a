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
        abstract: "Shows what the durable code of steps on stage 'shadow' made of what legacy was told.",
        discussion: """
            \(Program.name) run trace.jsonl --plan my-shadow-plan.yaml --database shadowed.sqlite
            \(Program.name) shadow --database shadowed.sqlite
            \(Program.name) shadow --database shadowed.sqlite --limit 100 --format json

            While legacy runs such a step, a run notes what it is told, what it does outside and where it then stands. When a \(Program.noun) \
            has left the step, its durable code is run on the same events, with legacy's answers: it reaches nobody. Compared are what it \
            does outside, where it stands at each wait, and how it ends.

            'open' are visits of the step that are under way or wait for their turn, 'explained' those that differ only as the plan says. \
            'incomparable': the durable code asks what legacy never asked. 'dropped': something was not seen, because the run was ended or had \
            no time; none of these says anything about the code. 'answered' are calls and reads that were answered from what legacy had \
            done; 'unanswered' those that nobody could answer. None was made.

            It reads FILE\(SQLiteShadowBook.suffix) beside the database, also while a run goes on.

            Exit codes: 1 when a visit differs in a way that nothing explains, 3 when there is no such file.
            """)

    @Option(help: "The database file of the run.") var database: String
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
                "\(path): expected what a shadow has found, found no such file; run \(database) with a plan that has a step on stage shadow"
            )
        }
        let book = SQLiteShadowBook(try LockstepDatabase(path: path, access: .reader))
        let found = ShadowFindings(counts: try await book.counts(), results: try await book.results(limit: limit))
        Console.print(format == .json ? found.json.inTheWordsOfTheApp.canonicalText : found.text)
        let mismatched = found.count(.mismatched)
        guard mismatched == 0 else {
            throw CommandFailure(.differences, "\(mismatched.counted("visit differs", "visits differ")) in a way that nothing explains")
        }
    }
}

/// What `shadow` prints.
private struct ShadowFindings {
    let counts: [StepNumber: ShadowCounts]
    let results: [ShadowResult]

    func count(_ verdict: ShadowResult.Verdict) -> Int { counts.values.reduce(0) { $0 + $1.count(verdict) } }

    private static let columns: [(String, @Sendable (ShadowCounts) -> Int)] = [
        ("open", \.open), ("matched", { $0.count(.matched) }), ("explained", { $0.count(.expected) }),
        ("mismatched", { $0.count(.mismatched) }), ("incomparable", { $0.count(.incomparable) }), ("dropped", { $0.count(.dropped) }),
        ("answered", \.answered), ("unanswered", \.unanswered),
    ]

    private var rows: [(step: StepNumber, counts: ShadowCounts)] { counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }

    var json: JSONValue {
        let steps = rows.map { row -> JSONValue in
            .object(
                Dictionary(Self.columns.map { ($0.0, .integer($0.1(row.counts))) }, uniquingKeysWith: { $1 })
                    .merging(["step": .string(row.step.description)]) { $1 })
        }
        return ["steps": .array(steps), "results": .array(results.map(Self.json))]
    }

    private static func json(_ result: ShadowResult) -> JSONValue {
        var json: JSONValue = [
            "registration": .string(result.visit.entity.rawValue), "step": .string(result.visit.step.description),
            "visit": .integer(result.visit.number), "at": .string(result.at.description), "path": .string(result.path),
            "verdict": .string(result.verdict.rawValue),
            "differences": .array(result.differences.map { (try? JSONValue(encoding: $0)) ?? .null }),
        ]
        if let reason = result.reason { json["reason"] = .string(reason) }
        return json
    }

    var text: String {
        guard !counts.isEmpty else { return "nothing was followed yet" }
        let table = rows.map { row in [row.step.description] + Self.columns.map { String($0.1(row.counts)) } }
        var lines = [Console.table([["step"] + Self.columns.map(\.0)] + table)]
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
