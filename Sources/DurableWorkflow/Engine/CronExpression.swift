public import Events

/// A cron expression of five fields — minute, hour, day of month, month, day of week — in UTC; or `@every 90s`, `@hourly` and the like.
public struct CronExpression: Hashable, Sendable {
    private let minutes: Set<Int>
    private let hours: Set<Int>
    private let days: Set<Int>
    private let months: Set<Int>
    private let weekdays: Set<Int>
    private let isEveryDay: Bool
    private let isEveryWeekday: Bool
    private let interval: Duration?

    /// Reads an expression; throws ``ScheduleError`` with the field that is wrong.
    public init(_ text: String) throws {
        let text = Self.names[text] ?? text
        if text.hasPrefix("@every ") {
            interval = try Self.interval(String(text.dropFirst(7)))
            (minutes, hours, days, months, weekdays, isEveryDay, isEveryWeekday) = ([], [], [], [], [], true, true)
            return
        }
        let fields = text.split(separator: " ").map(String.init)
        guard fields.count == 5 else { throw ScheduleError("cron '\(text)': expected five fields, found \(fields.count)") }
        interval = nil
        minutes = try Self.values(fields[0], 0...59, "minute")
        hours = try Self.values(fields[1], 0...23, "hour")
        days = try Self.values(fields[2], 1...31, "day of month")
        months = try Self.values(fields[3], 1...12, "month")
        weekdays = Set(try Self.values(fields[4], 0...7, "day of week").map { $0 % 7 })
        isEveryDay = fields[2] == "*"
        isEveryWeekday = fields[4] == "*"
    }

    private static let names = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    private static func interval(_ text: String) throws -> Duration {
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count > 0 else {
            throw ScheduleError("cron '@every \(text)': expected a number and s, m or h, found \(text)")
        }
        return .milliseconds(count * unit)
    }

    /// `*`, `5`, `1-5`, `*/15`, `1-9/2`, and lists of these.
    private static func values(_ field: String, _ range: ClosedRange<Int>, _ name: String) throws -> Set<Int> {
        var values: Set<Int> = []
        for part in field.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard let span = span(pieces[0], range, isOpen: pieces.count == 2), pieces.count <= 2,
                let step = pieces.count == 2 ? Int(pieces[1]) : 1, step > 0
            else { throw ScheduleError("cron field \(name): expected \(range.lowerBound) to \(range.upperBound), found \(part)") }
            values.formUnion(stride(from: span.lowerBound, through: span.upperBound, by: step))
        }
        return values
    }

    private static func span(_ text: String, _ range: ClosedRange<Int>, isOpen: Bool) -> ClosedRange<Int>? {
        if text == "*" { return range }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = ends.first ?? nil, range.contains(first) else { return nil }
        if ends.count == 1 { return first...(isOpen ? range.upperBound : first) }
        guard ends.count == 2, let last = ends[1], range.contains(last), first <= last else { return nil }
        return first...last
    }

    /// The first moment after `moment` that matches; nil when there is none within eight years, as for the 30th of February.
    public func next(after moment: Timestamp) -> Timestamp? {
        if let interval {
            let step = interval.milliseconds
            return Timestamp(milliseconds: (moment.milliseconds / step + 1) * step)
        }
        var day = moment.milliseconds / 86_400_000
        let last = day + 8 * 366
        var minute = Int(moment.milliseconds % 86_400_000 / 60_000) + 1
        while day <= last {
            if matches(day), let found = (minute..<1440).first(where: { hours.contains($0 / 60) && minutes.contains($0 % 60) }) {
                return Timestamp(milliseconds: day * 86_400_000 + Int64(found) * 60_000)
            }
            day += 1
            minute = 0
        }
        return nil
    }

    /// As cron has it: when both days are restricted, either suffices.
    private func matches(_ day: Int64) -> Bool {
        let date = Timestamp(milliseconds: day * 86_400_000).description
        let month = Int(date.dropFirst(5).prefix(2)) ?? 0
        let number = Int(date.dropFirst(8).prefix(2)) ?? 0
        let weekday = Int((day + 4) % 7)
        guard months.contains(month) else { return false }
        if isEveryDay || isEveryWeekday { return days.contains(number) && weekdays.contains(weekday) }
        return days.contains(number) || weekdays.contains(weekday)
    }
}

/// A schedule that cannot be.
public struct ScheduleError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
    init(_ description: String) { self.description = description }
}
