import Events
import WorkflowHook

// How workflow code waits. A workflow that is live costs what its task keeps while it waits, so between the `await` of the user's code and
// the place where the task is suspended there is one function's frame: what comes before and after it is not `async`, and not inlined,
// so that its own variables are not part of that frame.

#if DEBUG
    /// Wakes who waits; reports one that is woken twice or never.
    typealias WorkflowContinuation = CheckedContinuation<Arrival, any Error>
#else
    /// Wakes who waits; every one leaves its table before it is resumed, and an eviction resumes all, so nothing has to check it.
    typealias WorkflowContinuation = UnsafeContinuation<Arrival, any Error>
#endif

/// What a task of a workflow waits for: the key of an operation, or the id of a wait.
enum Wait {
    case outcome(Int)
    case childStart(Int)
    case condition(Int)
    case signal(Int)
}

/// What has ended a wait.
enum Arrival: Sendable {
    /// An operation's result.
    case result(Payload?)
    /// A condition is true, or the time for it is over.
    case isTrue(Bool)
    /// A signal; nil when the time for it is over.
    case signal(ReceivedSignal?)
}

extension WorkflowContext {
    /// Waits. A cancellation of the waiting task ends the wait.
    ///
    /// Only ``LiveWorkflow`` cancels the main task, so its wait needs no handler: that would be three frames.
    @inline(__always)
    func arrival(_ wait: Wait) async throws -> Arrival {
        guard begins(wait) else { return try await arrivalInChild(wait) }
        defer { mainWait = nil }
        return try await suspended(on: wait)
    }

    /// False when the calling task is not the main one: children and handlers have tasks of their own.
    @inline(never)
    private func begins(_ wait: Wait) -> Bool {
        guard workflow_current_task() == mainTask else { return false }
        mainWait = wait
        // An operation that is cancelled may end before anybody waits for it.
        if Task.isCancelled { cancel(wait) }
        return true
    }

    @inline(never)
    private func arrivalInChild(_ wait: Wait) async throws -> Arrival {
        try await withTaskCancellationHandler {
            try await suspended(on: wait)
        } onCancel: {
            self.cancel(wait)
        }
    }

    @inline(__always)
    private func suspended(on wait: Wait) async throws -> Arrival {
        #if DEBUG
            try await withCheckedThrowingContinuation { keep($0, for: wait) }
        #else
            try await withUnsafeThrowingContinuation { keep($0, for: wait) }
        #endif
    }

    /// The calling task is the main one from now on.
    func becomeMain() { mainTask = workflow_current_task() }

    /// The main task is cancelled: what it waits for itself ends first, as a handler of its own would see to.
    func cancelMainWait() {
        if let mainWait { cancel(mainWait) }
    }

    @inline(never)
    private func cancel(_ wait: Wait) {
        switch wait {
        case .outcome(let key): cancel(key)
        case .childStart(let key):
            cancel(key)
            childEnded(key)
        case .condition(let id), .signal(let id): end(wait: id, .failure(CancellationError()))
        }
    }

    /// Puts the continuation where it is found; a wait that is over already is not waited for.
    @inline(never)
    private func keep(_ continuation: WorkflowContinuation, for wait: Wait) {
        switch wait {
        case .outcome(let key):
            guard let operation = operations[key] else { break }
            guard let outcome = operation.result.outcome else {
                operations[key]?.result.waiter = continuation
                return
            }
            forget(key)
            return continuation.resume(with: outcome.map(Arrival.result))
        case .childStart(let key):
            guard operations[key] != nil else { break }
            operations[key]?.started.waiter = continuation
            return
        case .condition(let id):
            guard let index = conditions.lastIndex(where: { $0.id == id }) else { break }
            conditions[index].continuation = continuation
            return
        case .signal(let id):
            guard let index = waits.lastIndex(where: { $0.id == id }) else { break }
            return keep(continuation, forSignal: index)
        }
        continuation.resume(throwing: CancellationError())
    }

