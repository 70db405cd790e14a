import ArgumentParser
import DurableWorkflow
import Events

extension WorkflowCommand {
    /// `lockstep workflow query`
    struct Query: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Asks a workflow's code something; nothing changes.",
            discussion: """
                \(Program.name) workflow query R-900001/2 progress --database work.sqlite
                \(Program.name) workflow query R-900001/2 progress --args '{"page":2}' --database work.sqlite

                The run, open or closed, is replayed against the code of this binary, beside a running process or while none runs; the code \
                answers as it stood after its last workflow task. The answer is JSON.

                Exit codes: 1 when the code does not fit the history or refuses to answer, 2 for an unknown workflow or query name.
                """)

        @OptionGroup var which: WorkflowOptionsOnCommandLine
        @Argument(help: "The query's name.") var name: String
        @Option(help: "Its input as JSON.") var args = "null"

        func run() async throws {
            let input = try JSONValue(args, option: "--args")
            let (_, events) = try await which.load()
            let replayer = WorkflowReplayer(workflows: try Program.app.workflowTypes())
            do {
                Console.print(try replayer.query(name, input: input, of: WorkflowHistory(events: events)).canonicalText)
            } catch let unknown as UnknownMessage {
                throw CommandFailure(.usage, "\(which.workflow): \(unknown)")
            } catch {
                throw CommandFailure(.differences, "\(which.workflow), query \(name): \(error)")
            }
        }
    }
}
