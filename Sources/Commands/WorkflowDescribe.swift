import ArgumentParser
import DurableWorkflow
import Events

/// `lockstep workflow describe`
struct WorkflowDescribe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Says where a workflow stands: its open activities with attempts and failures, timers, children.",
        discussion: "\(Program.name) workflow describe R-900001/2 --database work.sqlite --format json")

    @OptionGroup var which: WorkflowOptionsOnCommandLine
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let (run, history) = try await which.load()
        let seen = WorkflowDescription(run, history: history)
        var json = run.json
        json["activities"] = .array(seen.activities.map(Self.json))
        json["timers"] = .array(seen.timers.map { .string($0.description) })
        json["children"] = .array(seen.children.map(Self.json))
        json["parent"] = seen.parent.map(Self.json) ?? .null
        json["updates"] = .array(seen.updates.map { .string($0) })
        json["isCancelRequested"] = .bool(seen.isCancelRequested)
        json["taskDueAt"] = seen.taskDueAt.map { .string($0.description) } ?? .null
        json["taskAttempt"] = seen.taskAttempt.map { .integer($0) } ?? .null
        json["timesOutAt"] = seen.timesOutAt.map { .string($0.description) } ?? .null
        json["executionTimesOutAt"] = seen.executionTimesOutAt.map { .string($0.description) } ?? .null
        json["warnings"] = .array(seen.warnings.map { .string($0) })
        json["waitsFor"] = try Self.waits(run, WorkflowHistory(events: history))
        guard format == .text else { return Console.print(json.canonicalText) }
        Console.print(Console.properties(json))
    }

    /// What the code waits for, from a replay; the reason when it cannot be known, null for a closed run.
    private static func waits(_ run: WorkflowRun, _ history: WorkflowHistory) throws -> JSONValue {
        guard !run.status.isClosed else { return .null }
        let replayer = WorkflowReplayer(workflows: try Program.app.workflowTypes())
        let waits: WorkflowWaits
        do { waits = try replayer.waits(of: history) } catch {
            return ["unknown": try JSONValue(encoding: ReplayProblem(error, replaying: history))]
        }
        let signals = waits.signals.map { wait -> JSONValue in
            [
                "names": .array(wait.signals.sorted().map { .string($0) }), "until": wait.until.map { .string($0.description) } ?? .null,
            ]
        }
        return ["signals": .array(signals), "conditions": .integer(waits.conditions)]
    }

    private static func json(_ execution: WorkflowExecution) -> JSONValue {
        ["workflow": .string(execution.workflowID), "run": .string(execution.runID)]
    }

    private static func json(_ activity: PendingActivity) -> JSONValue {
        [
            "id": .string(activity.id), "type": .string(activity.type), "attempt": .integer(activity.attempt),
            "nextAt": activity.dueAt.map { .string($0.description) } ?? .null, "isOpen": .bool(activity.isOpen),
            "lastFailure": activity.lastFailure.map { .string($0) } ?? .null, "heartbeatDetails": activity.heartbeatDetails ?? .null,
        ]
    }
}
