public import A2PRegistration
import Bridge
import Cutover
public import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

/// The built-in domain, put together: a further durable step is one more element of the array.
public enum A2PDomain {
    /// The steps that exist as durable code.
    public static let durableSteps: [DurableStep<Registration>] = [
        Intake.step, ProfileReview.step, BrandSubmission.step, BrandIdentity.step, BrandReadiness.step, Vetting.step, ContentReview.step,
        CampaignSubmission.step, PartnerReview.step, CarrierReview.step, NumberRegistration.step,
    ]

    static func make(steps: [DurableStep<Registration>] = A2PDomain.durableSteps) -> Domain<RegistrationState, Registration> {
        Domain(
            machine: A2PMachine.machine, sweeper: A2PMachine.sweeper, decoders: A2PDecoders.all, durableSteps: steps,
            interrupts: [
                "registration.cancel", "registration.update", "support.override", "brand.suspended", "BRAND_DELETE", "billing.result",
                "CAMPAIGN_EXPIRED",
            ],
            birth: { Registration($0) }, references: \.references, outcome: { $0.outcome($1, $2) })
    }

    /// Refuses a plan that this build cannot run.
    static func validate(_ plan: MigrationPlan, _ domain: Domain<RegistrationState, Registration>) throws(PlanError) {
        try plan.check(against: domain.processSteps)
    }
}
