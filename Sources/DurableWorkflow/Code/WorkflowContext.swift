public import Events
import Logging

/// What a workflow knows of itself.
public struct WorkflowInfo: Hashable, Sendable {
    /// The workflow's id.
    public var workflowID: String
    /// The run's id.
    public var runID: String
    /// The run's id before it was reset; randomness depends on it.
    public var originalRunID: String
    /// The first run's id in a chain of continue-as-new and retries.
    public var firstRunID: String
    /// The type's name.
    public var type: String
    /// The queue.
    public var taskQueue: String
    /// From 1; grows with the workflow's own retries.
    public var attempt: Int
    /// When the run began.
    public var startedAt: Timestamp
    /// The parent's workflow id; nil for a workflow without parent.
    public var parentWorkflowID: String?
    /// The result of the run before in a cron schedule.
    public var lastCompletionResult: Payload?
    /// Why the run before failed.
    public var lastFailure: Failure?
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

/// Carries what is not `Sendable` into a task of the same workflow, whose jobs all run on one thread.
struct OnWorkflowThread<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// What workflow code may use: activities, timers, messages, children and the time.
///
/// It is `Sendable` so that `async let` and task groups can use it; every access is on the one thread that drains the workflow.
public final class WorkflowContext: @unchecked Sendable {
    /// The workflow's id.
    public let workflowID: String
    /// The run's id.
    public let runID: String
    /// The moment of the present activation, the same on every replay.
    public internal(set) var now: Timestamp
    /// True while the code is shown what it has done before: no logs, no metrics then.
    public internal(set) var isReplaying = false
    /// The number of events up to the start of the present workflow task, the same on every replay.
    public internal(set) var historyLength = 0
    /// True when the history is so long that the code should continue as new.
    public var isContinueAsNewSuggested: Bool { historyLength >= WorkflowLimits.continueAsNewSuggestedEvents }
    /// The ids of the signals that ``nextSignal(named:timeout:)`` has returned, in order.
    public internal(set) var signalsUsed: [String] = []
    /// Notes that operations show.
    public internal(set) var memo: [String: JSONValue] = [:]
    /// Values to find the run by.
    public internal(set) var searchAttributes: [String: JSONValue] = [:]
    /// Between values and payloads.
    public let converter: PayloadConverter

    let executor: WorkflowExecutor
    /// Where ``logger`` writes.
    let log: Logger
    private let type: String
    let taskQueue: String
    private let startedAt: Timestamp
    let first: FirstEvent?
    var commands = CommandQueue()
    var problem: (any Error)?
    var operations: [Int: Operation] = [:]
    /// Operations by the event that confirmed them.
    var initiated: [Int: Int] = [:]
    var conditions: [Condition] = []
    var waits: [SignalWait] = []
    var buffer: [ReceivedSignal] = []
    var counters = Counters()
    var random: SeededRandom
    var isCancelRequested = false
    var isReadOnly = false
    var isEvicted = false
    /// What the code is to be started with.
    var starting: EventFields = [:]
    /// The task that runs the workflow's own code.
    var mainTask: UnsafeRawPointer?
    /// What it waits for.
    var mainWait: Wait?
    /// What few workflows have.
    var rest: ContextRest?

    init(_ state: RunState, executor: WorkflowExecutor, converter: PayloadConverter, log: Logger) {
        (workflowID, runID) = (state.run.workflowID, state.run.runID)
        (type, taskQueue, startedAt) = (state.run.type, state.run.taskQueue, state.run.startedAt)
        first = state.first
        self.log = log
        self.executor = executor
        self.converter = converter
        now = startedAt
        random = SeededRandom(seed: 0)
    }

    /// What the workflow knows of itself.
    public var info: WorkflowInfo {
        let fields = first?.event?.fields ?? [:]
        let parent = fields.text(.parentWorkflowID)
        return WorkflowInfo(
            workflowID: workflowID, runID: runID, originalRunID: fields.text(.originalRunID), firstRunID: fields.text(.firstRunID),
            type: type, taskQueue: taskQueue, attempt: fields.integer(.attempt) ?? 1, startedAt: startedAt,
            parentWorkflowID: parent.isEmpty ? nil : parent,
            lastCompletionResult: fields.payloads(.lastCompletionResult).first, lastFailure: fields.failure(.continuedFailure))
    }

    // MARK: Commands

    func command(_ kind: HistoryEvent.Kind, _ fields: EventFields, operation: Int? = nil) {
        guard !isEvicted else { return }
        guard !isReadOnly else { return note(ReadOnlyViolation(what: kind.name)) }
        commands.append(PendingCommand(event: HistoryEvent(kind: kind, at: now, fields: fields), operation: operation))
    }

    /// A value on its way out; while replaying nobody looks at it, because inputs are not compared.
    func outgoing(_ value: some Encodable) throws -> Payload { isReplaying ? .null : try converter.payload(value) }

    func note(_ error: any Error) { problem = problem ?? error }

    func begin(_ kind: Operation.Kind, name: String, id: String) -> Int {
        counters.operations += 1
        operations[counters.operations] = Operation(kind: kind, name: name, id: id)
        return counters.operations
    }

    func forget(_ key: Int) {
        guard let operation = operations.removeValue(forKey: key), let event = operation.eventID else { return }
        initiated[event] = nil
    }

