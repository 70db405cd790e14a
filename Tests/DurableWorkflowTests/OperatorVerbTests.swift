import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// What operators ask of the code of many runs before a deploy.
@Suite struct OperatorVerbTests {
    /// A workflow that waits, changes, and waits again; the change as a deploy would make it.
    private enum Change { case none, patched, deprecated, unpatched, removed }

    private static func order(_ change: Change, isEndless: Bool = true) -> WorkflowType {
        WorkflowType("order") { context, _ in
            var stage = "created"
            context.onQuery(Query<String, String>("stage")) { "\($0) \(stage)" }
            _ = try await context.nextSignal(named: ["begin"])
            stage = "begun"
            var isNew = change == .unpatched || change == .removed
            if change == .patched { isNew = context.patched("change") }
            if change == .deprecated {
                context.deprecatePatch("change")
                isNew = true
            }
            _ = try await context.execute("echo", input: isNew ? 2 : 1)
            if isNew { try await context.sleep(for: .seconds(1)) }
            stage = "waiting"
            if isEndless { _ = try await context.condition { false } }
            return .string(stage)
        }
    }

    private static let echo = ActivityType("echo") { _, input in input }
    private static func replayer(_ change: Change) -> WorkflowReplayer { WorkflowReplayer(workflows: [order(change)]) }

    /// Starts workflows with `change`; those in `begun` go past the point.
    private func run(_ store: InMemoryWorkflowStore, _ change: Change, start: [String], begun: [String]) async throws {
        let scenario = WorkflowScenario(store: store, workflows: [Self.order(change)], activities: [Self.echo])
        for id in start {
            try await scenario.engine.start(workflowID: id, type: "order", input: .null, options: WorkflowOptions(), at: scenario.clock.now)
        }
        for id in begun {
            let signal = SignalMessage(id: "b", name: "begin", payload: .null)
            try await scenario.engine.signal(workflowID: id, signal: signal, at: scenario.clock.now)
        }
        try await scenario.run()
    }

    private func history(_ store: InMemoryWorkflowStore, _ id: String) async throws -> WorkflowHistory {
        WorkflowHistory(events: try await store.history(of: id))
    }

