package import Lockstep

// All of it together, and who owns what.

package let claims = Domain(
    machine: claimMachine, sweeper: Sweeper(rules: []), decoders: [ClaimDecoder()], durableSteps: [photoStep],
    interrupts: ["claim.withdrawn"], birth: { $0.kind == "claim.filed" ? Claim() : nil }, references: { _ in [] },
    outcome: { claim, state, _ in Outcome(status: claim.paid ? "paid" : "open", state: state.rawValue, facts: ["photo": .bool(claim.photo)])
    })

package let claimPlan = """
    plan: parcel-claims
    version: 1
    steps:
      - { step: 1, title: Check, stage: legacy }
      - step: 1.1
        title: Photo
        stage: durable
        added: true
        announces:
          - { effect: mail.askForPhoto, count: 1 }
          - { fact: photo, change: changed }
      - { step: 2, title: Payment, stage: legacy }
    """
