package import Lockstep

// The step that is added, as a sequence.

let askForPhoto = DurableActivity<Claim>("mail.askForPhoto") { try await $1.perform("mail.askForPhoto", step: "1.1") }

package let photoStep = DurableStep<Claim>(number: "1.1", events: ["photo.received"], activities: [askForPhoto]) { context, claim in
    try await context.perform(askForPhoto, on: &claim)
    claim.photo = try await context.wait(for: ["photo.received"], timeout: .days(7)) != nil
}
