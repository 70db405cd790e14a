import Events

extension DecodedMessage {
    /// A dead letter for a body that is not what the sender's format says.
    static func malformed(_ message: WireMessage, _ detail: String, _ origin: LetterOrigin = LetterOrigin()) -> DecodedMessage {
        letter(message, .malformed, "\(message.source): \(detail); the delivery is kept, ask the sender to repeat it", origin)
    }

    /// A dead letter for a body that is no JSON, or too large for one.
    static func malformed(_ message: WireMessage, _ error: JSONError) -> DecodedMessage {
        guard error.expected.hasPrefix("at most") else { return malformed(message, "\(error)") }
        return letter(message, .limit, "\(message.source): \(error); the delivery is kept in part, ask the sender to split it")
    }

    /// A dead letter for a type that nobody knows.
    static func unknownType(_ message: WireMessage, _ origin: LetterOrigin) -> DecodedMessage {
        letter(
            message, .unknownType, "\(message.source): expected a known type, found '\(origin.type ?? "")'; no machine handles it", origin)
    }

    /// A dead letter for a type that the sender's documents name and that no machine reads.
    static func unmapped(_ message: WireMessage, _ origin: LetterOrigin) -> DecodedMessage {
        letter(message, .unmapped, "\(message.source): \(origin.type ?? "") is counted only; no step waits for it", origin)
    }

    /// A dead letter for a status word that nobody knows, or that contradicts the type.
    static func unknownStatus(_ message: WireMessage, _ word: StatusWord?, expected: String, _ origin: LetterOrigin) -> DecodedMessage {
        let found = word.map { "'\(printable($0.description))'" } ?? "no word"
        return letter(
            message, .unknownStatus,
            "\(message.source): \(origin.type ?? "an event"): expected \(expected), found \(found); nothing is moved by it", origin)
    }

    /// A dead letter.
    static func letter(
        _ message: WireMessage, _ reason: DeadLetter.Reason, _ detail: String, _ origin: LetterOrigin = LetterOrigin()
    ) -> DecodedMessage {
        let start = message.bytes.prefix(JSONLimits.wire.bytes)
        let body = origin.body.map { Redaction.body($0).canonicalText } ?? Redaction.remains(of: start)
        return .deadLetter(
            DeadLetter(
                id: message.derivedID(content: String(decoding: start, as: UTF8.self), index: origin.index), source: message.source,
                reason: reason, detail: detail, type: origin.type, body: String(body.prefix(16_384)), receivedAt: message.receivedAt))
    }

    /// What may stand in an error text: letters, digits, dots, dashes and underscores, at most 100, and no long number.
    static func printable(_ text: String) -> String {
        String(Redaction.clean(String(text.prefix(100))).filter { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) })
    }
}

/// Where in a delivery a dead letter comes from.
struct LetterOrigin {
    /// What the sender calls what happened, as it came.
    private let name: String?
    /// The element of a delivery that holds several.
    var index = 0
    /// The element as it was read.
    var body: JSONValue?

    init(type: String? = nil, index: Int = 0, body: JSONValue? = nil) {
        name = type
        self.index = index
        self.body = body
    }

    /// The sender's name of what happened, as it may be shown; most deliveries are never asked.
    var type: String? { name.map(DecodedMessage.printable) }
}
