public import Events

/// Twilio: Event Streams, an array of CloudEvents or one of them, `data` an object or a text that holds one (A2P guide §2.5); and its
/// resources, as a read or a status callback shows them, JSON or a form (§2.1).
public struct TwilioDecoder: WireDecoder {
    /// Required by ``WireDecoder``, which says what it does.
    public let source: EventSource = "twilio"
    private let verifier: TwilioSignature?

    /// A decoder. With the account's `authToken` a delivery without the right `X-Twilio-Signature` is a dead letter.
    public init(authToken: String? = nil) { verifier = authToken.map(TwilioSignature.init) }

    /// Required by ``WireDecoder``, which says what it does.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        if let refusal = verifier?.refusal(of: message) { return [.letter(message, .signature, refusal)] }
        let body: JSONValue
        do { body = try message.json() } catch {
            guard let form = FormBody.object(message.bytes) else { return [.malformed(message, error)] }
            body = form
        }
        let envelopes = body.array ?? [body]
        if envelopes.isEmpty { return [.malformed(message, "expected at least one CloudEvent, found an empty array")] }
        return envelopes.enumerated().map { index, envelope in decode(envelope, index, message) }
    }

    private func decode(_ value: JSONValue, _ index: Int, _ message: WireMessage) -> DecodedMessage {
        guard let envelope = WireBody(value) else {
            return .malformed(message, "expected a CloudEvent as an object", LetterOrigin(index: index, body: value))
        }
        if let resource = TwilioResource(envelope) { return resource.decode(message, index, value) }
        guard let id = WireID.read(envelope["id"]), let type = envelope["type"]?.string else {
            let expected = "expected a CloudEvent with type, and id as 1 to \(WireID.longest) visible ASCII characters"
            return .malformed(message, expected, LetterOrigin(index: index, body: value))
        }
        return decode(id, type, envelope, message, LetterOrigin(type: type, index: index, body: value))
    }

    private func decode(_ id: String, _ type: String, _ envelope: WireBody, _ message: WireMessage, _ origin: LetterOrigin)
        -> DecodedMessage
    {
        let name = Self.name(type)
        if Self.unmapped.contains(name) { return .unmapped(message, origin) }
        guard let meaning = Self.meanings[name] else { return .unknownType(message, origin) }
        guard let data = envelope.object("data") else {
            return .malformed(message, "expected data as an object, or as a text that holds one", origin)
        }
        if let word = meaning.contradiction(in: data) {
            return .unknownStatus(message, word, expected: "a status that goes with the type", origin)
        }
        let incoming = IncomingEvent(
            id: EventID(id), source: source, reference: .external(Self.references(data)), kind: meaning.kind,
            payload: Self.payload(data, meaning), receivedAt: message.receivedAt,
            occurredAt: message.occurred(
                sent: data.time("timestamp", "updateddate", "dateupdated", "createddate") ?? envelope.time("time")))
        return .event(incoming)
    }

    private static func references(_ data: WireBody) -> [String] {
        data.ids(
            "brandreferenceid", "campaignreferenceid", "phonenumbersid", "campaignsid", "externalcampaignid", "brandsid",
            "externalbrandid", "campaignid", "brandid")
    }

    private static func payload(_ data: WireBody, _ meaning: Meaning) -> JSONValue {
        var payload: [String: JSONValue] = [:]
        payload["identityStatus"] = meaning.identity.map { .string($0.rawValue) }
        payload["brandId"] = data.id("externalbrandid")
        payload["campaignId"] = data.id("externalcampaignid")
        payload["numberSid"] = data.id("phonenumbersid")
        payload["score"] = meaning.kind.rawValue.hasPrefix("EVP_") ? data.score("vettingscore") : data.score("vettingscore", "brandscore")
        payload["status"] = data.word("campaignregistrationstatus", "externalstatus").map {
            .string($0 == "SUCCESS" ? "approved" : $0.description.lowercased())
        }
        payload["failureReason"] = data.code("failurereason")
        let codes = Self.codes(data)
        if !codes.isEmpty { payload["reasons"] = .array(codes.map { .string($0) }) }
        return .object(payload)
    }

    private static func codes(_ data: WireBody) -> [String] {
        if let code = data["errorcode"]?.integer { return [String(code)] }
        let listed = data["brandregistrationerrors", "brandvettingerrors", "errors"]?.array ?? []
        return listed.prefix(32).compactMap { error in
            WireBody(error)?["registrationerrorcode", "vettingerrorcode", "errorcode", "code"]?.integer.map(String.init)
        }
    }
}

