import ArgumentParser
import DurableWorkflow
import Events

/// `lockstep workflow history`
struct WorkflowShowHistory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Prints a workflow's events.",
        discussion: """
            \(Program.name) workflow history R-900001/2 --database work.sqlite
            \(Program.name) workflow history R-900001/2 --database work.sqlite --format json      # with inputs, outputs and failures, as they are
            """)

    @OptionGroup var which: WorkflowOptionsOnCommandLine
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let (_, history) = try await which.load()
        guard format == .text else { return Console.print(JSONValue.array(history.map(Self.json)).canonicalText) }
        if let before = history.first?.fields.text(.continuedRunID), !before.isEmpty {
            Console.print("It goes on from another run: --run \(before)\n")
        }
        Console.print(Console.table(history.map { [String($0.id), $0.at.description, $0.kind.name, Self.summary($0)] }))
    }

    private static func json(_ event: HistoryEvent) -> JSONValue {
        var fields: JSONValue = [:]
        for field in EventField.allCases { fields["\(field)"] = event.fields[field].map(json) }
        return ["event": .integer(event.id), "at": .string(event.at.description), "kind": .string(event.kind.name), "fields": fields]
    }

    /// Payloads are decoded where they are JSON; a duration is in milliseconds.
    private static func json(_ value: FieldValue) -> JSONValue {
        switch value {
        case .integer(let number): .integer(number)
        case .text(let text): .string(text)
        case .payloads(let payloads): payloads.count == 1 ? json(payloads[0]) : .array(payloads.map(json))
        case .map(let map): .object(map.mapValues(json))
        case .failure(let failure): .array(failure.chain)
        case .retry(let policy):
            [
                "maximumAttempts": .integer(policy.maximumAttempts),
                "initialMilliseconds": .integer(Int(policy.initialInterval.milliseconds)),
            ]
        }
    }

    private static func json(_ payload: Payload) -> JSONValue {
        (try? payload.json()) ?? ["encoding": .string(payload.encoding), "bytes": .integer(payload.data.count)]
    }

    private static func summary(_ event: HistoryEvent) -> String {
        event.summary([.workflowType, .activityType, .timerID, .signalName, .identity, .cause, .reason])
    }
}

extension HistoryEvent {
    /// What the event is about: those of its fields, what a marker records, its failure.
    func summary(_ names: [EventField]) -> String {
        let texts = names.map { fields.text($0) } + [markerSummary ?? "", fields.failure(.failure)?.description ?? ""]
        return texts.filter { !$0.isEmpty }.joined(separator: ", ")
    }
}

/// `lockstep workflow export`
struct WorkflowExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints a workflow's history as Temporal's JSON, which its tools read and 'replay' too.",
        discussion: "\(Program.name) workflow export R-900001/2 --database work.sqlite > history.json")

    @OptionGroup var which: WorkflowOptionsOnCommandLine

    func run() async throws { Console.print(WorkflowHistory(events: try await which.load().1).temporalJSON) }
}

extension Failure {
    /// The failure and its causes, outermost first.
    fileprivate var chain: [JSONValue] {
        [["message": .string(message), "type": type.map { .string($0) } ?? .null]] + (cause?.chain ?? [])
    }
}
