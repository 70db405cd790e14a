import Synchronization
import WorkflowHook
@_spi(ExperimentalScheduling) import _Concurrency

/// Runs one workflow's tasks on the thread that drains it, in an order that depends on nothing but its code.
///
/// `enqueue` only appends. Jobs of the task that ran last go first, then the oldest: first-in-first-out alone gives another order
/// in debug than in release, because the optimiser changes the number of hops (measured; see Decisions/009).
final class WorkflowExecutor: TaskExecutor, SchedulingExecutor, Sendable {
    private struct Waiting {
        let task: UInt64
        let job: UnownedJob
    }

    private struct State {
        var jobs: [Waiting] = []
        var host: UInt?
        var escape: WorkflowEscape.Construct?
        var isClosed = false
    }

    private let state = Mutex(State())
    private static let hook: Void = workflow_hook_install()

    init() { _ = Self.hook }

    func enqueue(_ job: consuming ExecutorJob) { append(job, because: nil) }

    /// `Task.sleep` comes here: it would not replay, so it is reported, and not slept.
    func enqueue<C: Clock>(_ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C) {
        append(job, because: .sleep)
    }

    var asScheduling: (any SchedulingExecutor)? { self }

    private func append(_ job: consuming ExecutorJob, because construct: WorkflowEscape.Construct?) {
        let unowned = UnownedJob(job)
        let waiting = Waiting(task: taskID(of: unowned), job: unowned)
        let thread = Self.thread
        let isClosed = state.withLock { state in
            if state.isClosed, state.host != thread { return true }
            if let construct { state.escape = construct }
            if state.host != thread { state.escape = state.escape ?? .foreignThread }
            state.jobs.append(waiting)
            return false
        }
        // The workflow is gone; what comes late only has to end.
        if isClosed { unowned.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// Makes the calling thread the one that may enqueue while `body` runs.
    func host<Result>(_ body: () throws -> Result) rethrows -> Result {
        let thread = Self.thread
        state.withLock { $0.host = thread }
        workflow_hook_begin()
        defer {
            let escaped = workflow_hook_end()
            state.withLock { state in
                state.host = nil
                if escaped > 0, state.escape == nil { state.escape = .unstructuredTask }
            }
        }
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

    /// How the code has left the executor since the last call; nil when it has not.
    func takeEscape() -> WorkflowEscape.Construct? {
        state.withLock { state in
            defer { state.escape = nil }
            return state.escape
        }
    }

    /// From now on jobs from other threads run where they come from.
    func close() { state.withLock { $0.isClosed = true } }

    /// Gives back the memory of jobs that were run.
    func trim() {
        state.withLock { state in
            if state.jobs.isEmpty { state.jobs = [] }
        }
    }

    private func take(after last: UInt64?) -> Waiting? {
        state.withLock { state in
            guard !state.jobs.isEmpty else { return nil }
            let index = state.jobs.firstIndex { $0.task == last } ?? 0
            return state.jobs.remove(at: index)
        }
    }

    private static var thread: UInt { UInt(bitPattern: workflow_current_thread()) }
}

@_silgen_name("swift_task_getJobTaskId")
private func taskID(of job: UnownedJob) -> UInt64
