public import Events

/// Twilio Event Streams: an array of CloudEvents, or one of them; `data` an object, or a string that holds one (A2P guide §2.5).
public struct TwilioDecoder: WireDecoder {
    /// Required by ``WireDecoder``, which says what it does.
    public let source: EventSource = "twilio"

    /// The last part of the type, and what it means in canonical terms.
    private static let meanings: [String: (EventKind, JSONValue)] = [
        "brand-registered": ("BRAND_ADD", [:]),
        "brand-verified": ("BRAND_IDENTITY_STATUS_UPDATE", ["identityStatus": "VERIFIED"]),
        "brand-unverified": ("BRAND_IDENTITY_STATUS_UPDATE", ["identityStatus": "UNVERIFIED"]),
        "brand-failure": ("BRAND_IDENTITY_STATUS_UPDATE", ["identityStatus": "UNVERIFIED"]),
        "brand-vetted-verified": ("EVP_REPORT_SCORE", [:]),
        "brand-secondary-vetting-failure": ("EVP_REPORT_FAIL", [:]),
        "email-2fa-completed": ("BRAND_AUTHPLUS_VERIFICATION_COMPLETE", [:]),
        "email-2fa-timeout": ("BRAND_EMAIL_2FA_EXPIRED", [:]),
        "campaign-submitted": ("CAMPAIGN_ADD", [:]),
        "campaign-approved": ("CAMPAIGN_DCA_COMPLETE", [:]),
        "campaign-failure": ("CAMPAIGN_SHARE_DELETE", [:]),
        "number-registration.pending": ("number-registration.pending", [:]),
        "number-registration.successful": ("number-registration.successful", [:]),
        "number-registration.failed": ("number-registration.failed", [:]),
        "number-deregistration.pending": ("number-deregistration.pending", [:]),
        "number-deregistration.successful": ("number-deregistration.successful", [:]),
        "number-deregistration.failed": ("number-deregistration.failed", [:]),
    ]

    /// A decoder.
    public init() {}

    /// Required by ``WireDecoder``, which says what it does.
    public func decode(_ message: WireMessage) -> [DecodedMessage] {
        let body: JSONValue
        do { body = try JSONValue(parsing: message.body) } catch { return [.malformed(message, "\(error)")] }
        let envelopes = body.array ?? [body]
        if envelopes.isEmpty { return [.malformed(message, "expected at least one CloudEvent, found an empty array")] }
        return envelopes.map { decode($0, message) }
    }

    private func decode(_ envelope: JSONValue, _ message: WireMessage) -> DecodedMessage {
        guard let id = envelope["id"]?.string, let type = envelope["type"]?.string else {
            return .malformed(message, "expected a CloudEvent with id and type")
        }
        guard let (kind, fixed) = Self.meaning(type) else { return .unknownType(message, type) }
        guard let data = Self.data(envelope) else { return .malformed(message, "expected data as an object, or as a text that holds one") }
        let occurred =
            ["timestamp", "updateddate"].compactMap { data[$0] }.compactMap(Self.time).first
            ?? envelope["time"]?.string.flatMap { Timestamp($0) }
        let incoming = IncomingEvent(
            id: EventID(id), source: source, reference: .external(Self.references(data)), kind: kind,
            payload: Self.payload(data, fixed), receivedAt: message.receivedAt, occurredAt: message.occurredAt ?? occurred)
        return .event(incoming)
    }

    private static func meaning(_ type: String) -> (EventKind, JSONValue)? {
        let parts = type.split(separator: ".").map(String.init)
        guard let last = parts.last else { return nil }
        return meanings[last] ?? meanings[parts.suffix(2).joined(separator: ".")]
    }

    private static func data(_ envelope: JSONValue) -> JSONValue? {
        let data = envelope["data"]
        let value = data?.string.flatMap { try? JSONValue(parsing: $0) } ?? data
        guard let members = value?.object else { return nil }
        return .object(Dictionary(members.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { $1 }))
    }

    private static func time(_ value: JSONValue) -> Timestamp? {
        value.integer.map { Timestamp(milliseconds: Int64($0)) } ?? value.string.flatMap { Timestamp($0) }
    }

    private static func references(_ data: JSONValue) -> [String] {
        ["phonenumbersid", "campaignsid", "externalcampaignid", "brandsid", "externalbrandid"].compactMap { data[$0]?.string }
    }

    private static func payload(_ data: JSONValue, _ fixed: JSONValue) -> JSONValue {
        var payload = fixed.object ?? [:]
        payload["brandId"] = data["externalbrandid"]?.string.map { .string($0) }
        payload["campaignId"] = data["externalcampaignid"]?.string.map { .string($0) }
        payload["numberSid"] = data["phonenumbersid"]?.string.map { .string($0) }
        payload["score"] = (data["vettingscore"] ?? data["brandscore"])?.integer.map { .integer($0) }
        payload["status"] = (data["campaignregistrationstatus"] ?? data["externalstatus"])?.string.map {
            .string($0 == "success" ? "approved" : $0)
        }
        payload["failureReason"] = data["failurereason"]?.string.map { .string(Redaction.clean($0)) }
        if let code = data["errorcode"]?.integer { payload["reasons"] = [.string(String(code))] }
        return .object(payload)
    }
}
