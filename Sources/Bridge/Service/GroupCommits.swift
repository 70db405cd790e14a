import Dispatch
public import HybridRouter
import Synchronization

/// Runs every call of the stores that share one database on a thread of their own: no thread of the concurrency pool waits for the disk.
///
/// Writes that come while a commit is under way share the next one. A write returns when that commit is durable. A read sees what is
/// durable. When the database fails, every call from then on throws what it threw.
public final class GroupCommits: Sendable {
    private struct Job {
        let isWrite: Bool
        /// Does it, and returns what has gone wrong with the database.
        let run: @Sendable () async -> (any Error)?
        /// Tells the caller; the error is that of the database.
        let finish: @Sendable ((any Error)?) -> Void
    }

    private struct State {
        var jobs: [Job] = []
        var isRunning = false
    }

    /// The most writes in one transaction: whoever comes next waits for all of it.
    private static let most = 128
    private let flush: @Sendable () async throws -> Void
    private let loop = StoreLoop()
    private let state = Mutex(State())

    /// Calls that become durable with the `flush` of `store`, the hand-off store of a grouped database.
    public init(of store: any HandoffStore) { flush = { try await store.flush() } }

    func read<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await call(isWrite: false, body)
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await call(isWrite: true, body)
    }

    private func call<Value: Sendable>(isWrite: Bool, _ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let box = Box<Result<Value, any Error>>()
            add(
                Job(
                    isWrite: isWrite,
                    run: {
                        do { box.set(.success(try await body())) } catch {
                            box.set(.failure(error))
                            return error is any EnvironmentFailure ? error : nil
                        }
                        return nil
                    },
                    finish: { failure in
                        if let failure { return continuation.resume(throwing: failure) }
                        continuation.resume(with: box.value ?? .failure(CancellationError()))
                    }))
        }
    }

    private func add(_ job: Job) {
        let mustStart = state.withLock { state in
            state.jobs.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { Task { await loop.run(self) } }
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

    /// The thread of the stores.
    private actor StoreLoop {
        private nonisolated let queue = QueueExecutor(label: "lockstep.store")
        private var failure: (any Error)?

        nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

        func run(_ commits: GroupCommits) async {
            while let batch = commits.next() {
                // Reads first: what they see is durable.
                for job in batch where !job.isWrite {
                    if failure == nil, let found = await job.run() { failure = found }
                    job.finish(failure)
                }
                await write(batch.filter(\.isWrite), commits)
            }
        }

        private func write(_ batch: [Job], _ commits: GroupCommits) async {
            guard !batch.isEmpty else { return }
            for job in batch where failure == nil { failure = await job.run() }
            if failure == nil { do { try await commits.flush() } catch { failure = error } }
            for job in batch { job.finish(failure) }
        }
    }
}

/// What one call came to.
private final class Box<Value: Sendable>: Sendable {
    private let result: Mutex<Value?>
    init(_ value: Value? = nil) { result = Mutex(value) }
    var value: Value? { result.withLock { $0 } }
    func set(_ value: Value) { result.withLock { $0 = value } }
}

/// A thread of its own for one actor.
private final class QueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) { queue = DispatchQueue(label: label, qos: .userInitiated) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
