public import Events

/// A schedule as stored.
public struct ScheduleRecord: Codable, Hashable, Sendable {
    /// Its id.
    public var id: String
    /// Its number; its due things have the negative one as run.
    public var number: Int64
    /// What it does.
    public var schedule: Schedule
    /// When it starts something next; nil for never.
    public var nextAt: Timestamp?
    /// Starts that wait for the end of the open one.
    public var buffered: [WaitingStart] = []
    /// The workflow that it started last.
    public var last: WorkflowExecution?
    /// The one whose end others wait for: starts that may overlap do not count.
    var open: WorkflowExecution?
    /// The key of the newest run that is counted.
    var lastKey: Int64?
    private var triggers = LaterCount()
    /// Starts made.
    public var started = 0
    /// Starts not made because one was open.
    public var skipped = 0
    /// Starts not made because they were too late.
    public var missed = 0

    /// The last starts, newest first, at most ten.
    public var recent: [ScheduleStart]?

    /// Why the last start that failed did so, in one sentence.
    public internal(set) var lastProblem: String?
    private var failures = LaterCount()
    private var held = LaterCount()

    /// Starts that could not be made; ``lastProblem`` says why.
    public internal(set) var failed: Int {
        get { failures.value }
        set { failures.value = newValue }
    }

    /// Starts not made because the schedule was paused.
    public internal(set) var heldBack: Int {
        get { held.value }
        set { held.value = newValue }
    }

    /// How often it was triggered.
    var triggered: Int {
        get { triggers.value }
        set { triggers.value = newValue }
    }

    /// A schedule that has done nothing yet.
    public init(id: String, number: Int64, schedule: Schedule) {
        self.id = id
        self.number = number
        self.schedule = schedule
    }

    var awaited: WorkflowExecution? { open ?? (lastKey == nil ? last : nil) }
    var newestKey: Int64 { max(lastKey ?? 0, number) }
    /// Starts that may wait, as many as Temporal lets.
    static let longestBuffer = 1000

    /// Lets a start wait; one that there is no room for is skipped.
    mutating func buffer(_ start: WaitingStart, limit: Int) {
        if buffered.count < limit { buffered.append(start) } else { skipped += 1 }
    }

    /// Goes on to the first moment after `end`, and counts those before it.
    mutating func pass(through end: Timestamp) throws -> Int {
        var count = 0
        if let interval = schedule.onlyInterval, let at = nextAt, at <= end {
            count = Int((end - at).milliseconds / interval.milliseconds) + 1
            nextAt = at + .milliseconds(Int64(count) * interval.milliseconds)
            return count
        }
        let times = try schedule.times
        while let at = nextAt, at <= end {
            nextAt = times.next(after: at)
            count += 1
        }
        return count
    }

    mutating func note(_ start: ScheduleStart) { recent = Array(([start] + (recent ?? [])).prefix(10)) }

    /// The next moments at which it starts something, at most `count`; none while it is paused.
    public func upcoming(_ count: Int) throws -> [Timestamp] {
        var moments: [Timestamp] = []
        var next = schedule.isPaused ? nil : nextAt
        while let moment = next, moments.count < count {
            moments.append(moment)
            next = try schedule.next(after: moment)
        }
        return moments
    }

    var key: DueItem.Key? { nextAt.map { DueItem.Key(at: $0, run: -number, event: 0, kind: .schedule) } }
    /// The search attribute of the workflows that it starts.
    static let attribute = "TemporalScheduledById"
    var lock: String { "schedule/\(id)" }
}

/// A count that rows of older builds lack; none is stored as absent.
private struct LaterCount: Codable, Hashable, Sendable {
    var value = 0
}

extension KeyedDecodingContainer {
    fileprivate func decode(_ type: LaterCount.Type, forKey key: Key) throws -> LaterCount {
        LaterCount(value: try decodeIfPresent(Int.self, forKey: key) ?? 0)
    }
}

extension KeyedEncodingContainer {
    fileprivate mutating func encode(_ count: LaterCount, forKey key: Key) throws {
        if count.value > 0 { try encode(count.value, forKey: key) }
    }
}

/// A start that waits for the end of the workflow before.
public struct WaitingStart: Codable, Hashable, Sendable {
    /// The moment that the schedule names, or the one of the trigger.
    public var at: Timestamp
    /// The number of the trigger that asked for it; nil for what the times say.
    var trigger: Int?
    /// True for a trigger or a backfill: a pause does not hold it back.
    public var isByHand = false

    init(at: Timestamp, trigger: Int? = nil, isByHand: Bool = false) {
        self.at = at
        self.trigger = trigger
        self.isByHand = isByHand
    }

    private enum CodingKeys: CodingKey { case at, trigger, isByHand }

    /// Reads it; an older build wrote the moment alone.
    public init(from decoder: any Decoder) throws {
        if let moment = try? Timestamp(from: decoder) {
            self.init(at: moment)
            return
        }
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            at: try values.decode(Timestamp.self, forKey: .at), trigger: try values.decodeIfPresent(Int.self, forKey: .trigger),
            isByHand: try values.decode(Bool.self, forKey: .isByHand))
    }

    /// Two triggers are two starts, also where the time stands still.
    func workflowID(of schedule: String) -> String { "\(schedule)-\(at)" + (trigger.map { "-\($0)" } ?? "") }
}

/// A start that a schedule has made.
public struct ScheduleStart: Codable, Hashable, Sendable {
    /// The moment that the schedule names.
    public var scheduledAt: Timestamp
    /// When it was made.
    public var startedAt: Timestamp
    /// The workflow.
    public var execution: WorkflowExecution
}
