package import DurableWorkflow
public import Events

/// The time that a service runs on.
public protocol ServiceClock: TimeSource {
    /// Returns at `moment`, or when the task is cancelled, with a `CancellationError`.
    func sleep(until moment: Timestamp) async throws
}

/// The system's time: it never goes back, see `SystemTime`.
public final class RealTime: ServiceClock {
    /// A wall clock that was set forward is noticed after it.
    private static let longestSleep = Duration.seconds(60)
    private let time: SystemTime

    /// The system's time.
    public convenience init() { self.init(SystemTime()) }

    /// The time of a clock that a test sets.
    package init(_ time: SystemTime) { self.time = time }

    /// Required by `TimeSource`: the current moment.
    public var now: Timestamp { time.now }

    /// Returns at `moment`.
    public func sleep(until moment: Timestamp) async throws {
        while true {
            let left = moment - now
            guard left > .zero else { return try Task.checkCancellation() }
            try await Task.sleep(for: min(left, Self.longestSleep))
        }
    }
}

extension Timestamp {
    /// The next whole multiple of `period` after this moment, counted from the beginning of 1970.
    func next(multipleOf period: Duration) -> Timestamp {
        let step = max(1, period.milliseconds)
        return Timestamp(milliseconds: (milliseconds / step + 1) * step)
    }
}
