import A2PLegacy
public import A2PRegistration
public import A2PRetired
public import Bridge
public import DurableWorkflow

extension A2PDomain {
    /// The domain with its legacy machine and those durable steps.
    public static func make(steps: [DurableStep<Registration>] = A2PDomain.durableSteps) -> Domain<RegistrationState, Registration> {
        Domain(
            machine: A2PMachine.machine, sweeper: A2PMachine.sweeper, decoders: A2PDecoders.all, durableSteps: steps,
            interrupts: Interrupts.events, birth: { Registration($0) }, references: \.references, outcome: { $0.outcome($1, $2) },
            freeText: freeText, forgotten: \.forgotten)
    }
}
