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
    /// Cron expressions of the dialect ``CronExpression/Dialect/schedule``.
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

    /// Refuses what can never start anything.
    func check(_ id: String, at now: Timestamp) throws {
        let longest = WorkflowLimits.maximumNameLength
        for (what, name, limit) in [
            ("schedule id", id, longest - 60), ("workflow type", workflowType, longest), ("task queue", taskQueue, longest),
        ] {
            guard (1...limit).contains(name.count) else {
                throw ScheduleError("schedule \(id.prefix(60)): \(what): expected 1 to \(limit) characters, found \(name.count)")
            }
        }
        guard catchUpWindow >= .zero else {
            throw ScheduleError("schedule \(id): expected a catch-up window of zero or more, found \(catchUpWindow)")
        }
        let times = try times
        if let interval, interval < .seconds(1) {
            throw ScheduleError("schedule \(id): expected an interval of a second or more, found \(interval)")
        }
        if let interval, offset < .zero || offset >= interval {
            throw ScheduleError("schedule \(id): expected an offset from zero to below the interval, found \(offset)")
        }
        for (cron, text) in zip(times.crons, crons) where cron.next(after: now) == nil {
            throw ScheduleError("schedule \(id): expected a cron that comes, found '\(text)', which never does")
        }
    }

    /// The interval of a schedule that has nothing else.
    var onlyInterval: Duration? { crons.isEmpty ? interval : nil }

    /// The first start after `moment`; nil when there is none.
    public func next(after moment: Timestamp) throws -> Timestamp? { try times.next(after: moment) }

    /// When it comes, read once for many questions.
    var times: ScheduleTimes {
        get throws {
            ScheduleTimes(crons: try crons.map { try CronExpression($0, .schedule) }, interval: interval, offset: offset)
        }
    }
}

/// When a schedule comes.
struct ScheduleTimes {
    let crons: [CronExpression]
    let interval: Duration?
    let offset: Duration

    /// The first start after `moment`; nil when there is none.
    func next(after moment: Timestamp) -> Timestamp? {
        var starts = crons.compactMap { $0.next(after: moment) }
        if let step = interval?.milliseconds, step > 0 {
            starts.append(
                Timestamp(milliseconds: CronExpression.next(after: moment.milliseconds, from: offset.milliseconds, every: step)))
        }
        return starts.min()
    }
}
