import Synchronization

/// Joins the changes of many callers into one transaction: while one commit is under way, the next group gathers.
///
/// Who comes while nothing is under way commits at once, without changing threads. What has gathered meanwhile is committed on a thread
/// of its own, group after group, so that no thread that runs workflow code waits for the disk.
package final class GroupCommit: Sendable {
    private struct Waiting {
        let change: WorkflowChange
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var isCommitting = false
        var waiting: [Waiting] = []

        /// True for who is to commit now; until ``next()`` has none left, everybody else waits.
        mutating func begin() -> Bool {
            guard !isCommitting else { return false }
            isCommitting = true
            return true
        }

        /// Those who have gathered; none when nothing is to be committed any more.
        mutating func next() -> [Waiting] {
            defer { waiting = [] }
            isCommitting = !waiting.isEmpty
            return waiting
        }
    }

    private let store: any WorkflowStore
    private let state = Mutex(State())
    private let thread = ThreadExecutor(label: "lockstep.commit")

    /// Commits to `store`.
    package init(store: any WorkflowStore) { self.store = store }

    /// Returns when the change is durable. When it throws, the outcome is unknown.
    package func commit(_ change: WorkflowChange) async throws {
        guard state.withLock({ $0.begin() }) else { return try await wait(change) }
        let result = await result(of: [change])
        commitNext()
        try result.get()
    }

    private func wait(_ change: WorkflowChange) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let isFirst = state.withLock { state in
                state.waiting.append(Waiting(change: change, continuation: continuation))
                return state.begin()
            }
            if isFirst { commitNext() }
        }
    }

    /// Commits what has gathered, and what gathers meanwhile, until there is nothing more.
    private func commitNext() {
        let first = state.withLock { $0.next() }
        guard !first.isEmpty else { return }
        // Callers are told last of all, and nothing is held then: who is told may let go of the store.
        Task(executorPreference: thread) { [weak self] in
            var group = first
            while !group.isEmpty, let (result, next) = await self?.commit(group) {
                for waiting in group { waiting.continuation.resume(with: result) }
                group = next
            }
        }
    }

    /// What became of a group, and those who have gathered meanwhile.
    private func commit(_ group: [Waiting]) async -> (Result<Void, any Error>, next: [Waiting]) {
        let result = await result(of: group.map(\.change))
        return (result, state.withLock { $0.next() })
    }

    private func result(of changes: [WorkflowChange]) async -> Result<Void, any Error> {
        do { return .success(try await store.commit(changes)) } catch { return .failure(error) }
    }
}
