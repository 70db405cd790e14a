import Events

/// One of Twilio's resources: a bundle (BU), a brand (BN), a vetting (VT) or a campaign (QE, CM), told by its `sid`.
struct TwilioResource {
    private let body: WireBody
    private let sid: String
    private let status: StatusWord?

    /// The resource; nil when the object is something else.
    init?(_ body: WireBody) {
        guard body["specversion"] == nil, body["data"] == nil,
            let sid = WireID.read(body["sid", "bundlesid"]), let prefix = Self.prefixes.first(where: sid.hasPrefix)
        else { return nil }
        self.body = body
        self.sid = sid
        let field = ["VT": "vettingstatus", "QE": "campaignstatus", "CM": "campaignstatus"][prefix] ?? "status"
        status = body.word(field, "status")
    }

    private static let prefixes = ["BU", "BN", "VT", "QE", "CM"]

    /// Statuses that no step waits for.
    private static let silent: Set<StatusWord> = ["DRAFT", "PENDING_REVIEW", "NONCOMPLIANT"]

    private var type: String { "resource.\(sid.prefix(2))\(status.map { ".\($0)" } ?? "")" }

    func decode(_ message: WireMessage, _ index: Int, _ value: JSONValue) -> DecodedMessage {
        let origin = LetterOrigin(type: type, index: index, body: value)
        if let status, Self.silent.contains(status) { return .unmapped(message, origin) }
        guard let (kind, fixed) = meaning else {
            return .unknownStatus(message, status, expected: "a status of the resource", origin)
        }
        var payload = fixed
        payload["brandId"] = body.id("tcrid")
        payload["campaignId"] = body.id("campaignid")
        payload["score"] = kind == "BRAND_SCORE_UPDATE" ? body.score("brandscore") : nil
        let codes = (body["errors"]?.array ?? []).prefix(32).compactMap { WireBody($0)?["errorcode", "code"]?.integer.map(String.init) }
        if !codes.isEmpty { payload["reasons"] = .array(codes.map { .string($0) }) }
        payload["failureReason"] = body.code("failurereason")
        let content = "\(sid) \(kind) \(JSONValue.object(payload).canonicalText)"
        return .event(
            IncomingEvent(
                id: id(message, content, index), source: message.source,
                reference: .external(body.ids("sid", "bundlesid", "brandregistrationsid", "brandsid", "campaignid", "tcrid")), kind: kind,
                payload: .object(payload), subject: updated == nil ? "twilio/\(sid)" : nil, answers: TCRDecoder.answers(kind),
                receivedAt: message.receivedAt, occurredAt: message.occurred(sent: updated)))
    }

    private var updated: Timestamp? { body.time("dateupdated", "timestamp") }

    /// The same state of the same resource is the same event, however often it is read.
    private func id(_ message: WireMessage, _ content: String, _ index: Int) -> EventID {
        guard let updated else { return message.derivedID(content: content, index: index) }
        return EventID("twilio-\(sid)-\(updated.milliseconds)-\(StableHash.hexadecimal(content))")
    }

    private var meaning: (EventKind, [String: JSONValue])? {
        switch sid.prefix(2) {
        case "BU": Self.bundle(status)
        case "BN": brand
        case "VT": Self.vetting(status)
        default: Self.campaign(status)
        }
    }

    private static func bundle(_ status: StatusWord?) -> (EventKind, [String: JSONValue])? {
        switch status {
        case "IN_REVIEW": ("profile.in_review", [:])
        case "TWILIO_APPROVED", "APPROVED", "COMPLIANT": ("profile.approved", [:])
        case "TWILIO_REJECTED", "REJECTED": ("profile.rejected", [:])
        default: nil
        }
    }

    /// A brand that is approved says in `identity_status` what it is; without one the registry is asked.
    private var brand: (EventKind, [String: JSONValue])? {
        let word = body.word("identitystatus")
        let identity = IdentityStatus(wire: word)
        if word != nil, identity == nil { return nil }
        switch status {
        case "APPROVED": return ("BRAND_IDENTITY_STATUS_UPDATE", identity.map { ["identityStatus": .string($0.rawValue)] } ?? [:])
        case "FAILED": return ("BRAND_IDENTITY_STATUS_UPDATE", ["identityStatus": .string(IdentityStatus.UNVERIFIED.rawValue)])
        case "SUSPENDED": return ("brand.suspended", [:])
        case "PENDING", "IN_REVIEW", "DELETION_PENDING", "DELETION_FAILED": return ("BRAND_UPDATE", [:])
        default: return nil
        }
    }

    private static func vetting(_ status: StatusWord?) -> (EventKind, [String: JSONValue])? {
        switch status {
        case "SUCCESS": ("EVP_REPORT_SCORE", [:])
        case "FAILED": ("EVP_REPORT_FAIL", [:])
        case "PENDING", "IN_PROGRESS": ("EVP_REPORT_UNSCORE", [:])
        default: nil
        }
    }

    private static func campaign(_ status: StatusWord?) -> (EventKind, [String: JSONValue])? {
        switch status {
        case "PENDING", "IN_PROGRESS": ("CAMPAIGN_UPDATE", [:])
        case "VERIFIED": ("CAMPAIGN_DCA_COMPLETE", [:])
        case "FAILED": ("CAMPAIGN_SHARE_DELETE", [:])
        case "SUSPENDED": ("CAMPAIGN_UPDATE", [:])
        default: nil
        }
    }
}
