public import Events

/// A schedule that cannot be.
public struct ScheduleError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
    init(_ description: String) { self.description = description }
}

/// When something comes again and again, in one of Temporal's two dialects; either may begin with `CRON_TZ=Europe/Berlin`.
///
/// A moment matches when the wall clock of the time zone shows it: an hour that a time change leaves out does not come, one that it
/// repeats comes twice.
public struct CronExpression: Hashable, Sendable {
    /// Which of Temporal's two dialects.
    public enum Dialect: Hashable, Sendable {
        /// `cronSchedule` of a workflow: five fields, or `@daily` and the like, or `@every 1h30m`, counted from the workflow's start. Where
        /// both the day of the month and the day of the week are named, either suffices.
        case workflow
        /// A schedule's: five fields; six with the year at the end; seven with seconds before them too; `@every 1h30m/10m`, counted from
        /// 1970 and a phase; a comment after `#`. Every field has to match.
        case schedule
    }

    private enum Times: Hashable {
        case every(Duration, phase: Duration)
        case calendar(CalendarTimes)
    }

    private let times: Times
    private let zone: TimeZoneRules
    private let dialect: Dialect

    /// Reads an expression; throws ``ScheduleError`` with the field that is wrong.
    public init(_ text: String, _ dialect: Dialect = .workflow) throws {
        self.dialect = dialect
        var text = text
        if dialect == .schedule, let comment = text.firstIndex(of: "#") { text = String(text[..<comment]) }
        (zone, text) = try Self.takeZone(text)
        text = text.trimmed
        if text.hasPrefix("@every") {
            times = try Self.every(text, dialect)
        } else {
            let fields = (Self.names[text] ?? text).split(whereSeparator: \.isWhitespace).map(String.init)
            times = .calendar(try CalendarTimes(fields, dialect, text))
        }
    }

    private static func takeZone(_ text: String) throws -> (TimeZoneRules, String) {
        guard text.hasPrefix("TZ=") || text.hasPrefix("CRON_TZ="), let start = text.firstIndex(of: "=") else { return (.utc, text) }
        let end = text.firstIndex(of: " ") ?? text.endIndex
        let name = String(text[text.index(after: start)..<end])
        return (name.isEmpty ? .utc : try TimeZoneRules.named(name), String(text[end...]))
    }

    private static let names = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    private static func every(_ text: String, _ dialect: Dialect) throws -> Times {
        let parts = text.dropFirst("@every".count).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard text.hasPrefix("@every "), dialect == .schedule || parts.count == 1 else {
            throw ScheduleError("cron '\(text)': expected an interval like @every 1h30m, found another text")
        }
        let durations = try parts.map { try CronDuration.read(String($0).trimmed, hasDays: dialect == .schedule) }
        // Whole seconds, at least one.
        let seconds = durations.map { $0.components.seconds }
        guard dialect == .schedule else { return .every(.seconds(max(1, seconds[0])), phase: .zero) }
        guard seconds[0] >= 1 else {
            throw ScheduleError("cron '\(text)': expected an interval of a second or more, found \(durations[0])")
        }
        let phase = seconds.count == 2 ? seconds[1] : 0
        guard (0..<seconds[0]).contains(phase) else {
            throw ScheduleError("cron '\(text)': expected a phase below the interval, found \(durations[1])")
        }
        return .every(.seconds(seconds[0]), phase: .seconds(phase))
    }

    /// The first moment after `moment`; nil when there is none. Intervals of a workflow's cron are counted from `start`: the workflow's.
    public func next(after moment: Timestamp, countedFrom start: Timestamp? = nil) -> Timestamp? {
        switch times {
        case .every(let interval, let phase):
            let origin = dialect == .schedule ? phase.milliseconds : (start ?? moment).milliseconds
            return Timestamp(milliseconds: Self.next(after: moment.milliseconds, from: origin, every: interval.milliseconds))
        case .calendar(let calendar): return next(after: moment, in: calendar)
        }
    }

    /// The first multiple of `step` from `origin` after `moment`.
    static func next(after moment: Int64, from origin: Int64, every step: Int64) -> Int64 {
        let passed = moment - origin
        let count = passed >= 0 ? passed / step : -((-passed + step - 1) / step)
        return origin + (count + 1) * step
    }

    /// Looks in one period of the zone after the other: in each the wall clock goes evenly.
    private func next(after moment: Timestamp, in calendar: CalendarTimes) -> Timestamp? {
        var second = (moment.milliseconds >= 0 ? moment.milliseconds : moment.milliseconds - 999) / 1000 + 1
        let last = calendar.lastYear(from: second, dialect)
        while true {
            let period = zone.period(at: second)
            guard let local = calendar.next(from: second + period.offset, lastYear: last) else { return nil }
            let found = local - period.offset
            if found < period.end { return Timestamp(milliseconds: found * 1000) }
            second = period.end
        }
    }
}

extension String {
    /// Without white space at both ends.
    fileprivate var trimmed: String {
        let isWhite = { (character: Character) in character.isWhitespace }
        return String(drop(while: isWhite).reversed().drop(while: isWhite).reversed())
    }
}

/// Durations as Temporal's crons have them: `1h30m`, `1.5h`, `90s`, `500ms`.
enum CronDuration {
    private static let units: [String: Double] = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]

    static func read(_ text: String, hasDays: Bool) throws -> Duration {
        var rest = text[...]
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
        var total = 0.0
        repeat {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let factor = units[String(unit)], unit != "d" || hasDays else {
                if text == "0" { return .zero }
                throw ScheduleError("cron duration: expected numbers with units like 1h30m or 90s, found '\(text)'")
            }
            total += number * factor
        } while !rest.isEmpty
        guard total < 1e15 else { throw ScheduleError("cron duration: expected less than 30,000 years, found '\(text)'") }
        return .milliseconds(Int64(isNegative ? -total : total))
    }
}
