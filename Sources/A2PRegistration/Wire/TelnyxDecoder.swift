public import Events

/// Telnyx' webhooks: `data.event_type`, `data.payload` with or without a type, statuses in several words (A2P guide §2.7).
public struct TelnyxDecoder: WireDecoder {
    /// Required by ``WireDecoder``, which says what it does.
    public let source: EventSource = "telnyx"
    private let verifier: TelnyxSignature?

    /// A decoder. With the account's `publicKey` (base64) a delivery without the right signature is a dead letter.
    public init(publicKey: String? = nil) { verifier = publicKey.map(TelnyxSignature.init) }

    /// Required by ``WireDecoder``, which says what it does.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        if let refusal = verifier?.refusal(of: message) { return [.letter(message, .signature, refusal)] }
        let value: JSONValue
        do { value = try message.json() } catch { return [.malformed(message, error)] }
        guard let body = WireBody(value), let data = body.object("data") ?? WireBody(value),
            let type = data["event_type"]?.string, let payload = data.object("payload")
        else { return [.malformed(message, "expected data with event_type and payload", LetterOrigin(body: value))] }
        let shape = Shape(payload)
        let origin = LetterOrigin(type: [type, shape.type?.description].compactMap { $0 }.joined(separator: "."), body: value)
        return [decode(type, shape, data, payload, message, origin)]
    }

    private func decode(
        _ type: String, _ shape: Shape, _ data: WireBody, _ payload: WireBody, _ message: WireMessage, _ origin: LetterOrigin
    ) -> DecodedMessage {
        let meaning: TelnyxMeaning
        switch type.lowercased() {
        case "10dlc.brand.update": meaning = TelnyxMeaning(brand: shape)
        case "10dlc.campaign.update": meaning = TelnyxMeaning(campaign: shape)
        case "10dlc.phone_number.update": meaning = TelnyxMeaning(number: shape)
        default: return .unknownType(message, origin)
        }
        switch meaning {
        case .unmapped: return .unmapped(message, origin)
        case .unknown:
            return .unknownStatus(message, shape.status ?? shape.campaignStatus, expected: "a status of the guide's table", origin)
        case .event(let kind, let fixed):
            let canonical = Self.canonical(payload, fixed)
            return .event(
                IncomingEvent(
                    id: WireID.read(data["id"]).map { EventID($0) } ?? message.derivedID(content: "\(kind) \(canonical.canonicalText)"),
                    source: source, reference: .external(Self.references(payload)), kind: kind, payload: canonical,
                    receivedAt: message.receivedAt, occurredAt: message.occurred(sent: data.time("occurred_at", "created_at"))))
        }
    }

    /// What decides: the type, the two statuses, the identity.
    struct Shape {
        let type: StatusWord?
        let status: StatusWord?
        let campaignStatus: StatusWord?
        let identity: StatusWord?

        init(_ payload: WireBody) {
            type = payload.word("type", "eventType")
            status = payload.word("status")
            campaignStatus = payload.word("campaignStatus")
            identity = payload.word("identityStatus", "brandIdentityStatus")
        }
    }

    private static func references(_ payload: WireBody) -> [String] {
        let named = payload.ids(
            "brandReferenceId", "campaignReferenceId", "referenceId", "phoneNumberId", "tcrCampaignId", "campaignId", "tcrBrandId",
            "brandId", "vettingId")
        let words = payload["description"]?.string?.prefix(4096).split { !($0.isLetter || $0.isNumber) } ?? []
        let inText = words.filter { $0.utf8.count == 7 && ($0.hasPrefix("C") || $0.hasPrefix("B")) && $0.uppercased() == $0 }.map(
            String.init)
        return named + inText.prefix(8).filter { !named.contains($0) }
    }

    private static func canonical(_ payload: WireBody, _ fixed: JSONValue) -> JSONValue {
        var members = fixed.object ?? [:]
        members["score"] = payload.score("vettingScore", "score")
        members["numberSid"] = payload.id("phoneNumberId")
        members["mnoId"] = payload.integer("mnoId", within: 1...999_999) ?? MobileNetwork.id(named: payload["mnoName"]?.string)
        let reasons = payload["reasons", "failureReasons"]
        let texts =
            [payload["description"]?.string, reasons?.string].compactMap { $0 }
            + (reasons?.array ?? []).prefix(16).compactMap { WireBody($0)?["description"]?.string ?? $0.string }
        members.describe(texts.isEmpty ? nil : texts.joined(separator: "; "))
        return .object(members)
    }
}

