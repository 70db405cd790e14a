import Events
public import Outcomes

/// What the outside charges, in cents. Dated and different between providers: configuration, never constants in a step.
public struct FeeSchedule: Sendable, Hashable {
    /// Per brand.
    public var brand = 400
    /// Per external vetting.
    public var vetting = 4000
    /// Per submission of a campaign, again on resubmission.
    public var campaignVetting = 1500
    /// Per campaign and month.
    public var campaignMonthly = 1000

    /// The defaults of the domain's guide (2023).
    public static let standard = FeeSchedule()
}

/// The registry of brands and campaigns. Legacy actions and durable activities call the same functions.
public struct Registry {
    package let effects: EffectSession
    /// The registry as `effects` reaches it.
    public init(_ effects: EffectSession) { self.effects = effects }

    /// Creates the brand; `referenceId` is the registration's id, so a repeated submission finds the first one.
    public func submitBrand(_ registration: inout Registration) async throws {
        let reply = try await effects.perform(
            "registry.submitBrand", step: "3",
            request: ["referenceId": .string(registration.id.rawValue), "entityType": .string(registration.entityType)])
        registration.brandId = reply["brandId"]?.string
        registration.brandSid = reply["brandSid"]?.string
    }

    /// Asks for the identity to be checked again.
    public func revetBrand(_ registration: inout Registration) async throws {
        registration.revets += 1
        try await effects.perform("registry.revetBrand", step: "4", ordinal: registration.revets)
    }

    /// Creates the campaign.
    public func createCampaign(_ registration: inout Registration) async throws {
        registration.campaignAttempt = max(1, registration.campaignAttempt)
        let reply = try await effects.perform(
            "registry.createCampaign", step: "7",
            request: ["referenceId": .string(registration.id.rawValue), "useCase": .string(registration.useCase)])
        registration.campaignId = reply["campaignId"]?.string
        registration.campaignSid = reply["campaignSid"]?.string
    }

    /// Submits the corrected campaign again; `campaignAttempt` has been raised before.
    public func resubmitCampaign(_ registration: Registration) async throws {
        try await effects.perform("registry.resubmitCampaign", step: "7", ordinal: registration.campaignAttempt)
    }

    /// Ends the campaign.
    public func deactivateCampaign(_ registration: Registration) async throws {
        guard registration.campaignId != nil else { return }
        try await effects.perform("registry.deactivateCampaign", step: "8")
    }

    /// Reminds the partner of a review.
    public func nudge(_ registration: inout Registration) async throws {
        registration.nudges += 1
        try await effects.perform("registry.nudge", step: "8", ordinal: registration.nudges, request: ["intent": "REVIEW"])
    }

    /// Sends a sole proprietor a new PIN.
    public func sendOTP(_ registration: inout Registration) async throws {
        registration.vetting.sent += 1
        try await effects.perform("registry.sendOTP", step: "5.2", ordinal: registration.vetting.sent)
        registration.vetting.sentAt = effects.now
    }
}

/// The external vetting provider.
public struct VettingProvider {
    package let effects: EffectSession
    /// The provider as `effects` reaches it.
    public init(_ effects: EffectSession) { self.effects = effects }

    /// Orders a vetting, pays for it, and notes when.
    public func order(_ registration: inout Registration) async throws {
        try await Billing(effects).charge("vettingFee", step: "5.2", cents: FeeSchedule.standard.vetting)
        let reply = try await effects.perform("vetting.order", step: "5.2", request: ["vettingClass": "STANDARD"])
        registration.vetting.id = reply["vettingId"]?.string
        registration.vetting.orderedAt = registration.vetting.orderedAt ?? effects.now
        registration.vetting.status = registration.vetting.status ?? "ORDERED"
    }

    /// Appeals a failed vetting.
    public func appeal(_ registration: inout Registration) async throws {
        registration.vetting.appeals += 1
        try await effects.perform("vetting.appeal", step: "5.2", ordinal: registration.vetting.appeals)
        registration.vetting.status = "APPEAL"
    }

    /// Starts Authentication+, or sends its e-mail again.
    public func startAuthPlus(_ registration: inout Registration) async throws {
        registration.vetting.sent += 1
        try await effects.perform("vetting.startAuthPlus", step: "5.2", ordinal: registration.vetting.sent)
        registration.vetting.sentAt = effects.now
        registration.vetting.orderedAt = registration.vetting.orderedAt ?? effects.now
        registration.vetting.status = "ORDERED"
    }
}

