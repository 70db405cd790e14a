public import Events

/// The registry's webhooks: flat JSON, `eventType` mandatory, no id, no time (A2P guide §1.4).
public struct TCRDecoder: WireDecoder {
    /// Required by ``WireDecoder``, which says what it does.
    public let source: EventSource = "tcr"
    private static let known = Set(A2PMachine.messages + A2PMachine.vettingMessages)

    /// A decoder.
    public init() {}

    /// Required by ``WireDecoder``, which says what it does.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        let body: JSONValue
        do { body = try JSONValue(parsing: message.body) } catch { return [.malformed(message, "\(error)")] }
        guard body.object != nil else { return [.malformed(message, "expected an object")] }
        guard let type = body["eventType"]?.string else { return [.malformed(message, "expected eventType as a text")] }
        if body["mock"]?.bool == true {
            return [.letter(message, .mock, "tcr: \(type.prefix(40)) is a mock event; mocks are not routed in production")]
        }
        let kind = EventKind(type)
        guard Self.known.contains(kind), kind.rawValue.uppercased() == kind.rawValue else { return [.unknownType(message, type)] }
        let payload = Self.payload(body)
        let content = payload.canonicalText
        let incoming = IncomingEvent(
            id: message.derivedID(content: "\(kind) \(content)"), source: source, reference: Self.reference(body), kind: kind,
            payload: payload, subject: Self.subject(kind, body), receivedAt: message.receivedAt, occurredAt: message.occurredAt)
        return [.event(incoming)]
    }

    private static func reference(_ body: JSONValue) -> EntityReference {
        for name in ["brandReferenceId", "campaignReferenceId"] {
            if let own = body[name]?.string, !own.isEmpty { return .entity(EntityID(own)) }
        }
        return .external(["campaignId", "brandId", "vettingId"].compactMap { body[$0]?.string })
    }

    private static func payload(_ body: JSONValue) -> JSONValue {
        var payload: [String: JSONValue] = [:]
        for name in ["brandId", "campaignId", "vettingId"] { payload[name] = body[name]?.string.map { .string($0) } }
        payload["identityStatus"] = body["brandIdentityStatus"]?.string.map { .string($0) }
        payload["mnoId"] = body["mnoId"]?.integer.map { .integer($0) }
        payload["score"] = (body["score"] ?? body["vettingScore"])?.integer.map { .integer($0) }
        if let description = body["description"]?.string {
            let codes = self.codes(description)
            if !codes.isEmpty { payload["reasons"] = .array(codes.map { .string($0) }) }
            payload["description"] = .string(Redaction.clean(description))
        }
        return .object(payload)
    }

    /// `CR4015` and five-digit error codes stand inside the free text.
    static func codes(_ text: String) -> [String] {
        let words = text.split { !($0.isLetter || $0.isNumber) }
        return words.map(String.init).filter { word in
            let digits = word.hasPrefix("CR") ? word.dropFirst(2) : Substring(word)
            return digits.count == (word.hasPrefix("CR") ? 4 : 5) && digits.allSatisfy(\.isNumber)
        }
    }

    /// What the event is about: events about the same subject follow each other, so only a repetition of the last is a duplicate.
    static func subject(_ kind: EventKind, _ body: JSONValue) -> String {
        let name = kind.rawValue
        if name.hasPrefix("MNO_") { return "campaign/mno/\(body["mnoId"]?.integer ?? 0)" }
        if name.hasPrefix("EVP_") { return "vetting" }
        if name.hasPrefix("BRAND_AUTHPLUS") || name.hasPrefix("BRAND_EMAIL") { return "authplus" }
        if name == "BRAND_IDENTITY_STATUS_UPDATE" { return "brand/identity" }
        if name.hasPrefix("BRAND_") { return "brand/\(name)" }
        return name == "CAMPAIGN_BILLED" || name == "CAMPAIGN_NUDGE" || name == "CAMPAIGN_UPDATE"
            ? "campaign/\(name)" : "campaign/lifecycle"
    }
}
