import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import Testing

/// Starts come to what they come to on Temporal's server; its answers were asked for once, see `Temporal/policy_answers.py`, and CI asks
/// for them again.
@Suite struct PolicyAnswersTests {
    struct Answer: Codable, Sendable {
        let state: String?
        let reuse: WorkflowIDReusePolicy?
        let conflict: WorkflowIDConflictPolicy?
        let options: String?
        let outcome: String
        let before: String?
        let sentence: String?
    }

    private static func answers() throws -> [Answer] {
        try JSONDecoder().decode([Answer].self, from: Data(contentsOf: RecordingTests.folder.appending(path: "PolicyAnswers.json")))
    }

    private static let ends = WorkflowType("ends") { context, _ in
        if try await context.nextSignal(named: ["end"])?.payload == "failed" {
            throw ApplicationError(type: "No", message: "no", isNonRetryable: true)
        }
        return .null
    }

    private func scenario(in state: String, isEager: Bool) async throws -> WorkflowScenario {
        let scenario = WorkflowScenario(workflows: [Self.ends], options: EngineOptions(isEager: isEager))
        guard state != "none" else { return scenario }
        let (engine, now) = (scenario.engine, scenario.clock.now)
        try await engine.start(workflowID: "w", type: "ends", input: .null, options: WorkflowOptions(), at: now)
        try await scenario.run(until: now)
        switch state {
        case "completed", "failed":
            let signal = SignalMessage(id: "s", name: "end", payload: .string(state))
            try await engine.signal(workflowID: "w", signal: signal, at: now)
        case "canceled": try await engine.cancel(workflowID: "w", at: now)
        case "terminated": try await engine.terminate(workflowID: "w", reason: "", at: now)
        default: break
        }
        try await scenario.run(until: now)
        return scenario
    }

    /// A state by the server's name.
    private func status(_ name: String) -> WorkflowStatus? { name == "canceled" ? .cancelled : WorkflowStatus(rawValue: name) }

    /// What a start comes to, and the server's sentence or ours when it is refused.
    private func start(_ options: WorkflowOptions, _ scenario: WorkflowScenario) async throws -> (outcome: String, sentence: String) {
        let old = try await scenario.store.run("w")?.runID
        do {
            let run = try await scenario.engine.start(workflowID: "w", type: "ends", input: .null, options: options, at: scenario.clock.now)
            return (run.runID == old ? "existing" : "started", "")
        } catch is WorkflowAlreadyStarted { return ("taken", "") } catch let error as UnusableOptions { return ("refused", "\(error)") }
    }

    @Test(arguments: [true, false]) func everyPolicyMeetsEveryState(isEager: Bool) async throws {
        var count = 0
        for answer in try Self.answers() {
            guard let state = answer.state, let reuse = answer.reuse, let conflict = answer.conflict else { continue }
            let scenario = try await scenario(in: state, isEager: isEager)
            let old = try await scenario.store.run("w")?.runID
            let found = try await start(WorkflowOptions(idReusePolicy: reuse, idConflictPolicy: conflict), scenario)
            #expect(found.outcome == answer.outcome, "\(state), \(reuse), \(conflict)")
            if let before = answer.before {
                #expect(try await scenario.store.run("w", runID: old)?.status == status(before), "\(state), \(reuse), \(conflict)")
            }
            count += 1
        }
        #expect(count == 54)
    }

    private static let refused: [String: WorkflowOptions] = [
        "initialInterval -1": WorkflowOptions(retryPolicy: RetryPolicy(initialInterval: .seconds(-1))),
        "backoffCoefficient 0.5": WorkflowOptions(retryPolicy: RetryPolicy(backoffCoefficient: 0.5)),
        "maximumInterval -1": WorkflowOptions(retryPolicy: RetryPolicy(maximumInterval: .seconds(-1))),
        "maximumInterval 1 initialInterval 2": WorkflowOptions(
            retryPolicy: RetryPolicy(initialInterval: .seconds(2), maximumInterval: .seconds(1))),
        "maximumAttempts -1": WorkflowOptions(retryPolicy: RetryPolicy(maximumAttempts: -1)),
        "executionTimeout -1": WorkflowOptions(executionTimeout: .seconds(-1)),
        "runTimeout -1": WorkflowOptions(runTimeout: .seconds(-1)),
        "taskTimeout -1": WorkflowOptions(taskTimeout: .seconds(-1)),
        "startDelay -1": WorkflowOptions(startDelay: .seconds(-1)),
        "cronSchedule and startDelay": WorkflowOptions(cronSchedule: "0 9 * * *", startDelay: .seconds(1)),
    ]

    /// Whoever looks for the server's sentence finds it in ours, which adds what was found.
    @Test func whatIsRefusedSaysTheServersSentence() async throws {
        let answers = try Self.answers().filter { $0.options != nil }
        #expect(Set(answers.compactMap(\.options)) == Set(Self.refused.keys))
        for answer in answers {
            let options = try #require(Self.refused[answer.options ?? ""])
            let found = try await start(options, WorkflowScenario(workflows: [Self.ends]))
            let sentence = try #require(answer.sentence)
            let end = sentence.hasSuffix(".") ? sentence.index(before: sentence.endIndex) : sentence.endIndex
            #expect(found.outcome == "refused" && found.sentence.contains(sentence[..<end]), "\(sentence) / \(found.sentence)")
        }
    }
}
