import Events

/// What is true at the outside parties about one registration, whether or not we have been told.
struct WorldTruth: Sendable {
    private(set) var facts: [String: JSONValue] = [:]
    private var changedAt: [String: Timestamp] = [:]

    /// Folds in an occurrence; an older one never overwrites a newer one about the same fact.
    mutating func occur(_ kind: EventKind, _ payload: JSONValue, at moment: Timestamp) {
        for (name, value) in Self.effects(of: kind, numbered(payload)) { set(name, value, at: moment) }
    }

    mutating func set(_ name: String, _ value: JSONValue, at moment: Timestamp) {
        guard changedAt[name].map({ $0 <= moment }) ?? true else { return }
        changedAt[name] = moment
        facts[name] = value
    }

    /// Every fact with the moment of its last change.
    var standing: String {
        facts.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value.canonicalText)@\(changedAt[$0.key]?.milliseconds ?? 0)" }.joined(separator: " ")
    }

    /// A message about no number in particular is about the only one that was attached.
    private func numbered(_ payload: JSONValue) -> JSONValue {
        guard payload["number"] == nil, payload["numberSid"] == nil else { return payload }
        let attached = below("attached/").keys
        guard attached.count == 1, let only = attached.first.flatMap({ Int($0) }) else { return payload }
        var payload = payload
        payload["number"] = .integer(only)
        return payload
    }

    subscript(name: String) -> JSONValue { facts[name] ?? .null }

    /// Facts below `prefix`, without it.
    func below(_ prefix: String) -> [String: JSONValue] {
        Dictionary(
            facts.filter { $0.key.hasPrefix(prefix) }.map { (String($0.key.dropFirst(prefix.count)), $0.value) }, uniquingKeysWith: { $1 })
    }

    private static func effects(of kind: EventKind, _ payload: JSONValue) -> [(String, JSONValue)] {
        let reasons = payload["reasons"] ?? .null
        switch kind {
        case "profile.in_review": return [("bundle/status", "in-review")]
        case "profile.approved": return [("bundle/status", "approved")]
        case "profile.rejected": return [("bundle/status", "rejected"), ("bundle/reasons", reasons)]
        case "BRAND_ADD": return [("brand/exists", true)]
        case "BRAND_SCORE_UPDATE": return payload["score"].map { [("brand/score", $0)] } ?? []
        case "BRAND_IDENTITY_STATUS_UPDATE":
            return [("brand/exists", true)] + (payload["identityStatus"].map { [("brand/identity", $0)] } ?? [])
        case "BRAND_OTP_VERIFIED": return [("otp/verified", true)]
        case "EVP_REPORT_SCORE", "EVP_REPORT_UPDATE":
            guard let score = payload["score"] else { return [] }
            return [("vetting/status", "ACTIVE"), ("vetting/score", score)]
        case "EVP_REPORT_UNSCORE": return [("vetting/status", "UNSCORE")]
        case "EVP_REPORT_FAIL": return [("vetting/status", "FAILED")]
        case "EVP_REPORT_EXPIRE": return [("vetting/status", "EXPIRED")]
        case "BRAND_AUTHPLUS_VERIFICATION_COMPLETE": return [("authplus/status", "COMPLETE")]
        case "BRAND_AUTHPLUS_VERIFICATION_FAILED": return [("authplus/status", "FAILED")]
        case "BRAND_AUTHPLUS_VERIFICATION_EXPIRED": return [("authplus/status", "EXPIRED")]
        default: return campaignEffects(of: kind, payload, reasons)
        }
    }

    private static func campaignEffects(of kind: EventKind, _ payload: JSONValue, _ reasons: JSONValue) -> [(String, JSONValue)] {
        if kind.rawValue.hasPrefix("MNO_"), payload["mnoId"]?.integer == nil { return [] }
        let carrier = "carrier/\(payload["mnoId"]?.integer ?? 0)"
        switch kind {
        case "CAMPAIGN_ADD": return [("campaign/exists", true)]
        case "CAMPAIGN_RESUBMISSION": return [("campaign/sharing", "PENDING")]
        case "CAMPAIGN_SHARE_ACCEPT": return [("campaign/sharing", "ACCEPTED")]
        case "CAMPAIGN_SHARE_DELETE": return [("campaign/sharing", "DECLINED"), ("campaign/reasons", reasons)]
        case "CAMPAIGN_DCA_COMPLETE": return [("campaign/dcaComplete", true), ("campaign/sharing", "ACCEPTED")]
        case "MNO_CAMPAIGN_OPERATION_REVIEW": return [(carrier, "REVIEW")]
        case "MNO_CAMPAIGN_OPERATION_APPROVED", "MNO_CAMPAIGN_OPERATION_UNSUSPENDED": return [(carrier, "APPROVED")]
        case "MNO_CAMPAIGN_OPERATION_REJECTED": return [(carrier, "REJECTED")]
        case "MNO_CAMPAIGN_OPERATION_SUSPENDED": return [(carrier, "SUSPENDED")]
        case "number-registration.successful": return [("number/\(number(payload))", "REGISTERED")]
        case "number-registration.failed": return [("number/\(number(payload))", "FAILED")]
        case "number-deregistration.successful": return [("number/\(number(payload))", "UNREGISTERED")]
        default: return []
        }
    }

    /// The number's index: as said, or from the last digits of its id.
    private static func number(_ payload: JSONValue) -> Int {
        if let index = payload["number"]?.integer { return index }
        guard let sid = payload["numberSid"]?.string, let value = Int(sid.suffix(12), radix: 16) else { return 0 }
        return value % 1000
    }
}
