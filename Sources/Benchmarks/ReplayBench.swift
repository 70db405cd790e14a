import ArgumentParser
import DurableWorkflow
import Events

/// `lockstep-bench replay`
struct ReplayBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Events a second of one core's time, from stored bytes and from events in memory.")

    @Option(help: "How long to measure each, in seconds.") var seconds = 3.0
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    /// A long run: activities one after another.
    private static let long = WorkflowType("long") { context, input in
        for _ in 0..<160 { _ = try await context.execute("a0", input: input) }
        return .null
    }

    func run() async throws {
        for name in ["registration", "long"] {
            let history = try await history(name)
            let bytes = EventCoding.encode(history.events)
            let replayer = WorkflowReplayer(workflows: [Registration.workflow, Self.long])
            let inMemory = try measure(history.events.count) { try replayer.replay(history) }
            let fromBytes = try measure(history.events.count) {
                try replayer.replay(WorkflowHistory(events: try EventCoding.decode(bytes, first: 1)))
            }
            Measuring.report([
                "benchmark": "replay", "history": .string(name), "events": .integer(history.events.count), "bytes": .integer(bytes.count),
                "eventsPerSecond": .integer(Int(inMemory)), "eventsPerSecondFromBytes": .integer(Int(fromBytes)),
                "historiesPerSecond": .integer(Int(inMemory / Double(history.events.count))),
            ])
        }
    }

    private func measure(_ events: Int, _ body: () throws -> Void) rethrows -> Double {
        try body()
        let began = Measuring.threadSeconds()
        var count = 0
        while Measuring.threadSeconds() - began < seconds {
            for _ in 0..<20 { try body() }
            count += 20
        }
        return Double(count * events) / (Measuring.threadSeconds() - began)
    }

    /// A history as the engine writes it.
    private func history(_ name: String) async throws -> WorkflowHistory {
        let engine = EmbeddedEngine(
            store: InMemoryWorkflowStore(), workflows: [Registration.workflow, Self.long], activities: Registration.activities(),
            options: EngineOptions(isEager: true))
        let now = Timestamp(milliseconds: 1_772_442_000_000)
        try await engine.start(workflowID: "r", type: name, input: Registration.payload, options: WorkflowOptions(), at: now)
        for signal in ["brand", "review", "number"] where name == "registration" {
            try await engine.signal(
                workflowID: "r", signal: SignalMessage(id: signal, name: signal, payload: Registration.payload), at: now)
        }
        try await engine.runDue(at: now)
        try await engine.runDue(at: now + .seconds(1))
        return try await engine.history(workflowID: "r")
    }
}
