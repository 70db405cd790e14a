public import Events

/// How a service works.
public struct ServiceOptions: Sendable {
    /// How many events are handled at the same time, each of another entity; also how many attempts of durable activities run at once.
    public var lanes: Int
    /// How many messages go to the durable engine at the same time.
    public var relays: Int
    /// How often the legacy cron job looks for the entities that are stuck, at whole multiples of it since 1970; and at the start.
    public var sweepPeriod: Duration
    /// How often segments that ended without a word are looked for, and at the start.
    public var reconcilePeriod: Duration
    /// How often the database is asked whether another process has changed it. An event that is handled asks by itself.
    public var foreignPeriod: Duration
    /// How often a legacy service is asked what it has done by itself.
    public var servicePeriod: Duration
    /// How old what is handled and over has to be to be packed, see `OwnershipStore.compact`, and for the histories of closed segments to be
    /// deleted; nil keeps everything as it is.
    public var retention: Duration?
    /// How often it is packed, and at the start.
    public var compactionPeriod: Duration
    /// The most deliveries that wait: those that are being stored, and events that wait for nothing but a lane. Who delivers more waits.
    public var maximumWaiting: Int
    /// How long calls that are under way may take when the service is stopped; then they are left to the next process.
    public var grace: Duration
    /// The wait after the first failure of a handling that no machine retries, doubled after each.
    public var firstBackoff: Duration
    /// The longest wait of the durable worker between two looks at the time. A test on a manual clock needs a short one.
    public var longestSleep: Duration
    /// How much of one processor a shadow may take, from 0 (none) to 1. What it cannot do in that time is left out, and counted.
    public var shadowShare: Double

    /// Options.
    public init(
        lanes: Int = 64, relays: Int = 64, sweepPeriod: Duration = .hours(1), reconcilePeriod: Duration = .hours(1),
        foreignPeriod: Duration = .milliseconds(250), servicePeriod: Duration = .seconds(1), retention: Duration? = nil,
        compactionPeriod: Duration = .hours(1), maximumWaiting: Int = 4096, grace: Duration = .seconds(30),
        firstBackoff: Duration = .seconds(1), longestSleep: Duration = .seconds(60), shadowShare: Double = 0.1
    ) {
        self.lanes = lanes
        self.relays = relays
        self.sweepPeriod = sweepPeriod
        self.reconcilePeriod = reconcilePeriod
        self.foreignPeriod = foreignPeriod
        self.servicePeriod = servicePeriod
        self.retention = retention
        self.compactionPeriod = compactionPeriod
        self.maximumWaiting = maximumWaiting
        self.grace = grace
        self.firstBackoff = firstBackoff
        self.longestSleep = longestSleep
        self.shadowShare = shadowShare
    }

    /// The wait after so many failures, from 1.
    package func backoff(afterFailure count: Int) -> Duration { firstBackoff * (1 << min(max(count, 1) - 1, 16)) }
}
