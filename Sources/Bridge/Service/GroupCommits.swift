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
        var lastWereReads = false
        /// What has gone wrong with the database, for good.
        var failure: (any Error)?
        /// True when another process has written, and nobody has asked since.
        var isChanged = false
        /// True from the first write of a group, after which that was looked at, to the last: nobody else can write meanwhile.
        var isClosed = false

        /// All reads, which therefore see only what is durable; or as many writes as share a commit. In turn, when there are both.
        mutating func next() -> [Job] {
            let (reads, writes) = (jobs.filter { !$0.isWrite }, jobs.filter(\.isWrite))
            lastWereReads = writes.isEmpty || (!reads.isEmpty && !lastWereReads)
            jobs = lastWereReads ? writes : reads + writes.dropFirst(GroupCommits.most)
            return lastWereReads ? reads : Array(writes.prefix(GroupCommits.most))
        }

        mutating func takeChange() -> Bool {
            defer { isChanged = false }
            return isChanged
        }
    }

    /// The most writes in one transaction: whoever comes next waits for all of it.
    private static let most = 128
    private let store: any HandoffStore
    private let thread = ThreadExecutor(label: "lockstep.store")
    private let state = Mutex(State())

    /// Calls that become durable with the `flush` of `store`, the hand-off store of a grouped database.
    public init(of store: any HandoffStore) { self.store = store }

    /// True when another process has written since this was last asked. While a group is open nobody else can write, and what was seen when
    /// it began still holds; between two groups this looks itself.
    func takeForeignChange() async throws -> Bool {
        if let known = state.withLock({ $0.isClosed ? $0.takeChange() : nil }) { return known }
        return try await read {
            let isChanged = try await self.store.takeForeignChange()
            return self.state.withLock { $0.takeChange() } || isChanged
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
        guard mustStart else { return }
        // Callers are told last of all, and nothing is held then: who is told may let go of the stores, and open the file again.
        Task(executorPreference: thread) { [weak self] in
            var isLast = false
            while !isLast, let turn = await self?.turn() {
                isLast = turn.isLast
                for done in turn.made { done.tell(turn.failure) }
            }
        }
    }

    /// Makes calls that have come.
    private func turn() async -> (made: [Done], failure: (any Error)?, isLast: Bool) {
        let batch = state.withLock { $0.next() }
        let made = batch.first?.isWrite == true ? await write(batch) : await make(batch)
        return state.withLock { state in
            state.isRunning = !state.jobs.isEmpty
            return (made, state.failure, !state.isRunning)
        }
    }

    private func look() async {
        guard failure == nil else { return }
        do {
            let isChanged = try await store.takeForeignChange()
            state.withLock { $0.isChanged = $0.isChanged || isChanged }
        } catch { note(error) }
    }

    private func write(_ batch: [Job]) async -> [Done] {
        var made = await make(Array(batch.prefix(1)))
        await look()
        state.withLock { $0.isClosed = true }
        made += await make(Array(batch.dropFirst()))
        state.withLock { $0.isClosed = false }
        if failure == nil { do { try await store.flush() } catch { note(error) } }
        return made
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
