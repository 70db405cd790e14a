import Events
import Outcomes

/// What may come at any moment of a registration and ends no step: it is noted in the record.
enum News {
    /// From the brand's submission on.
    static let brand: Set<EventKind> = [
        "BRAND_SCORE_UPDATE", "BRAND_IDENTITY_STATUS_UPDATE", "BRAND_OTP_VERIFIED", "MNO_COMPLAINT", "CAMPAIGN_BILLED",
    ]
    /// From the campaign's submission on: carriers and numbers speak before anybody asks them.
    static let campaign = brand.union(CarrierWord.kinds.map(\.0)).union(NumberRow.kinds.map(\.0))
}

extension Registration {
    /// Notes a piece of news; false for an event that is none.
    mutating func note(_ event: Event) -> Bool {
        switch event.kind {
        case "BRAND_SCORE_UPDATE": brandScore = event.payload["score"]?.integer ?? brandScore
        case "BRAND_IDENTITY_STATUS_UPDATE":
            let word = event.payload["identityStatus"]?.string.flatMap(StatusWord.init)
            identityStatus = IdentityStatus(wire: word)?.rawValue ?? identityStatus
        case "BRAND_OTP_VERIFIED": otpVerified = true
        case "MNO_COMPLAINT": complaints += 1
        case "CAMPAIGN_BILLED", "registration.update": break
        default:
            guard let status = NumberRow.kinds.first(where: { $0.0 == event.kind })?.1 else { return false }
            takeNumber(status, event)
        }
        return true
    }
}
