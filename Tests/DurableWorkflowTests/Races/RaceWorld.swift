import BridgeTesting
import DurableWorkflow
import Events
import Synchronization
import Testing

/// An engine of ours in virtual time, with the workflows of `Temporal/race_workflows.py`.
struct RaceWorld {
    /// How a run's time is over.
    static let timeout = Duration.hours(1)
    let tokens: RaceTokens
    let isEager: Bool
    var scenario: WorkflowScenario

    init(isEager: Bool, _ workflows: [WorkflowType] = RaceWorld.workflows, _ others: [ActivityType] = []) {
        tokens = RaceTokens()
        self.isEager = isEager
        scenario = WorkflowScenario(
            workflows: workflows, activities: [Self.later(tokens)] + others, options: EngineOptions(isEager: isEager))
    }

    static let workflows = [ends, race, parent, listener, sender, unruly]

    var engine: EmbeddedEngine { scenario.engine }
    var now: Timestamp { scenario.clock.now }

    func start(_ type: String, _ input: JSONValue = "", id: String = "w", _ options: WorkflowOptions = WorkflowOptions()) async throws {
        try await engine.start(workflowID: id, type: type, input: input, options: options, at: now)
        try await settle()
    }

    @discardableResult
    func signal(_ name: String, _ payload: JSONValue = .null, to id: String = "w") async throws -> SignalReceipt {
        let signal = SignalMessage(id: "", name: name, payload: payload)
        let receipt = try await engine.signal(workflowID: id, signal: signal, at: now)
        try await settle()
        return receipt
    }

    /// Runs what can be run without time passing.
    func settle() async throws { try await scenario.run(until: now) }

    func pass(_ duration: Duration) async throws {
        let end = now + duration
        try await scenario.run(until: end)
        if now < end { scenario.clock.advance(by: end - now) }
    }

    /// The kinds of a run's events by the server's names; none when there is no run.
    func kinds(_ id: String = "w", run: String? = nil) async throws -> [String] {
        guard let run = try await scenario.store.run(id, runID: run) else { return [] }
        return try await scenario.store.history(run.key).map { Self.serverName("\($0.kind)") }
    }

    /// A run's status by the server's name; `nothing` when there is no run.
    func status(_ id: String = "w", run: String? = nil) async throws -> String {
        switch try await scenario.store.run(id, runID: run)?.status {
        case .cancelled?: "canceled"
        case let status?: Self.serverName(status.rawValue).lowercased()
        case nil: "nothing"
        }
    }

