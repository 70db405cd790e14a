public import Events
import Synchronization

/// Time that stands still until a test moves it.
public final class ManualClock: TimeSource {
    private let moment: Mutex<Timestamp>

    /// A clock that shows `now`.
    public init(_ now: Timestamp = Timestamp(milliseconds: 1_772_442_000_000)) { moment = Mutex(now) }

    /// What the clock shows.
    public var now: Timestamp { moment.withLock { $0 } }

    /// Moves the clock forward.
    public func advance(by duration: Duration) { moment.withLock { $0 = $0 + duration } }
}
