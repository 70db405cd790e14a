import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// Several things come while the code is away; then it sees them. What is away is the code alone: the engine that takes what comes has none
/// of this type.
enum OrderRaces {
    private static let events = [
        "WORKFLOW_EXECUTION_SIGNALED": "signal", "WORKFLOW_EXECUTION_CANCEL_REQUESTED": "cancel", "TIMER_FIRED": "timer",
        "ACTIVITY_TASK_COMPLETED": "activity", "CHILD_WORKFLOW_EXECUTION_TERMINATED": "child",
    ]

    static func found(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        let steps = answer["steps"].split(separator: " ").map(String.init)
        try await world.begin(answer["waits"].split(separator: " ").map(String.init), .seconds(steps.contains("timer") ? 20 : 3600))
        let before = try await world.kinds().count
        let away = world.without("race")
        for step in steps { try await away.letCome(step, world.tokens) }
        let came = try await away.kinds().dropFirst(before).compactMap { events[$0] }
        #expect(came == steps)
        let back = away.with(RaceWorld.workflows)
        try await back.settle()
        let ends = try await back.kinds().filter { $0 == "TIMER_FIRED" || $0 == "TIMER_CANCELED" }
        let (saw, status) = (try await back.scenario.result("w"), try await back.status())
        return answer.with(["saw": saw ?? .string(status), "timer": .array(ends.map { .string($0) })])
    }
}

extension RaceWorld {
    /// The same store at the same time, with other code.
    func with(_ workflows: [WorkflowType]) -> RaceWorld {
        var other = RaceWorld(isEager: isEager, workflows)
        let scenario = WorkflowScenario(store: scenario.store, workflows: workflows, options: EngineOptions(isEager: isEager))
        scenario.clock.advance(by: now - scenario.clock.now)
        other.scenario = scenario
        return other
    }

    func without(_ type: String) -> RaceWorld { with(Self.workflows.filter { $0.name != type }) }

    /// Starts the workflow of a race; it waits for everything when this returns.
    fileprivate func begin(_ waits: [String], _ limit: Duration) async throws {
        try await start("race", ["waits": .string(waits[0]), "limit": .integer(Int(limit.components.seconds))])
        if waits != ["condition"] {
            for what in waits { try await signal("wait", .string(what)) }
        }
    }

    fileprivate func letCome(_ step: String, _ tokens: RaceTokens) async throws {
        switch step {
        case "signal": try await signal("word", 1)
        case "cancel": try await engine.cancel(workflowID: "w", at: now)
        case "activity": try await engine.complete(try tokens.first, result: "done", at: now)
        case "child": try await engine.terminate(workflowID: "w-child", reason: "test", at: now)
        default: try await pass(.seconds(20))
        }
        try await settle()
    }

    /// Waits for several things at once and says which came first, and in which order all of them came.
    static let race = WorkflowType("race") { context, input in
        let limit = Duration.seconds(input["limit"]?.integer ?? 0)
        var (order, signals, isStopped, isTimerOver): ([String], Int, Bool, Bool) = ([], 0, false, true)
        context.onSignal(Signal<Int>("word")) { _ in
            signals += 1
            order.append("signal")
        }
        if input["waits"] == "condition" {
            do {
                let isMet = try await context.condition(timeout: limit) { signals > 0 }
                return .string("\(isMet ? "signal" : "timer") of \(signals)")
            } catch is CancellationError { return .string("cancel of \(signals)") }
        }
        context.onSignal(Signal<String>("wait")) { what in
            switch what {
            case "activity": try await begin(context, "one")
            case "child":
                do { _ = try await startChild(context).result() } catch is ChildWorkflowError {}
            default:
                isTimerOver = false
                let isEarly = try await context.condition(timeout: limit) { isStopped }
                isTimerOver = true
                if isEarly { return }
            }
            order.append(what)
        }
        do { try await context.condition { !order.isEmpty } } catch is CancellationError {
            isStopped = true
            try await context.withCancellationShield { _ = try await context.condition { isTimerOver } }
            return "cancel"
        }
        return .string("\(order[0]) of \(order.joined(separator: ","))")
    }

    private static func startChild(_ context: WorkflowContext) async throws -> ChildWorkflowHandle<JSONValue> {
        let options = ChildWorkflowOptions(id: context.workflowID + "-child")
        return try await context.startChildWorkflow("ends", input: "", options: options)
    }
}
