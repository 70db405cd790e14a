/// A text identifier with a type of its own, so that an entity's id can never be passed where an event's id is wanted.
public protocol TextIdentifier: RawRepresentable, Codable, Hashable, Sendable, Comparable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    /// Wraps `rawValue` as it is; no value is refused.
    init(rawValue: String)
}

extension TextIdentifier {
    /// Wraps `text` as it is.
    public init(_ text: String) { self.init(rawValue: text) }
    /// Wraps the literal as it is.
    public init(stringLiteral value: String) { self.init(rawValue: value) }
    /// The bare text.
    public var description: String { rawValue }
    /// Orders by the bare text, so that listings are stable.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    /// Reads a bare JSON string.
    public init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
    }
    /// Writes a bare JSON string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// The thing that moves through the process: one registration, one order, one claim.
public struct EntityID: TextIdentifier {
    /// The id as the customer's system knows it, for example `R-000042`.
    public let rawValue: String
    /// Wraps `rawValue` as it is.
    public init(rawValue: String) { self.rawValue = rawValue }
}

/// The id under which one event is accepted at most once.
public struct EventID: TextIdentifier {
    /// The sender's id where it gives one, else derived from source, receive time and content.
    public let rawValue: String
    /// Wraps `rawValue` as it is.
    public init(rawValue: String) { self.rawValue = rawValue }
}

/// What happened, by the canonical name of the message, for example `CAMPAIGN_ADD` or `registration.submit`.
public struct EventKind: TextIdentifier {
    /// The canonical name.
    public let rawValue: String
    /// Wraps `rawValue` as it is.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The internal message that starts the next legacy step after a boundary or a hand back.
    public static let `continue`: EventKind = "lockstep.continue"
    /// The internal message that asks a legacy service to let go of the entity, so that a durable step can begin.
    public static let handOff: EventKind = "lockstep.handoff"
    /// The internal message that says that a legacy service has done something to the entity by itself.
    public static let look: EventKind = "lockstep.look"
}

/// Who sent an event; it selects the wire decoder.
public struct EventSource: TextIdentifier {
    /// A short name in lower case, for example `tcr`.
    public let rawValue: String
    /// Wraps `rawValue` as it is.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Lockstep's own messages: `continue`.
    public static let lockstep: EventSource = "lockstep"
    /// The sweeper's and the scheduler's timers.
    public static let timer: EventSource = "timer"
    /// Not a sender: lines of a recorded trace that script how the outside world answers.
    public static let world: EventSource = "world"
}
