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

    /// What follows after `attempt` (from 1) ended with `failure`: the wait before the next one, or why there is none.
    func verdict(afterAttempt attempt: Int, failure: Failure) -> Result<Duration, RetryVerdict> {
        if let final = finality(of: failure) { return .failure(final) }
        if maximumAttempts > 0, attempt >= maximumAttempts { return .failure(RetryVerdict(.maximumAttemptsReached)) }
        if case .application(_, _, _, let delay?) = failure.info { return .success(delay) }
        return .success(backoff(afterAttempt: attempt))
    }

    private func finality(of failure: Failure) -> RetryVerdict? {
        switch failure.info {
        case .application(let type, let isFinal, _, _):
            isFinal || nonRetryableErrorTypes.contains(type) ? RetryVerdict(.nonRetryableFailure) : nil
        case .server(let isFinal): isFinal ? RetryVerdict(.nonRetryableFailure) : nil
        case .canceled, .terminated: RetryVerdict(.nonRetryableFailure)
        case .timeout(let type, _): type == .scheduleToClose || type == .scheduleToStart ? RetryVerdict(.timeout) : nil
        case .none, .activity, .childWorkflow: nil
        }
    }

    /// The wait after `attempt` (from 1) by this policy alone.
    public func backoff(afterAttempt attempt: Int) -> Duration {
        var wait = initialInterval / .milliseconds(1)
        let limit = min((maximumInterval ?? initialInterval * 100) / .milliseconds(1), Double(Int64.max / 4))
        let factor = backoffCoefficient == 0 ? 2 : backoffCoefficient
        for _ in 1..<max(1, attempt) where wait < limit && wait > 0 && factor > 1 { wait *= factor }
        return .milliseconds(Int64(min(wait, limit)))
    }
}

/// No further attempt, and why.
struct RetryVerdict: Error {
    let state: RetryState
    init(_ state: RetryState) { self.state = state }
}
