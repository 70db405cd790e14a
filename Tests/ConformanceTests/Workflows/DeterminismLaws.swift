import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import SQLiteStorage
import Synchronization
import Testing

/// What happens when code changes, leaves its executor or is too large.
@Suite struct DeterminismLaws {
    private static func escape(_ name: String) -> WorkflowType {
        WorkflowType("escape") { context, _ in
            _ = try await context.execute("echo", input: 1)
            switch name {
            case "task": _ = await Task { 1 }.value
            case "detached": await Task.detached { await Task.yield() }.value
            case "sleep": try await Task.sleep(for: .milliseconds(1))
            case "actor": await MainActor.run {}
            case "global": await withTaskExecutorPreference(globalConcurrentExecutor) { await Task.yield() }
            case "continuation":
                await withCheckedContinuation { continuation in
                    Thread.detachNewThread {
                        Thread.sleep(forTimeInterval: 0.05)
                        continuation.resume()
                    }
                }
            default: break
            }
            return .string(name)
        }
    }

    private static let constructs: [(String, [WorkflowEscape.Construct])] = [
        ("task", [.unstructuredTask]), ("detached", [.unstructuredTask]), ("sleep", [.sleep]),
        ("actor", [.unstructuredTask, .awaitsNothing, .foreignThread]), ("global", [.unstructuredTask, .awaitsNothing, .foreignThread]),
        ("continuation", [.awaitsNothing, .foreignThread]),
    ]

    /// The workflow task fails and says what was used; right code heals the run.
    @Test(arguments: constructs) func escapesAreNamedAndHealed(name: String, expected: [WorkflowEscape.Construct]) async throws {
        let store = InMemoryWorkflowStore()
        let scenario = WorkflowScenario(store: store, workflows: [Self.escape(name)], activities: [echo])
        try await scenario.start("escape")
        try await scenario.run()
        #expect(try await scenario.status() == .blocked)
        let problem = try await scenario.problem()
        #expect(expected.contains { problem.contains($0.rawValue) }, "\(problem)")
        #expect(problem.contains("workflow w, run ") && problem.contains("event "))
        #expect(try await scenario.kinds().filter { $0 == .workflowTaskFailed }.count == 1)
        let healed = WorkflowScenario(store: store, workflows: [Self.escape("nothing")], activities: [echo])
        try await healed.run()
        #expect(try await healed.result("w") == "nothing")
    }

    @Test(arguments: LawEngine.allCases) func aBugBlocksAndAFixHeals(engine: LawEngine) async throws {
        struct Bug: Error {}
        let isFixed = Mutex(false)
        let workflow = WorkflowType("bug") { context, _ in
            try await context.sleep(for: .seconds(1))
            if !isFixed.withLock({ $0 }) { throw Bug() }
            return "fixed"
        }
        let scenario = try engine.scenario([workflow])
        try await scenario.start("bug")
        try await scenario.run()
        #expect(try await scenario.status() == .blocked)
        #expect(try await scenario.problem().contains("found Bug()"))
        isFixed.withLock { $0 = true }
        let healed = WorkflowScenario(store: scenario.store, workflows: [workflow])
        try await healed.run()
        #expect(try await healed.result("w") == "fixed")
    }

    @Test func aTypeWithoutCodeWaitsForIt() async throws {
        let store = InMemoryWorkflowStore()
        let none = WorkflowScenario(store: store, workflows: [])
        try await none.start("later", 7)
        try await none.run()
        #expect(try await none.problem().contains("expected code for type later, found none"))
        let some = WorkflowScenario(store: store, workflows: [WorkflowType("later") { _, input in input }])
        try await some.run()
        #expect(try await some.result("w") == 7)
    }

    @Test func codeThatDoesNotWaitIsADeadlock() async throws {
        let uptime = Mutex(Duration.zero)
        let workflow = WorkflowType("busy") { context, _ in
            _ = try await context.execute("echo", input: 1)
            uptime.withLock { $0 += .seconds(3) }
            return .null
        }
        let options = EngineOptions(uptime: { uptime.withLock { $0 } })
        let scenario = WorkflowScenario(workflows: [workflow], activities: [echo], options: options)
        try await scenario.start("busy")
        try await scenario.run()
        #expect(try await scenario.status() == .blocked)
        #expect(try await scenario.problem().contains("found 3.0 seconds of work"))
    }

