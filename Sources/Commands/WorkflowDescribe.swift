import ArgumentParser
import DurableWorkflow
import Events

/// `lockstep workflow describe`
struct WorkflowDescribe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Says where a workflow stands: its open activities with attempts and failures, timers, children.",
        discussion: "lockstep workflow describe R-900001/2 --database work.sqlite --format json")

    @OptionGroup var which: WorkflowOptionsOnCommandLine
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let (run, history) = try await which.load()
        let seen = EmbeddedEngine.describe(run, history: history)
        var json = run.json
        json["activities"] = .array(seen.activities.map(Self.json))
        json["timers"] = .array(seen.timers.map { .string($0.description) })
        json["children"] = .array(seen.children.map { ["workflow": .string($0.workflowID), "run": .string($0.runID)] })
        json["isCancelRequested"] = .bool(seen.isCancelRequested)
        json["taskDueAt"] = seen.taskDueAt.map { .string($0.description) } ?? .null
        guard format == .text else { return Console.print(json.canonicalText) }
        let lines = (json.object ?? [:]).sorted { $0.key < $1.key }.filter { !$0.value.isNull }
        Console.print(Console.table(lines.map { [$0.key, $0.value.string ?? $0.value.canonicalText] }))
    }

    private static func json(_ activity: PendingActivity) -> JSONValue {
        [
            "id": .string(activity.id), "type": .string(activity.type), "attempt": .integer(activity.attempt),
            "nextAt": activity.dueAt.map { .string($0.description) } ?? .null, "isOpen": .bool(activity.isOpen),
            "lastFailure": activity.lastFailure.map { .string($0) } ?? .null, "heartbeatDetails": activity.heartbeatDetails ?? .null,
        ]
    }
}
