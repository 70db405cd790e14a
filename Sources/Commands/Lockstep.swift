import A2PRegistration
public import ArgumentParser
import Cutover
import DurableWorkflow
import Events
import MetricsEndpoint
import SQLiteStorage

/// The command line's root; the executable calls ``main()``.
public struct Lockstep: AsyncParsableCommand {
    /// Required by ``AsyncParsableCommand``, which says what it does.
    public static let configuration = CommandConfiguration(
        commandName: "lockstep",
        abstract: "Moves a running event-driven state machine to durable workflows, one step at a time.",
        discussion: "Exit codes: 0 ok, 1 differences or violations found, 2 bad usage, 3 the environment has to change.",
        subcommands: [
            Run.self, Compare.self, MachineCommand.self, Generate.self, ReportCommand.self, History.self, Migrate.self,
            WorkflowCommand.self, ScheduleCommand.self, PatchCommand.self, Simulate.self,
        ])

    /// Required by ``AsyncParsableCommand``, which says what it does.
    public init() {}

    /// Runs the command that the process was started with and ends the process with its exit code.
    public static func start() async -> Never {
        Console.reportClosedPipes()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Console.exit(0)
        } catch {
            end(with: error)
        }
    }

    private static func end(with error: any Error) -> Never {
        switch error {
        case let failure as CommandFailure: leave(failure.description, failure.code)
        case let refusal as DatabaseRefusal: leave(refusal.description, .environment)
        case let failure as DatabaseFailure: leave(failure.description, .environment)
        case let refusal as MetricsRefusal: leave(refusal.description, .environment)
        case let refusal as JournalError: leave(refusal.description, .environment)
        case let refusal as PlanError: leave(refusal.description, .usage)
        case let refusal as TraceError: leave(refusal.description, .usage)
        case let refusal as WorkflowQueryError: leave(refusal.description, .usage)
        case let refusal as ScheduleError: leave(refusal.description, .usage)
        default: leave(byArguments: error)
        }
    }

    /// Help is a result; what the parser refuses is bad usage; what nobody has a sentence for is not a difference found.
    private static func leave(byArguments error: any Error) -> Never {
        switch exitCode(for: error) {
        case .success:
            Console.print(fullMessage(for: error))
            Console.exit(0)
        case .validationFailure:
            Console.error(fullMessage(for: error))
            Console.exit(CommandFailure.Code.usage.rawValue)
        default: leave("expected to end well, found: \(error)", .environment)
        }
    }

    private static func leave(_ text: String, _ code: CommandFailure.Code) -> Never {
        if !text.isEmpty { Console.error("lockstep: \(text)") }
        Console.exit(code.rawValue)
    }
}

/// How a command prints its result.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}
