import BridgeTesting
import DurableWorkflow
import Synchronization
import Testing

/// Holds its first commit until it is told to go on, and notes each: how many changes, and on which thread.
private final class HeldStore: ForwardingWorkflowStore {
    let base: any WorkflowStore = InMemoryWorkflowStore()
    private let (goesOn, go) = AsyncStream.makeStream(of: Void.self)
    private let noted = Mutex<[(changes: Int, thread: String?)]>([])

    var commits: [(changes: Int, thread: String?)] { noted.withLock { $0 } }

    func release() { go.finish() }

    func commit(_ changes: [WorkflowChange]) async throws {
        noted.withLock { $0.append((changes.count, ThreadExecutor.current)) }
        for await _ in goesOn {}
        if changes.count == 2 { throw Broken() }
    }
}

private struct Broken: Error {}

@Suite struct GroupCommitTests {
    /// One commits at once; those who come meanwhile share the next, on a thread that may wait for the disk.
    @Test(arguments: [1, 3, 40]) func whoComesMeanwhileSharesTheNextCommit(meanwhile: Int) async throws {
        let store = HeldStore()
        let commits = GroupCommit(store: store)
        let tasks = (0...meanwhile).map { _ in Task.immediate { try await commits.commit(WorkflowChange()) } }
        store.release()
        for task in tasks { try await task.value }
        #expect(store.commits.map(\.changes) == [1, meanwhile])
        #expect(store.commits.map(\.thread) == [nil, "lockstep.commit"])
        try await commits.commit(WorkflowChange())
        #expect(store.commits.last?.thread == nil, "nobody waits any more: without changing threads")
    }

    @Test func aCommitThatFailsFailsForAllThatShareIt() async throws {
        let store = HeldStore()
        let commits = GroupCommit(store: store)
        let tasks = (0...2).map { _ in Task.immediate { try await commits.commit(WorkflowChange()) } }
        store.release()
        try await tasks[0].value
        for task in tasks.dropFirst() { await #expect(throws: Broken.self) { try await task.value } }
        try await commits.commit(WorkflowChange())
    }
}
