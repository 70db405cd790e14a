public import FoundationEssentials

/// A moment in milliseconds since 1970-01-01T00:00:00Z, the resolution at which events and timers are ordered.
///
/// Encoded as an ISO 8601 text with milliseconds in UTC, for example `2026-03-02T09:00:00.000Z`. Every moment lies between the years
/// 1 and 9999, so that every one has such a text; arithmetic stops at these ends and never traps.
public struct Timestamp: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// Milliseconds since the epoch; negative before 1970.
    public let milliseconds: Int64

    /// 0001-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z, in milliseconds since the epoch.
    private static let representable: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999

    /// The moment `milliseconds` after the epoch, or the nearer end of what can be written.
    public init(milliseconds: Int64) {
        self.milliseconds = min(max(milliseconds, Self.representable.lowerBound), Self.representable.upperBound)
    }

    /// The moment `milliseconds` after the epoch; nil outside of the years 1 to 9999.
    public init?(exactly milliseconds: Int64) {
        guard Self.representable.contains(milliseconds) else { return nil }
        self.milliseconds = milliseconds
    }

    /// The moment of a Foundation date, rounded to the nearest millisecond; the nearer end for one that cannot be written.
    public init(_ date: Date) {
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
        self.init(milliseconds: Int64(exactly: milliseconds) ?? (milliseconds < 0 ? .min : .max))
    }

    /// Reads `2026-03-02T09:00:00Z`, with or without fractional seconds, `Z` or an offset like `+02:00`; nil when `text` is anything else.
    public init?(_ text: String) {
        guard let milliseconds = Self.read(text) else { return nil }
        self.init(exactly: milliseconds)
    }

    /// Earlier than every real event.
    public static let distantPast = Timestamp(milliseconds: 0)
    /// Later than every real event (the year 9999).
    public static let distantFuture = Timestamp(milliseconds: 253_370_764_800_000)

    /// Orders by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// The moment `right` later, or the nearer end of what can be written; fractions of a millisecond are cut off.
    public static func + (left: Timestamp, right: Duration) -> Timestamp {
        let (sum, overflow) = left.milliseconds.addingReportingOverflow(right.milliseconds)
        return Timestamp(milliseconds: overflow ? (right < .zero ? .min : .max) : sum)
    }

    /// The full hour at this moment, or the next one: when a cron job that comes by every hour finds what is due now.
    package var roundedUpToHour: Timestamp {
        let hour: Int64 = 3_600_000
        return Timestamp(milliseconds: Self.floorDivide(milliseconds + hour - 1, hour) * hour)
    }

    /// The time from `right` to `left`.
    public static func - (left: Timestamp, right: Timestamp) -> Duration {
        .milliseconds(left.milliseconds - right.milliseconds)
    }

    /// ISO 8601 in UTC with milliseconds.
    public var description: String {
        let days = Self.floorDivide(milliseconds, 86_400_000)
        let rest = milliseconds - days * 86_400_000
        let (year, month, day) = Self.civil(days)
        let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { Self.padded($0, 2) }.joined(separator: ":")
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T\(time).\(Self.padded(rest % 1000, 3))Z"
    }

    /// Reads the ISO 8601 text that `encode(to:)` writes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected an ISO 8601 time of the years 1 to 9999, found another text")
        }
        self = value
    }

    /// Writes ISO 8601 in UTC with milliseconds.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
    }

    /// Year, month and day of a day count since 1970 in the Gregorian calendar, counted in eras of 400 years that begin in March.
    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    /// Days since 1970 of a date in the Gregorian calendar; the inverse of ``civil(_:)``.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Reads `YYYY-MM-DDThh:mm:ss[.fraction]` and then `Z` or `±hh:mm`; fractions beyond milliseconds are cut off.
    private static func read(_ text: String) -> Int64? {
        var scan = DigitScan(bytes: Array(text.utf8))
        guard let year = scan.number(4), scan.take("-"), let month = scan.number(2), scan.take("-"), let day = scan.number(2),
            scan.take("T"), let hour = scan.number(2), scan.take(":"), let minute = scan.number(2), scan.take(":"),
            let second = scan.number(2), (1...12).contains(month), day >= 1, hour < 24, minute < 60, second < 61
        else { return nil }
        let date = days(year, month, day)
        guard civil(date) == (year, month, day) else { return nil }
        guard let fraction = scan.take(".") ? scan.milliseconds() : 0, let offset = scan.offset(), scan.isAtEnd else { return nil }
        return ((date * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1000 + fraction
    }
}

/// Reads fixed-width numbers.
private struct DigitScan {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func number(_ width: Int) -> Int64? {
        guard position + width <= bytes.count else { return nil }
        var value: Int64 = 0
        for byte in bytes[position..<(position + width)] {
            guard byte >= 48, byte <= 57 else { return nil }
            value = value * 10 + Int64(byte - 48)
        }
        position += width
        return value
    }

    mutating func milliseconds() -> Int64? {
        var value: Int64 = 0
        var digits = 0
        while let digit = number(1) {
            if digits < 3 { value = value * 10 + digit }
            digits += 1
        }
        guard digits > 0 else { return nil }
        for _ in digits..<max(digits, 3) { value *= 10 }
        return value
    }

    /// Minutes east of UTC.
    mutating func offset() -> Int64? {
        if take("Z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = number(2), take(":"), let minutes = number(2) else { return nil }
        return (hours * 60 + minutes) * (isEast ? 1 : -1)
    }
}

extension Duration {
    /// Whole milliseconds, fractions cut off; the nearer end of 64 bits for a duration that does not fit.
    public var milliseconds: Int64 {
        let (seconds, fraction) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        let (sum, carries) = whole.addingReportingOverflow(fraction / 1_000_000_000_000_000)
        return overflow || carries ? (seconds < 0 ? .min : .max) : sum
    }

    /// `count` minutes.
    public static func minutes(_ count: Int) -> Duration { seconds(count, times: 60) }
    /// `count` hours.
    public static func hours(_ count: Int) -> Duration { seconds(count, times: 3600) }
    /// `count` days of 24 hours.
    public static func days(_ count: Int) -> Duration { seconds(count, times: 86_400) }

    private static func seconds(_ count: Int, times unit: Int) -> Duration {
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        return .seconds(overflow ? (count < 0 ? .min : .max) : product)
    }
}

/// The one door through which time enters: live code passes the system's, tests and recorded runs a virtual one.
public protocol TimeSource: Sendable {
    /// The current moment; never earlier than an answer given before.
    var now: Timestamp { get }
}
