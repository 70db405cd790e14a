public import Events

/// The in-house senders: `{"id": …, "type": …, "registration": …, "data": {…}}`.
public struct InHouseDecoder: WireDecoder {
    /// Required by ``WireDecoder``, which says what it does.
    public let source: EventSource
    private static let known = Dictionary(
        A2PMessages.machine.map { ($0.rawValue.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })

    /// What each sender may say (A2P guide §3.3, column actor); support may do what a customer may.
    private static let said: [EventSource: [String]] = [
        "customer": ["registration.", "numbers."], "support": ["support.", "registration.", "numbers."],
        "reviewer": ["profile.", "content."], "provider": ["brand.suspended", "number-"], "billing": ["billing."], "timer": ["timer."],
    ]

    /// A decoder for `source`; it accepts those of the machine's messages that `source` may send.
    public init(source: EventSource) { self.source = source }

    /// Required by ``WireDecoder``, which says what it does.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        let value: JSONValue
        do { value = try message.json() } catch { return [.malformed(message, error)] }
        guard let body = WireBody(value), let id = WireID.read(body["id"]), let type = body["type"]?.string,
            let registration = WireID.read(body["registration"])
        else {
            let expected = "expected id, type and registration as texts of 1 to \(WireID.longest) visible ASCII characters"
            return [.malformed(message, expected, LetterOrigin(body: value))]
        }
        let origin = LetterOrigin(type: type, body: value)
        guard let kind = Self.known[type.lowercased()] else { return [.unknownType(message, origin)] }
        guard Self.said[source].map({ $0.contains(where: kind.rawValue.hasPrefix) }) ?? true else {
            let detail = "\(source): \(kind): expected what this sender may say, found another sender's message; nothing is moved by it"
            return [.letter(message, .wrongSender, detail, origin)]
        }
        guard let data = body["data"].map({ WireBody($0) }) ?? WireBody([:]) else {
            return [.malformed(message, "\(origin.type ?? ""): expected data as an object", origin)]
        }
        if let refusal = Self.refusal(kind, data) { return [.letter(message, refusal.0, refusal.1, origin)] }
        let incoming = IncomingEvent(
            id: EventID(id), source: source, reference: .entity(EntityID(registration)), kind: kind,
            payload: Self.payload(data), receivedAt: message.receivedAt,
            occurredAt: message.occurred(sent: body.time("occurredAt")))
        return [.event(incoming)]
    }

    /// Why a message cannot be taken: a word that decides, and that nobody knows.
    private static func refusal(_ kind: EventKind, _ data: WireBody) -> (DeadLetter.Reason, String)? {
        switch kind {
        case "registration.submit": return submission(data)
        case "billing.result" where billing(data) == nil:
            return (.unknownStatus, "billing.result: expected status as posted, pending or declined, found another word; correct it")
        case "support.override" where data["hold", "release"]?.truth != true && data.word("state").flatMap(state) == nil:
            return (.unknownStatus, "support.override: expected hold, release or a state of the machine, found none; correct it")
        default: return nil
        }
    }

    private static func state(_ word: StatusWord) -> RegistrationState? { RegistrationState(rawValue: word.description) }

    private static func billing(_ data: WireBody) -> String? {
        switch data.word("status")?.plain {
        case "REJECTED", "FAILED": "declined"
        case "SUCCESS", "ACCEPTED", "POSTED", "PAID", "SETTLED", "CAPTURED": "posted"
        case "PENDING": "pending"
        default: nil
        }
    }

    private static func submission(_ data: WireBody) -> (DeadLetter.Reason, String)? {
        if let said = data["entityType"], said.string.flatMap(EntityType.init(wire:)) == nil {
            let all = EntityType.allCases.map(\.rawValue).joined(separator: ", ")
            return (.unknownStatus, "registration.submit: expected entityType as one of \(all), found another word; correct it")
        }
        if let said = data["useCase"], said.string.flatMap(StatusWord.init) == nil {
            return (.malformed, "registration.submit: expected useCase as one word of at most 64 letters; correct it")
        }
        guard let said = data["numbers"] else { return nil }
        let limit = NumberLimit.of(hasPool: data["numberPool"]?.truth ?? false)
        guard let count = said.integer, count >= 0 else {
            return (.malformed, "registration.submit: expected numbers as a whole number from 0 to \(limit); correct it")
        }
        guard count <= limit else {
            let remedy = limit < NumberLimit.pool ? "; ask for a number pool" : "; split the campaign"
            return (.limit, "registration.submit: expected at most \(limit) numbers for one campaign, found \(count)\(remedy)")
        }
        return nil
    }

