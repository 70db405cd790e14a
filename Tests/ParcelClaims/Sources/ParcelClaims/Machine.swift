package import Lockstep

// The legacy machine as it is: three states, four events.

package enum ClaimState: String, MachineState { case OPEN, CHECKED, CLOSED }

package struct Claim: Codable, Sendable {
    package var photo = false
    package var paid = false

    package init() {}
}

package let claimMachine = Machine<ClaimState, Claim>(
    name: "parcel-claim", initial: .OPEN, events: ["claim.filed", "photo.received", "check.passed", "claim.withdrawn"], final: [.CLOSED],
    boundaries: [.CHECKED: "1"], steps: [.OPEN: "1", .CHECKED: "1", .CLOSED: "2"],
    transitions: [
        Transition(from: [.OPEN], on: "claim.filed", "noted") { _, state, _, _ in state },
        Transition(from: [.OPEN], on: "check.passed", to: [.CHECKED], "go on") { _, _, _, _ in .CHECKED },
        Transition(from: [.CHECKED], on: .continue, to: [.CLOSED], "pay") { claim, _, _, context in
            try await pay(&claim, context.effects)
            return .CLOSED
        },
        Transition(from: [.OPEN, .CHECKED], on: "claim.withdrawn", to: [.CLOSED], "close") { _, _, _, _ in .CLOSED },
    ], ignored: [Ignored(["photo.received"], in: ClaimState.allCases, "legacy wants no photo")])

func pay(_ claim: inout Claim, _ effects: EffectSession) async throws {
    try await effects.perform("bank.pay", step: "2")
    claim.paid = true
}
