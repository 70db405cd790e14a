import ArgumentParser
import DurableWorkflow
import Events

/// `lockstep workflow history`
struct WorkflowShowHistory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Prints a workflow's events.",
        discussion: "lockstep workflow history R-900001/2 --database work.sqlite")

    @OptionGroup var which: WorkflowOptionsOnCommandLine

    func run() async throws {
        let (_, history) = try await which.load()
        Console.print(Console.table(history.map { [String($0.id), $0.at.description, $0.kind.name, Self.summary($0)] }))
    }

    private static func summary(_ event: HistoryEvent) -> String {
        let names: [EventField] = [.workflowType, .activityType, .timerID, .signalName, .identity, .cause, .reason]
        let texts = names.map { event.fields.text($0) } + [event.fields.failure(.failure)?.description ?? ""]
        return texts.filter { !$0.isEmpty }.joined(separator: ", ")
    }
}

/// `lockstep workflow export`
struct WorkflowExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints a workflow's history as Temporal's JSON, which its tools read and 'replay' too.",
        discussion: "lockstep workflow export R-900001/2 --database work.sqlite > history.json")

    @OptionGroup var which: WorkflowOptionsOnCommandLine

    func run() async throws { Console.print(WorkflowHistory(events: try await which.load().1).temporalJSON) }
}
