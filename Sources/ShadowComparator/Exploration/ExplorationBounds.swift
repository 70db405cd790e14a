import Events

/// How far an exploration goes. Within these bounds it leaves out no schedule.
public struct ExplorationBounds: Codable, Hashable, Sendable, CustomStringConvertible {
    /// The deliveries whose order, repetition and loss are explored: the first so many after the step was entered.
    public var events: Int
    /// How many repetitions of deliveries there may be in one schedule.
    public var duplicates: Int
    /// How many deliveries may be lost in one schedule.
    public var losses: Int
    /// How often time may pass to the next timer or look while a delivery is under way.
    public var delays: Int
    /// How often the process may die in one schedule.
    public var crashes: Int

    /// Bounds.
    public init(events: Int = 4, duplicates: Int = 1, losses: Int = 1, delays: Int = 1, crashes: Int = 1) {
        self.events = events
        self.duplicates = duplicates
        self.losses = losses
        self.delays = delays
        self.crashes = crashes
    }

    /// More deliveries than these have no place in a state.
    public static let mostEvents = 16

    /// `3 events, 1 duplicate, 1 loss, 1 delay, 0 crashes`
    public var description: String {
        [
            events.counted("event"), duplicates.counted("duplicate"), losses.counted("loss", "losses"), delays.counted("delay"),
            crashes.counted("crash", "crashes"),
        ].joined(separator: ", ")
    }
}
