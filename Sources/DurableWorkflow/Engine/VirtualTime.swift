public import Events
import Synchronization

/// What steps an engine without real waiting: whoever made it turns its clock, asks what is due, and lets it be done.
///
/// Nothing runs by itself and nothing waits. Recordings, simulations, explorations and shadows are played in this way.
public protocol VirtualTime: Sendable {
    /// The earliest moment at which something can run, in the past when something can run now; nil when nothing is pending.
    func nextDue() async throws -> Timestamp?
    /// Runs everything that is due now, and what follows from it at once; returns the number of things run.
    @discardableResult
    func runDue() async throws -> Int
    /// Runs one thing that is due now: fires a timer, runs a task or an activity; `choose` picks one of so many. False when nothing is
    /// due.
    func runNext(choose: (Int) -> Int) async throws -> Bool
    /// Runs the workflow code that is ready, but no activity and no timer: what a rehearsal needs.
    func runTasks() async throws
}

extension VirtualTime {
    /// Runs the first thing that is due now; false when nothing is.
    public func runNext() async throws -> Bool { try await runNext(choose: { _ in 0 }) }
}

/// A clock that stands still until somebody sets it: the one of an engine in ``VirtualTime``.
///
/// Who makes the engine makes its clock, and sets it before each step. Set back, it shows what a process sees whose wall clock was wrong.
public final class VirtualClock: TimeSource {
    private let milliseconds: Atomic<Int64>

    /// A clock that shows `now`.
    public init(_ now: Timestamp = .distantPast) { milliseconds = Atomic(now.milliseconds) }

    /// What the clock shows.
    public var now: Timestamp { Timestamp(milliseconds: milliseconds.load(ordering: .sequentiallyConsistent)) }

    /// Sets the clock.
    public func set(to moment: Timestamp) { milliseconds.store(moment.milliseconds, ordering: .sequentiallyConsistent) }
}
