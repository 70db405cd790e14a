import ArgumentParser
import Cutover
import DurableWorkflow
import Events
import FoundationEssentials
import MetricsEndpoint
import SQLiteStorage

/// The command line's root.
struct RootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: Program.name,
        abstract: "Moves a running event-driven state machine to durable workflows, one step at a time.",
        discussion: "Exit codes: 0 ok, 1 differences or violations found, 2 bad usage, 3 the environment has to change.",
        version: "\(Program.name), Lockstep \(LockstepVersion.current)",
        subcommands: [
            Demo.self, Run.self, Compare.self, RecordCommand.self, ShadowCommand.self,
            Explore.self, CharacterizeCommand.self, MutantsCommand.self,
            EvidenceCommand.self,
            MachineCommand.self,
            PlanCommand.self, Generate.self,
            ReportCommand.self, History.self, Migrate.self, WorkflowCommand.self, ScheduleCommand.self, PatchCommand.self, Simulate.self,
            ImportCommand.self, Doctor.self, Compact.self, Forget.self, LegacyCommand.self,
        ])

    /// Runs the command that the process was started with; returns its exit code.
    static func start() async -> Int32 {
        Console.reportClosedPipes()
        return await start(nil, only: { _ in true })
    }

    /// Runs the command of `arguments`, nil for those of the process, when it is an `allowed` one; returns its exit code.
    static func start(_ arguments: [String]?, only allowed: (any ParsableCommand) -> Bool) async -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            guard allowed(command) else {
                throw CommandFailure(.usage, "expected a command that a live run carries out, found another")
            }
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return 0
        } catch {
            return end(with: error, arguments ?? Array(CommandLine.arguments.dropFirst()))
        }
    }

    private static func end(with error: any Error, _ arguments: [String]) -> Int32 {
        switch error {
        case let failure as CommandFailure: leave(failure.description, failure.code)
        case let refusal as DatabaseRefusal: leave(refusal.description, .environment)
        case let failure as DatabaseFailure: leave(failure.description, .environment)
        case let refusal as MetricsRefusal: leave(refusal.description, .environment)
        case let refusal as PlanError: leave(refusal.description, .usage)
        case let refusal as TraceError: leave(refusal.description, .usage)
        case let refusal as WorkflowQueryError: leave(refusal.description, .usage)
        case let refusal as ScheduleError: leave(refusal.description, .usage)
        case let failure as CocoaError: leave(sentence(of: failure), .environment)
        default: leave(byArguments: error, arguments)
        }
    }

    /// What a file system has refused, without the words of the library that has asked it.
    static func sentence(of failure: CocoaError) -> String {
        let path = failure.filePath ?? failure.url?.path ?? "a file"
        let found =
            switch failure.code {
            case .fileReadNoSuchFile, .fileNoSuchFile: "no such file or folder"
            case .fileReadNoPermission, .fileWriteNoPermission: "no permission"
            case .fileWriteVolumeReadOnly: "a volume that can only be read"
            case .fileWriteOutOfSpace: "no space on the device"
            case .fileWriteFileExists: "a file in its place"
            default: "error \(failure.code.rawValue) of the file system"
            }
        return "\(path): expected to read or write it, found \(found)"
    }

    /// Help is a result; what the parser refuses is bad usage; what nobody has a sentence for is not a difference found.
    private static func leave(byArguments error: any Error, _ arguments: [String]) -> Int32 {
        switch exitCode(for: error) {
        case .success:
            Console.print(fullMessage(for: error))
            return 0
        case .validationFailure:
            Console.error(fullMessage(for: error))
            if let verb = MisspeltVerb(in: arguments, below: self) { Console.error("Did you mean '\(verb.suggestion)'?") }
            return CommandFailure.Code.usage.rawValue
        default: return leave("expected to end well, found: \(error)", .environment)
        }
    }

    private static func leave(_ text: String, _ code: CommandFailure.Code) -> Int32 {
        if !text.isEmpty { Console.error("\(Program.name): \(text)") }
        return code.rawValue
    }
}

/// How a command prints its result.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}
