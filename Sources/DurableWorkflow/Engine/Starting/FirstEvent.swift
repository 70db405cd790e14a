import Events

/// A run's first event, small enough to stay in memory with every live workflow: what each task asks for stands ready, the rest is kept as
/// the bytes that a history has of it.
final class FirstEvent: Sendable {
    private let bytes: [UInt8]
    /// The wait before the first task, and how long code may run in one, in milliseconds; 0 for none.
    private let backoff: Int
    private let timeout: Int
    /// True when the run has a deadline.
    let isTimed: Bool
    /// True when it has a parent.
    let isChild: Bool
    /// True when the run follows another one of its chain.
    let isFollower: Bool

    init(_ event: HistoryEvent) {
        bytes = EventCoding.encode([event]).withUnsafeBufferPointer { Array($0) }
        backoff = event.fields.integer(.firstTaskBackoff) ?? 0
        timeout = event.fields.integer(.taskTimeout) ?? 0
        isTimed = event.runDeadline(resetAt: nil) != nil
        isChild = !event.fields.text(.parentWorkflowID).isEmpty
        isFollower = !event.fields.text(.continuedRunID).isEmpty
    }

    /// The event. It is read anew from bytes that were made here, so it can always be read.
    var event: HistoryEvent? { try? EventCoding.decode(bytes, first: 1).first }

    /// The wait before the first task.
    var taskBackoff: Duration { .milliseconds(backoff) }

    /// How long the code may run in one workflow task; waits for local activities do not count.
    var taskTimeout: Duration? { timeout > 0 ? .milliseconds(timeout) : nil }
}
