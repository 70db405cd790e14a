import ArgumentParser
import Events
import LegacyStateMachine
import MigrationReport
import Outcomes

/// `lockstep machine`
struct MachineCommand: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json, mermaid, dot, map
    }

    static let configuration = CommandConfiguration(
        commandName: "machine",
        abstract: "Prints the legacy machine: its table, its chart, its states × events matrix, and what a change of it costs.",
        discussion: """
            \(Program.name) machine                      # the table, a block a state
            \(Program.name) machine --matrix             # every state × event: handled, ignored, undefined, with counts
            \(Program.name) machine --format mermaid     # a chart for a document; dot for Graphviz
            \(Program.name) machine --format map         # its states without its code: what a program without legacy needs
            \(Program.name) machine --diff 5.2           # what adding step 5.2 costs: in the table, and as durable code
            \(Program.name) machine --format json > before.json && \(Program.name) machine --against before.json
            Exit codes: 0; with --against 0 when nothing is different, 1 when something is.
            """)

    @Option(help: "text, json, mermaid, dot or map; text or json with --diff and --against.")
    var format: Format = .text

    @Flag(help: "The matrix instead of the table.")
    var matrix = false

    @Option(
        help: ArgumentHelp(
            "What adding this step costs on either side; the program has to have measured it. Tests count on neither side.",
            valueName: "step"))
    var diff: String?

    @Option(
        help: ArgumentHelp(
            "What is different in the machine since 'machine --format json' has written this file, of another commit for example.",
            valueName: "file"))
    var against: String?

    func validate() throws {
        guard diff != nil || against != nil else { return }
        guard diff == nil || against == nil else { throw ValidationError("--diff and --against are two questions: ask one at a time") }
        guard !matrix, format == .text || format == .json else {
            throw ValidationError("--diff and --against print text or json: leave --matrix and other formats out")
        }
        if let diff, StepNumber(diff) == nil { throw ValidationError("--diff \(diff): expected a step's number, for example 5.2") }
    }

    func run() throws {
        if let step = diff.flatMap({ StepNumber($0) }) { return try show(costOf: step, try Program.appWithLegacy) }
        if let against { return try show(since: try MachineDescription(file: against), against, try Program.appWithLegacy) }
        let app = try Program.app
        let description = app.machineDescription
        switch format {
        case .map: Console.print(try JSONValue(encoding: app.machineMap).canonicalText)
        case .text: Console.print(matrix ? description.matrixText : description.text)
        case .json: Console.print(try JSONValue(encoding: description).canonicalText)
        case .mermaid: Console.print(description.mermaid)
        case .dot: Console.print(description.dot)
        }
    }

    private func show(costOf step: StepNumber, _ app: some Application) throws {
        let extended = try app.machineExtension(step)
        let cost = StepCost(extended, beside: app.machineDescription)
        let changes = MachineDiff(from: app.machineDescription, to: extended.machine)
        guard format == .text else {
            let json: JSONValue = [
                "machine": .string(app.machineDescription.name), "cost": try JSONValue(encoding: cost),
                "table": try JSONValue(encoding: changes), "legacyFiles": try JSONValue(encoding: extended.legacy),
                "durableFiles": try JSONValue(encoding: extended.durable),
            ]
            return Console.print(json.canonicalText)
        }
        let title = "\(app.machineDescription.name): step \(step) in the table, and as durable code"
        let files = ["files of legacy:\n\(TouchedFile.text(extended.legacy))", "files of durable:\n\(TouchedFile.text(extended.durable))"]
        Console.print(([title, cost.text, changes.text] + files).joined(separator: "\n\n"))
    }

    private func show(since before: MachineDescription, _ file: String, _ app: some Application) throws {
        let changes = MachineDiff(from: before, to: app.machineDescription)
        if format == .json {
            Console.print(try JSONValue(encoding: changes).canonicalText)
        } else {
            let title = "\(app.machineDescription.name), against \(before.name) of \(file)"
            Console.print(changes.isEmpty ? "\(title): nothing is different" : "\(title)\n\n\(changes.text)")
        }
        if !changes.isEmpty { throw CommandFailure(.differences, "") }
    }
}
