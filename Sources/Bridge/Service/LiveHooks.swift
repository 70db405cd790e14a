import Events
import Synchronization

/// What a pipeline tells the service that runs it, and what it learns from it; both are nothing in a recorded run.
final class LiveHooks: Sendable {
    private struct State {
        var clock: (any TimeSource)?
        var onNews: (@Sendable () -> Void)?
        var serviceProblem: String?
        var serviceAnswers = 0
    }

    private let state = Mutex(State())

    /// `onNews` is called whenever a row or a message may have come.
    func install(clock: any TimeSource, onNews: @escaping @Sendable () -> Void) {
        state.withLock { $0 = State(clock: clock, onNews: onNews) }
    }

    /// What is wrong with the legacy service; nil when it answers, or when there is none.
    var serviceProblem: String? { state.withLock { $0.serviceProblem } }

    /// How many calls the legacy service has answered.
    var serviceAnswers: Int { state.withLock { $0.serviceAnswers } }

    func service(has problem: String?) {
        state.withLock { state in
            state.serviceProblem = problem
            if problem == nil { state.serviceAnswers += 1 }
        }
    }

    func remove() { state.withLock { $0 = State() } }

    func ring() { state.withLock { $0.onNews }?() }

    /// The time as it is now, for a handling that began at `now`.
    func present(_ now: Timestamp) -> Timestamp { max(now, state.withLock { $0.clock }?.now ?? now) }
}
