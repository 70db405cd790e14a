/// The rule by which a zone goes on for ever, in the form that POSIX has for `TZ`: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct TimeZoneRule: Hashable, Sendable {
    /// A change of every year.
    private struct Change: Hashable {
        enum Day: Hashable {
            /// A weekday of a week of a month; the fifth week is the last.
            case weekday(month: Int, week: Int, weekday: Int)
            /// A day of the year from 1; the 29th of February does not count.
            case dayWithoutLeap(Int)
            /// A day of the year from 0.
            case day(Int)
        }

        let day: Day
        /// Seconds of the wall clock after midnight; may be below zero or more than a day.
        let time: Int64

        func local(in year: Int) -> Int64 { number(in: year) * 86_400 + time }

        private func number(in year: Int) -> Int64 {
            let start = CivilDay.number(year, 1, 1)
            switch day {
            case .day(let day): return start + Int64(day)
            case .dayWithoutLeap(let day):
                let hasLeapDay = CivilDay.number(year + 1, 1, 1) - start == 366
                return start + Int64(day - 1 + (hasLeapDay && day >= 60 ? 1 : 0))
            case .weekday(let month, let week, let weekday):
                let first = CivilDay.number(year, month, 1)
                let next = month == 12 ? CivilDay.number(year + 1, 1, 1) : CivilDay.number(year, month + 1, 1)
                let shift = (weekday - CivilDay(number: first).weekday + 7) % 7
                var number = first + Int64(shift + 7 * (week - 1))
                while number >= next { number -= 7 }
                return number
            }
        }
    }

    private let standard: Int64
    private let summer: Int64
    private let begin: Change?
    private let end: Change?

    /// Reads a rule; nil for none, or for one that is none.
    init?(_ text: String) {
        var reader = RuleReader(rest: text[...])
        guard reader.takeName(), let standard = reader.takeTime() else { return nil }
        self.standard = -standard
        guard reader.takeName() else {
            (summer, begin, end) = (-standard, nil, nil)
            return
        }
        summer = reader.rest.hasPrefix(",") ? -standard + 3600 : -(reader.takeTime() ?? standard - 3600)
        guard let begin = reader.takeChange(), let end = reader.takeChange() else { return nil }
        (self.begin, self.end) = (Change(day: begin.day, time: begin.time), Change(day: end.day, time: end.time))
    }

    func period(at second: Int64) -> TimeZoneRules.Period {
        guard let begin, let end else { return TimeZoneRules.Period(offset: standard, end: .max) }
        let year = CivilDay(number: CivilDay.number(of: second)).year
        let changes = ((year - 1)...(year + 1)).flatMap { year in
            [(at: begin.local(in: year) - standard, offset: summer), (at: end.local(in: year) - summer, offset: standard)]
        }.sorted { $0.at < $1.at }
        let offset = changes.last { $0.at <= second }?.offset ?? standard
        return TimeZoneRules.Period(offset: offset, end: changes.first { $0.at > second }?.at ?? .max)
    }

    private struct RuleReader {
        var rest: Substring

        mutating func takeName() -> Bool {
            let name = rest.hasPrefix("<") ? rest.prefix { $0 != ">" } : rest.prefix { $0.isLetter }
            rest = rest.dropFirst(name.count)
            if rest.hasPrefix(">") { rest = rest.dropFirst() }
            return !name.isEmpty
        }

        private mutating func takeNumber() -> Int? {
            let digits = rest.prefix { $0.isNumber }
            rest = rest.dropFirst(digits.count)
            return Int(digits)
        }

        /// `-3:30` and the like, in seconds.
        mutating func takeTime() -> Int64? {
            let isNegative = rest.hasPrefix("-")
            if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
            guard var seconds = takeNumber().map({ $0 * 3600 }) else { return nil }
            for factor in [60, 1] where rest.hasPrefix(":") {
                rest = rest.dropFirst()
                seconds += (takeNumber() ?? 0) * factor
            }
            return Int64(isNegative ? -seconds : seconds)
        }

        mutating func takeChange() -> (day: Change.Day, time: Int64)? {
            guard rest.hasPrefix(",") else { return nil }
            rest = rest.dropFirst()
            guard let day = takeDay() else { return nil }
            guard rest.hasPrefix("/") else { return (day, 7200) }
            rest = rest.dropFirst()
            return takeTime().map { (day, $0) }
        }

        private mutating func takeDay() -> Change.Day? {
            guard let kind = rest.first else { return nil }
            if kind == "M" || kind == "J" { rest = rest.dropFirst() }
            guard let number = takeNumber() else { return nil }
            guard kind == "M" else { return kind == "J" ? .dayWithoutLeap(number) : .day(number) }
            rest = rest.dropFirst()
            guard (1...12).contains(number), let week = takeNumber(), (1...5).contains(week) else { return nil }
            rest = rest.dropFirst()
            return takeNumber().map { .weekday(month: number, week: week, weekday: $0 % 7) }
        }
    }
}
