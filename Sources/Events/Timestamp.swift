public import FoundationEssentials

/// A moment in milliseconds since 1970-01-01T00:00:00Z, the resolution at which events and timers are ordered.
///
/// Encoded as an ISO 8601 text with milliseconds in UTC, for example `2026-03-02T09:00:00.000Z`.
public struct Timestamp: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// Milliseconds since the epoch; negative before 1970.
    public let milliseconds: Int64

    /// The moment `milliseconds` after the epoch.
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// The moment of a Foundation date, rounded to the nearest millisecond.
    public init(_ date: Date) { self.init(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded())) }

    /// Reads `2026-03-02T09:00:00Z`, with or without fractional seconds; nil when `text` is anything else.
    public init?(_ text: String) {
        guard let date = Self.date(text) else { return nil }
        self.init(date)
    }

    /// Earlier than every real event.
    public static let distantPast = Timestamp(milliseconds: 0)
    /// Later than every real event (the year 9999).
    public static let distantFuture = Timestamp(milliseconds: 253_370_764_800_000)

    /// Orders by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// The moment `duration` later; fractions of a millisecond are cut off.
    public static func + (left: Timestamp, right: Duration) -> Timestamp {
        Timestamp(milliseconds: left.milliseconds + right.milliseconds)
    }

    /// The time from `right` to `left`.
    public static func - (left: Timestamp, right: Timestamp) -> Duration {
        .milliseconds(left.milliseconds - right.milliseconds)
    }

    /// ISO 8601 in UTC with milliseconds.
    public var description: String {
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        return Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(format)
    }

    /// Reads the ISO 8601 text that `encode(to:)` writes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected an ISO 8601 time, found \"\(text)\"")
        }
        self = value
    }

    /// Writes ISO 8601 in UTC with milliseconds.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private static func date(_ text: String) -> Date? {
        let fractional = text.contains(".")
        return try? Date.ISO8601FormatStyle(includingFractionalSeconds: fractional).parse(text)
    }
}

extension Duration {
    /// Whole milliseconds, fractions cut off.
    public var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// `count` minutes.
    public static func minutes(_ count: Int) -> Duration { .seconds(count * 60) }
    /// `count` hours.
    public static func hours(_ count: Int) -> Duration { .seconds(count * 3600) }
    /// `count` days of 24 hours.
    public static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }
}

/// The one door through which time enters: live code passes the system's, tests and recorded runs a virtual one.
public protocol TimeSource: Sendable {
    /// The current moment; never earlier than an answer given before.
    var now: Timestamp { get }
}
