public import Events

/// Telnyx' webhooks: `data.event_type`, `data.payload.type`, `meta.attempt`; the registry's id stands in the description (A2P guide §2.7).
public struct TelnyxDecoder: WireDecoder {
    /// Required by ``WireDecoder``, which says what it does.
    public let source: EventSource = "telnyx"

    /// `event_type`, `payload.type` and status, and what they mean in canonical terms.
    private static let meanings: [String: (EventKind, JSONValue)] = [
        "10dlc.brand.update REGISTRATION VERIFIED": ("BRAND_IDENTITY_STATUS_UPDATE", ["identityStatus": "VERIFIED"]),
        "10dlc.brand.update REGISTRATION UNVERIFIED": ("BRAND_IDENTITY_STATUS_UPDATE", ["identityStatus": "UNVERIFIED"]),
        "10dlc.brand.update ORDER_EXTERNAL_VETTING SUCCESS": ("EVP_REPORT_SCORE", [:]),
        "10dlc.brand.update ORDER_EXTERNAL_VETTING FAILED": ("EVP_REPORT_FAIL", [:]),
        "10dlc.campaign.update REGISTRATION TCR_ACCEPTED": ("CAMPAIGN_ADD", [:]),
        "10dlc.campaign.update TELNYX_REVIEW TELNYX_ACCEPTED": ("CAMPAIGN_SHARE_ACCEPT", [:]),
        "10dlc.campaign.update TELNYX_REVIEW TELNYX_FAILED": ("CAMPAIGN_SHARE_DELETE", [:]),
        "10dlc.campaign.update MNO_REVIEW MNO_PENDING": ("CAMPAIGN_DCA_COMPLETE", [:]),
        "10dlc.campaign.update TCR_EVENT TCR_EXPIRED": ("CAMPAIGN_EXPIRED", [:]),
        "10dlc.phone_number.update ASSIGNMENT ASSIGNED": ("number-registration.successful", [:]),
        "10dlc.phone_number.update ASSIGNMENT PENDING_ASSIGNMENT": ("number-registration.pending", [:]),
        "10dlc.phone_number.update ASSIGNMENT FAILED_ASSIGNMENT": ("number-registration.failed", [:]),
    ]

    /// A decoder.
    public init() {}

    /// Required by ``WireDecoder``, which says what it does.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        let body: JSONValue
        do { body = try JSONValue(parsing: message.body) } catch { return [.malformed(message, "\(error)")] }
        guard let data = body["data"], let type = data["event_type"]?.string, let payload = data["payload"], payload.object != nil else {
            return [.malformed(message, "expected data with event_type and payload")]
        }
        let key = [type, payload["type"]?.string, payload["status"]?.string ?? payload["campaignStatus"]?.string]
            .compactMap { $0 }.joined(separator: " ")
        guard let (kind, fixed) = Self.meanings[key] else { return [.unknownType(message, key)] }
        let incoming = IncomingEvent(
            id: data["id"]?.string.map { EventID($0) } ?? message.derivedID(content: payload.canonicalText), source: source,
            reference: .external(Self.references(payload)), kind: kind, payload: Self.canonical(payload, fixed),
            receivedAt: message.receivedAt, occurredAt: message.occurredAt ?? data["occurred_at"]?.string.flatMap { Timestamp($0) })
        return [.event(incoming)]
    }

    private static func references(_ payload: JSONValue) -> [String] {
        let words = payload["description"]?.string?.split { !($0.isLetter || $0.isNumber) } ?? []
        let inText = words.filter { $0.count == 7 && ($0.hasPrefix("C") || $0.hasPrefix("B")) && $0.uppercased() == $0 }.map(String.init)
        let named = ["phoneNumberId", "tcrCampaignId", "campaignId", "tcrBrandId", "brandId"].compactMap { payload[$0]?.string }
        return inText + named
    }

    private static func canonical(_ payload: JSONValue, _ fixed: JSONValue) -> JSONValue {
        var members = fixed.object ?? [:]
        members["score"] = payload["vettingScore"]?.integer.map { .integer($0) }
        members["numberSid"] = payload["phoneNumberId"]?.string.map { .string($0) }
        if let description = payload["description"]?.string {
            members["description"] = .string(Redaction.clean(description))
            let codes = TCRDecoder.codes(description)
            if !codes.isEmpty { members["reasons"] = .array(codes.map { .string($0) }) }
        }
        return .object(members)
    }
}
