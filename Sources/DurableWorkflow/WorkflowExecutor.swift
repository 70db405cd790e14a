import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@_silgen_name("swift_task_getJobTaskId")
private func taskID(of job: UnownedJob) -> UInt64

/// Runs one workflow's tasks on the thread that drains it, in an order that depends on nothing but its code.
///
/// `enqueue` only appends. Jobs of the task that ran last go first, then the oldest: first-in-first-out alone gives another order
/// in debug than in release, because the optimiser changes the number of hops (measured; see Decisions/009).
final class WorkflowExecutor: TaskExecutor, Sendable {
    private struct Waiting {
        let task: UInt64
        let job: UnownedJob
    }

    private struct State {
        var jobs: [Waiting] = []
        var host: UInt?
        var escaped = false
    }

    private let state = Mutex(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let waiting = Waiting(task: taskID(of: unowned), job: unowned)
        let thread = Self.thread
        state.withLock { state in
            if state.host != thread { state.escaped = true }
            state.jobs.append(waiting)
        }
    }

    /// Makes the calling thread the one that may enqueue while `body` runs.
    func host<Result>(_ body: () throws -> Result) rethrows -> Result {
        state.withLock { $0.host = Self.thread }
        defer { state.withLock { $0.host = nil } }
        return try body()
    }

    /// Runs jobs until none is left.
    func drain() {
        var last: UInt64?
        while let next = take(after: last) {
            last = next.task
            next.job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    /// True once when another thread has enqueued since the last call: the code has awaited something that is not the workflow's.
    func takeEscape() -> Bool {
        state.withLock { state in
            defer { state.escaped = false }
            return state.escaped
        }
    }

    private func take(after last: UInt64?) -> Waiting? {
        state.withLock { state in
            guard !state.jobs.isEmpty else { return nil }
            let index = state.jobs.firstIndex { $0.task == last } ?? 0
            return state.jobs.remove(at: index)
        }
    }

    private static var thread: UInt { UInt(pthread_self()) }
}
