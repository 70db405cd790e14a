public import Events

/// One A2P 10DLC registration as legacy keeps it: what was asked, what outside parties said, and nothing personal.
///
/// Names, EIN, e-mail, phone and addresses stay in the customer's profile; the machine needs ids, states and codes only.
public struct Registration: Codable, Hashable, Sendable {
    /// Its id; also the `referenceId` under which registry entities are created.
    public var id: EntityID
    /// PRIVATE_PROFIT, PUBLIC_PROFIT, NON_PROFIT, GOVERNMENT or SOLE_PROPRIETOR.
    public var entityType: String
    /// The campaign's use case, for example `2FA`, `LOW_VOLUME`.
    public var useCase: String
    /// The registry's brand id.
    public var brandId: String?
    /// The provider's brand id.
    public var brandSid: String?
    /// When the registry confirmed the brand.
    public var brandAddedAt: Timestamp?
    /// SELF_DECLARED, UNVERIFIED, VERIFIED or VETTED_VERIFIED.
    public var identityStatus: String?
    /// The registry's own score.
    public var brandScore: Int?
    /// True once a sole proprietor has confirmed the PIN.
    public var otpVerified = false
    /// Step 5.2.
    public var vetting = VettingRecord()
    /// What came before anybody could use it, in its order; nil for nothing.
    public var kept: [Event]?
    /// How often the bundle was evaluated, submitted and the brand revetted.
    public var evaluations = 0
    /// See ``evaluations``.
    public var submissions = 0
    /// See ``evaluations``.
    public var revets = 0
    /// The provider's messaging service.
    public var messagingServiceSid: String?
    /// The registry's campaign id.
    public var campaignId: String?
    /// The provider's campaign id.
    public var campaignSid: String?
    /// From 1; grows with every resubmission.
    public var campaignAttempt = 0
    /// Carrier rows by MNO id.
    public var carriers: [String: CarrierRow] = [:]
    /// Number rows; the number with index 1 is first.
    public var numbers: [NumberRow] = []
    /// Codes of the last rejection, sorted.
    public var rejectionCodes: [String] = []
    /// Who rejected: `trust`, `content`, `partner`, `carrier`, `registry`.
    public var rejectedBy: String?
    /// The state to go back to after a hold.
    public var heldFrom: String?
    /// Notifications sent so far by kind; the next one's ordinal.
    public var notifications: [String: Int] = [:]
    /// Nudges sent to the partner.
    public var nudges = 0
    /// Complaints by carriers.
    public var complaints = 0
    /// Contradictions between sources that a re-read had to decide.
    public var conflicts = 0
    /// Overrides by support: operator and state.
    public var overrides: [String] = []
    /// Why it failed, for example `30901`.
    public var failureCode: String?
    /// What the last look of a durable step has found, in a word; nil between looks.
    var found: String?
    /// The carrier's word that an activity is to weigh; nil between.
    var carrierWord: CarrierWord?
    /// The number, from 1, that an activity is to detach; nil between.
    var leaving: Int?
    /// True when more than a standard campaign's numbers are allowed; nil for no.
    public var hasNumberPool: Bool?

    /// A new registration.
    public init(id: EntityID, entityType: String, useCase: String, numbers: Int) {
        self.id = id
        self.entityType = entityType
        self.useCase = useCase
        self.numbers = (0..<min(max(1, numbers), NumberLimit.pool)).map { _ in NumberRow() }
    }

    /// The registration that a `registration.submit` asks for; nil for any other event.
    public init?(_ incoming: IncomingEvent) {
        guard incoming.kind == "registration.submit", case .entity(let id) = incoming.reference else { return nil }
        self.init(
            id: id, entityType: incoming.payload["entityType"]?.string ?? "PRIVATE_PROFIT",
            useCase: incoming.payload["useCase"]?.string ?? "2FA", numbers: incoming.payload["numbers"]?.integer ?? 1)
        if incoming.payload["numberPool"]?.truth == true { hasNumberPool = true }
    }

    /// The ids by which senders name it: our own, once something was done under it, and those that others gave out.
    public var references: [String] {
        (evaluations > 0 ? [id.rawValue] : []) + (submissions > 0 ? [SyntheticIDs.bundleSid(id)] : [])
            + [brandId, brandSid, campaignId, campaignSid, vetting.id].compactMap { $0 }
            + (brandId == nil ? [] : [SyntheticIDs.telnyxBrand(id)]) + (campaignId == nil ? [] : [SyntheticIDs.telnyxCampaign(id)])
            + numbers.compactMap(\.sid)
    }
}

extension Registration {
    /// The registration without who acted for support; everything else in it is an id, a state, a code, a time or a count.
    public var forgotten: Registration {
        var rest = self
        rest.kept = nil
        rest.overrides = overrides.map { "forgotten: \($0.split(separator: " ").last ?? "")" }
        return rest
    }
}

/// What one carrier says about the campaign.
public struct CarrierRow: Codable, Hashable, Sendable {
    /// NOT_SUBMITTED, REVIEW, APPROVED, REJECTED or SUSPENDED.
    public var status = "NOT_SUBMITTED"
    /// Codes of the last rejection or suspension.
    public var reasons: [String] = []
}

