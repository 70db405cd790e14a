public import Events
import Synchronization

/// How webhooks misbehave, as shares of all deliveries.
public struct WebhookFaults: Hashable, Sendable {
    /// Delivered twice.
    public var duplicate = 0.05
    /// Never delivered, though it happened.
    public var lost = 0.02
    /// Delivered up to four hours late, so that others overtake it.
    public var delayed = 0.05

    /// Some of everything.
    public static let usual = WebhookFaults()
    /// A perfect network.
    public static let none = WebhookFaults(duplicate: 0, lost: 0, delayed: 0)

    /// Faults.
    public init(duplicate: Double = 0.05, lost: Double = 0.02, delayed: Double = 0.05) {
        self.duplicate = duplicate
        self.lost = lost
        self.delayed = delayed
    }
}

/// The people and machines outside: answers calls with webhooks after realistic delays (A2P guide §3.1), from a seed.
///
/// What happens to a registration depends on the seed and its id alone.
public final class Simulator: Sendable {
    private struct State {
        var fates: [EntityID: RegistrationFate] = [:]
        var scheduled: [TraceLine] = []
        var recorded: [TraceLine] = []
    }

    private let seed: UInt64
    private let faults: WebhookFaults
    private let state = Mutex(State())

    /// A simulator.
    public init(seed: UInt64, faults: WebhookFaults = .usual) {
        self.seed = seed
        self.faults = faults
    }

    /// A new registration at `moment`: its submission, and what its customer and others will do on their own account.
    public func open(_ entity: EntityID, at moment: Timestamp) {
        state.withLock { state in
            var fate = RegistrationFate(entity, seed: seed, faults: faults)
            state.scheduled += fate.opening(at: moment)
            state.fates[entity] = fate
        }
    }

    /// What the outside makes of a call.
    public func react(to call: WorldCall) {
        state.withLock { state in
            guard var fate = state.fates[call.entity] else { return }
            state.scheduled += fate.reaction(to: call)
            state.fates[call.entity] = fate
        }
    }

    /// The lines that have come up since the last call.
    public func takeLines() -> [TraceLine] {
        state.withLock { state in
            defer { state.scheduled = [] }
            state.recorded += state.scheduled
            return state.scheduled
        }
    }

    /// Every line there was, in order of receipt.
    public var trace: [TraceLine] {
        state.withLock { state in
            state.recorded.enumerated().sorted { ($0.element.receivedAt, $0.offset) < ($1.element.receivedAt, $1.offset) }.map(\.element)
        }
    }
}

/// One registration's fate and its wire.
struct RegistrationFate {
    let entity: EntityID
    private let seed: UInt64
    var random: SeededRandom
    let faults: WebhookFaults
    private let entityType: String
    private let useCase: String
    private let numbers: Int
    private var count = 0
    private var hasReviewed = false
    private var hasReported: Set<Int> = []

    init(_ entity: EntityID, seed: UInt64, faults: WebhookFaults) {
        self.entity = entity
        self.seed = seed
        self.faults = faults
        random = SeededRandom(seed: seed, label: entity.rawValue)
        entityType =
            ["PRIVATE_PROFIT", "PRIVATE_PROFIT", "PRIVATE_PROFIT", "PUBLIC_PROFIT", "NON_PROFIT", "GOVERNMENT", "SOLE_PROPRIETOR"]
            .randomElement(using: &random) ?? "PRIVATE_PROFIT"
        useCase = ["2FA", "DELIVERY_NOTIFICATION", "MARKETING", "LOW_VOLUME"].randomElement(using: &random) ?? "2FA"
        numbers = random.chance(0.8) ? 1 : Int.random(in: 2...4, using: &random)
    }