    func runID(_ id: String = "w") async throws -> String { try #require(try await scenario.store.run(id)).runID }

    /// `timerFired` is TIMER_FIRED.
    static func serverName(_ name: String) -> String {
        name.reduce(into: "") { text, letter in
            if letter.isUppercase { text += "_" }
            text += letter.uppercased()
        }
    }

    /// Lets a run end, and what follows from that happen.
    func close(_ ending: String, _ id: String = "w") async throws {
        switch ending {
        case "cancelled": try await engine.cancel(workflowID: id, at: now)
        case "terminated": try await engine.terminate(workflowID: id, reason: "test", at: now)
        case "timedOut": try await pass(Self.timeout)
        default: try await signal("end", .string(ending), to: id)
        }
        try await settle()
    }

    func options(_ ending: String) -> WorkflowOptions { WorkflowOptions(executionTimeout: ending == "timedOut" ? Self.timeout : nil) }
}

/// The tokens of the attempts that have begun.
final class RaceTokens: Sendable {
    private let tokens = Mutex<[TaskToken]>([])
    func add(_ token: TaskToken) { tokens.withLock { $0.append(token) } }
    var first: TaskToken { get throws { try #require(tokens.withLock { $0.first }) } }
    var count: Int { tokens.withLock { $0.count } }
}

// MARK: Code

extension RaceWorld {
    /// The activity that somebody else ends.
    private static func later(_ tokens: RaceTokens) -> ActivityType {
        ActivityType("later") { context, plan in
            tokens.add(context.taskToken)
            if plan == "twice", context.attempt == 1 {
                throw ApplicationError(type: "Again", message: "again", nextRetryDelay: .milliseconds(1))
            }
            throw CompletesLater()
        }
    }

    static func begin(_ context: WorkflowContext, _ plan: String, _ type: ActivityCancellationType = .abandon) async throws {
        let isRepeated = plan == "twice" || plan == "patient"
        let options = ActivityOptions(
            startToCloseTimeout: plan == "brief" ? .seconds(1) : .hours(10),
            retryPolicy: RetryPolicy(initialInterval: .hours(1), maximumAttempts: isRepeated ? 2 : 1), cancellationType: type)
        _ = try await context.execute("later", input: .string(plan), options: options)
    }

    static let no = ApplicationError(type: "No", message: "no", isNonRetryable: true)

    private static let ends = WorkflowType("ends") { context, input in
        context.onQuery(Query<Nothing, String>("state")) { _ in "here" }
        context.onUpdate(Update<Int, Int>("quick")) { $0 }
        context.onUpdate(Update<Int, Int>("never")) { number in
            try await context.condition { false }
            return number
        }
        let plan = input.string ?? ""
        return try await withThrowingTaskGroup(of: Void.self) { group in
            if plan != "", plan != "again" {
                group.addTask { try? await begin(context, plan, plan == "cancelled" ? .tryCancel : .abandon) }
            }
            defer { group.cancelAll() }
            while true {
                switch try await context.nextSignal(named: ["end"])?.payload {
                case "cancelActivity": group.cancelAll()
                case "failed": throw no
                case "continuedAsNew": throw try context.continueAsNew(JSONValue.string("again"))
                case "completed": return "done"
                default: break
                }
            }
        }
    }

    private static func child(_ context: WorkflowContext, _ type: String, _ options: ChildWorkflowOptions) async throws
        -> ChildWorkflowHandle<JSONValue>
    {
        var options = options
        options.id = context.workflowID + "-child"
        options.cancellationType = .abandon
        return try await context.startChildWorkflow(type, input: "", options: options)
    }

    /// Starts a child under a policy; then it ends as it is told, or with the task that asks for the child.
    private static let parent = WorkflowType("parent") { context, input in
        let words = (input.string ?? "").split(separator: " ").map(String.init)
        guard let policy = words.first, policy != "again", var how = words.last else {
            try await context.condition { false }
            return .null
        }
        let policies: [String: ParentClosePolicy] = ["TERMINATE": .terminate, "ABANDON": .abandon, "REQUEST_CANCEL": .requestCancel]
        let options = ChildWorkflowOptions(parentClosePolicy: policies[policy] ?? .terminate)
        if how == "wait" {
            _ = try await child(context, "ends", options)
            how = try await context.nextSignal(named: ["end"])?.payload.string ?? ""
        } else {
            var isAsked = false
            context.onSignal(Signal<Int>("ask")) { _ in
                isAsked = true
                _ = try await child(context, "ends", options)
            }
            try await context.condition { isAsked }
        }
        if how == "failed" { throw no }
        if how == "continuedAsNew" { throw try context.continueAsNew(JSONValue.string("again")) }
        return "done"
    }

    /// Says what it hears of its child, by the names of the Python SDK's errors.
    private static let listener = WorkflowType("listener") { context, input in
        var options = ChildWorkflowOptions(executionTimeout: input == "timedOut" ? timeout : nil)
        if input == "retried" { options.retryPolicy = RetryPolicy(initialInterval: .milliseconds(1), maximumAttempts: 2) }
        do { return try await child(context, input == "retried" ? "unruly" : "ends", options).result() } catch let error
            as ChildWorkflowError
        {
            switch error.cause.info {
            case .application: return "ApplicationError"
            case .canceled: return "CancelledError"
            case .terminated: return "TerminatedError"
            case .timeout: return "TimeoutError"
            default: return .string(error.description)
            }
        }
    }

    /// Sends one message to another workflow and says what it hears.
    private static let sender = WorkflowType("sender") { context, input in
        let other = context.externalWorkflow("w")
        do {
            if input == "cancelOfWorkflow" { try await other.cancel() } else { try await other.signal(Signal<Nothing>("touch"), Nothing()) }
            return "ok"
        } catch let error as ApplicationError { return .string(error.type.hasSuffix("NotFound") ? "notFound" : "refused: \(error.type)") }
    }

    /// Fails at its first attempt.
    private static let unruly = WorkflowType("unruly") { context, _ in
        if context.info.attempt == 1 { throw ApplicationError(type: "No", message: "no") }
        return "done"
    }
}
