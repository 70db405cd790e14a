public import Events

/// The in-house senders: `{"id": …, "type": …, "registration": …, "data": {…}}`.
public struct InHouseDecoder: WireDecoder {
    /// Required by ``WireDecoder``, which says what it does.
    public let source: EventSource
    private let known: Set<EventKind>

    /// A decoder for `source`; it accepts the machine's messages only.
    public init(source: EventSource) {
        self.source = source
        known = Set(A2PMachine.messages)
    }

    /// Required by ``WireDecoder``, which says what it does.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        let body: JSONValue
        do { body = try JSONValue(parsing: message.body) } catch { return [.malformed(message, "\(error)")] }
        guard let id = body["id"]?.string, let type = body["type"]?.string, let registration = body["registration"]?.string else {
            return [.malformed(message, "expected id, type and registration as texts")]
        }
        guard known.contains(EventKind(type)) else { return [.unknownType(message, type)] }
        let incoming = IncomingEvent(
            id: EventID(id), source: source, reference: .entity(EntityID(registration)), kind: EventKind(type),
            payload: body["data"] ?? [:], receivedAt: message.receivedAt, occurredAt: message.occurredAt)
        return [.event(incoming)]
    }
}

extension DecodedMessage {
    /// A dead letter for a body that is not what the sender's format says.
    static func malformed(_ message: WireMessage, _ detail: String) -> DecodedMessage {
        .letter(message, .malformed, "\(message.source): \(detail); the delivery is kept, ask the sender to repeat it")
    }

    /// A dead letter for a type that no machine handles.
    static func unknownType(_ message: WireMessage, _ type: String) -> DecodedMessage {
        let name = type.prefix(80).filter { $0.isLetter || $0.isNumber || "._-".contains($0) }
        return .letter(message, .unknownType, "\(message.source): expected a known type, found '\(name)'; no machine handles it")
    }

    static func letter(_ message: WireMessage, _ reason: DeadLetter.Reason, _ detail: String) -> DecodedMessage {
        .deadLetter(
            DeadLetter(
                id: message.derivedID(content: message.body), source: message.source, reason: reason, detail: detail, body: message.body,
                receivedAt: message.receivedAt))
    }
}

/// Free text from outside, made safe to keep in payloads, logs and reports.
enum Redaction {
    /// Replaces e-mail addresses, links and runs of seven or more digits by typed tokens.
    static func clean(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            if word.contains("@") { return "[e-mail]" }
            if word.contains("://") || word.hasPrefix("www.") { return "[link]" }
            return word.count(where: \.isNumber) >= 7 ? "[number]" : String(word)
        }.joined(separator: " ")
    }
}

/// The decoders of all senders.
public enum A2PDecoders {
    /// One per source.
    public static let all: [any WireDecoder] =
        [TCRDecoder(), TwilioDecoder(), TelnyxDecoder()]
        + ["customer", "reviewer", "support", "billing", "timer", "provider"].map { InHouseDecoder(source: EventSource($0)) }
}