    /// The members that the machine reads. Of an edit only the names of what changed are kept, of free text a token.
    private static func payload(_ data: WireBody) -> JSONValue {
        var payload: [String: JSONValue] = [:]
        payload["entityType"] = data["entityType"]?.string.flatMap(EntityType.init(wire:)).map { .string($0.rawValue) }
        payload["useCase"] = data.word("useCase").map { .string($0.description) }
        for name in ["numbers", "number", "mnoId", "score", "amountCents"] {
            payload[name] = data.integer(name, within: 0...1_000_000_000)
        }
        for name in ["numberPool", "hold", "release", "verified"] { payload[name] = data[name]?.truth.map { .bool($0) } }
        payload["state"] = data.word("state").map { .string($0.description) }
        payload["status"] = billing(data).map { .string($0) }
        payload["numberSid"] = data.id("numberSid")
        for name in ["rule", "fee", "currency", "errorCode"] { payload[name] = data.code(name) }
        payload["operator"] = data["operator"]?.string.map { .string(Operator.name($0)) }
        payload["reason"] = data["reason"]?.string.map(FreeText.token)
        payload["failureReason"] = data.code("failureReason")
        if let reasons = data["reasons"]?.array {
            payload["reasons"] = .array(reasons.prefix(64).compactMap { WireID.read($0).flatMap(Redaction.code) }.map { .string($0) })
        }
        if let changes = data["changes"] { payload["changes"] = changed(changes) }
        return .object(payload)
    }
}

extension InHouseDecoder {
    /// The names of the fields that an edit changes, never their values.
    private static func changed(_ changes: JSONValue) -> JSONValue {
        let names = changes.object?.keys.sorted() ?? changes.array?.compactMap(\.string) ?? []
        let spelled = names.prefix(64).map { name in
            core.first { $0.lowercased() == name.lowercased().filter { $0 != "_" && $0 != "-" } } ?? Redaction.clean(name)
        }
        return .object(Dictionary(spelled.map { ($0, true) }, uniquingKeysWith: { first, _ in first }))
    }

    private static let core = ["ein", "companyName", "entityType", "einIssuingCountry", "website"]
}

/// The kinds of companies that the registry knows (A2P guide §1.2).
enum EntityType: String, CaseIterable {
    case PRIVATE_PROFIT, PUBLIC_PROFIT, NON_PROFIT, GOVERNMENT, SOLE_PROPRIETOR

    /// The kind that a word in any casing means; nil for every other word.
    init?(wire text: String) {
        guard let word = StatusWord(text) else { return nil }
        self.init(rawValue: word.description)
    }
}

/// Who acts for support: an id stays, a name becomes a token that is the same each time.
enum Operator {
    static func name(_ text: String) -> String {
        let isID =
            (1...32).contains(text.utf8.count) && text.contains(where: \.isNumber)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        return isID ? text : "operator-\(StableHash.hexadecimal(text).prefix(8))"
    }
}

/// What people write. No machine reads it: a token is kept that is the same for the same words, because other words are another message.
enum FreeText {
    static func token(_ text: String) -> JSONValue { .string("text-\(StableHash.hexadecimal(Redaction.clean(text)))") }
}

/// The decoders of all senders.
public enum A2PDecoders {
    /// One per source; nothing is verified, as for recorded traces.
    public static let all: [any WireDecoder] = verified(by: WebhookSecrets())

    /// One per source; a delivery whose sender has a secret in `secrets` is verified before it is decoded.
    public static func verified(by secrets: WebhookSecrets) -> [any WireDecoder] {
        [
            TCRDecoder(secret: secrets.tcr), TwilioDecoder(authToken: secrets.twilio), TelnyxDecoder(publicKey: secrets.telnyx),
        ] + ["customer", "reviewer", "support", "billing", "timer", "provider"].map { InHouseDecoder(source: EventSource($0)) }
    }
}
