public import Events

/// What a schedule does when the workflow that it started last is still open.
public enum ScheduleOverlapPolicy: String, Codable, Hashable, Sendable, CaseIterable {
    /// Nothing.
    case skip
    /// One start waits for the end of the open one; further ones are skipped.
    case bufferOne
    /// All starts wait, in order.
    case bufferAll
    /// The open one is asked to cancel; the start waits for its end.
    case cancelOther
    /// The open one is terminated.
    case terminateOther
    /// Both run.
    case allowAll
}

/// When a workflow is to be started again and again, and which.
public struct Schedule: Codable, Hashable, Sendable {
    /// Cron expressions; see ``CronExpression``.
    public var crons: [String]
    /// Starts every so long, counted from 1970.
    public var interval: Duration?
    /// Added to every start of the interval.
    public var offset: Duration
    /// The workflow's type.
    public var workflowType: String
    /// Its input.
    public var input: JSONValue
    /// Its queue.
    public var taskQueue: String
    /// What to do when the last one is open.
    public var overlapPolicy: ScheduleOverlapPolicy
    /// A start that could not be made in time, because nothing ran, is made up for this long.
    public var catchUpWindow: Duration
    /// True when it does nothing for now.
    public var isPaused: Bool
    /// Why.
    public var note: String

    /// A schedule; the defaults are Temporal's.
    public init(
        crons: [String] = [], interval: Duration? = nil, offset: Duration = .zero, workflowType: String, input: JSONValue = .null,
        taskQueue: String = "default", overlapPolicy: ScheduleOverlapPolicy = .skip, catchUpWindow: Duration = .seconds(365 * 86_400),
        isPaused: Bool = false, note: String = ""
    ) {
        self.crons = crons
        self.interval = interval
        self.offset = offset
        self.workflowType = workflowType
        self.input = input
        self.taskQueue = taskQueue
        self.overlapPolicy = overlapPolicy
        self.catchUpWindow = catchUpWindow
        self.isPaused = isPaused
        self.note = note
    }

    /// The first start after `moment`; nil when there is none.
    public func next(after moment: Timestamp) throws -> Timestamp? {
        var starts = try crons.compactMap { try CronExpression($0).next(after: moment) }
        if let interval {
            let step = interval.milliseconds
            guard step > 0 else { throw ScheduleError("schedule: expected an interval above zero, found \(interval)") }
            let shifted = moment.milliseconds - offset.milliseconds
            starts.append(Timestamp(milliseconds: (shifted / step + 1) * step + offset.milliseconds))
        }
        return starts.min()
    }
}

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
    public var buffered: [Timestamp] = []
    /// The workflow that it started last.
    public var last: WorkflowExecution?
    /// Starts made.
    public var started = 0
    /// Starts not made because one was open.
    public var skipped = 0
    /// Starts not made because they were too late.
    public var missed = 0

    /// The last starts, newest first, at most ten.
    public var recent: [ScheduleStart]?

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

/// A start that a schedule has made.
public struct ScheduleStart: Codable, Hashable, Sendable {
    /// The moment that the schedule names.
    public var scheduledAt: Timestamp
    /// When it was made.
    public var startedAt: Timestamp
    /// The workflow.
    public var execution: WorkflowExecution
}