    /// An optimised build once took the thread before the activity for the one after it, and said that the code had left its executor.
    @Test(arguments: LawEngine.allCases) func aLocalActivityMayComeBackOnAnotherThread(engine: LawEngine) async throws {
        let hop = ActivityType("hop") { _, input in
            for _ in 0..<20 { await Task.detached { await Task.yield() }.value }
            return input
        }
        let workflow = WorkflowType("hops") { context, _ in
            for number in 0..<20 { _ = try await context.executeLocal("hop", input: .integer(number)) }
            return "done"
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let scenario = try engine.scenario([workflow], [hop])
                    try await scenario.start("hops")
                    try await scenario.run()
                    let kinds = try await scenario.kinds()
                    #expect(!kinds.contains(.workflowTaskFailed) && kinds.last == .workflowExecutionCompleted)
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: Change in flight

    private static func patched(_ isNew: Bool) -> WorkflowType {
        WorkflowType("patched") { context, _ in
            if isNew {
                let first = context.patched("p") ? "new" : "old"
                if first == "new" { _ = try await context.execute("echo", input: "extra") }
                try await context.sleep(for: .hours(1))
                return .string("\(first) \(context.patched("p") ? "new" : "old")")
            }
            try await context.sleep(for: .hours(1))
            return "old old"
        }
    }

    @Test(arguments: LawEngine.allCases) func aPatchAppliesToNewRunsOnly(engine: LawEngine) async throws {
        let old = try engine.scenario([Self.patched(false)], [echo])
        try await old.start("patched", id: "a")
        try await old.settle()
        let new = WorkflowScenario(store: old.store, workflows: [Self.patched(true)], activities: [echo])
        try await new.start("patched", id: "b")
        try await new.run()
        #expect(try await new.result("a") == "old old")
        #expect(try await new.result("b") == "new new")
        let found = try await new.engine.list(WorkflowFilter(searchAttributes: ["TemporalChangeVersion": ["p"]]))
        #expect(found.map(\.workflowID) == ["b"])
        let deprecated = WorkflowType("patched") { context, _ in
            context.deprecatePatch("p")
            _ = try await context.execute("echo", input: "extra")
            try await context.sleep(for: .hours(1))
            return .null
        }
        let history = try await new.engine.history(workflowID: "b")
        #expect(throws: Never.self) {
            try WorkflowReplayer(workflows: [deprecated]).replay(WorkflowHistory(events: Array(history.events.dropLast(4))))
        }
    }

    /// Steps at the end need no patch: a history is a prefix of what the longer code does.
    @Test(arguments: LawEngine.allCases) func appendedStepsArePickedUp(engine: LawEngine) async throws {
        func steps(_ count: Int) -> WorkflowType {
            WorkflowType("steps") { context, _ in
                for step in 1...count {
                    _ = try await context.execute("echo", input: .integer(step))
                    if step == 10 { try await context.sleep(for: .days(1)) }
                }
                return .integer(count)
            }
        }
        let old = try engine.scenario([steps(10)], [echo])
        try await old.start("steps")
        try await old.settle()
        let new = WorkflowScenario(store: old.store, workflows: [steps(12)], activities: [echo])
        new.clock.advance(by: .days(1))
        try await new.run()
        #expect(try await new.result("w") == 12)
        #expect(try await new.kinds().count { $0 == .activityTaskScheduled } == 12)
    }

    @Test func changedCodeBlocksWithTheEvent() async throws {
        let store = InMemoryWorkflowStore()
        func code(_ name: String) -> WorkflowType {
            WorkflowType("w") { context, _ in
                _ = try await context.execute(name, input: 1)
                try await context.sleep(for: .hours(1))
                return "done"
            }
        }
        let other = ActivityType("other") { _, input in input }
        let first = WorkflowScenario(store: store, workflows: [code("echo")], activities: [echo])
        try await first.start("w")
        try await first.settle()
        let second = WorkflowScenario(store: store, workflows: [code("other")], activities: [other])
        second.clock.advance(by: .hours(1))
        try await second.run()
        #expect(try await second.problem().contains("event 5: expected activityTaskScheduled 1 echo, found activityTaskScheduled 1 other"))
        let third = WorkflowScenario(store: store, workflows: [code("echo")], activities: [echo])
        third.clock.advance(by: .hours(1))
        try await third.run()
        #expect(try await third.result("w") == "done")
    }

    // MARK: Limits and payloads

    @Test(arguments: LawEngine.allCases) func whatIsTooLargeIsRefused(engine: LawEngine) async throws {
        let large = String(repeating: "x", count: Payload.maximumSize)
        let activity = ActivityType("large") { _, _ in .string(large) }
        let workflow = WorkflowType("large") { context, _ in
            do { return try await context.execute("large", input: 1) } catch let error as ActivityError {
                return .string(error.cause.type ?? "")
            }
        }
        let scenario = try engine.scenario([workflow], [activity])
        await #expect(throws: PayloadError.self) { try await scenario.start("large", .string(large)) }
        await #expect(throws: LimitExceeded.self) { try await scenario.start("large", id: String(repeating: "i", count: 1001)) }
        try await scenario.start("large")
        await #expect(throws: PayloadError.self) { try await scenario.signal("s", .string(large)) }
        try await scenario.run()
        #expect(try await scenario.result("w") == "PayloadError")
    }

    @Test func tooMuchAtOnceBlocks() async throws {
        let workflow = WorkflowType("wide") { context, _ in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0...WorkflowLimits.maximumPending { group.addTask { _ = try? await context.execute("echo", input: 1) } }
            }
            return .null
        }
        let scenario = WorkflowScenario(workflows: [workflow], activities: [echo])
        try await scenario.start("wide")
        try await scenario.run()
        #expect(try await scenario.problem().contains("expected at most 2000 open activities"))
    }

