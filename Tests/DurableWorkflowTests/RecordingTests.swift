import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import Testing

/// The same workflows in Swift and in Python: what Temporal's SDK has recorded replays here, and what this engine has recorded replays
/// there, with the official Replayer. `Temporal/twenty.py` has the Python side and made the recordings.
@Suite struct RecordingTests {
    private static let word = Signal<Int>("word")
    private static let brief = ActivityOptions(startToCloseTimeout: .seconds(10), retryPolicy: RetryPolicy(maximumAttempts: 1))
    private static let echo = Activity<Int, Int>("echo") { _, value in value }
    private static let fail = Activity<Int, Int>("fail") { _, _ in
        throw ApplicationError(type: "No", message: "no", isNonRetryable: true)
    }

    /// The words that signals and updates bring.
    private final class Words {
        var all: [Int] = []
    }

    private static func run(_ context: WorkflowContext, _ value: Int) async throws -> Int {
        try await context.execute(echo, value, options: brief)
    }

    private static func define(_ name: String, _ body: @escaping @Sendable (WorkflowContext, Int, Words) async throws -> Int) -> Workflow<
        Int, Int
    > {
        Workflow(name) { context, value in
            let words = Words()
            context.onSignal(word) { words.all.append($0) }
            context.onUpdate(Update<Int, Int>("add")) { value in
                let answer = try await run(context, value)
                words.all.append(value)
                return answer
            }
            return try await body(context, value, words)
        }
    }