/// What one of Telnyx' words means in canonical terms.
enum TelnyxMeaning: Hashable {
    case event(EventKind, JSONValue)
    /// Known, and nothing waits for it.
    case unmapped
    /// A status that nobody knows.
    case unknown

    private static func plain(_ kind: EventKind) -> TelnyxMeaning { .event(kind, [:]) }

    private static func identity(_ status: IdentityStatus) -> TelnyxMeaning {
        .event("BRAND_IDENTITY_STATUS_UPDATE", ["identityStatus": .string(status.rawValue)])
    }

    /// A brand: its identity says most; without one a success is to be read from the registry, never believed.
    init(brand shape: TelnyxDecoder.Shape) {
        if let word = shape.identity, IdentityStatus(wire: word) == nil {
            self = .unknown
            return
        }
        let identity = IdentityStatus(wire: shape.identity) ?? IdentityStatus(wire: shape.status)
        switch (shape.type, shape.status?.plain) {
        case ("ORDER_EXTERNAL_VETTING", let status): self = Self.vetting(status)
        case (nil, "FAILED"), (nil, "REJECTED"), ("REGISTRATION", "FAILED"), ("REGISTRATION", "REJECTED"), ("REVET", "FAILED"),
            ("REVET", "REJECTED"):
            self = Self.identity(.UNVERIFIED)
        case (nil, _) where identity != nil, ("REGISTRATION", _) where identity != nil, ("REVET", _) where identity != nil,
            ("TCR_BRAND_UPDATE", _) where identity != nil, ("VERIFIED", _) where identity != nil:
            self = identity.map(Self.identity) ?? .unknown
        case (nil, "SUCCESS"), ("REGISTRATION", "SUCCESS"), (nil, "ACTIVE"), ("REGISTRATION", "ACTIVE"): self = Self.plain("BRAND_ADD")
        case ("REVET", "SUCCESS"): self = Self.plain("BRAND_IDENTITY_STATUS_UPDATE")
        case (_, "PENDING"), ("TCR_BRAND_UPDATE", _): self = Self.plain("BRAND_UPDATE")
        default: self = .unknown
        }
    }

    private static func vetting(_ status: StatusWord?) -> TelnyxMeaning {
        switch status {
        case "SUCCESS", "ACTIVE", "SCORED", "ACCEPTED", "VETTED_VERIFIED": plain("EVP_REPORT_SCORE")
        case "FAILED", "REJECTED": plain("EVP_REPORT_FAIL")
        case "PENDING", "UNSCORE", "UNSCORED", "IN_REVIEW": plain("EVP_REPORT_UNSCORE")
        case "EXPIRED": plain("EVP_REPORT_EXPIRE")
        default: .unknown
        }
    }

    private static let campaignStatuses: [StatusWord: TelnyxMeaning] = [
        "TCR_PENDING": plain("CAMPAIGN_UPDATE"), "TCR_ACCEPTED": plain("CAMPAIGN_ADD"), "TCR_FAILED": .unmapped,
        "TCR_SUSPENDED": .unmapped, "TCR_EXPIRED": plain("CAMPAIGN_EXPIRED"), "TELNYX_PENDING": plain("CAMPAIGN_SHARE_ADD"),
        "TELNYX_ACCEPTED": plain("CAMPAIGN_SHARE_ACCEPT"), "TELNYX_FAILED": plain("CAMPAIGN_SHARE_DELETE"),
        "TELNYX_REJECTED": plain("CAMPAIGN_SHARE_DELETE"), "MNO_PENDING": plain("CAMPAIGN_DCA_COMPLETE"),
        "MNO_ACCEPTED": plain("MNO_CAMPAIGN_OPERATION_APPROVED"), "MNO_PROVISIONED": plain("MNO_CAMPAIGN_OPERATION_APPROVED"),
        "MNO_REJECTED": plain("MNO_CAMPAIGN_OPERATION_REJECTED"), "MNO_PROVISIONING_FAILED": .unmapped,
        "EXPIRED": plain("CAMPAIGN_EXPIRED"), "DORMANT": .unmapped,
    ]

