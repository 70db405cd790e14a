public import Events
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The system's time. A clock that is set back does not set it back: it goes on by the time since the start of the machine, so that
/// nothing fires twice and nothing freezes; a clock that is set forward takes it along.
public final class SystemTime: TimeSource {
    private struct State {
        /// Wall clock minus uptime, the highest seen.
        var offset: Int64
    }

    private let state = Mutex(State(offset: .min))
    private let wall: @Sendable () -> Int64
    private let uptime: @Sendable () -> Int64

    /// The system's time.
    public convenience init() {
        self.init(wall: { Self.milliseconds(CLOCK_REALTIME) }, uptime: { Self.milliseconds(CLOCK_MONOTONIC) })
    }

    /// The time that a wall clock and the time since the start of a machine make together, both in milliseconds.
    package init(wall: @escaping @Sendable () -> Int64, uptime: @escaping @Sendable () -> Int64) {
        self.wall = wall
        self.uptime = uptime
    }

    /// Required by `TimeSource`, which says what it does.
    public var now: Timestamp {
        let uptime = uptime()
        let offset = wall() - uptime
        return state.withLock { state in
            state.offset = max(state.offset, offset)
            return Timestamp(milliseconds: state.offset + uptime)
        }
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