    mutating func opening(at moment: Timestamp) -> [TraceLine] {
        var lines = [
            house(
                "customer", "registration.submit",
                ["entityType": .string(entityType), "useCase": .string(useCase), "numbers": .integer(numbers)], at: moment)
        ]
        if random.chance(0.04) {
            lines.append(house("customer", "registration.cancel", at: moment + random.duration(.hours(1) ... .days(20))))
        }
        if random.chance(0.02) {
            let suspended = moment + random.duration(.hours(30) ... .days(10))
            lines.append(house("provider", "brand.suspended", at: suspended))
            let release: JSONValue = ["release": true, "operator": "op-1", "reason": "suspension lifted"]
            lines.append(house("support", "support.override", release, at: suspended + random.duration(.hours(2) ... .days(2))))
        }
        return lines
    }

    /// What comes of a call depends on the seed and the call alone, not on what was called before.
    mutating func reaction(to call: WorldCall) -> [TraceLine] {
        random = SeededRandom(seed: seed, label: "\(entity)/\(call.operation)/\(call.ordinal)")
        switch call.operation {
        case "provider.submitBundle": return review(call.at)
        case "registry.submitBrand": return brand(call.at)
        case "registry.sendOTP": return random.chance(0.85) ? tcr("BRAND_OTP_VERIFIED", after: .minutes(1) ... .hours(20), call.at) : []
        case "vetting.order": return report(call.at)
        case "vetting.appeal":
            return random.chance(0.5)
                ? score(call.at) : tcr("EVP_REPORT_FAIL", ["description": "second review"], after: .hours(1) ... .days(2), call.at)
        case "vetting.startAuthPlus": return authPlus(call)
        case "registry.qualification": return content(call.at)
        case "registry.createCampaign": return campaign(call.at)
        case "registry.resubmitCampaign": return tcr("CAMPAIGN_RESUBMISSION", after: .seconds(5) ... .minutes(2), call.at)
        case "partner.share": return sharing(call)
        case "partner.associate": return carriers(call)
        case "provider.attachNumber": return number(call)
        default: return []
        }
    }

    private mutating func review(_ now: Timestamp) -> [TraceLine] {
        let looked = now + random.duration(.minutes(10) ... .hours(30))
        let decided = looked + random.duration(.minutes(10) ... .hours(30))
        let isApproved = random.chance(0.97)
        return [
            house("reviewer", "profile.in_review", at: looked),
            house("reviewer", isApproved ? "profile.approved" : "profile.rejected", isApproved ? [:] : ["reasons": ["30793"]], at: decided),
        ]
    }

    private mutating func brand(_ now: Timestamp) -> [TraceLine] {
        var lines = tcr("BRAND_ADD", ["brandReferenceId": .string(entity.rawValue)], after: .seconds(5) ... .minutes(2), now)
        lines += tcr(
            "BRAND_SCORE_UPDATE", ["score": .integer(Int.random(in: 20...90, using: &random))], after: .seconds(5) ... .minutes(3), now)
        if random.chance(0.1) {
            lines += tcr("BRAND_IDENTITY_STATUS_UPDATE", ["brandIdentityStatus": "UNVERIFIED"], after: .minutes(1) ... .minutes(3), now)
        }
        let status: JSONValue = entityType == "SOLE_PROPRIETOR" ? "SELF_DECLARED" : "VERIFIED"
        return lines + tcr("BRAND_IDENTITY_STATUS_UPDATE", ["brandIdentityStatus": status], after: .minutes(4) ... .hours(5), now)
    }

    private mutating func report(_ now: Timestamp) -> [TraceLine] {
        let draw = Double.random(in: 0..<1, using: &random)
        switch draw {
        case ..<0.82: return score(now)
        case ..<0.90: return tcr("EVP_REPORT_FAIL", after: .minutes(5) ... .days(1), now)
        case ..<0.95: return tcr("EVP_REPORT_UNSCORE", after: .minutes(5) ... .days(1), now)
        default: return []
        }
    }

    private mutating func score(_ now: Timestamp) -> [TraceLine] {
        tcr("EVP_REPORT_SCORE", ["score": .integer(Int.random(in: 5...98, using: &random))], after: .seconds(30) ... .days(1), now)
    }

