import Synchronization

/// Who waits for what; a wait ends when somebody tells, when it fails, or when the waiting task is cancelled.
final class Waiters<Key: Hashable & Sendable, Outcome: Sendable>: Sendable {
    private struct Waiter {
        let number: Int
        let continuation: CheckedContinuation<Outcome, any Error>
    }

    private struct State {
        var waiting: [Key: [Waiter]] = [:]
        var cancelled: Set<Int> = []
        var last = 0
        var failure: (any Error)?

        mutating func take(_ number: Int, _ key: Key) -> Waiter? {
            guard let index = waiting[key]?.firstIndex(where: { $0.number == number }) else { return nil }
            let waiter = waiting[key]?.remove(at: index)
            if waiting[key]?.isEmpty == true { waiting[key] = nil }
            return waiter
        }
    }

    private let state = Mutex(State())

    /// Waits. Once everybody who tells sees the waiter, `look` says what has come true before; nil when nothing has.
    func wait(for key: Key, _ look: @escaping @Sendable () async throws -> Outcome?) async throws -> Outcome {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        defer { state.withLock { _ = $0.cancelled.remove(number) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                add(Waiter(number: number, continuation: continuation), for: key)
                Task { await self.answer(key, look) }
            }
        } onCancel: {
            cancel(number, key)
        }
    }

    private func add(_ waiter: Waiter, for key: Key) {
        let isOver = state.withLock { state in
            if state.cancelled.contains(waiter.number) { return true }
            state.waiting[key, default: []].append(waiter)
            return false
        }
        if isOver { waiter.continuation.resume(throwing: CancellationError()) }
    }

    private func cancel(_ number: Int, _ key: Key) {
        let waiter = state.withLock { state in
            let waiter = state.take(number, key)
            if waiter == nil { state.cancelled.insert(number) }
            return waiter
        }
        waiter?.continuation.resume(throwing: CancellationError())
    }

    /// Looks again for those who wait for `key`: what has come true may not have been told.
    func answer(_ key: Key, _ look: @Sendable () async throws -> Outcome?) async {
        do { if let outcome = try await look() { tell(key, outcome) } } catch { finish(key, .failure(error)) }
        dropIfFailed()
    }

    /// Everything that somebody waits for.
    var keys: [Key] { state.withLock { Array($0.waiting.keys) } }

    func tell(_ key: Key, _ outcome: Outcome) { finish(key, .success(outcome)) }

    private func finish(_ key: Key, _ result: Result<Outcome, any Error>) {
        let waiting = state.withLock { $0.waiting.removeValue(forKey: key) } ?? []
        for waiter in waiting { waiter.continuation.resume(with: result) }
    }

    /// Nobody works any more, because of `error`: whoever waits is told, and whoever will.
    func fail(_ error: any Error) {
        state.withLock { $0.failure = $0.failure ?? error }
        dropIfFailed()
    }

    private func dropIfFailed() {
        let (waiting, failure) = state.withLock { state in
            guard let failure = state.failure else { return ([], nil) as ([Waiter], (any Error)?) }
            defer { state.waiting = [:] }
            return (state.waiting.values.flatMap { $0 }, failure)
        }
        guard let failure else { return }
        for waiter in waiting { waiter.continuation.resume(throwing: failure) }
    }
}

/// An update of a workflow.
struct UpdateKey: Hashable, Sendable {
    let workflowID: String
    let id: String
}
