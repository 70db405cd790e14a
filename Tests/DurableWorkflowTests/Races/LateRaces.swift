import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// What comes after an end.
enum LateRaces {
    private static let endings: Set = ["completed", "failed", "cancelled", "terminated", "timedOut", "continuedAsNew"]

    static func found(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        switch answer["group"] {
        case "update": try await update(answer, world)
        case "message": try await message(answer, world)
        default: try await endings.contains(answer["after"]) ? afterEnd(answer, world) : inOpenRun(answer, world)
        }
    }

    // MARK: Of attempts

    private static func afterEnd(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        let ending = answer["after"]
        try await world.start("ends", "one", world.options(ending))
        let run = try await world.runID()
        try await world.close(ending)
        let before = try await world.kinds(run: run)
        #expect(before.last == "WORKFLOW_EXECUTION_" + (ending == "cancelled" ? "CANCELED" : RaceWorld.serverName(ending)))
        let own = try await say(answer, world)
        try await world.settle()
        return answer.with(["answer": .string(own), "isClosed": .bool(try await world.kinds(run: run) == before)])
    }

    private static func inOpenRun(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        let state = answer["after"]
        let plans = ["activityCancelled": "cancelled", "activityTimedOut": "brief", "attemptWaits": "patient", "attemptIsOld": "twice"]
        try await world.start("ends", .string(plans[state] ?? "one"))
        let token = try world.tokens.first
        switch state {
        case "activityCancelled": try await world.signal("end", "cancelActivity")
        case "activityCompleted": try await world.engine.complete(token, result: "done", at: world.now)
        case "attemptWaits":
            try await world.engine.fail(token, ApplicationError(type: "Late", message: "late"), at: world.now)
        case "activityTimedOut", "attemptIsOld": try await world.pass(.seconds(2))
        default: break
        }
        #expect(world.tokens.count == (state == "attemptIsOld" ? 2 : 1))
        let own = try await say(answer, world)
        try await world.settle()
        let kinds = ["COMPLETED", "FAILED", "TIMED_OUT", "CANCELED"].map { "ACTIVITY_TASK_" + $0 }
        let ends = try await world.kinds().filter(kinds.contains)
        return answer.with(["answer": .string(own), "ends": .array(ends.map { .string($0) })])
    }

    /// Says something of the first attempt from outside, and returns the answer's class.
    private static func say(_ answer: Race, _ world: RaceWorld) async throws -> String {
        let (engine, token, now) = (world.engine, try world.tokens.first, world.now)
        return try await result(answer) {
            switch answer["what"] {
            case "complete": try await engine.complete(token, result: "done", at: now)
            case "fail": try await engine.fail(token, ApplicationError(type: "Late", message: "late"), at: now)
            case "reportCancelled": try await engine.reportCancelled(token, at: now)
            default: try await engine.heartbeat(token, details: 1, at: now)
            }
        }
    }

    /// An answer's class. Whoever looks for the server's sentence finds it in ours, which says more.
    private static func result(_ answer: Race, _ body: () async throws -> Void) async throws -> String {
        do { try await body() } catch is CancellationError { return "cancelRequested" } catch is ActivityNotFound {
            return "notFound"
        } catch is WorkflowNotFound { return "notFound" } catch {
            let sentence = answer["answer"].split(separator: ": ", maxSplits: 1).last ?? ""
            return "\(error)".contains(sentence) ? answer["answer"] : "refused: \(error)"
        }
        return "ok"
    }

    // MARK: Of clients

    private static func message(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        let ending = answer["after"]
        if ending == "none" { return answer.with(["answer": .string(try await send(answer, world))]) }
        try await world.start("ends", "", world.options(ending))
        let run = try await world.runID()
        if ending == "open" { return answer.with(["answer": .string(try await send(answer, world))]) }
        try await world.close(ending)
        let before = try await world.kinds(run: run)
        let own = try await send(answer, world)
        try await world.settle()
        return answer.with(["answer": .string(own), "isClosed": .bool(try await world.kinds(run: run) == before)])
    }

    private static func send(_ answer: Race, _ world: RaceWorld) async throws -> String {
        let (engine, now) = (world.engine, world.now)
        if answer["what"].hasSuffix("OfWorkflow") {
            try await world.start("sender", .string(answer["what"]), id: "sender")
            guard let heard = try await world.scenario.result("sender")?.string else { return try await world.status("sender") }
            return heard
        }
        let signal = SignalMessage(id: "late", name: "touch", payload: .null)
        return try await result(answer) {
            switch answer["what"] {
            case "signal":
                let receipt = try await engine.signal(workflowID: "w", signal: signal, at: now)
                if receipt == .notRunning { throw WorkflowNotFound(workflowID: "w", expected: "an open run") }
            case "cancel": try await engine.cancel(workflowID: "w", at: now)
            case "terminate": try await engine.terminate(workflowID: "w", reason: "late", at: now)
            case "update": _ = try await engine.update(workflowID: "w", id: "u", name: "quick", input: 1, at: now)
            case "query": _ = try await engine.query(workflowID: "w", name: "state", at: now)
            case "signalWithStart":
                try await engine.signalWithStart(workflowID: "w", type: "ends", input: "", signal: signal, at: now)
            default: try await engine.reset(workflowID: "w", toEvent: 4, reason: "late", at: now)
            }
        }
    }

    // MARK: Of updates

    /// The caller waits when the run closes; another asks later.
    private static func update(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        let (engine, ending) = (world.engine, answer["after"])
        try await world.start("ends", "", world.options(ending))
        let outcome = try await engine.update(workflowID: "w", id: "u", name: "never", input: 1, at: world.now)
        #expect(outcome == .accepted(id: "u"))
        let waiting = Task { try await engine.result(ofUpdate: "u", workflowID: "w") }
        try await world.close(ending)
        return answer.with([
            "answer": .string(type(of: try await waiting.value)),
            "again": .string(type(of: try await engine.outcome(ofUpdate: "u", workflowID: "w", at: world.now))),
        ])
    }

    private static func type(of outcome: UpdateOutcome?) -> String {
        guard case .failed(_, let failure) = outcome else { return "\(String(describing: outcome))" }
        return failure.type ?? ""
    }
}
