import ArgumentParser
import DurableWorkflow
import Events

/// `lockstep workflow signal`
struct WorkflowSignal: AsyncParsableCommand, CarriedOutBeside {
    static let configuration = CommandConfiguration(
        commandName: "signal", abstract: "Sends a signal; a second one of the same id is not delivered.",
        discussion: "\(Program.name) workflow signal R-900001/2 approve --id 17 --payload '{\"by\":\"reviewer\"}' --database work.sqlite"
    )

    @OptionGroup var which: WorkflowOptionsOnCommandLine
    @Argument(help: "The signal's name.") var name: String
    @Option(help: "The signal's id.") var id: String
    @Option(help: "Its content as JSON.") var payload = "null"

    func run() async throws {
        let content = try JSONValue(payload, option: "--payload")
        try await which.change { engine in
            let signal = SignalMessage(id: id, name: name, payload: content)
            switch try await engine.signal(workflowID: which.workflow, signal: signal) {
            case .delivered: Console.print("delivered")
            case .duplicate: Console.print("delivered before")
            case .notRunning: throw WorkflowNotFound(workflowID: which.workflow, expected: "an open run")
            }
        }
    }
}

/// `lockstep workflow cancel`
struct WorkflowCancel: AsyncParsableCommand, CarriedOutBeside {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Asks a workflow to cancel; its code may still compensate.",
        discussion: "\(Program.name) workflow cancel R-900001/2 --database work.sqlite")

    @OptionGroup var which: WorkflowOptionsOnCommandLine

    func run() async throws {
        try await which.change { engine in
            guard try await !engine.describe(workflowID: which.workflow).run.status.isClosed else {
                throw WorkflowNotFound(workflowID: which.workflow, expected: "an open run")
            }
            try await engine.cancel(workflowID: which.workflow)
        }
    }
}

/// `lockstep workflow terminate`
struct WorkflowTerminate: AsyncParsableCommand, CarriedOutBeside {
    static let configuration = CommandConfiguration(
        commandName: "terminate", abstract: "Ends a workflow at once; its code does not hear of it.",
        discussion: "\(Program.name) workflow terminate R-900001/2 --reason 'entered twice' --database work.sqlite")

    @OptionGroup var which: WorkflowOptionsOnCommandLine
    @Option(help: "Why; it is kept in the history.") var reason: String

    func run() async throws {
        try await which.change { engine in try await engine.terminate(workflowID: which.workflow, reason: reason) }
    }
}

/// `lockstep workflow reset`
struct WorkflowReset: AsyncParsableCommand, CarriedOutBeside {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Ends the run and begins another whose history is the old one up to an event.",
        discussion: "\(Program.name) workflow reset R-900001/2 --event 4 --reason 'wrong branch' --database work.sqlite")

    @OptionGroup var which: WorkflowOptionsOnCommandLine
    @Option(help: "The start or the end of the workflow task to make anew; it and what comes after it are left out.") var event: Int
    @Option(help: "Why; it is kept in the history.") var reason: String

    func run() async throws {
        try await which.change { engine in
            let made = try await engine.reset(workflowID: which.workflow, toEvent: event, reason: reason)
            Console.print(made.runID)
        }
    }
}
