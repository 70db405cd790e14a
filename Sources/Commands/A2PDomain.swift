import A2PRegistration
import Bridge
import DurableWorkflow
import Events

/// The built-in domain, put together: a further durable step is one more element of the array.
enum A2PDomain {
    static func make(steps: [DurableStep<Registration>] = [Vetting.step]) -> Domain<RegistrationState, Registration> {
        Domain(
            machine: A2PMachine.machine, sweeper: A2PMachine.sweeper, decoders: A2PDecoders.all, durableSteps: steps,
            interrupts: ["registration.cancel", "registration.update", "support.override", "brand.suspended", "BRAND_DELETE"],
            birth: { Registration($0) }, references: \.references, outcome: { $0.outcome($1, $2) })
    }
}