    /// Ends an operation: whoever waits goes on; without a waiter the outcome is kept.
    func finish(_ key: Int, _ outcome: Result<Payload?, any Error>) {
        guard let operation = operations[key] else { return }
        if let waiter = operation.result.waiter {
            forget(key)
            waiter.resume(with: outcome.map(Arrival.result))
        } else {
            operations[key]?.result.outcome = outcome
        }
    }

    // MARK: Time and randomness

    /// Waits for `duration`, in which the process may die and be deployed anew.
    public func sleep(for duration: Duration) async throws {
        _ = try await outcome(of: beginSleep(duration))
    }

    @inline(never)
    private func beginSleep(_ duration: Duration) throws -> Int {
        try Task.checkCancellation()
        return startTimer(duration)
    }

    func startTimer(_ duration: Duration, ends wait: Int? = nil) -> Int {
        counters.timers += 1
        let id = String(counters.timers)
        let key = begin(.timer(ends: wait), name: "timer", id: id)
        let milliseconds = max(1, Int(duration.milliseconds))
        command(.timerStarted, [.timerID: .text(id), .startToFireTimeout: .integer(milliseconds)], operation: key)
        return key
    }

    /// Random numbers that are the same on every replay.
    public var randomNumberGenerator: SeededRandom {
        get { random }
        set { random = newValue }
    }

    /// A random UUID (version 4) that is the same on every replay.
    public func uuid() -> String {
        let high = random.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let digits = [high, low].map { value in
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
        var parts: [String] = []
        var rest = digits[...]
        for length in [8, 4, 4, 4, 12] {
            parts.append(String(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return parts.joined(separator: "-")
    }

    // MARK: Shielding

    /// Runs `body` so that a cancellation of the workflow does not reach it: compensation.
    public func withCancellationShield<Value: Sendable>(_ body: @escaping () async throws -> Value) async throws -> Value {
        let body = OnWorkflowThread(body)
        return try await Task(executorPreference: executor) { try await body.value() }.value
    }

    // MARK: Change in flight

    /// True for runs that reach this point for the first time with code that has the patch, and ever after in those runs.
    public func patched(_ id: String) -> Bool { patch(id, deprecated: false) }

    /// Says that no run from before the patch is open any more; the old branch may be deleted.
    public func deprecatePatch(_ id: String) { _ = patch(id, deprecated: true) }

    private func patch(_ id: String, deprecated: Bool) -> Bool {
        let isOn = patches[id] ?? (!isReplaying || announced.contains(id))
        patchCalls[id] = PatchCall(id: id, isDeprecated: deprecated || patchCalls[id]?.isDeprecated ?? false, isOn: isOn)
        guard patches.updateValue(isOn, forKey: id) == nil else { return isOn }
        guard isOn, let data = try? JSONValue(encoding: PatchMarker(id: id, deprecated: deprecated)) else { return isOn }
        command(.markerRecorded, [.markerName: .text(PatchMarker.name), .markerDetails: .map(["patch-data": Payload(data)])])
        return isOn
    }

    // MARK: What operations see

    /// Adds to the memo, which operations show; null removes.
    public func upsertMemo(_ changes: [String: JSONValue]) throws {
        memo.merge(changes) { $1 }
        memo = memo.filter { !$0.value.isNull }
        command(.workflowPropertiesModified, [.upsertedMemo: .map(try changes.mapValues { try converter.payload($0) })])
    }

    /// Adds to the values by which the run is found; null removes.
    public func upsertSearchAttributes(_ changes: [String: JSONValue]) {
        searchAttributes.merge(changes) { $1 }
        searchAttributes = searchAttributes.filter { !$0.value.isNull }
        command(.upsertWorkflowSearchAttributes, [.searchAttributes: .map(changes.mapValues(Payload.init(searchAttribute:)))])
    }

    // MARK: Continue as new

    /// The error to throw in order to go on in a new run with an empty history. Signals that nobody has taken go along.
    public func continueAsNew(_ input: some Encodable, type: String? = nil, taskQueue: String? = nil) throws -> ContinueAsNewError {
        ContinueAsNewError(type: type ?? self.type, taskQueue: taskQueue ?? self.taskQueue, input: try converter.payload(input))
    }
}

/// Thrown by workflow code to go on in a new run; made by ``WorkflowContext/continueAsNew(_:type:taskQueue:)``.
public struct ContinueAsNewError: Error, Hashable, Sendable {
    /// The new run's type.
    public var type: String
    /// Its queue.
    public var taskQueue: String
    /// Its input.
    public var input: Payload
}

/// A query or a validator tried to change something.
struct ReadOnlyViolation: Error, CustomStringConvertible {
    let what: String
    var description: String { "a query or validator: expected code that only reads, found \(what)" }
}

/// Where histories end.
public enum WorkflowLimits {
    /// Events of one run.
    public static let maximumEvents = 51_200
    /// Bytes of one run's history.
    public static let maximumBytes = 50 * 1024 * 1024
    /// From here on operations show a warning, see ``WorkflowRun/isHistoryLong``.
    public static let warnEvents = maximumEvents / 5
    /// From here on operations show a warning, see ``WorkflowRun/isHistoryLong``.
    public static let warnBytes = maximumBytes / 5
    /// From here on ``WorkflowContext/isContinueAsNewSuggested`` is true.
    public static let continueAsNewSuggestedEvents = 4096
    /// Activities, children and external messages of one run that may be open, each.
    public static let maximumPending = 2000
    /// Signals of one run.
    public static let maximumSignals = 10_000
    /// Characters of an id or name.
    public static let maximumNameLength = 1000
}
