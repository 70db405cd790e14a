public import Events

/// The registry's webhooks: flat JSON or a relay's form, `eventType` mandatory, no id, no time (A2P guide §1.4).
public struct TCRDecoder: WireDecoder {
    /// Required by ``WireDecoder``, which says what it does.
    public let source: EventSource = "tcr"
    private let verifier: TCRSignature?

    private static let known = Set((A2PMessages.machine + A2PMessages.vetting).filter { $0.rawValue.uppercased() == $0.rawValue })
    /// Types of the guide's §1.3 that no machine reads.
    static let unmapped: Set<EventKind> = [
        "BRAND_IDENTITY_VET_UPDATE", "BRAND_APPEAL_ADD", "BRAND_MOCK_OTP", "BRAND_FEEDBACK", "DCA_CAMPAIGN_OPERATION_SUSPENDED",
        "EVP_REPORT_IMPORT", "EVP_REPORT_EXPRESS_MAIL", "BRAND_AUTHPLUS_VERIFICATION_ADD", "BRAND_AUTHPLUS_RE_VERIFICATION_ADD",
        "BRAND_AUTHPLUS_DOMAIN_VERIFIED", "BRAND_AUTHPLUS_DOMAIN_FAILED", "BRAND_AUTHPLUS_2FA_VERIFIED", "BRAND_AUTHPLUS_2FA_FAILED",
        "BRAND_EMAIL_2FA_SEND", "BRAND_EMAIL_2FA_OPEN", "CSP_ACTIVE", "CSP_APPROVE", "CSP_SUSPEND",
    ]

    /// A decoder. With the account's `secret` a delivery without the right `X-Registry-Signature` is a dead letter.
    public init(secret: String? = nil) { verifier = secret.map(TCRSignature.init) }

