import Dispatch
import Events
import Synchronization

/// Rings at the earliest of the moments it was set to, on a thread of its own.
///
/// `Task.sleep` is late by three changes of threads; a workflow that waits a millisecond would wait two.
final class Alarm: Sendable {
    private struct State {
        var moment: Timestamp?
        var isStopped = false
    }

    /// The longest sleep: a wall clock that was set forward is noticed after it.
    private let longest: Duration
    private let time: any TimeSource
    private let state = Mutex(State())
    private let change = DispatchSemaphore(value: 0)

    init(_ time: any TimeSource, longest: Duration) {
        self.time = time
        self.longest = longest
    }

    /// Begins to watch the time, until ``stop()``; calls `ring`, which may set it again.
    func start(ring: @escaping @Sendable () -> Void) {
        DispatchQueue(label: "lockstep.alarm", qos: .userInitiated).async { self.watch(ring) }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        change.signal()
    }

    /// Rings at `moment`, or earlier when it is set to ring earlier.
    func set(_ moment: Timestamp) {
        let isEarlier = state.withLock { state in
            if let set = state.moment, set <= moment { return false }
            state.moment = moment
            return true
        }
        if isEarlier { change.signal() }
    }

    private func watch(_ ring: () -> Void) {
        while true {
            let (moment, isStopped) = state.withLock { ($0.moment, $0.isStopped) }
            if isStopped { return }
            let left = moment.map { $0 - time.now } ?? longest
            if left <= .zero {
                state.withLock { if $0.moment == moment { $0.moment = nil } }
                ring()
            } else {
                _ = change.wait(timeout: .now() + pause(left))
            }
        }
    }

    /// Moments are whole milliseconds: the last one is watched closely.
    private func pause(_ left: Duration) -> DispatchTimeInterval {
        if left <= .milliseconds(1) { return .microseconds(100) }
        return .milliseconds(Int((min(left, longest) - .milliseconds(1)) / .milliseconds(1)))
    }
}
