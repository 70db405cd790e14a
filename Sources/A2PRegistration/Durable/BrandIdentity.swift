public import DurableWorkflow
public import Events
import Outcomes

/// Step 4, the brand's identity: the registry verifies it, or the customer corrects the brand and asks for another look.
public enum BrandIdentity {
    /// The events the step waits for.
    public static let events = News.brand.union(["BRAND_APPEAL_COMPLETE", "registration.update"])

    /// The step.
    public static let step = DurableStep<Registration>(
        "4", hears: events, for: .days(14),
        adopts: ["BRAND_PENDING_IDENTITY", "BRAND_UNVERIFIED", "BRAND_REVET_PENDING", "BRAND_APPEAL_PENDING"],
        activities: [look, revet, tellUnverified]
    ) { stage, registration in
        // What the registry has said before the brand was there counts now.
        let known = stage.takenOverIn == nil ? registration.takeIdentity(registration.identityStatus, at: stage.context.now) : .unclear
        if known == .verified { return "BRAND_VERIFIED" }
        var isRefused = known == .unverified
        var position = stage.takenOverIn ?? "BRAND_PENDING_IDENTITY"
        while true {
            if position != "BRAND_UNVERIFIED" {
                if !isRefused {
                    try await stage.enter(position, registration)
                    if try await isVerified(in: position, &stage, &registration) { return "BRAND_VERIFIED" }
                }
                isRefused = false
                registration.reject(by: "registry", codes: ["30799"])
                try await stage.perform(tellUnverified, &registration)
            }
            try await stage.enter("BRAND_UNVERIFIED", registration)
            if try await isVerifiedAfterAll(&stage, &registration) { return "BRAND_VERIFIED" }
            try await stage.perform(revet, &registration)
            position = "BRAND_REVET_PENDING"
        }
    }

    /// Waits for the registry's verdict.
    private static func isVerified(
        in position: String, _ stage: inout Stage, _ registration: inout Registration
    ) async throws -> Bool {
        let appeal: Set<EventKind> = position == "BRAND_APPEAL_PENDING" ? ["BRAND_APPEAL_COMPLETE"] : []
        while true {
            let event = try await stage.next(appeal.union(["BRAND_IDENTITY_STATUS_UPDATE"]), &registration)
            switch try await verdict(event, stage, &registration) {
            case .verified: return true
            case .unverified: return false
            case .unclear: continue
            }
        }
    }

    /// Waits for the customer's correction (false), or until the registry changes its mind.
    private static func isVerifiedAfterAll(_ stage: inout Stage, _ registration: inout Registration) async throws -> Bool {
        while true {
            let words: Set<EventKind> = ["BRAND_IDENTITY_STATUS_UPDATE", "BRAND_APPEAL_COMPLETE", "registration.update"]
            let event = try await stage.next(words, .customerOrRegistry, &registration)
            if event?.kind == "registration.update" { return false }
            if try await verdict(event, stage, &registration) == .verified { return true }
        }
    }

    /// What an event says about the identity; without a word of it, or without an event, the registry is asked.
    private static func verdict(_ event: Event?, _ stage: Stage, _ registration: inout Registration) async throws -> IdentityVerdict {
        if event?.kind == "BRAND_IDENTITY_STATUS_UPDATE", let word = event?.payload["identityStatus"]?.string {
            return registration.takeIdentity(word, at: stage.context.now)
        }
        try await stage.perform(look, &registration)
        return registration.takeFound().flatMap(IdentityVerdict.init) ?? .unclear
    }

    static let look = DurableActivity<Registration>("registry.readBrand") { registration, effects in
        let brand = try await effects.read("registry.brand")
        guard brand["exists"]?.bool == true else { return }
        registration.brandAdded(brand, at: effects.now)
        registration.found = registration.takeIdentity(brand["identityStatus"]?.string, at: effects.now).rawValue
    }
    static let revet = DurableActivity<Registration>("registry.revetBrand") { try await Registry($1).revetBrand(&$0) }
    static let tellUnverified = Stage.telling("brand-unverified", step: "4")
}
