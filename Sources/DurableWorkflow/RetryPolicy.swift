import Events

/// When the engine tries a failed activity again. The attempt count is the engine's business, never a column of the user's.
public struct RetryPolicy: Codable, Sendable, Hashable {
    /// The wait after the first attempt.
    public var initialInterval: Duration
    /// Every further wait is this many times the one before.
    public var backoffCoefficient: Double
    /// No wait is longer; nil for 100 times the initial one.
    public var maximumInterval: Duration?
    /// The attempts in all; 0 for no limit.
    public var maximumAttempts: Int
    /// Failure types that are final at once.
    public var nonRetryableErrorTypes: [String]

    /// A policy; the defaults are Temporal's.
    public init(
        initialInterval: Duration = .seconds(1), backoffCoefficient: Double = 2, maximumInterval: Duration? = nil,
        maximumAttempts: Int = 0, nonRetryableErrorTypes: [String] = []
    ) {
        self.initialInterval = initialInterval
        self.backoffCoefficient = backoffCoefficient
        self.maximumInterval = maximumInterval
        self.maximumAttempts = maximumAttempts
        self.nonRetryableErrorTypes = nonRetryableErrorTypes
    }

    /// The wait after `attempt` (from 1) failed; nil when no further attempt is allowed.
    public func delay(afterAttempt attempt: Int, failure: ActivityFailure) -> Duration? {
        if failure.nonRetryable || nonRetryableErrorTypes.contains(failure.type) { return nil }
        if maximumAttempts > 0, attempt >= maximumAttempts { return nil }
        var wait = Double(initialInterval.milliseconds)
        let limit = Double((maximumInterval ?? initialInterval * 100).milliseconds)
        for _ in 1..<max(1, attempt) where wait < limit { wait *= backoffCoefficient }
        return max(.milliseconds(Int64(min(wait, limit))), failure.retryAfter ?? .zero)
    }
}

/// Why an activity failed, as the activity itself says it. Any other error is a retryable failure of type `Error`.
public struct ActivityFailure: Error, Codable, Sendable, Hashable, CustomStringConvertible {
    /// A stable name, compared with ``RetryPolicy/nonRetryableErrorTypes``.
    public var type: String
    /// One sentence without personal data.
    public var message: String
    /// True when trying again is pointless.
    public var nonRetryable: Bool
    /// Not to be tried again before this long.
    public var retryAfter: Duration?

    /// A failure.
    public init(type: String, message: String, nonRetryable: Bool = false, retryAfter: Duration? = nil) {
        self.type = type
        self.message = message
        self.nonRetryable = nonRetryable
        self.retryAfter = retryAfter
    }

    /// `type: message`
    public var description: String { "\(type): \(message)" }
}

/// What a workflow sees of an activity that failed for good.
public struct ActivityError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The activity's name.
    public let activity: String
    /// The last failure.
    public let failure: ActivityFailure

    /// `vetting.order failed: …`
    public var description: String { "\(activity) failed: \(failure)" }
}
