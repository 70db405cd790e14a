import A2PRegistration
import ArgumentParser
import Cutover
import Events
import FoundationEssentials
import LegacyFixtures
import Migrations

/// What to run: fixtures, folders or trace files.
struct InputOptions: ParsableArguments {
    @Argument(help: "Scenario folders or trace files (.jsonl); without any, all recorded fixtures.")
    var inputs: [String] = []

    @Option(help: "A plan file; default: the built-in plan in which step 5.2 is durable.")
    var plan: String?

    @Option(help: "The database file; default: a fresh one in the user's cache folder.")
    var database: String?

    @Option(help: "Output: text or json.")
    var format: OutputFormat = .text

    func loadPlan() throws -> MigrationPlan { try Self.plan(plan) }

    /// The plan in a file; the built-in one without a file.
    static func plan(_ plan: String?) throws -> MigrationPlan {
        guard let plan else { return try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName) }
        guard let bytes = try? ByteLines.beginning(of: plan, atMost: MigrationPlan.mostBytes + 1) else {
            throw CommandFailure(.usage, "\(plan): expected a plan file that can be read, found none; see Migrations/Plans")
        }
        return try MigrationPlan(yaml: String(decoding: bytes, as: UTF8.self), file: plan)
    }

    func load() throws -> Inputs {
        if inputs.isEmpty {
            let folder = LegacyFixtures.folder
            guard let names = try? LegacyFixtures.names(), !names.isEmpty else {
                throw CommandFailure(.environment, "\(folder): expected the recorded fixtures, found none; name folders or files to run")
            }
            return try Inputs(folders: names.map { "\(folder)/\($0)" }, files: [])
        }
        var isFolder = false
        var folders: [String] = []
        var files: [String] = []
        for input in inputs {
            guard FileManager.default.fileExists(atPath: input, isDirectory: &isFolder) else {
                throw CommandFailure(.usage, "\(input): expected a scenario folder or a trace file, found nothing")
            }
            if isFolder { folders.append(input) } else { files.append(input) }
        }
        return try Inputs(folders: folders, files: files)
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
