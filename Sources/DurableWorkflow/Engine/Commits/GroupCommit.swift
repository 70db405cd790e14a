import Synchronization

/// Joins the changes of many callers into one transaction: while one commit is under way, the next group gathers.
final class GroupCommit: Sendable {
    private enum Turn { case lead, done }
    private struct Waiting {
        let change: WorkflowChange
        let continuation: CheckedContinuation<Turn, any Error>
    }

    private struct State {
        var isCommitting = false
        var waiting: [Waiting] = []
    }

    private let store: any WorkflowStore
    private let state = Mutex(State())

    init(store: any WorkflowStore) { self.store = store }

    /// Returns when the change is durable. When it throws, the outcome is unknown.
    func commit(_ change: WorkflowChange) async throws {
        let isLeader = state.withLock { state in
            if state.isCommitting { return false }
            state.isCommitting = true
            return true
        }
        guard !isLeader else { return try await lead([change], []) }
        let turn = try await withCheckedThrowingContinuation { continuation in
            let mayLead = state.withLock { state in
                if state.isCommitting {
                    state.waiting.append(Waiting(change: change, continuation: continuation))
                    return false
                }
                state.isCommitting = true
                return true
            }
            if mayLead { continuation.resume(returning: .lead) }
        }
        if turn == .lead {
            let group = state.withLock { state in
                defer { state.waiting = [] }
                return state.waiting
            }
            try await lead([change] + group.map(\.change), group)
        }
    }

    /// Commits a group; the first of those who have gathered meanwhile leads the next.
    private func lead(_ changes: [WorkflowChange], _ group: [Waiting]) async throws {
        let result: Result<Void, any Error>
        do { result = .success(try await store.commit(changes)) } catch { result = .failure(error) }
        let next = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isCommitting = false
                return nil as Waiting?
            }
            return state.waiting.removeFirst()
        }
        next?.continuation.resume(returning: .lead)
        for waiting in group { waiting.continuation.resume(with: result.map { .done }) }
        try result.get()
    }
}
