import ArgumentParser
import Events
import LegacyStateMachine

/// `lockstep machine`
struct MachineCommand: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json, mermaid, dot, map
    }

    static let configuration = CommandConfiguration(
        commandName: "machine", abstract: "Prints the legacy machine: its table, its chart, its states × events matrix.",
        discussion: """
            \(Program.name) machine                      # the table, a block a state
            \(Program.name) machine --matrix             # every state × event: handled, ignored, undefined, with counts
            \(Program.name) machine --format mermaid     # a chart for a document; dot for Graphviz
            \(Program.name) machine --format map         # its states without its code: what a program without legacy needs
            """)

    @Option(help: "text, json, mermaid, dot or map.")
    var format: Format = .text

    @Flag(help: "The matrix instead of the table.")
    var matrix = false

    func run() throws {
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
}
