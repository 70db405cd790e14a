import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import Testing

/// Who comes first wins as on Temporal's server; its answers were asked for once, see `Temporal/race_answers.py`, and CI asks for them
/// again.
@Suite struct RaceAnswersTests {
    /// What comes after the end of a run or of an attempt, and how many such rows there are.
    @Test(arguments: [true, false]) func lateWordsAreAnsweredAsThere(isEager: Bool) async throws {
        try await compare("late", count: 48, isEager, LateRaces.found)
    }

    @Test(arguments: [true, false]) func messagesAfterTheEndAreAnsweredAsThere(isEager: Bool) async throws {
        try await compare("message", count: 72, isEager, LateRaces.found)
    }

    @Test(arguments: [true, false]) func openUpdatesEndAsThere(isEager: Bool) async throws {
        try await compare("update", count: 6, isEager, LateRaces.found)
    }

    @Test(arguments: [true, false]) func codeThatWasAwaySeesWhatItSeesThere(isEager: Bool) async throws {
        try await compare("order", count: 34, isEager, OrderRaces.found)
    }

    @Test(arguments: [true, false]) func whatComesInATaskIsNotLost(isEager: Bool) async throws {
        try await compare("task", count: 42, isEager, TaskRaces.found)
    }

    @Test(arguments: [true, false]) func childrenAndParentsEndAsThere(isEager: Bool) async throws {
        try await compare("child", count: 52, isEager, ChildRaces.found)
    }

    private func compare(_ group: String, count: Int, _ isEager: Bool, _ found: (Race, RaceWorld) async throws -> Race) async throws {
        let answers = try Race.answers().filter { $0["group"] == group }
        #expect(answers.count == count)
        var unused = Set(Self.known.keys.filter { $0.hasPrefix(group) })
        for answer in answers {
            let own = try await found(answer, RaceWorld(isEager: isEager))
            let known = Self.known[answer.name]
            if known != nil { unused.remove(answer.name) }
            let expected = try TaskRaces.inOneStep(answer).with(known ?? [:])
            #expect(own == expected, "\(answer.name): expected \(expected), found \(own)")
        }
        #expect(unused.isEmpty)
    }

    /// Where this engine differs on purpose, and how. ``TaskRaces/inOneStep(_:)`` has the rest.
    private static let known: [String: [String: JSONValue]] = [
        // Who abandons a child wants it to go on, also when the parent asks for it in its last task: what its history says comes true.
        "child / ABANDON / completed / requested": ["became": "running"], "child / ABANDON / failed / requested": ["became": "running"],
        "child / ABANDON / continuedAsNew / requested": ["became": "running"],
        // What came first wins. There it is the SDK that shows the code a cancellation before a timeout that stands before it.
        "order / condition / timer cancel": ["saw": "timer of 0"],
    ]
}

/// One race, and how it ended.
struct Race: Equatable, CustomStringConvertible {
    var values: [String: JSONValue]

    subscript(name: String) -> String {
        get { values[name]?.string ?? "" }
        set { values[name] = .string(newValue) }
    }

    /// What was raced, without how it ended.
    var name: String {
        let parts = ["group", "after", "what", "waits", "steps", "message", "command", "policy", "parent", "child", "heard"]
        return parts.compactMap { values[$0]?.string }.joined(separator: " / ")
    }

    var description: String { JSONValue.object(values).canonicalText }

    func with(_ others: [String: JSONValue]) -> Race { Race(values: values.merging(others) { $1 }) }

    static func answers() throws -> [Race] {
        let text = try String(contentsOf: RecordingTests.folder.appending(path: "RaceAnswers.json"), encoding: .utf8)
        return try (JSONValue(parsing: text).array ?? []).map { Race(values: $0.object ?? [:]) }
    }
}
