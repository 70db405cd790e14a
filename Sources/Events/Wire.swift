/// One delivery exactly as a sender made it.
public struct WireMessage: Hashable, Sendable {
    /// Who sent it.
    public var source: EventSource
    /// The body as received, JSON or not.
    public var bytes: [UInt8]
    /// The headers that came with it, names in lower case; empty in a trace.
    public var headers: [String: String]
    /// The URL exactly as the sender asked for it; nil in a trace. Some signatures cover it.
    public var url: String?
    /// The receiving edge's own id of the delivery, for a sender that gives none; nil in a trace.
    public var id: String?
    /// When it reached us.
    public var receivedAt: Timestamp
    /// When it happened, where a recorded trace knows better than the payload.
    public var occurredAt: Timestamp?

    /// A delivery as a receiving edge has it.
    public init(
        source: EventSource, bytes: [UInt8], headers: [String: String] = [:], url: String? = nil, id: String? = nil, receivedAt: Timestamp,
        occurredAt: Timestamp? = nil
    ) {
        self.source = source
        self.bytes = bytes
        self.headers = Dictionary(headers.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
        self.url = url
        self.id = id
        self.receivedAt = receivedAt
        self.occurredAt = occurredAt
    }

    /// A delivery of a trace: its text alone.
    public init(source: EventSource, body: String, receivedAt: Timestamp, occurredAt: Timestamp? = nil) {
        self.init(source: source, bytes: Array(body.utf8), receivedAt: receivedAt, occurredAt: occurredAt)
    }

    /// The body as text; what is no UTF-8 is repaired.
    public var body: String { String(decoding: bytes, as: UTF8.self) }

    /// The body as JSON within ``JSONLimits/wire``; a byte order mark is skipped.
    public func json() throws(JSONError) -> JSONValue {
        try JSONValue(parsing: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes, within: .wire)
    }

    /// When it happened: as the trace knows, else as the sender says; never after it was received, and then if nobody knows.
    ///
    /// A sender's clock that is ahead, or that counts from another zero, must not make what comes later look old.
    public func occurred(sent: Timestamp?) -> Timestamp {
        guard let moment = occurredAt ?? sent, moment.isPlausible else { return receivedAt }
        return min(moment, receivedAt)
    }

    /// An id for a delivery whose sender gives none: the edge's, else the same recorded delivery always gets the same one.
    ///
    /// `content` is the canonical text of the event, `index` its place in the delivery.
    public func derivedID(content: String, index: Int = 0) -> EventID {
        let own = id.map { "edge-\($0)" } ?? "\(receivedAt.milliseconds)-\(StableHash.hexadecimal(content))"
        return EventID("\(source)-\(own)\(index == 0 ? "" : "-\(index)")")
    }
}

/// What became of a delivery, or of one event in it.
public enum DecodedMessage: Hashable, Sendable {
    /// An event that a machine knows.
    case event(IncomingEvent)
    /// Something no machine may see: it is kept as a dead letter and counted.
    case deadLetter(DeadLetter)
}

/// A delivery that cannot be routed, kept with the reason so that nothing is lost.
public struct DeadLetter: Codable, Hashable, Sendable {
    /// Why it is here; the set is open, the names are counters in reports.
    public struct Reason: TextIdentifier {
        /// The name in lower case with dashes.
        public let rawValue: String
        /// Wraps `rawValue` as it is.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The body is not what the sender's format says.
        public static let malformed: Reason = "malformed"
        /// The format is right and the type is not one we know.
        public static let unknownType: Reason = "unknown-type"
        /// No entity has the id or reference in the event.
        public static let unknownEntity: Reason = "unknown-entity"
        /// No decoder is registered for the source.
        public static let unknownSource: Reason = "unknown-source"
        /// A mock event in production.
        public static let mock: Reason = "mock"
        /// A stored row that it needs cannot be read.
        public static let unreadableRow: Reason = "unreadable-row"
        /// The handler failed for good, or its attempts are used up.
        public static let failed: Reason = "failed"
        /// A type that the sender's documents name and that no machine reads; counted by ``DeadLetter/type``.
        public static let unmapped: Reason = "unmapped"
        /// A status word that nobody knows, or that contradicts the type: it moves nothing.
        public static let unknownStatus: Reason = "unknown-status"
        /// More than the domain or the form allows.
        public static let limit: Reason = "limit"
        /// The signature is missing or wrong.
        public static let signature: Reason = "signature"
        /// A message that its sender may not send.
        public static let wrongSender: Reason = "wrong-sender"
        /// It came before its step was due, and the step refuses such events.
        public static let early: Reason = "early"
    }

    /// The delivery's id, own or derived.
    public var id: EventID
    /// Who sent it.
    public var source: EventSource
    /// Why it was not routed.
    public var reason: Reason
    /// One sentence with ids, expected, found and remedy; no personal data.
    public var detail: String
    /// The sender's name of what happened, where it has one: letters, digits, dots and dashes, at most 100.
    public var type: String?
    /// The body, as received or with what is personal taken out. It is stored, never printed.
    public var body: String
    /// When it reached us.
    public var receivedAt: Timestamp

    /// A dead letter.
    public init(
        id: EventID, source: EventSource, reason: Reason, detail: String, type: String? = nil, body: String, receivedAt: Timestamp
    ) {
        self.id = id
        self.source = source
        self.reason = reason
        self.detail = detail
        self.type = type
        self.body = body
        self.receivedAt = receivedAt
    }
}

/// Turns one sender's wire form into canonical events. A decoder never throws: what it cannot read is a dead letter.
public protocol WireDecoder: Sendable {
    /// The source whose deliveries it reads.
    var source: EventSource { get }
    /// The events of one delivery in their order; at least one element.
    func decode(_ message: WireMessage) -> [DecodedMessage]
}

/// A hash that is the same in every process and on every machine, unlike `Hasher`.
public enum StableHash {
    /// FNV-1a, 64 bits, finished with a bit mixer so that similar ids spread. Not for secrets.
    public static func value(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        return hash ^ (hash >> 33)
    }

    /// ``value(_:)`` as 16 hexadecimal digits.
    public static func hexadecimal(_ text: String) -> String {
        let digits = String(value(text), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