/// The connectivity partner that shares a campaign with carriers.
public struct ConnectivityPartner {
    package let effects: EffectSession
    /// The partner as `effects` reaches it.
    public init(_ effects: EffectSession) { self.effects = effects }

    /// Shares the campaign with the partner.
    public func share(_ registration: Registration) async throws {
        try await effects.perform("partner.share", step: "8", ordinal: registration.campaignAttempt)
    }

    /// Ties the accepted campaign to the messaging service; one request in five seconds.
    public func associate(_ registration: Registration) async throws {
        try await effects.perform("partner.associate", step: "8", ordinal: registration.campaignAttempt)
    }
}

/// The provider of trust bundles, messaging services and numbers.
public struct NumberProvider {
    package let effects: EffectSession
    /// The provider as `effects` reaches it.
    public init(_ effects: EffectSession) { self.effects = effects }

    /// Checks the bundle without submitting it; the reasons when it is not compliant.
    public func evaluateBundle(_ registration: inout Registration) async throws -> [String] {
        registration.evaluations += 1
        let reply = try await effects.perform("provider.evaluateBundle", step: "1", ordinal: registration.evaluations)
        guard reply["status"]?.string == "noncompliant" else { return [] }
        return reply["reasons"]?.array?.compactMap(\.string) ?? ["noncompliant"]
    }

    /// Submits the bundle for review by people.
    public func submitBundle(_ registration: inout Registration) async throws {
        registration.submissions += 1
        try await effects.perform("provider.submitBundle", step: "2", ordinal: registration.submissions)
    }

    /// Creates the messaging service; a registration has one, however often its campaign is submitted.
    public func createMessagingService(_ registration: inout Registration) async throws {
        guard registration.messagingServiceSid == nil else { return }
        let reply = try await effects.perform("provider.createMessagingService", step: "6")
        registration.messagingServiceSid = reply["messagingServiceSid"]?.string
    }

    /// Attaches number `index` (from 1) to the campaign; again when an earlier attempt timed out.
    public func attach(_ index: Int, _ registration: inout Registration) async throws {
        var row = registration.numbers[index - 1]
        row.attempts += 1
        let reply = try await effects.perform(
            "provider.attachNumber", step: "10", ordinal: index * 100 + row.attempts, request: ["number": .integer(index)])
        row.sid = reply["numberSid"]?.string
        row.pendingSince = effects.now
        if row.status == "QUEUED" { row.status = "PENDING_REGISTRATION" }
        registration.numbers[index - 1] = row
    }

    /// Detaches number `index` (from 1) when it was attached.
    public func detach(_ index: Int, _ registration: inout Registration) async throws {
        guard registration.numbers[index - 1].attempts > 0, registration.numbers[index - 1].status != "FAILED" else { return }
        try await effects.perform("provider.detachNumber", step: "10", ordinal: index, request: ["number": .integer(index)])
        registration.numbers[index - 1].status = "PENDING_DEREGISTRATION"
    }
}

/// The carriers' side: throughput.
public struct CarrierNetwork {
    package let effects: EffectSession
    /// The carriers as `effects` reaches them.
    public init(_ effects: EffectSession) { self.effects = effects }

    /// Publishes the throughput that the registration has earned.
    public func publishThroughput(_ registration: Registration) async throws {
        try await effects.perform("carriers.publishThroughput", step: "10", request: Throughput(registration).json)
    }
}

/// Billing.
public struct Billing {
    package let effects: EffectSession
    /// Billing as `effects` reaches it.
    public init(_ effects: EffectSession) { self.effects = effects }

    /// Posts a fee.
    public func charge(_ fee: String, step: StepNumber, ordinal: Int = 1, cents: Int) async throws {
        try await effects.perform(
            "billing.\(fee)", step: step, ordinal: ordinal, request: ["amountCents": .integer(cents), "currency": "USD"])
    }
}

/// Messages to the customer, by template; never with an address in them.
public struct Notifications {
    package let effects: EffectSession
    /// Notifications as `effects` reaches them.
    public init(_ effects: EffectSession) { self.effects = effects }

    /// Sends one message of `kind`.
    public func send(_ kind: String, _ registration: inout Registration, step: StepNumber) async throws {
        let ordinal = (registration.notifications[kind] ?? 0) + 1
        registration.notifications[kind] = ordinal
        try await effects.perform(
            "notifications.\(kind)", step: step, ordinal: ordinal, request: ["template": .string(kind), "recipient": "customer"])
    }
}
