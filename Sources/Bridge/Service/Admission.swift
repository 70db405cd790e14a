import Synchronization

/// Lets deliveries in while there is room, in the order in which they came.
final class Admission: Sendable {
    private enum Phase { case closed, open, ended }

    private struct Waiting {
        let id: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var phase = Phase.closed
        /// Deliveries that are being stored.
        var inside = 0
        var lastID = 0
        var waiting: [Waiting] = []
        var cancelled: Set<Int> = []
    }

    private let limit: Int
    private let backlog: @Sendable () -> Int
    private let state = Mutex(State())

    /// At most `limit` deliveries inside, with `backlog` counted.
    init(limit: Int, backlog: @escaping @Sendable () -> Int) {
        self.limit = max(1, limit)
        self.backlog = backlog
    }

    /// How many callers wait.
    var waiting: Int { state.withLock { $0.waiting.count } }
    /// How many are being stored.
    var inside: Int { state.withLock { $0.inside } }

    /// Returns when there is room. Throws ``ServiceStopped`` when the service takes no more, a `CancellationError` when the caller does not
    /// wait any longer.
    func enter() async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { join(id, continuation, &$0) }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiting = state.withLock { state in
                guard let place = state.waiting.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil as Waiting?
                }
                return state.waiting.remove(at: place)
            }
            waiting?.continuation.resume(throwing: CancellationError())
        }
        state.withLock { _ = $0.cancelled.remove(id) }
    }

    private func join(_ id: Int, _ continuation: CheckedContinuation<Void, any Error>, _ state: inout State) -> Result<Void, any Error>? {
        if state.phase == .ended { return .failure(ServiceStopped()) }
        if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
        guard state.phase == .open, state.waiting.isEmpty, hasRoom(state) else {
            state.waiting.append(Waiting(id: id, continuation: continuation))
            return nil
        }
        state.inside += 1
        return .success(())
    }

    private func hasRoom(_ state: State) -> Bool { state.inside + backlog() < limit }

    func leave() {
        state.withLock { $0.inside -= 1 }
        admit()
    }

    /// Lets in whom there is room for.
    func admit() {
        let admitted = state.withLock { state in
            var admitted: [Waiting] = []
            while state.phase == .open, admitted.count < state.waiting.count, hasRoom(state) {
                admitted.append(state.waiting[admitted.count])
                state.inside += 1
            }
            state.waiting.removeFirst(admitted.count)
            return admitted
        }
        for waiting in admitted { waiting.continuation.resume() }
    }

    func open() {
        state.withLock { if $0.phase == .closed { $0.phase = .open } }
        admit()
    }

    /// Lets nobody in any more.
    func end() {
        let refused = state.withLock { state in
            state.phase = .ended
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiting in refused { waiting.continuation.resume(throwing: ServiceStopped()) }
    }
}

/// The service takes no deliveries any more.
public struct ServiceStopped: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public var description: String {
        "delivery: expected a service that runs, found one that has stopped or is about to; nothing of it was stored; deliver it again"
    }

    /// The refusal.
    public init() {}
}