    private static let simple = [
        define("one") { context, value, _ in try await run(context, value) },
        define("sequence") { context, _, _ in try await run(context, 1) + run(context, 2) + run(context, 3) },
        define("parallel") { context, _, _ in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...3 { group.addTask { try await run(context, number) } }
                return try await group.reduce(0, +)
            }
        },
        define("timer") { context, value, _ in
            try await context.sleep(for: .seconds(1))
            return try await run(context, value)
        },
        define("timers") { context, value, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...2 { group.addTask { try await context.sleep(for: .seconds(number)) } }
                try await group.waitForAll()
            }
            return value
        },
        define("local") { context, value, _ in try await context.executeLocal(echo, value) },
        define("localthen") { context, value, _ in
            let first = try await context.executeLocal(echo, value)
            return try await context.executeLocal(echo, run(context, first))
        },
        define("again") { context, value, _ in
            _ = try await run(context, value)
            if value < 2 { throw try context.continueAsNew(value + 1) }
            return value
        },
        define("cancelled") { context, _, _ in
            do { try await context.sleep(for: .seconds(3600)) } catch is CancellationError {
                _ = try await context.withCancellationShield { try await run(context, 3) }
                throw CancellationError()
            }
            return 0
        },
        define("notes") { context, value, _ in
            try context.upsertMemo(["stage": "begun"])
            return try await run(context, value)
        },
    ]

    private static let waiting = [
        define("signalled") { context, _, words in
            try await context.condition { !words.all.isEmpty }
            return try await run(context, words.all[0])
        },
        define("twice") { context, _, words in
            try await context.condition { words.all.count > 1 }
            return words.all.reduce(0, +)
        },
        define("updated") { context, _, words in
            try await context.condition { words.all.count > 1 }
            return words.all.reduce(0, +)
        },
        define("intime") { context, _, words in
            try await context.condition(timeout: .hours(1)) { !words.all.isEmpty }
            return try await run(context, words.all[0])
        },
        define("late") { context, _, _ in
            try await context.condition(timeout: .seconds(1)) { false } ? 0 : try await run(context, 7)
        },
    ]

    private static let others = [
        define("patched") { context, _, _ in try await run(context, context.patched("first") ? 2 : 1) },
        define("deprecated") { context, _, _ in
            context.deprecatePatch("first")
            return try await run(context, 2)
        },
        define("patches") { context, _, _ in
            _ = context.patched("second")
            _ = try await run(context, 1)
            _ = context.patched("first")
            return try await run(context, 2)
        },
        define("failing") { _, _, _ in throw ApplicationError(type: "No", message: "no", isNonRetryable: true) },
        define("parent") { context, value, _ in
            try await context.executeChildWorkflow(simple[0], value, options: ChildWorkflowOptions(id: context.workflowID + "-child"))
        },
        define("childfails") { context, value, _ in
            let options = ChildWorkflowOptions(id: context.workflowID + "-child")
            do {
                let child: ChildWorkflowHandle<JSONValue> = try await context.startChildWorkflow(
                    "failing", input: .integer(value), options: options)
                _ = try await child.result()
            } catch is ChildWorkflowError { return try await run(context, 5) }
            return 0
        },
        define("activityfails") { context, value, _ in
            do { return try await context.execute(fail, value, options: brief) } catch is ActivityError { return try await run(context, 6) }
        },
    ]

    static let all = simple + waiting + others
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Temporal")

    // MARK: Recorded there, replayed here

    @Test(arguments: all.map(\.name)) func whatTheirsHasRecordedReplaysHere(name: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: "Recorded/\(name).json"), encoding: .utf8)
        let history = try WorkflowHistory(temporalJSON: text)
        try WorkflowReplayer(workflows: Self.all.map(\.type)).replay(history)
        #expect(try JSONValue(parsing: history.temporalJSON) == JSONValue(parsing: text), "nothing is lost between reading and writing")
        let kept = try EventCoding.decode(EventCoding.encode(history.events), first: 1)
        #expect(WorkflowHistory(events: kept).temporalJSON == history.temporalJSON, "nor in a store")
    }

    // MARK: Recorded here, replayed there

    private func record(_ name: String) async throws -> WorkflowHistory {
        let scenario = WorkflowScenario(workflows: Self.all.map(\.type), activities: [Self.echo.type, Self.fail.type])
        let engine = scenario.engine
        let run = try await engine.start(workflowID: name, type: name, input: 1, options: WorkflowOptions(), at: scenario.clock.now)
        try await scenario.run(until: scenario.clock.now)
        for number in name == "twice" ? [1, 2] : ["signalled", "intime"].contains(name) ? [4] : [] {
            let signal = SignalMessage(id: "\(number)", name: "word", payload: .integer(number))
            try await engine.signal(workflowID: name, signal: signal, at: scenario.clock.now)
            try await scenario.run(until: scenario.clock.now)
        }
        for number in name == "updated" ? [1, 2] : [] {
            _ = try await engine.update(workflowID: name, id: "u\(number)", name: "add", input: .integer(number), at: scenario.clock.now)
            try await scenario.run(until: scenario.clock.now)
        }
        if name == "cancelled" { try await engine.cancel(workflowID: name, at: scenario.clock.now) }
        try await scenario.run()
        let history = try await engine.history(workflowID: name, runID: run.runID)
        #expect(history.events.last?.kind.isTerminal == true, "\(name)")
        return history
    }

    /// A history whose first activity, timer, marker or child was of another type or id.
    private func changed(_ json: String) -> String? {
        let changes = [
            ("\"activityType\":{\"name\":\"echo\"}", "\"activityType\":{\"name\":\"fail\"}"),
            ("\"workflowType\":{\"name\":\"one\"},\"workflowId\"", "\"workflowType\":{\"name\":\"two\"},\"workflowId\""),
        ]
        for (old, new) in changes where json.contains(old) { return json.replacing(old, with: new, maxReplacements: 1) }
        return nil
    }

    /// What the official Replayer says of every history of a folder.
    private func replayThere(_ folder: URL, python: String) throws -> [String: String] {
        try Self.ask(python, "twenty.py", ["replay", folder.path])
    }

    /// The answers that a script prints in its last line.
    static func ask(_ python: String, _ script: String, _ arguments: [String]) throws -> [String: String] {
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [folder.appending(path: script).path] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        // The SDK's core writes what it notes of differences to the same place, before.
        let last = try #require(String(decoding: data, as: UTF8.self).split(separator: "\n").last)
        return try JSONDecoder().decode([String: String].self, from: Data(last.utf8))
    }

    static let python = ProcessInfo.processInfo.environment["TEMPORAL_PYTHON"]

    @Test(.enabled(if: python != nil, "Tests/run.sh installs the SDK and names it in TEMPORAL_PYTHON"))
    func whatOursHasRecordedReplaysThere() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-exports-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var changedOnes: Set<String> = []
        for workflow in Self.all {
            let json = try await record(workflow.name).temporalJSON
            try json.write(to: folder.appending(path: "\(workflow.name).json"), atomically: true, encoding: .utf8)
            guard let changed = changed(json) else { continue }
            changedOnes.insert("changed-\(workflow.name)")
            try changed.write(to: folder.appending(path: "changed-\(workflow.name).json"), atomically: true, encoding: .utf8)
        }
        let outcomes = try replayThere(folder, python: try #require(Self.python))
        for workflow in Self.all { #expect(outcomes[workflow.name] == "ok", "\(workflow.name)") }
        #expect(changedOnes.count >= 15)
        for name in changedOnes { #expect(outcomes[name]?.contains("Nondeterminism") == true, "\(name): \(outcomes[name] ?? "none")") }
    }

    // MARK: What cannot have happened

    /// Every result twice, every timer that fires under another id, every activity and child that ends without a start or starts twice, every run that
    /// ends twice.
    @Test(arguments: all.map(\.name)) func aHistoryThatCannotBeIsRefused(name: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: "Recorded/\(name).json"), encoding: .utf8)
        let history = try WorkflowHistory(temporalJSON: text)
        let ends: Set<HistoryEvent.Kind> = [
            .activityTaskCompleted, .activityTaskFailed, .timerFired, .childWorkflowExecutionCompleted, .childWorkflowExecutionFailed,
        ]
        for (index, event) in history.events.enumerated() {
            var broken = history
            if event.kind.isTerminal {
                broken.events.append(event)
            } else if ends.contains(event.kind) {
                broken.events.insert(event, at: index + 1)
            } else if [.childWorkflowExecutionStarted, .activityTaskStarted].contains(event.kind) {
                broken.events.remove(at: index)
                var twice = history
                twice.events.insert(event, at: index + 1)
                #expect(throws: HistoryError.self) { try WorkflowHistory(temporalJSON: twice.temporalJSON) }
            } else {
                continue
            }
            #expect(throws: HistoryError.self, "\(event.kind) of event \(event.id)") {
                try WorkflowHistory(temporalJSON: broken.temporalJSON)
            }
            guard event.kind == .timerFired else { continue }
            broken = history
            broken.events[index].fields[.timerID] = .text("99")
            #expect(throws: HistoryError.self) { try WorkflowHistory(temporalJSON: broken.temporalJSON) }
        }
    }

    // MARK: Reading

    @Test func theFormsOfTemporalsToolsAreRead() throws {
        let started = """
            {"eventId":"1","eventTime":"2026-01-01T00:00:00.123456789Z","eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_STARTED","taskId":"7",
            "workflowExecutionStartedEventAttributes":{"workflowType":{"name":"one"},"originalExecutionRunId":"r","attempt":1,
            "input":{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"-_8="},{"metadata":{"encoding":"YmluYXJ5L251bGw="},"data":null}]},
            "workflowRunTimeout":"1.500000001s","unheardOf":{"a":[1]}},"userMetadata":{"summary":{"data":"IngiCg=="}}}
            """
        let nexus = """
            {"eventId":"2","eventTime":"2026-01-01T00:00:01Z","eventType":"EVENT_TYPE_NEXUS_OPERATION_SCHEDULED",
            "nexusOperationScheduledEventAttributes":{"endpoint":"e","service":"s","operation":"o"}}
            """
        for text in ["{\"events\":[\(started),\(nexus)]}", "[{\"events\":[\(started),\(nexus)]}]"] {
            let history = try WorkflowHistory(temporalJSON: text)
            #expect(history.events.map(\.kind) == [.workflowExecutionStarted, .nexusOperationScheduled])
            #expect(history.events[0].fields.payloads(.input).map(\.data) == [[0xFB, 0xFF], []])
            #expect(
                try JSONValue(parsing: history.temporalJSON)["events"]?.array == [JSONValue(parsing: started), JSONValue(parsing: nexus)])
        }
    }

    /// The flags say what the SDK compares that has recorded the history; an old one had none.
    @Test func aHistoryOfAnotherWithoutFlagsGetsNone() throws {
        let text = try String(contentsOf: Self.folder.appending(path: "Recorded/one.json"), encoding: .utf8)
        guard case .array(let recorded)? = try JSONValue(parsing: text)["events"] else { return #expect(Bool(false), "no events") }
        let attributes = "workflowTaskCompletedEventAttributes"
        let old = recorded.map { event in
            var (event, completed) = (event, event[attributes])
            for member in ["sdkMetadata", "workerVersion", "meteringMetadata"] { completed?[member] = nil }
            if let completed { event[attributes] = completed }
            event["taskId"] = nil
            return event
        }
        let history = try WorkflowHistory(temporalJSON: JSONValue.object(["events": .array(old)]).canonicalText)
        #expect(try JSONValue(parsing: history.temporalJSON)["events"] == .array(old))
    }
}
