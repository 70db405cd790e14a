import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage

/// `lockstep workflow list`
struct WorkflowList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists runs, newest first.",
        discussion: """
            \(Program.name) workflow list --database work.sqlite --status blocked
            \(Program.name) workflow list --database work.sqlite --prefix R-9 --count
            \(Program.name) workflow list --database work.sqlite --query "ExecutionStatus IN ('Running', 'Blocked') AND HistoryLength > 1000"

            A query compares WorkflowId, RunId, WorkflowType, TaskQueue, ExecutionStatus, StartTime, CloseTime, HistoryLength, \
            HistorySizeBytes and search attributes by =, !=, <, <=, >, >=, IN, BETWEEN, STARTS_WITH, IS NULL and IS NOT NULL, joined by \
            AND, OR and parentheses.
            """)

    @OptionGroup var which: WorkflowFilterOptions
    @Option(help: "Only runs that stand so, for example running or blocked; may be given several times.") var status: [String] = []
    @Option(help: "Only runs of this type.") var type: String?
    @Option(help: "Only workflows whose id begins so.") var prefix: String?
    @Option(help: "At most so many.") var limit = 100
    @Flag(help: "Only how many there are.") var count = false
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let store = try which.store()
        let statuses = try status.map { text in
            guard let status = WorkflowStatus(rawValue: text) else {
                let known = WorkflowStatus.allCases.map(\.rawValue).joined(separator: ", ")
                throw CommandFailure(.usage, "--status: expected one of \(known), found \(text)")
            }
            return status
        }
        var filter = try which.filter()
        (filter.statuses, filter.type, filter.idPrefix) = (Set(statuses), type, prefix)
        guard !count else { return Console.print(String(try await store.count(matching: filter))) }
        let runs = try await store.runs(matching: filter, before: nil, limit: limit)
        guard format == .text else { return Console.print(JSONValue.array(runs.map(\.json)).canonicalText) }
        let head = ["workflow", "run", "type", "status", "events", "started", "problem"]
        Console.print(
            Console.table(
                [head]
                    + runs.map {
                        [
                            $0.workflowID, $0.runID, $0.type, $0.status.rawValue, String($0.length), $0.startedAt.description,
                            $0.problem ?? "",
                        ]
                    }))
    }
}