    /// Required by ``WireDecoder``, which says what it does.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        let value: JSONValue
        do { value = try message.json() } catch {
            guard let form = FormBody.object(message.bytes) else { return [.malformed(message, error)] }
            value = form
        }
        if let refusal = verifier?.refusal(of: message, value) { return [.letter(message, .signature, refusal)] }
        guard value.object != nil, let body = WireBody(value) else { return [.malformed(message, "expected an object")] }
        guard let type = body["eventType", "TCREvent"]?.string, let word = StatusWord(type) else {
            return [.malformed(message, "expected eventType as a text", LetterOrigin(body: value))]
        }
        return [decode(EventKind(word.description), body, message, LetterOrigin(type: type, body: value))]
    }

    private func decode(_ kind: EventKind, _ body: WireBody, _ message: WireMessage, _ origin: LetterOrigin) -> DecodedMessage {
        if body["mock"]?.truth == true {
            let detail = "tcr: \(origin.type ?? "") is a mock event; mocks are not routed in production"
            return .letter(message, .mock, detail, origin)
        }
        if Self.unmapped.contains(kind) { return .unmapped(message, origin) }
        guard Self.known.contains(kind) else { return .unknownType(message, origin) }
        if kind == "BRAND_IDENTITY_STATUS_UPDATE", let said = body["brandIdentityStatus", "identityStatus"] {
            let word = said.string.flatMap(StatusWord.init)
            guard IdentityStatus(wire: word) != nil else {
                return .unknownStatus(message, word, expected: "VERIFIED, VETTED_VERIFIED, SELF_DECLARED or UNVERIFIED", origin)
            }
        }
        let payload = Self.payload(body)
        let incoming = IncomingEvent(
            id: message.derivedID(content: "\(kind) \(payload.canonicalText)"), source: source,
            reference: .external(
                body.ids("brandReferenceId", "campaignReferenceId", "referenceId", "campaignId", "brandId", "vettingId")),
            kind: kind, payload: payload, subject: Self.subject(kind, payload), answers: Self.answers(kind),
            receivedAt: message.receivedAt, occurredAt: message.occurred(sent: nil))
        return .event(incoming)
    }

    private static func payload(_ body: WireBody) -> JSONValue {
        var payload: [String: JSONValue] = [:]
        for name in ["brandId", "campaignId", "vettingId"] { payload[name] = body.id(name) }
        payload["identityStatus"] = IdentityStatus(wire: body.word("brandIdentityStatus", "identityStatus")).map { .string($0.rawValue) }
        payload["mnoId"] = body.integer("mnoId", within: 1...999_999) ?? MobileNetwork.id(named: body["mnoName"]?.string)
        payload["score"] = body.score("score", "vettingScore")
        payload.describe(body["description"]?.string)
        return .object(payload)
    }

    /// `CR4015` and five-digit error codes stand inside the free text.
    static func codes(_ text: String) -> [String] {
        let words = text.prefix(4096).split { !($0.isLetter || $0.isNumber) }
        return words.prefix(512).map(String.init).filter { word in
            let digits = word.hasPrefix("CR") ? word.dropFirst(2) : Substring(word)
            return digits.count == (word.hasPrefix("CR") ? 4 : 5) && digits.allSatisfy { ("0"..."9").contains($0) }
        }
    }

    /// What the event is about: events about the same subject follow each other, so only a repetition of the last is a duplicate.
    static func subject(_ kind: EventKind, _ payload: JSONValue) -> String {
        let name = kind.rawValue
        if name.hasPrefix("MNO_") { return "campaign/mno/\(payload["mnoId"]?.integer ?? 0)" }
        if name.hasPrefix("EVP_") { return "vetting" }
        if name.hasPrefix("BRAND_AUTHPLUS") || name.hasPrefix("BRAND_EMAIL") { return "authplus" }
        if name == "BRAND_IDENTITY_STATUS_UPDATE" { return "brand/identity" }
        if name.hasPrefix("BRAND_") { return "brand/\(name)" }
        return name == "CAMPAIGN_BILLED" || name == "CAMPAIGN_NUDGE" || name == "CAMPAIGN_UPDATE"
            ? "campaign/\(name)" : "campaign/lifecycle"
    }

    /// Our calls that the event answers: after one of them the same content is news.
    static func answers(_ kind: EventKind) -> [String] {
        let name = kind.rawValue
        if name.hasPrefix("MNO_") { return ["registry.createCampaign", "registry.resubmitCampaign", "partner.associate"] }
        if name.hasPrefix("EVP_") { return ["vetting.order", "vetting.appeal"] }
        if name.hasPrefix("BRAND_AUTHPLUS") || name.hasPrefix("BRAND_EMAIL") { return ["vetting.startAuthPlus"] }
        if name.hasPrefix("profile.") { return ["provider.submitBundle"] }
        if name == "BRAND_OTP_VERIFIED" { return ["registry.sendOTP"] }
        if name.hasPrefix("BRAND_") { return ["registry.submitBrand", "registry.revetBrand"] }
        return ["registry.createCampaign", "registry.resubmitCampaign", "partner.share", "partner.associate", "registry.nudge"]
    }
}

/// The carriers by the registry's names, for senders that leave the number out (A2P guide §1.1).
enum MobileNetwork {
    static func id(named name: String?) -> JSONValue? {
        guard let name, name.utf8.count <= 64 else { return nil }
        let plain = name.uppercased().filter { $0.isLetter }
        switch plain {
        case "ATT", "ATTMOBILITY": return 10017
        case "TMOBILE", "TMOBILEUS", "TMOBILEUSA": return 10035
        case "USCELLULAR", "UNITEDSTATESCELLULAR": return 10037
        case "VERIZON", "VERIZONWIRELESS": return 10038
        default: return nil
        }
    }
}

extension Dictionary<String, JSONValue> {
    /// Keeps the codes that stand in a sender's free text, and of the text itself what tells it from another one.
    mutating func describe(_ text: String?) {
        guard let text, !text.isEmpty else { return }
        let codes = TCRDecoder.codes(text)
        if !codes.isEmpty { self["reasons"] = .array(codes.map { .string($0) }) }
        self["description"] = FreeText.token(text)
    }
}
