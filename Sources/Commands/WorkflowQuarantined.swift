import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage

/// `lockstep workflow quarantined`
struct WorkflowQuarantined: AsyncParsableCommand, CarriedOutBeside {
    static let configuration = CommandConfiguration(
        commandName: "quarantined", abstract: "Lists what was due and could not be run, and makes it due again.",
        discussion: """
            \(Program.name) workflow quarantined --database work.sqlite
            \(Program.name) workflow quarantined --release R-900001/2 --database work.sqlite

            A thing that cannot be run is set aside with a sentence, so that everything else goes on. Once what is wrong is mended, --release \
            makes what was set aside of a workflow due again.

            Exit codes: 1 when something is set aside.
            """)

    @Option(help: "The database file.") var database: String
    @Option(help: "A workflow whose things are to be due again.") var release: String?
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        if let release { return try await self.release(release) }
        let found = try await WorkflowFilterOptions.store(database).quarantined()
        let json = found.map { set -> JSONValue in
            [
                "workflow": .string(set.item.workflowID), "kind": .string(set.item.key.kind.rawValue),
                "dueAt": .string(set.item.key.at.description), "since": .string(set.at.description), "problem": .string(set.problem),
            ]
        }
        if format == .json {
            Console.print(JSONValue.array(json).canonicalText)
        } else {
            let rows = found.map { [$0.item.workflowID, $0.item.key.kind.rawValue, $0.at.description, $0.problem] }
            Console.print(rows.isEmpty ? "nothing is set aside" : Console.table([["workflow", "kind", "since", "problem"]] + rows))
        }
        guard found.isEmpty else {
            throw CommandFailure(.differences, "\(database): expected nothing set aside, found \(found.count); mend it, then --release")
        }
    }

    private func release(_ workflow: String) async throws {
        try await OperatorEngine.change(database) { engine in
            let count = try await engine.release(workflowID: workflow)
            guard count > 0 else {
                throw CommandFailure(
                    .usage, "\(workflow): expected something set aside, found nothing; see '\(Program.name) workflow quarantined'")
            }
            Console.print("\(count) of \(workflow) due again")
        }
    }
}