    /// Code may go by the length of its history, so it has to see the same one whenever it is replayed.
    @Test(arguments: LawEngine.allCases) func theLengthOfAHistoryIsTheSameOnEveryReplay(engine: LawEngine) async throws {
        let live = Notes()
        let workflow = WorkflowType("long") { context, _ in
            var lengths: [JSONValue] = []
            for _ in 0..<4 {
                _ = try await context.execute("echo", input: 1)
                _ = try await context.executeLocal("echo", input: 2)
                _ = try await context.nextSignal(named: ["go"], timeout: .seconds(60))
                lengths.append(.integer(context.historyLength))
                if !context.isReplaying { live.add("\(context.historyLength)") }
            }
            return .array(lengths)
        }
        let scenario = try engine.scenario([workflow], [ActivityType("echo") { _, input in input }])
        try await scenario.start("long")
        for _ in 0..<2 {
            try await scenario.settle()
            try await scenario.signal("go")
        }
        try await scenario.run()
        let seen = try await scenario.result("w")?.array?.compactMap(\.integer).map { "\($0)" }
        #expect(seen == live.all, "what it saw at last, against what it saw when it was there for the first time")
        let starts = try await scenario.store.history(of: "w").filter { $0.kind == .workflowTaskStarted }.map { "\($0.id)" }
        #expect(live.all.allSatisfy(starts.contains), "as Temporal counts: up to the task's start")
    }

    @Test func aHistoryHasAnEnd() async throws {
        let workflow = WorkflowType("long") { context, _ in
            while true {
                if context.isContinueAsNewSuggested { context.upsertSearchAttributes(["suggested": true]) }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<1000 { group.addTask { _ = try await context.sleep(for: .seconds(1)) } }
                    try await group.waitForAll()
                }
            }
        }
        let scenario = WorkflowScenario(workflows: [workflow])
        try await scenario.start("long")
        try await scenario.run()
        #expect(try await scenario.status() == .terminated)
        let run = try #require(try await scenario.store.run("w"))
        #expect(run.length > WorkflowLimits.maximumEvents && run.length < WorkflowLimits.maximumEvents + 4000)
        #expect(run.searchAttributes["suggested"] == true)
    }

    private struct Reversing: PayloadCodec {
        func encode(_ payload: Payload) throws -> Payload {
            Payload(encoding: "binary/reversed", metadata: ["was": payload.encoding], data: payload.data.reversed())
        }
        func decode(_ payload: Payload) throws -> Payload {
            guard payload.encoding == "binary/reversed" else { return payload }
            return Payload(encoding: payload.metadata["was"] ?? "", data: payload.data.reversed())
        }
    }

    @Test(arguments: LawEngine.allCases) func aCodecSeesEveryPayload(engine: LawEngine) async throws {
        let workflow = WorkflowType("secret") { context, input in
            let back = try await context.execute("echo", input: input)
            let signal = try await context.nextSignal(named: ["s"])
            return [back, signal?.payload ?? .null]
        }
        let scenario = try engine.scenario([workflow], [echo], EngineOptions(converter: PayloadConverter(codec: Reversing())))
        try await scenario.start("secret", "card 4711")
        try await scenario.signal("s", "pin 0815")
        try await scenario.run()
        #expect(try await scenario.result("w") == ["card 4711", "pin 0815"])
        let json = try await scenario.engine.history(workflowID: "w").temporalJSON
        #expect(!json.contains("ImNhcmQ") && !json.contains("InBpbi"))
    }

    /// Forty workflows in memory for ten: each is evicted again and again, and goes on from its history.
    @Test(arguments: LawEngine.allCases) func evictionChangesNothing(engine: LawEngine) async throws {
        let workflow = WorkflowType("wide") { context, input in
            var sum = 0
            for _ in 0..<5 {
                async let left = context.execute("echo", input: input)
                async let right = context.execute("echo", input: 1)
                try await context.sleep(for: .seconds(10))
                sum += try await left.integer ?? 0
                sum += try await right.integer ?? 0
            }
            return .integer(sum)
        }
        let scenario = try engine.scenario([workflow], [echo], EngineOptions(maximumLive: 10))
        let count = engine == .memoryRebuilt || engine == .diskRebuilt ? 3 : 40
        for number in 0..<count { try await scenario.start("wide", .integer(number), id: "w\(number)") }
        try await scenario.run()
        for number in 0..<count { #expect(try await scenario.result("w\(number)") == .integer(5 * number + 5)) }
        #expect(scenario.engine.liveCount <= 11)
    }
}