/// One phone number, by index only.
public struct NumberRow: Codable, Hashable, Sendable {
    /// QUEUED, PENDING_REGISTRATION, REGISTERED, FAILED, PENDING_DEREGISTRATION, UNREGISTERED or DEREG_FAILED.
    public var status = "QUEUED"
    /// The provider's id.
    public var sid: String?
    /// Attempts to attach it.
    public var attempts = 0
    /// Since when it has been pending.
    public var pendingSince: Timestamp?
    /// The provider's failure code.
    public var failure: String?
    /// When the provider last said something about it; an older message is stale.
    public var statusAt: Timestamp?

    /// A number that was asked for.
    package init() {}

    /// True while the provider has not answered.
    var isPending: Bool { status == "PENDING_REGISTRATION" || status == "PENDING_DEREGISTRATION" }

    /// True when `answer` can be what the provider says now: a number that is detached was registered before.
    func awaits(_ answer: String) -> Bool { status == "PENDING_DEREGISTRATION" ? answer == "UNREGISTERED" : answer != "UNREGISTERED" }

    /// True when nothing more is expected of it.
    public var isDecided: Bool { status == "REGISTERED" || status == "FAILED" || status == "UNREGISTERED" }
}

/// How step 5.2 went.
public struct VettingRecord: Codable, Hashable, Sendable {
    /// `external`, `authplus`, `otp` or `skip`; nil before the step.
    public var route: String?
    /// ORDERED, IN_REVIEW, SCORED, FAILED, APPEAL, SKIPPED, EXPIRED, COMPLETE; nil before the step.
    public var status: String?
    /// The registry's vetting id.
    public var id: String?
    /// When it was ordered; deadlines count from here, also after an interruption.
    public var orderedAt: Timestamp?
    /// 0 to 100.
    public var score: Int?
    /// Appeals made.
    public var appeals = 0
    /// PINs or e-mails sent.
    public var sent = 0
    /// When the last one was sent.
    public var sentAt: Timestamp?
}

/// The deterministic ids that the simulated outside gives out.
public enum SyntheticIDs {
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    private static let space: UInt64 = 2_176_782_336

    private static func number(_ entity: EntityID) -> UInt64 {
        var value: UInt64 = 0
        var scale: UInt64 = 1
        for byte in entity.rawValue.utf8.reversed() {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), scale < 1_000_000_000_000 else { break }
            value += UInt64(byte - UInt8(ascii: "0")) * scale
            scale *= 10
        }
        return scale == 1 ? StableHash.value(entity.rawValue) % space : value
    }

    private static func code(_ entity: EntityID) -> String {
        var rest = (number(entity) &* 48_271 &+ 7) % space
        var text: [Character] = []
        for _ in 0..<6 {
            text.append(digits[Int(rest % 36)])
            rest /= 36
        }
        return String(text.reversed())
    }

    private static func hexadecimal(_ value: UInt64, width: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    /// `B` and six characters.
    public static func brand(_ entity: EntityID) -> String { "B" + code(entity) }
    /// `C` and six characters.
    public static func campaign(_ entity: EntityID) -> String { "C" + code(entity) }
    /// `V`, six characters and the ordinal of the order.
    public static func vetting(_ entity: EntityID, ordinal: Int = 1) -> String { "V\(code(entity))-\(ordinal)" }
    /// `BN` and 32 hex digits.
    public static func brandSid(_ entity: EntityID) -> String { "BN" + hexadecimal(number(entity), width: 32) }
    /// `CM` and 32 hex digits.
    public static func campaignSid(_ entity: EntityID) -> String { "CM" + hexadecimal(number(entity), width: 32) }
    /// `MG` and 32 hex digits.
    public static func messagingServiceSid(_ entity: EntityID) -> String { "MG" + hexadecimal(number(entity), width: 32) }
    /// `BU` and 32 hex digits.
    public static func bundleSid(_ entity: EntityID) -> String { "BU" + hexadecimal(number(entity), width: 32) }
    /// `PN` and 32 hex digits; `index` from 1.
    public static func numberSid(_ entity: EntityID, index: Int) -> String {
        "PN" + hexadecimal(number(entity) &* 1000 &+ UInt64(index), width: 32)
    }
    /// The id of the first number of the registration that the number `sid` belongs to, and which of its numbers it is; nil for another id.
    static func firstNumber(beside sid: String) -> (first: String, index: Int)? {
        guard sid.hasPrefix("PN"), sid.utf8.count == 34, let value = UInt64(sid.dropFirst(2), radix: 16), value % 1000 > 0 else {
            return nil
        }
        return ("PN" + hexadecimal(value - value % 1000 + 1, width: 32), Int(value % 1000))
    }
    /// Telnyx' id of the brand.
    public static func telnyxBrand(_ entity: EntityID) -> String { "00000000-0000-4000-8000-" + hexadecimal(number(entity), width: 12) }
    /// Telnyx' id of the campaign.
    public static func telnyxCampaign(_ entity: EntityID) -> String { "00000000-0000-4000-9000-" + hexadecimal(number(entity), width: 12) }
}