extension TwilioDecoder {
    /// What a type means, and which status words go with it.
    struct Meaning {
        let kind: EventKind
        let identity: IdentityStatus?
        private let field: String?
        private let words: Set<StatusWord>

        init(_ kind: EventKind, identity: IdentityStatus? = nil, _ field: String? = nil, _ words: Set<StatusWord> = []) {
            self.kind = kind
            self.identity = identity
            self.field = field
            self.words = words
        }

        /// A status word that does not go with the type; nil for a fitting or a missing one.
        func contradiction(in data: WireBody) -> StatusWord? {
            guard let field, let said = data[field] else { return nil }
            guard let word = said.string.flatMap(StatusWord.init) else { return "?" }
            return words.contains(word) || words.contains(word.plain) ? nil : word
        }
    }

    /// `a.b.Brand_Verified` is `brand-verified`; of number events the part before belongs to the name.
    private static func name(_ type: String) -> String {
        let parts = type.prefix(256).lowercased().split(separator: ".").map { $0.map { $0 == "_" ? "-" : String($0) }.joined() }
        guard let last = parts.last else { return "" }
        let isNumber = parts.dropLast().last?.hasPrefix("number-") ?? false
        return isNumber ? parts.suffix(2).joined(separator: ".") : last
    }

    private static let meanings: [String: Meaning] = [
        "brand-registered": Meaning("BRAND_ADD", "brandstatus", ["REGISTERED", "SUCCESS", "ACTIVE", "ACCEPTED"]),
        "brand-verified": verified, "brand-unverified": unverified,
        "brand-failure": Meaning(
            "BRAND_IDENTITY_STATUS_UPDATE", identity: .UNVERIFIED, "brandstatus", ["REGISTRATION_FAILED", "FAILED", "REJECTED"]),
        "brand-vetted-verified": Meaning("EVP_REPORT_SCORE", "identitystatus", ["VETTED_VERIFIED", "VERIFIED"]),
        "brand-secondary-vetting-failure": Meaning("EVP_REPORT_FAIL"),
        "email-2fa-completed": Meaning("BRAND_AUTHPLUS_VERIFICATION_COMPLETE"), "email-2fa-timeout": Meaning("BRAND_EMAIL_2FA_EXPIRED"),
        "campaign-submitted": Meaning("CAMPAIGN_ADD", "campaignregistrationstatus", ["PENDING", "SUBMITTED", "SUCCESS"]),
        "campaign-approved": Meaning("CAMPAIGN_DCA_COMPLETE", "campaignregistrationstatus", ["SUCCESS", "ACCEPTED", "VERIFIED"]),
        "campaign-failure": Meaning("CAMPAIGN_SHARE_DELETE", "campaignregistrationstatus", ["FAILED", "REJECTED"]),
        "number-registration.pending": number("number-registration.pending", ["PENDING_REGISTRATION", "PENDING"]),
        "number-registration.successful": number("number-registration.successful", ["REGISTERED", "SUCCESS"]),
        "number-registration.failed": number("number-registration.failed", ["FAILED", "REJECTED"]),
        "number-deregistration.pending": number("number-deregistration.pending", ["PENDING_DEREGISTRATION", "PENDING"]),
        "number-deregistration.successful": number("number-deregistration.successful", ["UNREGISTERED", "DEREGISTERED", "SUCCESS"]),
        "number-deregistration.failed": number("number-deregistration.failed", ["FAILED", "REJECTED"]),
    ]

    private static let verified = Meaning(
        "BRAND_IDENTITY_STATUS_UPDATE", identity: .VERIFIED, "identitystatus", ["VERIFIED", "VETTED_VERIFIED", "SELF_DECLARED"])
    private static let unverified = Meaning("BRAND_IDENTITY_STATUS_UPDATE", identity: .UNVERIFIED, "identitystatus", ["UNVERIFIED"])

    private static func number(_ kind: EventKind, _ words: Set<StatusWord>) -> Meaning { Meaning(kind, "externalstatus", words) }

    /// Types of the guide's §2.5 that no machine reads.
    static let unmapped: Set<String> = [
        "invalid-contact-email", "sharing-created", "sharing-deleted", "email-2fa-sent", "email-2fa-opened", "email-2fa-clicked",
        "campaign-deleted", "suspended-campaign-delete-submitted", "a2p-resource-cleanup-started", "a2p-resource-cleanup-finished",
    ]
}