    // MARK: Operations

    /// Waits for an operation's result; a cancellation of the waiting task cancels the operation as its options say.
    @inline(__always)
    func outcome(of key: Int) async throws -> Arrival {
        if isEvicted { throw Eviction() }
        return try await arrival(.outcome(key))
    }

    /// Waits until a child runs.
    @inline(__always)
    func started(_ key: Int) async throws {
        if isEvicted { throw Eviction() }
        _ = try await arrival(.childStart(key))
    }

    /// What an operation's result says.
    @inline(never)
    func value<Value: Decodable>(_ arrival: Arrival) throws -> Value {
        guard case .result(let payload) = arrival else { return try converter.value(nil) }
        return try converter.value(payload)
    }

    // MARK: Conditions

    /// Waits until `predicate` is true; it is asked after everything that the workflow does. False when `timeout` passes first.
    ///
    /// When several conditions become true at once, the code goes on in the order in which it began to wait.
    @discardableResult
    public func condition(timeout: Duration? = nil, _ predicate: @escaping () -> Bool) async throws -> Bool {
        guard let id = try begin(condition: predicate, timeout) else { return true }
        guard case .isTrue(let isTrue) = try await arrival(.condition(id)) else { return false }
        return isTrue
    }

    /// Nil when it is true already.
    @inline(never)
    private func begin(condition predicate: @escaping () -> Bool, _ timeout: Duration?) throws -> Int? {
        try Task.checkCancellation()
        if isEvicted { throw Eviction() }
        if predicate() { return nil }
        counters.waits += 1
        let id = counters.waits
        conditions.append(Condition(id: id, timer: timeout.map { startTimer($0, ends: id) }, predicate: predicate))
        return id
    }

    // MARK: Signals

    /// The next signal of one of `names`, in order of arrival; signals are kept until somebody asks. Nil after `timeout`.
    public func nextSignal(named names: consuming Set<String>, timeout: Duration? = nil) async throws -> SignalMessage? {
        let id = try begin(signals: SignalWait.Names(names), timeout)
        return try message(await arrival(.signal(id)))
    }

    /// The content of the next `signal`, in order of arrival; nil after `timeout`.
    public func wait<Input>(for signal: Signal<Input>, timeout: Duration? = nil) async throws -> Input? {
        let id = try begin(signals: .one(signal.name), timeout)
        return try content(await arrival(.signal(id)))
    }

    @inline(never)
    private func begin(signals names: SignalWait.Names, _ timeout: Duration?) throws -> Int {
        try Task.checkCancellation()
        if isEvicted { throw Eviction() }
        counters.waits += 1
        let id = counters.waits
        var wait = SignalWait(id: id, names: names)
        if let index = buffer.firstIndex(where: { names.contains($0.name) }) {
            wait.end = .some(buffer.remove(at: index))
        } else if let timeout, timeout <= .zero {
            wait.end = .some(nil)
        } else if let timeout {
            wait.timer = startTimer(timeout, ends: id)
            wait.until = now + timeout
        }
        waits.append(wait)
        return id
    }

    private func keep(_ continuation: WorkflowContinuation, forSignal index: Int) {
        guard case .some(let signal) = waits[index].end else { return waits[index].continuation = continuation }
        waits.remove(at: index)
        continuation.resume(returning: .signal(signal))
    }

    @inline(never)
    private func message(_ arrival: Arrival) throws -> SignalMessage? {
        guard case .signal(let signal?) = arrival else { return nil }
        signalsUsed.append(signal.id)
        return SignalMessage(id: signal.id, name: signal.name, payload: try converter.value(signal.payload))
    }

    @inline(never)
    private func content<Input: Decodable>(_ arrival: Arrival) throws -> Input? {
        guard case .signal(let signal?) = arrival else { return nil }
        signalsUsed.append(signal.id)
        return try converter.value(signal.payload)
    }
}
