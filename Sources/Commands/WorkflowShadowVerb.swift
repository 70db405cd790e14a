import ArgumentParser
import DurableWorkflow
import Events
import FoundationEssentials

extension WorkflowCommand {
    /// `lockstep workflow shadow`
    struct Shadow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replays the open runs of a database against the code of this binary: run the one that is about to be deployed.",
            discussion: """
                \(Program.name) workflow shadow --database work.sqlite
                \(Program.name) workflow shadow --database work.sqlite --query "WorkflowType = 'segment'" --sample 0.1 --seed 7 --concurrency 4
                \(Program.name) workflow shadow --database work.sqlite --include-closed --format json

                Reads beside a running process, and changes nothing. The queries are those of '\(Program.name) workflow list'. In JSON every run \
                that does not fit is an object with workflow, run, type, event, expected, found, cause and reason.

                Exit codes: 1 when any run does not fit, 2 for a bad query, 3 when the database cannot be read.
                """)

        @OptionGroup var which: WorkflowFilterOptions
        @Flag(help: "Closed runs too: they are queried and reset with this code.") var includeClosed = false
        @Option(help: "The share of the runs to replay, from 0 to 1.") var sample = 1.0
        @Option(help: "Another seed is another sample.") var seed: UInt64 = 1
        @Option(help: "How many are replayed at once; default: one for each core.") var concurrency: Int?
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func validate() throws {
            guard sample >= 0, sample <= 1 else { throw ValidationError("--sample: expected 0 to 1, found \(sample)") }
            guard (concurrency ?? 1) >= 1 else { throw ValidationError("--concurrency: expected at least 1, found \(concurrency ?? 0)") }
        }

        func run() async throws {
            let shadow = WorkflowShadow(
                filter: try which.filter(), includesClosed: includeClosed, sample: sample, seed: seed,
                concurrency: concurrency ?? ProcessInfo.processInfo.activeProcessorCount)
            let replayer = WorkflowReplayer(workflows: try Program.app.workflowTypes())
            let meter = Progress()
            let report = try await shadow.run(replayer, on: try which.store()) { report in
                meter.show("\(report.replayed.counted("run")) replayed of \(report.matching) found", report.replayed, of: report.matching)
            }
            Console.endProgress()
            Console.print(format == .json ? try JSONValue(encoding: report).canonicalText : Self.text(report))
            guard report.problems.isEmpty else {
                throw CommandFailure(
                    .differences,
                    "\(report.problems.count) of \(report.replayed.counted("run")) \(report.problems.count == 1 ? "does" : "do") not fit the code"
                )
            }
            if report.replayed == 0 { Console.error("\(Program.name): no run was replayed; check --query and --sample") }
        }

        private static func text(_ report: WorkflowShadow.Report) -> String {
            let rows = report.problems.map { [$0.workflow, $0.run, $0.cause.rawValue, $0.reason] }
            let count =
                "\(report.replayed) of \(report.matching.counted("run")) replayed, \(report.problems.count.counted("does", "do")) not fit"
            return rows.isEmpty ? count : Console.table([["workflow", "run", "cause", "reason"]] + rows) + "\n\n" + count
        }
    }
}