    /// A campaign: the campaign's status where there is one, else the type and a plain word.
    init(campaign shape: TelnyxDecoder.Shape) {
        if let known = [shape.campaignStatus, shape.status].compactMap({ $0 }).lazy.compactMap({ Self.campaignStatuses[$0] }).first {
            self = known
            return
        }
        switch (shape.type, shape.status?.plain) {
        case ("REGISTRATION", "SUCCESS"), ("REGISTRATION", "ACCEPTED"), ("REGISTRATION", "ACTIVE"): self = Self.plain("CAMPAIGN_ADD")
        case ("TELNYX_REVIEW", "ACCEPTED"), ("TELNYX_REVIEW", "SUCCESS"): self = Self.plain("CAMPAIGN_SHARE_ACCEPT")
        case ("TELNYX_REVIEW", "REJECTED"), ("TELNYX_REVIEW", "FAILED"): self = Self.plain("CAMPAIGN_SHARE_DELETE")
        case ("TELNYX_REVIEW", "PENDING"): self = Self.plain("CAMPAIGN_SHARE_ADD")
        case ("MNO_REVIEW", "PENDING"): self = Self.plain("CAMPAIGN_DCA_COMPLETE")
        case ("MNO_REVIEW", "ACCEPTED"), ("MNO_REVIEW", "SUCCESS"), ("VERIFIED", nil), ("VERIFIED", "SUCCESS"), ("VERIFIED", "VERIFIED"):
            self = Self.plain("MNO_CAMPAIGN_OPERATION_APPROVED")
        case ("MNO_REVIEW", "REJECTED"), ("MNO_REVIEW", "FAILED"): self = Self.plain("MNO_CAMPAIGN_OPERATION_REJECTED")
        case ("REGISTRATION", "PENDING"): self = Self.plain("CAMPAIGN_UPDATE")
        case ("REGISTRATION", "FAILED"), ("REGISTRATION", "REJECTED"), ("NUMBER_POOL_PROVISIONED", _), ("NUMBER_POOL_DEPROVISIONED", _),
            ("TELNYX_EVENT", _):
            self = .unmapped
        default: self = .unknown
        }
    }

    /// A number: ASSIGNMENT, DELETION or STATUS_UPDATE, or a status that says which.
    init(number shape: TelnyxDecoder.Shape) {
        switch (shape.type, shape.status?.plain) {
        case ("ASSIGNMENT", "SUCCESS"), ("ASSIGNMENT", "ACCEPTED"), ("ASSIGNMENT", "ASSIGNED"), ("ASSIGNMENT", "ADDED"), (nil, "ASSIGNED"),
            ("STATUS_UPDATE", "ADDED"), ("STATUS_UPDATE", "ASSIGNED"), (nil, "ADDED"):
            self = Self.plain("number-registration.successful")
        case ("ASSIGNMENT", "PENDING"), ("STATUS_UPDATE", "PENDING"), (_, "PENDING_ASSIGNMENT"):
            self = Self.plain("number-registration.pending")
        case ("ASSIGNMENT", "FAILED"), ("ASSIGNMENT", "REJECTED"), ("STATUS_UPDATE", "FAILED"), (_, "FAILED_ASSIGNMENT"):
            self = Self.plain("number-registration.failed")
        case ("DELETION", "SUCCESS"), ("DELETION", "DELETED"), ("DELETION", "UNASSIGNED"), ("STATUS_UPDATE", "DELETED"),
            ("STATUS_UPDATE", "UNASSIGNED"), (nil, "DELETED"), (nil, "UNASSIGNED"):
            self = Self.plain("number-deregistration.successful")
        case ("DELETION", "PENDING"), (_, "PENDING_UNASSIGNMENT"): self = Self.plain("number-deregistration.pending")
        case ("DELETION", "FAILED"), ("DELETION", "REJECTED"), (_, "FAILED_UNASSIGNMENT"):
            self = Self.plain("number-deregistration.failed")
        default: self = .unknown
        }
    }
}
