import ArgumentParser
import DurableWorkflow
import Events
import FoundationEssentials

/// `lockstep workflow replay`
struct WorkflowReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Replays recorded histories against the code that is here; exit code 1 when one does not fit.",
        discussion: """
            \(Program.name) workflow replay history.json --format json

            The files are Temporal's history JSON, as '\(Program.name) workflow export' and Temporal's own tools write it. The runs of a database \
            are replayed by '\(Program.name) workflow shadow'.
            """)

    @Argument(help: "Files with Temporal's history JSON.") var files: [String]
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let replayer = WorkflowReplayer(workflows: try Program.app.workflowTypes())
        var failed = 0
        for file in files {
            let history = try WorkflowHistory(file: file)
            var line: JSONValue = [
                "history": .string(file), "workflow": .string(history.workflowID), "events": .integer(history.events.count), "fits": true,
            ]
            var text = "fits"
            do { try replayer.replay(history) } catch {
                failed += 1
                let problem = ReplayProblem(error, replaying: history)
                (line["fits"], line["problem"], text) = (false, try JSONValue(encoding: problem), problem.reason)
            }
            Console.print(format == .json ? line.canonicalText : "\(file): \(text)")
        }
        if failed > 0 {
            throw CommandFailure(
                .differences, "\(failed) of \(files.count.counted("history", "histories")) \(failed == 1 ? "does" : "do") not fit the code")
        }
    }
}

extension WorkflowHistory {
    /// Reads a file; a sentence with its name when it cannot be read.
    init(file: String) throws {
        guard let data = try? Data(contentsOf: URL(filePath: file)) else {
            throw CommandFailure(.usage, "\(file): expected a history file that can be read, found none")
        }
        do { self = try WorkflowHistory(temporalJSON: String(decoding: data, as: UTF8.self)) } catch {
            throw CommandFailure(.usage, "\(file): \(error)")
        }
    }
}
