import DurableWorkflow
public import HybridRouter
import Synchronization

/// Runs the calls of the stores that share one database on a thread of their own: no thread of the concurrency pool waits for the disk.
///
/// Writes that come while a commit is under way share the next one. A write returns when that commit is durable. A read sees what is
/// durable; one that has a connection of its own is made on the caller's thread, and waits for nobody. When the database fails, every call
/// from then on throws what it threw.
public final class GroupCommits: Sendable {
    private struct Job {
        let isWrite: Bool
        /// Does it.
        let run: @Sendable () async -> Done
        /// Tells the caller that it was not done, because the database had failed before.
        let refuse: @Sendable (any Error) -> Void
    }

    /// A call that was made and whose caller was not told yet.
    private struct Done: Sendable {
        /// What has gone wrong with the database.
        let failure: (any Error)?
        /// Tells the caller; the error is that of the database, perhaps of a later call.
        let tell: @Sendable ((any Error)?) -> Void
    }

    private struct State {
        var jobs: [Job] = []
        var isRunning = false
        /// What has gone wrong with the database, for good.
        var failure: (any Error)?
        /// True when another process has written, and nobody has asked since.
        var isChanged = false
    }

    /// The most writes in one transaction: whoever comes next waits for all of it.
    private static let most = 128
    private let store: any HandoffStore
    private let thread = ThreadExecutor(label: "lockstep.store")
    private let state = Mutex(State())

    /// Calls that become durable with the `flush` of `store`, the hand-off store of a grouped database.
    public init(of store: any HandoffStore) { self.store = store }

    /// True when another process has written since this was last asked. Another process writes between two groups, so that it is enough to
    /// look when one begins; only when none is under way does this look itself.
    func takeForeignChange() async throws -> Bool {
        if state.withLock({ $0.isRunning }) { return takeChange() }
        return try await read { self.takeChange() }
    }

    private func takeChange() -> Bool {
        state.withLock { state in
            defer { state.isChanged = false }
            return state.isChanged
        }
    }

    /// Reads on the caller's thread, from a connection that no group holds.
    func readBeside<Value>(_ body: () async throws -> Value) async throws -> Value {
        if let failure { throw failure }
        do { return try await body() } catch {
            if error is any EnvironmentFailure { note(error) }
            throw error
        }
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await call(isWrite: false, body)
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await call(isWrite: true, body)
    }

    private func call<Value: Sendable>(isWrite: Bool, _ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            add(
                Job(
                    isWrite: isWrite,
                    run: {
                        let result: Result<Value, any Error>
                        var failure: (any Error)?
                        do { result = .success(try await body()) } catch {
                            result = .failure(error)
                            if error is any EnvironmentFailure { failure = error }
                        }
                        return Done(failure: failure) { failure in
                            if let failure { return continuation.resume(throwing: failure) }
                            continuation.resume(with: result)
                        }
                    }, refuse: { continuation.resume(throwing: $0) }))
        }
    }

    private func add(_ job: Job) {
        let mustStart = state.withLock { state in
            state.jobs.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { Task(executorPreference: thread) { await self.work() } }
    }

    /// The calls that have come: all reads, and as many writes as share a commit.
    private func next() -> [Job]? {
        state.withLock { state in
            if state.jobs.isEmpty { state.isRunning = false }
            guard !state.jobs.isEmpty else { return nil }
            let batch = state.jobs.prefix(Self.most)
            state.jobs.removeFirst(batch.count)
            return Array(batch)
        }
    }

    /// Makes the calls that have come, and those that come meanwhile, until there are no more.
    private func work() async {
        while let batch = next() {
            await look()
            // Reads first: what they see is durable.
            for done in await make(batch.filter { !$0.isWrite }) { done.tell(failure) }
            await write(batch.filter(\.isWrite))
        }
    }

    private func look() async {
        guard failure == nil else { return }
        do { if try await store.takeForeignChange() { state.withLock { $0.isChanged = true } } } catch { note(error) }
    }

    private func write(_ batch: [Job]) async {
        guard !batch.isEmpty else { return }
        let made = await make(batch)
        if failure == nil { do { try await store.flush() } catch { note(error) } }
        for done in made { done.tell(failure) }
    }

    /// Makes calls one after the other until the database fails.
    private func make(_ batch: [Job]) async -> [Done] {
        var made: [Done] = []
        for job in batch {
            if let failure {
                job.refuse(failure)
                continue
            }
            let done = await job.run()
            done.failure.map(note)
            made.append(done)
        }
        return made
    }

    private var failure: (any Error)? { state.withLock(\.failure) }

    private func note(_ failure: any Error) { state.withLock { $0.failure = failure } }
}