    private mutating func authPlus(_ call: WorldCall) -> [TraceLine] {
        let draw = Double.random(in: 0..<1, using: &random)
        if draw < 0.75 || call.ordinal > 3 { return tcr("BRAND_AUTHPLUS_VERIFICATION_COMPLETE", after: .minutes(20) ... .days(8), call.at) }
        if draw < 0.9 { return tcr("BRAND_EMAIL_2FA_EXPIRED", after: .hours(3) ... .days(2), call.at) }
        return draw < 0.95 ? tcr("BRAND_AUTHPLUS_VERIFICATION_FAILED", after: .hours(1) ... .days(2), call.at) : []
    }

    private mutating func content(_ now: Timestamp) -> [TraceLine] {
        guard !hasReviewed else { return [] }
        hasReviewed = true
        let isApproved = random.chance(0.96)
        let kind = isApproved ? "content.approved" : "content.rejected"
        return [house("reviewer", kind, isApproved ? [:] : ["reasons": ["30893"]], at: now + random.duration(.minutes(5) ... .days(2)))]
    }

    private mutating func campaign(_ now: Timestamp) -> [TraceLine] {
        tcr("CAMPAIGN_ADD", ["campaignReferenceId": .string(entity.rawValue)], after: .seconds(2) ... .minutes(1), now)
            + tcr("CAMPAIGN_BILLED", after: .minutes(2) ... .minutes(3), now)
    }

    private mutating func sharing(_ call: WorldCall) -> [TraceLine] {
        let isDeclined = call.ordinal == 1 && random.chance(0.12)
        guard isDeclined else { return tcr("CAMPAIGN_SHARE_ACCEPT", after: .hours(6) ... .days(5), call.at) }
        let lines = tcr("CAMPAIGN_SHARE_DELETE", ["description": "CR4015; call to action unclear"], after: .hours(6) ... .days(4), call.at)
        let told = lines.map(\.receivedAt).max() ?? call.at
        let isCorrected = random.chance(0.8)
        return lines + (isCorrected ? [house("customer", "registration.resubmit", at: told + random.duration(.days(2) ... .days(5)))] : [])
    }

    private mutating func carriers(_ call: WorldCall) -> [TraceLine] {
        guard hasReported.insert(call.ordinal).inserted else { return [] }
        let complete = call.at + random.duration(.days(1) ... .days(8))
        var lines = tcr("CAMPAIGN_DCA_COMPLETE", after: .zero ... .zero, complete)
        for (mno, name) in [(10017, "AT&T"), (10035, "T-Mobile"), (10038, "Verizon Wireless")] where !random.chance(0.02) {
            let who: JSONValue = ["mnoId": .integer(mno), "mnoName": .string(name)]
            let verdict = random.chance(0.95) ? "APPROVED" : "REJECTED"
            lines += tcr("MNO_CAMPAIGN_OPERATION_REVIEW", who, after: .zero ... .hours(20), complete)
            lines += tcr("MNO_CAMPAIGN_OPERATION_\(verdict)", who, after: .days(1) ... .days(9), complete)
            if verdict == "APPROVED", random.chance(0.03) {
                lines += tcr("MNO_CAMPAIGN_OPERATION_SUSPENDED", who, after: .days(20) ... .days(30), complete)
                if random.chance(0.6) { lines += tcr("MNO_CAMPAIGN_OPERATION_UNSUSPENDED", who, after: .days(31) ... .days(40), complete) }
            }
        }
        return lines
    }

    private mutating func number(_ call: WorldCall) -> [TraceLine] {
        let index = call.request["number"]?.integer ?? 1
        let verdict = Double.random(in: 0..<1, using: &random)
        if verdict < 0.02 { return [] }
        let isGood = verdict < 0.97
        return twilio("pending", index, after: .seconds(1) ... .minutes(5), call.at)
            + twilio(isGood ? "successful" : "failed", index, after: .minutes(10) ... .hours(20), call.at)
    }
}
