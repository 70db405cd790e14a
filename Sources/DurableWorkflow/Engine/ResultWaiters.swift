import Synchronization

/// Who waits for the end of which workflow.
final class ResultWaiters: Sendable {
    typealias Waiter = CheckedContinuation<RunOutcome, any Error>

    private struct State {
        var waiting: [String: [Waiter]] = [:]
        var failure: (any Error)?
    }

    private let state = Mutex(State())

    func add(_ waiter: Waiter, for workflowID: String) { state.withLock { $0.waiting[workflowID, default: []].append(waiter) } }

    func isWaitedFor(_ workflowID: String) -> Bool { state.withLock { $0.waiting[workflowID] != nil } }

    func tell(_ outcome: RunOutcome) {
        let waiting = state.withLock { $0.waiting.removeValue(forKey: outcome.run.workflowID) } ?? []
        for waiter in waiting { waiter.resume(returning: outcome) }
    }

    /// Nobody works any more, because of `error`: whoever waits is told, and whoever will.
    func fail(_ error: any Error) {
        state.withLock { $0.failure = $0.failure ?? error }
        dropIfFailed()
    }

    /// Tells those who have begun to wait since nobody works any more.
    func dropIfFailed() {
        let (waiting, failure) = state.withLock { state in
            guard let failure = state.failure else { return ([], nil) as ([Waiter], (any Error)?) }
            defer { state.waiting = [:] }
            return (state.waiting.values.flatMap { $0 }, failure)
        }
        guard let failure else { return }
        for waiter in waiting { waiter.resume(throwing: failure) }
    }
}
