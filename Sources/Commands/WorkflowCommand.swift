import ArgumentParser
import DurableWorkflow
import Events
import FoundationEssentials
import SQLiteStorage

/// `lockstep workflow`
struct WorkflowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workflow", abstract: "Looks at durable workflows, and acts on them.",
        subcommands: [
            WorkflowList.self, WorkflowDescribe.self, WorkflowShowHistory.self, WorkflowExport.self, WorkflowReplay.self,
            WorkflowSignal.self, WorkflowCancel.self, WorkflowTerminate.self, WorkflowReset.self,
        ])
}

/// Which workflow of which database.
struct WorkflowOptionsOnCommandLine: ParsableArguments {
    @Argument(help: "The workflow's id.") var workflow: String
    @Option(help: "The database file.") var database: String
    @Option(help: "A run; default: the current one.") var run: String?

    /// The run and its history, read beside whoever runs.
    func load() async throws -> (WorkflowRun, [HistoryEvent]) {
        let store = SQLiteWorkflowStore(try LockstepDatabase(path: database, readOnly: true))
        guard let run = try await store.run(workflow, runID: run) else {
            throw CommandFailure(.usage, "\(workflow): expected a workflow of \(database), found none; see 'lockstep workflow list'")
        }
        return (run, try await store.history(run.key))
    }

    /// An engine without code: what it notes is taken up by the next one that has it. Refused while another process runs.
    func change(_ body: (EmbeddedEngine, Timestamp) async throws -> Void) async throws {
        let store = SQLiteWorkflowStore(try LockstepDatabase(path: database))
        let engine = EmbeddedEngine(store: store, workflows: [], activities: [], options: EngineOptions(identity: "lockstep workflow"))
        do { try await body(engine, Timestamp(Date())) } catch let missing as WorkflowNotFound {
            throw CommandFailure(.usage, missing.description)
        } catch let refused as ResetRefused { throw CommandFailure(.usage, refused.description) }
    }
}

extension WorkflowRun {
    /// What lists and descriptions say of a run.
    var json: JSONValue {
        [
            "workflow": .string(workflowID), "run": .string(runID), "type": .string(type), "taskQueue": .string(taskQueue),
            "status": .string(status.rawValue), "events": .integer(length), "bytes": .integer(bytes),
            "startedAt": .string(startedAt.description), "closedAt": closedAt.map { .string($0.description) } ?? .null,
            "problem": problem.map { .string($0) } ?? .null, "memo": .object(memo), "searchAttributes": .object(searchAttributes),
        ]
    }
}
