import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// Children and other workflows, on every engine.
@Suite struct ChildLaws {
    private static let go = Signal<String>("go")
    private static let waiter = Workflow<String, String>("waiter") { context, name in
        let word = try await context.wait(for: go)
        return "\(name) \(word ?? "")"
    }
    private static let failing = Workflow<Int, Int>("failing") { _, _ in throw ApplicationError(type: "Bad", message: "bad") }
    private static let double = Workflow<Int, Int>("double") { _, number in number * 2 }

    @Test(arguments: LawEngine.allCases) func aChildReturnsToItsParent(engine: LawEngine) async throws {
        let parent = WorkflowType("parent") { context, _ in
            async let left = context.executeChildWorkflow(Self.double, 1, options: ChildWorkflowOptions(id: "left"))
            async let right = context.executeChildWorkflow(Self.double, 2, options: ChildWorkflowOptions(id: "right"))
            var failure = ""
            do { _ = try await context.executeChildWorkflow(Self.failing, 1) } catch let error as ChildWorkflowError {
                failure = error.cause.type ?? ""
            }
            return [.integer(try await left), .integer(try await right), .string(failure)]
        }
        let scenario = try engine.scenario([parent, Self.double.type, Self.failing.type])
        try await scenario.start("parent")
        try await scenario.run()
        #expect(try await scenario.result("w") == [2, 4, "Bad"])
        #expect(try await scenario.store.history(of: "left").first?.fields.text(.parentWorkflowID) == "w")
        #expect(try await scenario.engine.nextDue() == nil)
    }

    @Test(arguments: LawEngine.allCases) func anIdInUseIsNotStarted(engine: LawEngine) async throws {
        let parent = WorkflowType("parent") { context, _ in
            do {
                _ = try await context.startChildWorkflow(Self.waiter, "x", options: ChildWorkflowOptions(id: "taken"))
                return "started"
            } catch let error as ChildWorkflowError { return .string(error.cause.type ?? "") }
        }
        let scenario = try engine.scenario([parent, Self.waiter.type])
        try await scenario.start("waiter", "first", id: "taken")
        try await scenario.start("parent")
        try await scenario.run()
        #expect(try await scenario.result("w") == "WorkflowAlreadyExists")
        #expect(try await scenario.status("taken") == .running)
    }

    @Test(arguments: LawEngine.allCases) func messagesGoToChildrenAndOthers(engine: LawEngine) async throws {
        let parent = WorkflowType("parent") { context, _ in
            let child = try await context.startChildWorkflow(Self.waiter, "child", options: ChildWorkflowOptions(id: "c"))
            try await child.signal(Self.go, "hello")
            try await context.externalWorkflow("other").signal(Self.go, "there")
            var failure = ""
            do { try await context.externalWorkflow("nobody").signal(Self.go, "lost") } catch let error as ApplicationError {
                failure = error.type
            }
            try await context.externalWorkflow("victim").cancel()
            return [.string(try await child.result()), .string(failure)]
        }
        let scenario = try engine.scenario([parent, Self.waiter.type])
        try await scenario.start("waiter", "other", id: "other")
        try await scenario.start("waiter", "victim", id: "victim")
        try await scenario.start("parent")
        try await scenario.run()
        #expect(try await scenario.result("w") == ["child hello", "ExternalWorkflowExecutionNotFound"])
        #expect(try await scenario.result("other") == "other there")
        #expect(try await scenario.status("victim") == .cancelled)
    }

    @Test(arguments: LawEngine.allCases, ParentClosePolicy.allCases)
    func childrenFollowTheirParent(engine: LawEngine, policy: ParentClosePolicy) async throws {
        let parent = WorkflowType("parent") { context, _ in
            _ = try await context.startChildWorkflow(
                Self.waiter, "x", options: ChildWorkflowOptions(id: "c", parentClosePolicy: policy))
            return .null
        }
        let scenario = try engine.scenario([parent, Self.waiter.type])
        try await scenario.start("parent")
        try await scenario.run()
        let expected: WorkflowStatus = policy == .terminate ? .terminated : policy == .abandon ? .running : .cancelled
        #expect(try await scenario.status("c") == expected)
        #expect(try await scenario.status() == .completed)
    }

    @Test(arguments: LawEngine.allCases, ChildWorkflowCancellationType.allCases)
    func cancellationReachesAChildAsItsTypeSays(engine: LawEngine, type: ChildWorkflowCancellationType) async throws {
        let slow = Workflow<Nothing, Nothing>("slow") { context, _ in
            do { try await context.sleep(for: .days(1)) } catch is CancellationError {
                try await context.withCancellationShield { try await context.sleep(for: .minutes(10)) }
                throw CancellationError()
            }
            return Nothing()
        }
        let parent = WorkflowType("parent") { context, _ in
            let options = ChildWorkflowOptions(id: "c", parentClosePolicy: .abandon, cancellationType: type)
            _ = try await context.executeChildWorkflow(slow, Nothing(), options: options)
            return .null
        }
        let scenario = try engine.scenario([parent, slow.type])
        try await scenario.start("parent")
        try await scenario.settle()
        let began = scenario.clock.now
        try await scenario.engine.cancel(workflowID: "w", at: began)
        try await scenario.settle()
        #expect(try await scenario.status() == (type == .waitCancellationCompleted ? .running : .cancelled))
        try await scenario.run()
        #expect(try await scenario.status() == .cancelled)
        #expect(try await scenario.status("c") == (type == .abandon ? .completed : .cancelled))
    }

    @Test(arguments: LawEngine.allCases) func aChildThatContinuesAsNewStillReturns(engine: LawEngine) async throws {
        let looping = Workflow<Int, Int>("looping") { context, round in
            if round == 3 { return round }
            throw try context.continueAsNew(round + 1)
        }
        let parent = WorkflowType("parent") { context, _ in .integer(try await context.executeChildWorkflow(looping, 0)) }
        let scenario = try engine.scenario([parent, looping.type])
        try await scenario.start("parent")
        try await scenario.run()
        #expect(try await scenario.result("w") == 3)
    }
}
