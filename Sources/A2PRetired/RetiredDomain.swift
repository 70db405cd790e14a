public import A2PRegistration
public import Bridge
public import DurableWorkflow
import LegacyStateMachine
import Migrations

/// The built-in domain, put together: a further durable step is one more element of the array.
public enum A2PDomain {
    /// The steps that exist as durable code.
    public static let durableSteps: [DurableStep<Registration>] = [
        Intake.step, ProfileReview.step, BrandSubmission.step, BrandIdentity.step, BrandReadiness.step, Vetting.step, ContentReview.step,
        CampaignSubmission.step, PartnerReview.step, CarrierReview.step, NumberRegistration.step, AfterActivation.step,
    ]

    /// The domain when its legacy machine is gone: what is left of that is a map of its states.
    public static func retired(
        steps: [DurableStep<Registration>] = A2PDomain.durableSteps
    ) throws -> Domain<RegistrationState, Registration> {
        try Domain(
            retired: try LegacyMachine(parsing: EmbeddedMachines.registration), decoders: A2PDecoders.all, durableSteps: steps,
            interrupts: Interrupts.events, birth: { Registration($0) }, references: \.references, outcome: { $0.outcome($1, $2) },
            freeText: freeText, forgotten: \.forgotten)
    }

    /// The members of payloads that hold free text.
    public static let freeText: Set<String> = ["description", "reason"]
}
