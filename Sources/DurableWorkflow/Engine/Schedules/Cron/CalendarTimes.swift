import Events

/// The fields of a cron expression as sets of what they allow.
struct CalendarTimes: Hashable {
    /// Which values of a field are allowed, from 0 to 63.
    private struct Values: Hashable {
        var bits: UInt64 = 0
        /// True for `*`, alone or in a list: the field says nothing.
        var isAny = false

        func has(_ value: Int) -> Bool { bits & (1 << UInt64(value)) != 0 }
    }

    private let seconds: Values
    private let minutes: Values
    private let hours: Values
    private let days: Values
    private let months: Values
    private let weekdays: Values
    private let years: Set<Int>?
    /// True where either day suffices.
    private let isEitherDay: Bool

    init(_ fields: [String], _ dialect: CronExpression.Dialect, _ text: String) throws {
        let allowed = dialect == .workflow ? 5...5 : 5...7
        guard allowed.contains(fields.count) else {
            throw ScheduleError(
                "cron '\(text)': expected \(dialect == .workflow ? "five" : "five to seven") fields, found \(fields.count)")
        }
        let reader = CronFieldReader(dialect: dialect)
        let start = fields.count == 7 ? 1 : 0
        func values(_ index: Int, _ range: ClosedRange<Int>, _ name: String, _ names: [String] = [], least: Int = 3) throws -> Values {
            var values = Values()
            for part in try reader.parts(fields[index], range, name, names, least: least) {
                for value in part.values { values.bits |= 1 << UInt64(value) }
                values.isAny = values.isAny || part.isAny
            }
            return values
        }
        seconds = fields.count == 7 ? try values(0, 0...59, "second") : Values(bits: 1)
        minutes = try values(start, 0...59, "minute")
        hours = try values(start + 1, 0...23, "hour")
        days = try values(start + 2, 1...31, "day of month")
        months = try values(start + 3, 1...12, "month", CronFieldReader.months)
        var weekdays = try values(start + 4, 0...(dialect == .workflow ? 6 : 7), "day of week", CronFieldReader.weekdays, least: 2)
        if weekdays.has(7) { weekdays.bits |= 1 }
        self.weekdays = weekdays
        isEitherDay = dialect == .workflow && !days.isAny && !weekdays.isAny
        guard fields.count > 5, fields[start + 5] != "*" else {
            years = nil
            return
        }
        years = Set(try reader.parts(fields[start + 5], 2000...2100, "year", []).flatMap(\.values))
    }

    /// The last year in which to look: Temporal gives up a workflow's cron after five years, a schedule's in 2100.
    func lastYear(from second: Int64, _ dialect: CronExpression.Dialect) -> Int {
        dialect == .schedule ? 2100 : CivilDay(number: CivilDay.number(of: second)).year + 5
    }

    /// The first second of the wall clock, counted from 1970, that matches and is not before `second`.
    func next(from second: Int64, lastYear: Int) -> Int64? {
        var number = CivilDay.number(of: second)
        var time = Int(second - number * 86_400)
        while true {
            let day = CivilDay(number: number)
            if day.year > lastYear { return nil }
            if years.map({ !$0.contains(day.year) }) ?? false {
                number = CivilDay.number(day.year + 1, 1, 1)
            } else if !months.has(day.month) {
                number = day.month == 12 ? CivilDay.number(day.year + 1, 1, 1) : CivilDay.number(day.year, day.month + 1, 1)
            } else {
                if matches(day), let time = next(inDay: time) { return number * 86_400 + Int64(time) }
                number += 1
            }
            time = 0
        }
    }

    private func matches(_ day: CivilDay) -> Bool {
        let (isDay, isWeekday) = (days.has(day.day), weekdays.has(day.weekday))
        return isEitherDay ? isDay || isWeekday : isDay && isWeekday
    }

    private func next(inDay time: Int) -> Int? {
        for hour in (time / 3600)..<24 where hours.has(hour) {
            let firstMinute = hour == time / 3600 ? time % 3600 / 60 : 0
            for minute in firstMinute..<60 where minutes.has(minute) {
                let isFirst = hour == time / 3600 && minute == time % 3600 / 60
                for second in (isFirst ? time % 60 : 0)..<60 where seconds.has(second) { return hour * 3600 + minute * 60 + second }
            }
        }
        return nil
    }
}

/// A day of the calendar.
struct CivilDay: Hashable {
    let year: Int
    let month: Int
    let day: Int
    /// From 0 for Sunday.
    let weekday: Int

    /// The day so many days after the first of January 1970.
    init(number: Int64) {
        // Years that begin in March end with the leap day; 400 of them have 146,097 days.
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let rest = Int(shifted - era * 146_097)
        let yearOfEra = (rest - rest / 1460 + rest / 36_524 - rest / 146_096) / 365
        let dayOfYear = rest - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0)
        weekday = Int(((number + 4) % 7 + 7) % 7)
    }

    /// The number of the day that a second belongs to.
    static func number(of second: Int64) -> Int64 { (second >= 0 ? second : second - 86_399) / 86_400 }

    /// The number of a day.
    static func number(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return Int64(era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear) - 719_468
    }
}
