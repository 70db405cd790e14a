import ArgumentParser
import Cutover
import DurableWorkflow
import Events
import FoundationEssentials
import Migrations
import SQLiteStorage

/// `lockstep workflow replay`
struct WorkflowReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Replays recorded histories against the code that is here; exit code 1 when one does not fit.",
        discussion: """
            lockstep workflow replay history.json --format json
            lockstep workflow replay --database work.sqlite       every open run of a database
            """)

    @Argument(help: "Files with Temporal's history JSON.") var files: [String] = []
    @Option(help: "A database; all its open runs are replayed.") var database: String?
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let replayer = WorkflowReplayer(workflows: try A2PRun.workflowTypes())
        var failed = 0
        for (name, history) in try await histories() {
            var line: JSONValue = [
                "history": .string(name), "workflow": .string(history.workflowID), "events": .integer(history.events.count),
            ]
            do { try replayer.replay(history) } catch {
                failed += 1
                line["error"] = .string("\(type(of: error))")
                line["reason"] = .string("\(error)")
                if let error = error as? NonDeterminismError {
                    line["event"] = .integer(error.eventID)
                    line["expected"] = .string(error.expected)
                    line["found"] = .string(error.found)
                }
            }
            line["fits"] = .bool(line["error"] == nil)
            Console.print(format == .json ? line.canonicalText : "\(name): \(line["reason"]?.string ?? "fits")")
        }
        if failed > 0 { throw CommandFailure(.differences, "\(failed) of the histories do not fit the code") }
    }

    private func histories() async throws -> [(String, WorkflowHistory)] {
        var found: [(String, WorkflowHistory)] = []
        for file in files {
            guard let data = try? Data(contentsOf: URL(filePath: file)) else {
                throw CommandFailure(.usage, "\(file): expected a history file that can be read, found none")
            }
            do { found.append((file, try WorkflowHistory(temporalJSON: String(decoding: data, as: UTF8.self)))) } catch {
                throw CommandFailure(.usage, "\(file): \(error)")
            }
        }
        if let database {
            let store = SQLiteWorkflowStore(try LockstepDatabase(path: database, readOnly: true))
            for run in try await store.runs(matching: WorkflowFilter(statuses: [.running, .blocked]), before: nil, limit: .max) {
                found.append((run.workflowID, WorkflowHistory(events: try await store.history(run.key))))
            }
        }
        return found
    }
}

extension A2PRun {
    /// The built-in domain's workflow code.
    static func workflowTypes() throws -> [WorkflowType] {
        let plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        return try A2PRun(A2PRun.Options(mode: .hybrid, plan: plan, database: ":memory:")).engine.workflowTypes
    }
}
