package import Events
import Outcomes

// What takes more than one call; legacy and the durable steps do it alike.

extension Registry {
    /// Creates the brand and pays for it.
    package func submitAndPayBrand(_ registration: inout Registration) async throws {
        try await submitBrand(&registration)
        try await Billing(effects).charge("brandFee", step: "3", cents: FeeSchedule.standard.brand)
    }

    /// Creates messaging service and campaign, and pays for them.
    package func submitAndPayCampaign(_ registration: inout Registration) async throws {
        try await NumberProvider(effects).createMessagingService(&registration)
        try await createCampaign(&registration)
        try await Billing(effects).charge("campaignMonthlyFee", step: "7", cents: FeeSchedule.standard.campaignMonthly)
        try await payVetting(registration)
    }

    /// Submits the corrected campaign and pays for its vetting again; the carriers that rejected it begin anew.
    package func resubmitAndPayCampaign(_ registration: inout Registration) async throws {
        registration.campaignAttempt += 1
        try await resubmitCampaign(registration)
        try await payVetting(registration)
        registration.clearRejection()
        for (mno, row) in registration.carriers where row.status == "REJECTED" { registration.carriers[mno] = CarrierRow() }
    }

    private func payVetting(_ registration: Registration) async throws {
        try await Billing(effects).charge(
            "campaignVettingFee", step: "7", ordinal: registration.campaignAttempt, cents: FeeSchedule.standard.campaignVetting)
    }

    /// Asks whether the use case may be registered for the brand; tells the customer when it may not.
    package func qualify(_ registration: inout Registration) async throws {
        let answer = try await effects.read("registry.qualification", request: ["useCase": .string(registration.useCase)])
        guard answer["qualified"]?.bool ?? true else {
            registration.reject(by: "registry", codes: ["30900"])
            return try await Notifications(effects).send("usecase-not-qualified", &registration, step: "6")
        }
        registration.clearRejection()
    }
}

/// What the registry's word on the brand's identity means.
package enum IdentityVerdict: String {
    case verified, unverified
    /// No word that anybody knows, or an unverified in the first ten minutes, which is not believed.
    case unclear
}

extension Registration {
    /// Notes the registry's word on the brand's identity.
    package mutating func takeIdentity(_ word: String?, at now: Timestamp) -> IdentityVerdict {
        guard let known = IdentityStatus(wire: word.flatMap(StatusWord.init)) else { return .unclear }
        identityStatus = known.rawValue
        if known.isVerified {
            clearRejection()
            return .verified
        }
        return now - (brandAddedAt ?? now) < .minutes(10) ? .unclear : .unverified
    }

    /// What the last look has found, which is taken as said once.
    package mutating func takeFound() -> String? {
        defer { found = nil }
        return found
    }

    /// True while the registry does not take the use case.
    package var isUnqualified: Bool { rejectionCodes == ["30900"] }
}
