import BridgeTesting
import DurableWorkflow
import Events
import Synchronization
import Testing

/// A commit that failed: it may have come true or not.
private struct Doubt: Error {}

/// Fails one commit, or draws which ones fail, either before or after they have come true.
private final class DoubtfulStore: ForwardingWorkflowStore {
    enum Fault: CaseIterable { case lost, kept }

    let base: any WorkflowStore
    private let draw: Mutex<@Sendable (Int) -> Fault?>
    private let commits = Mutex(0)

    init(_ base: any WorkflowStore, _ draw: @escaping @Sendable (Int) -> Fault?) {
        self.base = base
        self.draw = Mutex(draw)
    }

    var count: Int { commits.withLock { $0 } }

    func commit(_ changes: [WorkflowChange]) async throws {
        let number = commits.withLock { count in
            count += 1
            return count
        }
        guard let fault = draw.withLock({ $0 })(number) else { return try await base.commit(changes) }
        if fault == .kept { try await base.commit(changes) }
        throw Doubt()
    }
}

/// What a commit that failed came to is known to the store alone: the engine reads it again, and neither loses nor doubles.
@Suite struct DoubtLaws {
    private static let engines: [LawEngine] = [.memory, .disk, .memoryEager, .diskEager]

    private static let child = Workflow<Int, Int>("child") { context, input in
        try await context.sleep(for: .seconds(1))
        return input
    }

    private static let parent = WorkflowType("parent") { context, input in
        let round = input.integer ?? 0
        async let child = context.executeChildWorkflow(Self.child, 7, options: ChildWorkflowOptions(id: "child-\(round)"))
        let first = try await context.execute("echo", input: 1)
        let signal = try await context.nextSignal(named: ["go\(round)"])
        try await context.sleep(for: .minutes(1))
        let second = try await child
        guard round > 0 else { throw try context.continueAsNew(JSONValue.integer(1)) }
        return [first, .integer(second), .string(signal?.id ?? "")]
    }

    /// Repeats what failed, as a client does.
    private func insist(_ body: () async throws -> Void) async throws {
        while true { do { return try await body() } catch is Doubt {} }
    }

    private func play(_ scenario: WorkflowScenario) async throws {
        let policies = WorkflowOptions(idReusePolicy: .rejectDuplicate, idConflictPolicy: .useExisting)
        try await insist { try await scenario.start("parent", 0, policies) }
        let engine = scenario.engine
        let result = Task { try await engine.result(workflowID: "w")?.json() }
        try await insist { try await scenario.settle() }
        for round in 0...1 {
            try await insist { try await scenario.signal("go\(round)", id: "s\(round)") }
            try await insist { try await scenario.run() }
        }
        #expect(try await result.value == [1, 7, "s1"], "who waits hears of it")
    }

    /// Everything that has happened, but for workflow tasks, which may come twice.
    private func events(_ store: any WorkflowStore) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for run in try await store.runs() {
            #expect(run.status.isClosed)
            for event in try await store.history(run.key) where !"\(event.kind)".hasPrefix("workflowTask") {
                counts["\(run.workflowID) \(event.kind)", default: 0] += 1
            }
        }
        return counts
    }

    @Test(.timeLimit(.minutes(10)), arguments: engines) func everyCommitMayFail(engine: LawEngine) async throws {
        let expected = try await outcome(engine) { _ in nil }
        for fault in DoubtfulStore.Fault.allCases {
            var failing = 1
            while true {
                let found = try await outcome(engine) { [failing] in $0 == failing ? fault : nil }
                #expect(found.events == expected.events, "commit \(failing), \(fault)")
                if found.commits < failing { break }
                failing += 1
            }
            #expect(failing > 10)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: engines) func halfOfAllCommitsMayFail(engine: LawEngine) async throws {
        let expected = try await outcome(engine) { _ in nil }.events
        for seed in UInt64(1)...12 {
            let random = Mutex(SeededRandom(seed: seed))
            let found = try await outcome(engine) { _ in
                random.withLock { $0.chance(0.5) ? ($0.chance(0.5) ? .kept : .lost) : nil }
            }
            #expect(found.events == expected, "seed \(seed)")
        }
    }

    private func outcome(_ engine: LawEngine, _ draw: @escaping @Sendable (Int) -> DoubtfulStore.Fault?) async throws -> (
        events: [String: Int], commits: Int
    ) {
        let store = DoubtfulStore(try engine.store(), draw)
        let scenario = WorkflowScenario(
            store: store, workflows: [Self.parent, Self.child.type], activities: [echo], options: EngineOptions(isEager: engine.isEager))
        try await play(scenario)
        return (try await events(store), store.count)
    }

    /// A client's commit fails while the worker sleeps: what it made due is done all the same.
    @Test(.timeLimit(.minutes(10))) func aWorkerGoesOnAfterTheDoubtOfAClient() async throws {
        let fails = Mutex(false)
        let store = DoubtfulStore(InMemoryWorkflowStore()) { _ in
            fails.withLock { fails in
                defer { fails = false }
                return fails ? .kept : nil
            }
        }
        let engine = EmbeddedEngine(
            store: store, workflows: [Self.parent, Self.child.type], activities: [echo], options: EngineOptions(isEager: true))
        let worker = WorkflowWorker(engine: engine)
        let running = Task { try await worker.run() }
        fails.withLock { $0 = true }
        await #expect(throws: Doubt.self) {
            try await engine.start(workflowID: "c", type: "child", input: 3, options: WorkflowOptions(), at: SystemTime().now)
        }
        #expect(try await engine.result(workflowID: "c")?.json() == 3)
        worker.stop()
        try await running.value
    }

    /// The worker's own commit fails: it ends with the error, who waits is told, and the next engine goes on.
    @Test(.timeLimit(.minutes(10)), arguments: DoubtfulStore.Fault.allCases) private func aWorkerEndsWithItsDoubt(
        fault: DoubtfulStore.Fault
    ) async throws {
        let base = InMemoryWorkflowStore()
        let store = DoubtfulStore(base) { $0 == 2 ? fault : nil }
        func engine() -> EmbeddedEngine {
            EmbeddedEngine(store: store, workflows: [Self.child.type], activities: [echo], options: EngineOptions(isEager: true))
        }
        let first = engine()
        try await first.start(workflowID: "c", type: "child", input: 3, options: WorkflowOptions(), at: SystemTime().now)
        let waiting = Task { try await first.result(workflowID: "c") }
        await #expect(throws: Doubt.self) { try await WorkflowWorker(engine: first).run() }
        if fault == .lost { await #expect(throws: Doubt.self) { try await waiting.value } } else { _ = try? await waiting.value }
        // Who asks later must not wait for somebody who is gone.
        if fault == .lost {
            await #expect(throws: Doubt.self) { try await first.result(workflowID: "c") }
        } else {
            #expect(try await first.result(workflowID: "c")?.json() == 3)
        }
        let second = engine()
        let worker = WorkflowWorker(engine: second)
        let running = Task { try await worker.run() }
        #expect(try await second.result(workflowID: "c")?.json() == 3)
        worker.stop()
        try await running.value
        #expect(try await base.history(of: "c").count { $0.kind == .timerFired } == 1)
    }
}
