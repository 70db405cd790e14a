import Synchronization

/// A value that a test waits on: it is told when the value is as wanted, and never sleeps.
final class Watched<Value: Sendable>: Sendable {
    private struct Waiter: Sendable {
        let isWanted: @Sendable (Value) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var value: Value
        var waiters: [Waiter] = []
    }

    private let state: Mutex<State>

    init(_ value: Value) { state = Mutex(State(value: value)) }

    var value: Value { state.withLock { $0.value } }

    @discardableResult
    func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        let (result, content): (Result, [Waiter]) = state.withLock { state in
            var value = state.value
            let result = body(&value)
            state.value = value
            let content = state.waiters.filter { $0.isWanted(value) }
            state.waiters.removeAll { $0.isWanted(value) }
            return (result, content)
        }
        for waiter in content { waiter.continuation.resume() }
        return result
    }

    func wait(_ isWanted: @escaping @Sendable (Value) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isNow = state.withLock { state in
                if isWanted(state.value) { return true }
                state.waiters.append(Waiter(isWanted: isWanted, continuation: continuation))
                return false
            }
            if isNow { continuation.resume() }
        }
    }
}