    @Test func aQueryIsAnsweredFromTheHistory() async throws {
        let store = InMemoryWorkflowStore()
        try await run(store, .none, start: ["a", "b"], begun: ["b"])
        let replayer = Self.replayer(.none)
        #expect(try await replayer.query("stage", input: "it is", of: history(store, "a")) == "it is created")
        #expect(try await replayer.query("stage", input: "it is", of: history(store, "b")) == "it is waiting")
        let before = try await history(store, "b")
        let unknown = try await #require(throws: UnknownMessage.self) { try await replayer.query("state", of: history(store, "b")) }
        #expect(unknown.known == ["stage"])
        #expect(try await history(store, "b") == before)
        await #expect(throws: NonDeterminismError.self) {
            try await Self.replayer(.unpatched).query("stage", input: "", of: history(store, "b"))
        }
    }

    @Test func aClosedRunAnswersToo() async throws {
        let scenario = WorkflowScenario(workflows: [Self.order(.none, isEndless: false)], activities: [Self.echo])
        try await scenario.engine.signalWithStart(
            workflowID: "a", type: "order", input: .null, signal: SignalMessage(id: "b", name: "begin", payload: .null),
            at: scenario.clock.now)
        try await scenario.run()
        #expect(try await scenario.store.run("a")?.status == .completed)
        let replayer = WorkflowReplayer(workflows: [Self.order(.none, isEndless: false)])
        let history = try await scenario.engine.history(workflowID: "a")
        #expect(try replayer.query("stage", input: "ended,", of: history) == "ended, waiting")
    }

    @Test func whatARunWaitsForIsKnown() async throws {
        let store = InMemoryWorkflowStore()
        try await run(store, .none, start: ["a", "b"], begun: ["b"])
        let waits = try await (Self.replayer(.none).waits(of: history(store, "a")), Self.replayer(.none).waits(of: history(store, "b")))
        #expect(waits.0.signals.map(\.signals) == [["begin"]] && waits.0.conditions == 0)
        #expect(waits.1.signals.isEmpty && waits.1.conditions == 1)
    }

    @Test(arguments: [1, 3, 64]) func shadowFindsEveryRunThatDoesNotFit(concurrency: Int) async throws {
        let store = InMemoryWorkflowStore()
        let ids = (0..<50).map { "w-\($0)" }
        try await run(store, .none, start: ids, begun: ids.filter { $0.hasSuffix("3") })
        let shadow = WorkflowShadow(concurrency: concurrency)
        #expect(try await shadow.run(Self.replayer(.none), on: store) == report(50, 50))
        #expect(try await shadow.run(Self.replayer(.patched), on: store) == report(50, 50))
        let found = try await shadow.run(Self.replayer(.unpatched), on: store)
        #expect(found.problems.map(\.workflow) == ["w-3", "w-13", "w-23", "w-33", "w-43"], "oldest first")
        let problem = try #require(found.problems.first)
        #expect(problem.cause == .nonDeterminism)
        #expect(problem.found == "timerStarted 1")
        #expect(problem.run == (try await store.run("w-3")?.runID))
        let none = try await shadow.run(WorkflowReplayer(workflows: []), on: store)
        #expect(Set(none.problems.map(\.cause)) == [.unknownWorkflowType])
    }

    private func report(_ matching: Int, _ replayed: Int) -> WorkflowShadow.Report {
        var report = WorkflowShadow.Report()
        (report.matching, report.replayed) = (matching, replayed)
        return report
    }

    @Test func shadowTakesASampleOfWhatTheQueryFinds() async throws {
        let store = InMemoryWorkflowStore()
        try await run(store, .none, start: (0..<200).map { "w-\($0)" }, begun: [])
        let scenario = WorkflowScenario(store: store, workflows: [])
        try await scenario.engine.terminate(workflowID: "w-7", reason: "test", at: scenario.clock.now)
        var shadow = WorkflowShadow(filter: WorkflowFilter(query: try WorkflowQuery("WorkflowId STARTS_WITH 'w-1'")))
        #expect(try await shadow.run(Self.replayer(.none), on: store) == report(111, 111))
        shadow = WorkflowShadow(sample: 0.25, seed: 7)
        let sampled = try await shadow.run(Self.replayer(.none), on: store)
        #expect(sampled.matching == 199)
        #expect(20...80 ~= sampled.replayed)
        #expect(try await shadow.run(Self.replayer(.none), on: store) == sampled, "the same seed is the same sample")
        #expect(try await WorkflowShadow(sample: 0).run(Self.replayer(.none), on: store).replayed == 0)
        #expect(try await WorkflowShadow(includesClosed: true).run(Self.replayer(.none), on: store) == report(200, 200))
    }

    @Test func aPatchIsReportedFromItsFirstRunToItsLast() async throws {
        let store = InMemoryWorkflowStore()
        try await run(store, .none, start: ["past", "early"], begun: ["past"])
        try await run(store, .patched, start: ["new"], begun: ["new"])
        var report = try await PatchReport(of: store, Self.replayer(.patched))
        var patch = try #require(report.patches.first)
        #expect((report.patches.count, report.open, patch.id, patch.calls) == (1, 3, "change", ["patched"]))
        #expect(patch.before.map(\.workflow) == ["past"])
        #expect(patch.marked.map(\.workflow) == ["new"])
        #expect(patch.notReached.map(\.workflow) == ["early"])
        #expect(patch.forbidsBranchRemoval.map(\.workflow) == ["past"])
        #expect(try await store.run("new")?.searchAttributes["TemporalChangeVersion"] == ["change"])

        let scenario = WorkflowScenario(store: store, workflows: [Self.order(.deprecated)], activities: [Self.echo])
        try await scenario.engine.terminate(workflowID: "past", reason: "test", at: scenario.clock.now)
        try await run(store, .deprecated, start: ["newest"], begun: ["newest", "early"])
        report = try await PatchReport(of: store, Self.replayer(.deprecated))
        patch = report.patch("change")
        #expect(patch.calls == ["deprecatePatch"])
        #expect(patch.forbidsBranchRemoval.isEmpty)
        #expect(patch.forbidsCallRemoval.map(\.workflow) == ["new"])
        #expect(patch.deprecated.map(\.workflow).sorted() == ["early", "newest"])

        try await scenario.engine.terminate(workflowID: "new", reason: "test", at: scenario.clock.now)
        patch = try await PatchReport(of: store, Self.replayer(.deprecated)).patch("change")
        #expect(patch.forbidsCallRemoval.isEmpty)
        #expect(patch.closed == 1)
        #expect(try await WorkflowShadow().run(Self.replayer(.removed), on: store).problems.isEmpty, "what the report says is true")
    }

    @Test func aRunThatDoesNotFitForbidsEverything() async throws {
        let store = InMemoryWorkflowStore()
        try await run(store, .unpatched, start: ["odd"], begun: ["odd"])
        let report = try await PatchReport(of: store, Self.replayer(.none))
        #expect(report.patches.isEmpty)
        #expect(report.patch("change").forbidsBranchRemoval.map(\.workflow) == ["odd"])
        let unrelated = try await PatchReport(of: store, WorkflowReplayer(workflows: []))
        #expect(unrelated.patch("change").forbidsCallRemoval.isEmpty)
        #expect(unrelated.unknownTypes.map(\.workflow) == ["odd"], "nobody knows what a run needs whose code is not here")
        #expect(report.unknownTypes.isEmpty)
    }
}
