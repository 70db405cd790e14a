public import Events
public import HybridRouter
public import Outcomes

/// What reached a run from outside, and when: another run of the same schedule gets the same.
public struct SimulatedSchedule: Sendable {
    /// Everything that happened outside, in the order in which it came up.
    public var lines: [TraceLine] = []
    /// The deliveries that were made durable, in order, by the world's time.
    public var accepted: [(line: TraceLine, at: Timestamp)] = []
    /// When the clock was wrong.
    public var jumps: [ClockJump] = []
    /// When the process had more to do than it could do at once, in order.
    public var busy: [BusyStretch] = []
    /// When each entity was the durable side's, in order, by the world's time.
    public var durable: [EntityID: [DurableStretch]] = [:]
    /// When what was done, and which answers failed.
    public var recording = RunRecording()

    /// A schedule on which nothing has reached anybody yet.
    public init(jumps: [ClockJump] = [], busy: [BusyStretch] = [], durable: [EntityID: [DurableStretch]] = [:]) {
        self.jumps = jumps
        self.busy = busy
        self.durable = durable
    }
}

/// From a moment on, the process' clock is wrong by `skew`.
public struct ClockJump: Hashable, Sendable {
    /// When, by the world's time.
    public var at: Timestamp
    /// By how much.
    public var skew: Duration
}

/// From a moment on, and for so long, the process had something to do without a pause.
public struct BusyStretch: Hashable, Sendable {
    /// From when, by the world's time.
    public var at: Timestamp
    /// How long; a minute at least, or it is not worth telling.
    public var length: Duration

    static let shortest = Duration.minutes(1)
}

/// From a moment on, and until another, an entity was the durable side's.
public struct DurableStretch: Hashable, Sendable {
    /// From when, by the world's time.
    public var from: Timestamp
    /// Until when; nil when it was to the end.
    public var until: Timestamp?

    func contains(_ moment: Timestamp) -> Bool { from <= moment && until.map { moment < $0 } ?? true }
}

/// What a simulated run has come to.
public struct SimulationRun: Sendable {
    /// Choices of the scheduler.
    public var steps = 0
    /// Events that were routed to an owner.
    public var events = 0
    /// How often each fault struck.
    public var faults: [Fault: Int] = [:]
    /// Hand offs, hand backs, recalls, adoptions, dispositions, and other counted moves.
    public var moves: [String: Int] = [:]
    /// Laws that were broken while it ran.
    public var violations: [Violation] = []
    /// A hash of everything that was journalled, in order.
    public var digest = ""
    /// What every entity amounts to, with its effects.
    public var results: [EntityID: SimulatedResult] = [:]
    /// What reached it from outside, and when.
    public var schedule = SimulatedSchedule()
    /// The journal of the watched entity.
    public var journal: [JournalEntry] = []
    /// How it compares with legacy alone (I7).
    public var comparison = LegacyComparison()

    /// What has to occur in a run that is to say much: every move of ownership and every end of an event.
    private static let wanted = [
        "handOffs", "handOffs after a halt", "handBacks", "recalls", "adoptions", "failures", "segmentsWentOn", "restarts",
        "disposition consumed", "disposition signalled", "disposition parked", "disposition late", "disposition dead",
    ]

    /// The moves that did not occur.
    public var missingMoves: [String] { Self.wanted.filter { moves[$0, default: 0] == 0 } }
}

/// One entity at the end of a run.
public struct SimulatedResult: Hashable, Sendable {
    /// What it amounts to.
    public var outcome: Outcome
    /// Its effects.
    public var ledger: [LedgerEntry]
    /// Its ownership.
    public var ownership: Ownership
}
