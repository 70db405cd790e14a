import ArgumentParser
import DurableWorkflow
import Events

/// `lockstep patch`
struct PatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "patch", abstract: "Says which changes in flight are over.", subcommands: [PatchReportVerb.self])
}

/// `lockstep patch report`
struct PatchReportVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Says of every patch how many open runs are before and after its marker, and what may be removed.",
        discussion: """
            \(Program.name) patch report --database work.sqlite
            \(Program.name) patch report --database work.sqlite --removing vetting-2 --format json

            Every open run is replayed against the code of this binary, beside a running process; nothing changes. before: the run went \
            past the point before the patch existed and keeps the old branch. marked, deprecated: its history has the marker of 'patched' or \
            'deprecatePatch'. not reached: it will take the new branch. unknown: it does not fit this code. closed: runs with the marker \
            that retention has not deleted; without the call they can not be replayed, queried or reset any more.

            A patch goes in two steps: its old branch, when no run is before or unknown; then the call 'deprecatePatch', when no run is \
            marked either. --removing checks the step that is next for the code of this binary, or the one that --step names.

            Exit codes: 1 when a run forbids the removal; 3 when open runs are of types that this binary has no code for, so that nobody \
            knows.
            """)

    /// What is to go.
    enum Step: String, ExpressibleByArgument, CaseIterable { case branch, call }

    @Option(help: "The database file.") var database: String
    @Option(help: "A patch that is to be removed.") var removing: String?
    @Option(help: "What of it: branch or call.") var step: Step?
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let store = try WorkflowFilterOptions.store(database)
        let report = try await PatchReport(of: store, WorkflowReplayer(workflows: try Program.app.workflowTypes()))
        guard let removing else { return Console.print(try Self.show(report, format)) }
        let patch = report.patch(removing)
        let step = step ?? (patch.calls == ["deprecatePatch"] ? .call : .branch)
        let forbidding = step == .branch ? patch.forbidsBranchRemoval : patch.forbidsCallRemoval
        let isUnknown = forbidding.isEmpty && !report.unknownTypes.isEmpty
        if format == .json {
            let json: JSONValue = [
                "patch": try JSONValue(encoding: patch), "step": .string(step.rawValue),
                "mayBeRemoved": isUnknown ? "unknown" : .bool(forbidding.isEmpty), "forbiddenBy": try JSONValue(encoding: forbidding),
                "unknownTypes": try JSONValue(encoding: report.unknownTypes),
            ]
            Console.print(json.canonicalText)
        } else if isUnknown {
            Console.print("whether the \(step.rawValue) of \(removing) may be removed is unknown")
        } else if forbidding.isEmpty {
            Console.print("the \(step.rawValue) of \(removing) may be removed: no open run of \(report.open) needs it")
        } else {
            Console.print(Console.table([["workflow", "run"]] + forbidding.map { [$0.workflow, $0.run] }))
        }
        guard forbidding.isEmpty else {
            throw CommandFailure(
                .differences, "patch \(removing): expected no open run that needs its \(step.rawValue), found \(forbidding.count); keep it")
        }
        guard !isUnknown else {
            throw CommandFailure(
                .environment,
                "patch \(removing): expected code for the type of every open run, found none for \(report.unknownTypes.count), the first of"
                    + " them workflow \(report.unknownTypes[0].workflow); ask the binary that has their code")
        }
    }

    private static func show(_ report: PatchReport, _ format: OutputFormat) throws -> String {
        guard format == .text else { return try JSONValue(encoding: report).canonicalText }
        guard !report.patches.isEmpty else { return "no patch in \(report.open.counted("open run"))" }
        let head = ["patch", "code", "before", "marked", "deprecated", "not reached", "unknown", "closed"]
        let rows = report.patches.map { patch in
            [
                patch.id, patch.calls.joined(separator: "+"), String(patch.before.count), String(patch.marked.count),
                String(patch.deprecated.count), String(patch.notReached.count), String(patch.unknown.count), String(patch.closed),
            ]
        }
        return Console.table([head] + rows)
    }
}
