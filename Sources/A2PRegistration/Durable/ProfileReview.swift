public import DurableWorkflow
public import Events
import Outcomes

/// Step 2, the review of the trust profile: submit the bundle, wait for the reviewer, let the customer correct a rejection.
///
/// An edit during the review is noted and no correction, a second rejection changes nothing. A lost answer is made up for by a look after
/// 24 hours; after 100 days the registration expires, but not while the customer's move is due.
public enum ProfileReview {
    /// The events the step waits for.
    public static let events: Set<EventKind> = ["profile.in_review", "profile.approved", "profile.rejected", "registration.update"]

    /// The step.
    public static let step = DurableStep<Registration>(
        "2", hears: events, adopts: ["PROFILE_PENDING_REVIEW", "PROFILE_IN_REVIEW", "PROFILE_REJECTED"],
        activities: [submit, poll, tellRejected]
    ) { stage, registration in
        var position = stage.takenOverIn ?? "PROFILE_PENDING_REVIEW"
        if stage.takenOverIn == nil { try await stage.perform(submit, &registration) }
        while true {
            if position != "PROFILE_REJECTED" {
                if try await isApproved(from: position, &stage, &registration) { return "PROFILE_APPROVED" }
                try await stage.perform(tellRejected, &registration)
            }
            try await stage.enter("PROFILE_REJECTED", registration)
            let event = try await stage.next(["profile.approved", "registration.update"], .customer, &registration)
            if event?.kind == "profile.approved" { return "PROFILE_APPROVED" }
            try await stage.perform(submit, &registration)
            position = "PROFILE_PENDING_REVIEW"
        }
    }

    /// Waits for the reviewer's verdict; what a lost answer would have said is read.
    private static func isApproved(from start: String, _ stage: inout Stage, _ registration: inout Registration) async throws -> Bool {
        var position = start
        while true {
            try await stage.enter(position, registration)
            var awaited: Set<EventKind> = ["profile.approved", "profile.rejected"]
            if position == "PROFILE_PENDING_REVIEW" { awaited.insert("profile.in_review") }
            let event = try await stage.next(awaited, &registration)
            switch event?.kind {
            case "profile.approved": return true
            case "profile.in_review": position = "PROFILE_IN_REVIEW"
            case "profile.rejected":
                registration.reject(by: "trust", codes: event?.payload.reasons ?? [])
                return false
            default:
                try await stage.perform(poll, &registration)
                if let found = registration.takeFound() { return found == "approved" }
            }
        }
    }

    static let submit = DurableActivity<Registration>("provider.submitBundle") { try await NumberProvider($1).submitBundle(&$0) }
    static let tellRejected = Stage.telling("profile-rejected", step: "2")
    static let poll = DurableActivity<Registration>("provider.pollBundle") { registration, effects in
        let bundle = try await effects.read("provider.bundle")
        switch bundle["status"]?.statusWord {
        case "ACCEPTED", "TWILIO_APPROVED": registration.found = "approved"
        case "REJECTED", "TWILIO_REJECTED":
            registration.found = "rejected"
            registration.reject(by: "trust", codes: bundle.reasons)
        default: break
        }
    }
}
