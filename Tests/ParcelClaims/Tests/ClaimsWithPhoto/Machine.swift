package import Lockstep

// The legacy machine as it would be with the photo in its table: four states, five events, a cron job.

package enum ClaimState: String, MachineState { case OPEN, CHECKED, PHOTO_PENDING, CLOSED }

package struct Claim: Codable, Sendable {
    package var photo = false
    package var paid = false

    package init() {}
}

package let claimMachine = Machine<ClaimState, Claim>(
    name: "parcel-claim", initial: .OPEN, events: ["claim.filed", "photo.received", "check.passed", "claim.withdrawn", "timer.photo"],
    final: [.CLOSED], boundaries: [.CHECKED: "1"], steps: [.OPEN: "1", .CHECKED: "1", .PHOTO_PENDING: "1.1", .CLOSED: "2"],
    transitions: [
        Transition(from: [.OPEN], on: "claim.filed", "noted") { _, state, _, _ in state },
        Transition(from: [.OPEN], on: "photo.received", "keep it until it is asked for") { claim, state, _, _ in
            claim.photo = true
            return state
        },
        Transition(from: [.OPEN], on: "check.passed", to: [.CHECKED], "go on") { _, _, _, _ in .CHECKED },
        Transition(from: [.CHECKED], on: .continue, to: [.PHOTO_PENDING, .CLOSED], "ask for a photo") { claim, _, _, context in
            try await context.effects.perform("mail.askForPhoto", step: "1.1")
            return claim.photo ? try await close(&claim, context.effects) : .PHOTO_PENDING
        },
        Transition(from: [.PHOTO_PENDING], on: "photo.received", to: [.CLOSED], "pay") { claim, _, _, context in
            claim.photo = true
            return try await close(&claim, context.effects)
        },
        Transition(from: [.PHOTO_PENDING], on: "timer.photo", to: [.CLOSED], "pay without it") { claim, _, _, context in
            try await close(&claim, context.effects)
        },
        Transition(from: [.OPEN, .CHECKED, .PHOTO_PENDING], on: "claim.withdrawn", to: [.CLOSED], "close") { _, _, _, _ in .CLOSED },
    ], ignored: [Ignored(["photo.received", "timer.photo"], in: ClaimState.allCases, "nobody waits for it")])

package let claimSweeper = Sweeper<ClaimState>(rules: [
    SweepRule("photo", in: [.PHOTO_PENDING], after: .days(7), since: .stepEntered, emits: "timer.photo")
])

func close(_ claim: inout Claim, _ effects: EffectSession) async throws -> ClaimState {
    try await pay(&claim, effects)
    return .CLOSED
}

func pay(_ claim: inout Claim, _ effects: EffectSession) async throws {
    try await effects.perform("bank.pay", step: "2")
    claim.paid = true
}
