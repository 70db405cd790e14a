import BridgeTesting
import DurableWorkflow
import Events
import Synchronization
import Testing

/// A message comes while a workflow task is open: while the code waits for a local activity.
enum TaskRaces {
    private static let closing = [
        "complete": ("completed", "COMPLETED"), "fail": ("failed", "FAILED"), "cancel": ("canceled", "CANCELED"),
        "continueAsNew": ("continued_as_new", "CONTINUED_AS_NEW"),
    ]

    /// What has to come of a race here: an activation and its commit are one step, so whatever comes meanwhile comes after it. The server
    /// refuses a task that would end a run past a message, and the code decides again; here the run ends, and the sender hears that.
    /// A termination there ends the task too; here it ends what the task has left.
    static func inOneStep(_ answer: Race) throws -> Race {
        guard answer["group"] == "task" else { return answer }
        let (message, end) = (answer["message"], closing[answer["command"]])
        var own = answer.with(["events": .array((answer.values["events"]?.array ?? []).filter { !isOfTask($0) })])
        if message == "update" { return own }
        own.values["again"] = nil
        own["answer"] = "accepted"
        if let end {
            own["status"] = end.0
            own.values["events"] = [.string("WORKFLOW_EXECUTION_" + end.1)]
            own.values["isSeen"] = false
            own["sender"] = message == "cancel" || message == "timer" ? "ok" : "notFound"
            if end.0 == "continued_as_new", message != "activity" { own["sender"] = "ok" }
        } else {
            own["sender"] = "ok"
        }
        if message == "terminate", end == nil {
            let commands = ["cancelTimer": "TIMER_CANCELED", "scheduleActivity": "ACTIVITY_TASK_SCHEDULED"]
            let events = [commands[answer["command"]], "WORKFLOW_EXECUTION_TERMINATED"].compactMap { $0 }
            own.values["events"] = .array(events.map { .string($0) })
        }
        return own
    }

    private static func isOfTask(_ kind: JSONValue) -> Bool { kind.string?.hasPrefix("WORKFLOW_TASK_") ?? true }

    static func found(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        let message = answer["message"]
        let door = Door()
        let hold = ActivityType("hold") { _, _ in
            await door.open()
            return .null
        }
        let world = RaceWorld(isEager: world.isEager, [held], [hold])
        try await world.begin(answer["command"], timer: message == "timer" ? .seconds(3) : .hours(10))
        let (run, before) = (try await world.runID(), try await world.kinds().count)
        let (engine, now, token) = (world.engine, world.now, try world.tokens.first)
        door.message = { try await letCome(message, engine, token, at: now) }
        try await world.signal("wake", 1)
        let sender = try await door.sent()
        try await world.settle()
        let events = try await world.kinds(run: run).dropFirst(before + 1).map { JSONValue.string($0) }
        var own = answer
        own.values["again"] = nil
        return own.with([
            "answer": "accepted", "sender": .string(sender), "status": .string(try await world.status(run: run)),
            "events": .array(events.filter { !isOfTask($0) && $0 != "MARKER_RECORDED" }),
            "isSeen": .bool(events.contains { names[message].map(JSONValue.string) == $0 }),
        ])
    }

    private static let names = [
        "signal": "WORKFLOW_EXECUTION_SIGNALED", "cancel": "WORKFLOW_EXECUTION_CANCEL_REQUESTED", "timer": "TIMER_FIRED",
        "activity": "ACTIVITY_TASK_COMPLETED", "terminate": "WORKFLOW_EXECUTION_TERMINATED",
        "update": "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
    ]

    /// What the sender hears.
    private static func letCome(_ message: String, _ engine: EmbeddedEngine, _ token: TaskToken, at now: Timestamp) async throws -> String {
        do {
            switch message {
            case "signal":
                let signal = SignalMessage(id: "late", name: "word", payload: 1)
                if try await engine.signal(workflowID: "w", signal: signal, at: now) == .notRunning { return "notFound" }
            case "cancel": try await engine.cancel(workflowID: "w", at: now)
            case "update": _ = try await engine.update(workflowID: "w", id: "late", name: "quick", input: 1, at: now)
            case "terminate": try await engine.terminate(workflowID: "w", reason: "test", at: now)
            case "activity": try await engine.complete(token, result: "done", at: now)
            default: try await engine.runDue(at: now + .seconds(3))
            }
            return "ok"
        } catch is WorkflowNotFound { return "notFound" } catch is ActivityNotFound { return "notFound" }
    }

    /// Waits as it was told, then does one thing with a message under way, then waits for ever.
    private static let held = WorkflowType("held") { context, input in
        var isReleased = false
        context.onSignal(Signal<Int>("timer")) { seconds in
            try await context.condition(timeout: .seconds(seconds)) { isReleased }
        }
        context.onSignal(Signal<Int>("activity")) { _ in try await RaceWorld.begin(context, "one") }
        context.onUpdate(Update<Int, Int>("quick")) { $0 }
        try await context.withCancellationShield {
            _ = try await context.nextSignal(named: ["wake"])
            _ = try await context.executeLocal("hold", input: .null)
        }
        switch input {
        case "complete": return .null
        case "fail": throw RaceWorld.no
        case "cancel": throw CancellationError()
        case "continueAsNew": throw try context.continueAsNew(JSONValue.string("again"))
        case "cancelTimer": isReleased = true
        case "scheduleActivity": context.onSignal(Signal<Int>("second")) { _ in try await RaceWorld.begin(context, "two") }
        default: break
        }
        try await context.withCancellationShield { _ = try await context.condition { false } }
        return .null
    }
}

extension RaceWorld {
    fileprivate func begin(_ command: String, timer: Duration) async throws {
        try await start("held", .string(command))
        try await signal("activity", 1)
        try await signal("timer", .integer(Int(timer.components.seconds)))
        if command == "scheduleActivity" { try await signal("second", 1) }
        if command == "cancel" {
            try await engine.cancel(workflowID: "w", at: now)
            try await settle()
        }
    }
}

/// Sends a message when an activity opens it, and lets nobody wait for that message.
private final class Door: Sendable {
    private let state = Mutex<(message: (@Sendable () async throws -> String)?, sending: Task<String, any Error>?)>((nil, nil))

    var message: (@Sendable () async throws -> String)? {
        get { state.withLock { $0.message } }
        set { state.withLock { $0.message = newValue } }
    }

    /// Returns when the message is on its way.
    func open() async {
        guard let message, state.withLock({ $0.sending == nil }) else { return }
        await withCheckedContinuation { continuation in
            let sending = Task {
                continuation.resume()
                return try await message()
            }
            state.withLock { $0.sending = sending }
        }
        for _ in 0..<20 { await Task.yield() }
    }

    func sent() async throws -> String {
        let sending = try #require(state.withLock { $0.sending })
        return try await sending.value
    }
}
