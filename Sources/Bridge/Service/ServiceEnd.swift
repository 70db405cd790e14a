import Events
import Synchronization

/// How a service is asked to end, and why it had to.
final class ServiceEnd: Sendable {
    private struct State {
        var isRequested = false
        var failure: (any Error)?
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    var failure: (any Error)? { state.withLock { $0.failure } }
    var isRequested: Bool { state.withLock { $0.isRequested } }

    func request() { end(nil) }

    /// The first failure counts. A cancellation is none: it comes with an end that was asked for.
    func fail(_ error: any Error) { end(error is CancellationError ? nil : error) }

    private func end(_ error: (any Error)?) {
        let waiting = state.withLock { state in
            state.isRequested = true
            if state.failure == nil { state.failure = error }
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    /// Returns when the end was asked for.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isRequested = state.withLock { state in
                if !state.isRequested { state.waiting = continuation }
                return state.isRequested
            }
            if isRequested { continuation.resume() }
        }
    }
}

/// Rings once at the earliest of the moments it was set to.
final class ServiceTimer: Sendable {
    private struct State {
        var set: Timestamp?
        var task: Task<Void, Never>?
        var isStopped = false
    }

    private let clock: any ServiceClock
    private let state = Mutex(State())

    init(_ clock: any ServiceClock) { self.clock = clock }

    func set(_ moment: Timestamp, ring: @escaping @Sendable () -> Void) {
        state.withLock { state in
            guard !state.isStopped, state.set.map({ moment < $0 }) ?? true else { return }
            state.task?.cancel()
            state.set = moment
            state.task = Task { [clock] in
                do { try await clock.sleep(until: moment) } catch { return }
                let isMine = self.state.withLock { state in
                    defer { if state.set == moment { state.set = nil } }
                    return state.set == moment
                }
                if isMine { ring() }
            }
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.task?.cancel()
        }
    }
}
