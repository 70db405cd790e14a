public import A2PRegistration
public import Bridge
public import DurableWorkflow
import Events
import HybridRouter

/// The built-in domain, put together: a further durable step is one more element of the array.
public enum A2PDomain {
    /// The steps that exist as durable code.
    public static let durableSteps: [DurableStep<Registration>] = [
        Intake.step, ProfileReview.step, BrandSubmission.step, BrandIdentity.step, BrandReadiness.step, Vetting.step, ContentReview.step,
        CampaignSubmission.step, PartnerReview.step, CarrierReview.step, NumberRegistration.step,
    ]

    /// The domain with those durable steps.
    public static func make(steps: [DurableStep<Registration>] = A2PDomain.durableSteps) -> Domain<RegistrationState, Registration> {
        Domain(
            machine: A2PMachine.machine, sweeper: A2PMachine.sweeper, decoders: A2PDecoders.all, durableSteps: steps,
            interrupts: [
                "registration.cancel", "registration.update", "support.override", "brand.suspended", "BRAND_DELETE", "billing.result",
                "CAMPAIGN_EXPIRED",
            ],
            birth: { Registration($0) }, references: \.references, outcome: { $0.outcome($1, $2) }, freeText: ["description", "reason"],
            forgotten: \.forgotten)
    }
}
