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
    public static let durableSteps: [DurableStep<Registration>] = [ProfileReview.step, Vetting.step]

    static func make(steps: [DurableStep<Registration>] = A2PDomain.durableSteps) -> Domain<RegistrationState, Registration> {
        Domain(
            machine: A2PMachine.machine, sweeper: A2PMachine.sweeper, decoders: A2PDecoders.all, durableSteps: steps,
            interrupts: ["registration.cancel", "registration.update", "support.override", "brand.suspended", "BRAND_DELETE"],
            birth: { Registration($0) }, references: \.references, renewals: renewals, outcome: { $0.outcome($1, $2) })
    }

    /// After a correction or an appeal of ours the registry's next word is news, even if it is the same word.
    private static let renewals: @Sendable (EffectKey) -> [String] = { key in
        switch key.operation {
        case "registry.revetBrand": ["brand/identity"]
        case "vetting.order", "vetting.appeal": ["vetting"]
        case "vetting.startAuthPlus": ["authplus"]
        case "registry.resubmitCampaign": ["campaign/"]
        default: []
        }
    }

    /// Refuses a plan that this build cannot run.
    static func validate(_ plan: MigrationPlan, _ domain: Domain<RegistrationState, Registration>) throws(PlanError) {
        try plan.check(against: domain.processSteps)
    }
}
