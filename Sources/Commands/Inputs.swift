import ArgumentParser
import BridgeTesting
import Cutover
import Events
import FoundationEssentials

/// What to run: fixtures, folders or trace files.
struct InputOptions: ParsableArguments {
    @Argument(help: "Scenario folders or trace files (.jsonl); without any, all recorded fixtures.")
    var inputs: [String] = []

    @Option(help: "A plan file; default: the program's own.")
    var plan: String?

    @Option(help: "The database file; default: a fresh one in the user's cache folder.")
    var database: String?

    @Option(help: "Output: text or json.")
    var format: OutputFormat = .text

    func loadPlan() throws -> MigrationPlan { try Self.plan(plan) }

    /// The plan in a file; the program's own without a file.
    static func plan(_ plan: String?) throws -> MigrationPlan { try Program.app.plan(plan) }

    func load() throws -> Inputs { try Self.load(inputs) }

    /// What stands in folders and files; all recorded fixtures without any.
    static func load(_ inputs: [String]) throws -> Inputs {
        if inputs.isEmpty {
            return try Inputs(folders: try Program.app.fixtureFolders(), files: [])
        }
        var folders: [String] = []
        var files: [String] = []
        for input in inputs {
            if try isFolder(input) { folders.append(input) } else { files.append(input) }
        }
        return try Inputs(folders: folders, files: files)
    }

    /// True for a scenario folder, false for a trace file.
    static func isFolder(_ input: String) throws -> Bool {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: input, isDirectory: &isFolder) else {
            throw CommandFailure(.usage, "\(input): expected a scenario folder or a trace file, found nothing")
        }
        return isFolder
    }

    /// A fresh path in the user's cache folder.
    static func freshDatabase(_ label: String) throws -> String { try CacheFolder().freshDatabase(label) }
}

/// Scenarios and traces, ready to play.
struct Inputs {
    /// What the folders say of how their registrations end.
    let scenarios: [Scenario]
    /// All lines in order of receipt.
    let lines: TraceFiles

    /// Reads scenario folders, and checks all lines of theirs and of trace files.
    init(folders: [String], files: [String]) throws {
        lines = try TraceFiles(folders.map { "\($0)/events.jsonl" } + files)
        scenarios = try folders.map { try Scenario(folder: $0) }
    }
}
