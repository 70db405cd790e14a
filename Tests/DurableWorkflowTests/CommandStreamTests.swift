import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import Synchronization
import Testing

/// Notes every event in the order in which it becomes durable.
private final class NotingStore: ForwardingWorkflowStore {
    let base: any WorkflowStore = InMemoryWorkflowStore()
    private let began: Timestamp
    private let lines = Mutex<[String]>([])

    init(from began: Timestamp) { self.began = began }

    var text: String { lines.withLock { $0.joined(separator: "\n") + "\n" } }

    func commit(_ changes: [WorkflowChange]) async throws {
        for run in changes.flatMap(\.runs) {
            guard let batch = run.batch else { continue }
            var events: [HistoryEvent] = []
            try EventCoding.decode(batch, first: run.first, into: &events)
            for event in events { lines.withLock { $0.append(line(run.run.workflowID, event)) } }
        }
        try await base.commit(changes)
    }

    /// Everything that is the same in every run: no run ids.
    private func line(_ workflow: String, _ event: HistoryEvent) -> String {
        let texts: [EventField] = [
            .activityType, .activityID, .timerID, .workflowType, .workflowID, .signalName, .markerName, .updateID, .acceptedUpdateID,
        ]
        let numbers: [EventField] = [.startedEventID, .scheduledEventID, .initiatedEventID, .attempt]
        let seconds = (event.at - began) / .seconds(1)
        let names = texts.map { event.fields.text($0) }.filter { !$0.isEmpty }
        let payloads: [EventField] = [.input, .result, .outcomeSuccess]
        var words = ["\(seconds)", workflow, "\(event.id)", event.kind.name] + names
        words += numbers.compactMap { field in event.fields.integer(field).map { "\(field)=\($0)" } }
        words += payloads.flatMap { event.fields.payloads($0) }.map { (try? $0.json().canonicalText) ?? "?" }
        return words.joined(separator: " ")
    }
}

/// The commands of concurrent workflows are the same in debug and in release builds, and the same as ever: a change means that
/// workflows which run would not fit their histories any more. `LOCKSTEP_RECORD=1` writes the file anew.
@Suite struct CommandStreamTests {
    @Test(arguments: [false, true]) func theCommandsAreThoseOfEveryBuild(isEager: Bool) async throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "CommandStreams/\(isEager ? "eager" : "stepwise").txt")
        let found = try await play(isEager: isEager)
        if ProcessInfo.processInfo.environment["LOCKSTEP_RECORD"] != nil { try found.write(to: file, atomically: true, encoding: .utf8) }
        let expected = try String(contentsOf: file, encoding: .utf8)
        let difference = zip(expected.split(separator: "\n"), found.split(separator: "\n")).enumerated().first { $1.0 != $1.1 }
        #expect(
            found == expected,
            "line \((difference?.offset ?? -1) + 1): expected \(difference?.element.0 ?? "as many"), found \(difference?.element.1 ?? "more or fewer")"
        )
    }

    private func play(isEager: Bool) async throws -> String {
        let store = NotingStore(from: ManualClock().now)
        let scenario = WorkflowScenario(
            store: store, workflows: ConcurrentWorkflows.workflows, activities: ConcurrentWorkflows.activities,
            options: EngineOptions(isEager: isEager))
        let engine = scenario.engine
        let clock = scenario.clock
        for type in ConcurrentWorkflows.workflows where type.name != "child" {
            try await engine.start(workflowID: type.name, type: type.name, input: .null, options: WorkflowOptions(), at: clock.now)
        }
        func signal(_ workflow: String, _ name: String, _ payload: JSONValue, _ id: String) async throws {
            let message = SignalMessage(id: id, name: name, payload: payload)
            try await engine.signal(workflowID: workflow, signal: message, at: clock.now)
        }
        try await scenario.run(until: clock.now)
        try await signal("rounds", "kept", 1, "k1")
        try await signal("race", "c", 3, "c1")
        try await signal("race", "a", 1, "a1")
        for number in 1...3 { try await signal("conditions", "go", .integer(1), "g\(number)") }
        for number in [1, -1, 2, 3] {
            _ = try await engine.update(workflowID: "updates", id: "u\(number)", name: "add", input: .integer(number), at: clock.now)
        }
        try await scenario.run(until: clock.now + .seconds(2))
        try await engine.cancel(workflowID: "cancelled", at: clock.now)
        try await scenario.run()
        for run in try await store.runs() { #expect(run.status.isClosed, "\(run.workflowID): \(run.problem ?? "")") }
        return store.text
    }
}
