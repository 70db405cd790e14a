public import Events

/// A message to a running workflow.
public struct SignalMessage: Codable, Hashable, Sendable {
    /// Its id; a workflow receives an id once.
    public var id: String
    /// What it is about.
    public var name: String
    /// Its content.
    public var payload: JSONValue

    /// A signal.
    public init(id: String, name: String, payload: JSONValue) {
        self.id = id
        self.name = name
        self.payload = payload
    }
}

/// One thing that a workflow's code waits for.
public struct AwaitedSignal: Hashable, Sendable {
    /// Any of these signals ends the wait.
    public var signals: Set<String>
    /// When the wait ends without one; nil for never.
    public var until: Timestamp?
}

/// Thrown into a workflow that leaves memory; what its code does with it is dropped.
struct Eviction: Error {}

/// What workflow code may use: activities, timers, signals and the time.
///
/// It is `Sendable` so that `async let` and task groups can use it; every access is on the one thread that drains the workflow.
public final class WorkflowContext: @unchecked Sendable {
    private struct SignalWait {
        let timer: Int?
        let until: Timestamp?
        let wait: Int
        let names: Set<String>
    }

    /// The workflow's id.
    public let workflowID: String
    /// The run's id.
    public let runID: String
    /// The moment of the present activation, the same on every replay.
    public internal(set) var now: Timestamp
    /// The ids of the signals that ``nextSignal(named:timeout:)`` has returned, in order.
    public private(set) var signalsUsed: [String] = []

    /// What the code decided in the present activation.
    private(set) var commands: [HistoryEvent] = []
    /// Retry policies of the activities scheduled in the present activation.
    private(set) var policies: [Int: RetryPolicy] = [:]
    private var continuations: [Int: CheckedContinuation<JSONValue, any Error>] = [:]
    private var activityNames: [Int: String] = [:]
    private var waits: [SignalWait] = []
    private var buffer: [SignalMessage] = []
    private var lastSequence = 0
    private var isEvicted = false

    init(workflowID: String, runID: String, now: Timestamp) {
        self.workflowID = workflowID
        self.runID = runID
        self.now = now
    }

    /// Runs an activity and returns its result; throws ``ActivityError`` when it failed for good.
    public func execute(_ activity: String, input: JSONValue, retry: RetryPolicy = RetryPolicy()) async throws -> JSONValue {
        try Task.checkCancellation()
        let sequence = nextSequence()
        command(.activityScheduled, ["sequence": .integer(sequence), "name": .string(activity), "input": input])
        policies[sequence] = retry
        activityNames[sequence] = activity
        return try await result(of: sequence)
    }

    /// Waits for `duration`, in which the process may die and be deployed anew.
    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        _ = try await result(of: startTimer(duration))
    }

    /// The next signal of one of `names`, in order of arrival; signals are kept until somebody asks. Nil after `timeout`.
    public func nextSignal(named names: Set<String>, timeout: Duration? = nil) async throws -> SignalMessage? {
        try Task.checkCancellation()
        if let index = buffer.firstIndex(where: { names.contains($0.name) }) { return use(buffer.remove(at: index)) }
        if let timeout, timeout <= .zero { return nil }
        let timer = timeout.map(startTimer)
        let wait = timer ?? nextSequence()
        waits.append(SignalWait(timer: timer, until: timeout.map { now + $0 }, wait: wait, names: names))
        let value = try await result(of: wait)
        return value.isNull ? nil : use(try value.decoded(as: SignalMessage.self))
    }

    /// Signals that have arrived and that nobody has asked for.
    public var bufferedSignals: [SignalMessage] { buffer }

    private func use(_ signal: SignalMessage) -> SignalMessage {
        signalsUsed.append(signal.id)
        return signal
    }

    private func startTimer(_ duration: Duration) -> Int {
        let sequence = nextSequence()
        command(.timerStarted, ["sequence": .integer(sequence), "fireAt": .integer(Int((now + duration).milliseconds))])
        return sequence
    }

    private func nextSequence() -> Int {
        lastSequence += 1
        return lastSequence
    }

    private func command(_ kind: HistoryEvent.Kind, _ attributes: JSONValue) {
        guard !isEvicted else { return }
        commands.append(HistoryEvent(id: 0, kind: kind, at: now, attributes: attributes))
    }

    private func result(of sequence: Int) async throws -> JSONValue {
        if isEvicted { throw Eviction() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { self.continuations[sequence] = $0 }
        } onCancel: {
            self.abandon(sequence)
        }
    }

    // The rest is the engine's: it runs on the thread that drains the workflow.

    var isAwaiting: Bool { !continuations.isEmpty }

    /// The signals that the code waits for now, in the order in which it began to.
    var awaited: [AwaitedSignal] { waits.map { AwaitedSignal(signals: $0.names, until: $0.until) } }

    func takeCommands() -> ([HistoryEvent], [Int: RetryPolicy]) {
        defer { (commands, policies) = ([], [:]) }
        return (commands, policies)
    }

    func finish(_ kind: HistoryEvent.Kind, _ attributes: JSONValue) { command(kind, attributes) }

    /// Applies one history event that the code is waiting for.
    func apply(_ event: HistoryEvent) throws {
        switch event.kind {
        case .activityCompleted: resume(event.sequence, .success(event.attributes["result"] ?? .null))
        case .activityFailed:
            let failure: ActivityFailure = try (event.attributes["failure"] ?? .null).decoded()
            resume(event.sequence, .failure(ActivityError(activity: activityNames[event.sequence] ?? "", failure: failure)))
        case .timerFired:
            waits.removeAll { $0.timer == event.sequence }
            resume(event.sequence, .success(.null))
        case .signalReceived: try receive(event.attributes)
        default: break
        }
    }

    private func receive(_ attributes: JSONValue) throws {
        let signal: SignalMessage = try attributes.decoded()
        guard let index = waits.firstIndex(where: { $0.names.contains(signal.name) }) else { return buffer.append(signal) }
        let wait = waits.remove(at: index)
        if let timer = wait.timer { command(.timerCancelled, ["sequence": .integer(timer)]) }
        resume(wait.wait, .success(attributes))
    }

    private func abandon(_ sequence: Int) {
        if let index = waits.firstIndex(where: { $0.wait == sequence }) { waits.remove(at: index) }
        resume(sequence, .failure(CancellationError()))
    }

    private func resume(_ sequence: Int, _ result: Result<JSONValue, any Error>) {
        continuations.removeValue(forKey: sequence)?.resume(with: result)
    }

    /// Resumes everything with an error so that nothing leaks; commands that the code issues meanwhile are dropped.
    func evict() {
        isEvicted = true
        for sequence in continuations.keys.sorted() { resume(sequence, .failure(Eviction())) }
    }
}
