import Dispatch

/// A thread of its own, which may wait for a disk or be busy for long, for tasks that prefer it.
///
/// A task's preference holds for all that it awaits, whatever the functions are declared to run on. With an actor on a thread of its own that
/// is not so: the closures that it is handed run on the pool.
package final class ThreadExecutor: TaskExecutor {
    private static let labels = DispatchSpecificKey<String>()
    private let queue: DispatchQueue

    /// The label of the thread that the caller runs on; nil for the pool's.
    package static var current: String? { DispatchQueue.getSpecific(key: labels) }

    /// A thread of this name.
    package init(label: String) {
        queue = DispatchQueue(label: label, qos: .userInitiated)
        queue.setSpecific(key: Self.labels, value: label)
    }

    /// Required by `TaskExecutor`.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
