import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import Testing

/// A reset takes the events that Temporal's server takes; its answers were asked for once, see `Temporal/reset_answers.py`, and CI asks
/// for them again.
@Suite struct ResetAnswersTests {
    struct Answer: Codable, Sendable {
        let name: String
        let kinds: [String]
        let accepted: [Int]
    }

    private static func answers() throws -> [Answer] {
        try JSONDecoder().decode([Answer].self, from: Data(contentsOf: RecordingTests.folder.appending(path: "ResetAnswers.json")))
    }

    private func isAccepted(_ history: WorkflowHistory, _ event: Int) async throws -> Bool {
        let scenario = WorkflowScenario(workflows: RecordingTests.all.map(\.type))
        try await scenario.engine.importRun(history, at: scenario.clock.now)
        do {
            try await scenario.engine.reset(
                workflowID: history.workflowID, toEvent: event, reason: "asked", at: scenario.clock.now)
            return true
        } catch is ResetRefused { return false }
    }

    private static let known: Set<String> = [
        // The server has stored the schedule and the start of the task as one batch and cannot part them.
        "intime 8", "parallel 12", "parallel 14",
        // A child is open there, which the server's new run takes over.
        "parent 8", "parent 9", "childfails 8", "childfails 9",
    ]

    @Test func everyEventIsTakenOrRefusedAsThere() async throws {
        var (events, differences) = (0, Set<String>())
        for answer in try Self.answers() {
            let text = try String(contentsOf: RecordingTests.folder.appending(path: "Recorded/\(answer.name).json"), encoding: .utf8)
            let kinds = try JSONValue(parsing: text)["events"]?.array?.compactMap { $0["eventType"]?.string }
            // One run came in another order when it was asked for.
            guard kinds == answer.kinds.map({ "EVENT_TYPE_" + $0 }) else { continue }
            let history = try WorkflowHistory(temporalJSON: text)
            for event in history.events {
                let isAccepted = try await isAccepted(history, event.id)
                if isAccepted != answer.accepted.contains(event.id) { differences.insert("\(answer.name) \(event.id)") }
                events += 1
            }
        }
        #expect(events >= 290)
        #expect(differences == Self.known, "\(differences.sorted())")
    }
}
