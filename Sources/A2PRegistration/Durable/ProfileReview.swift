public import DurableWorkflow
public import Events
import Outcomes

/// Step 2, the review of the trust profile, in place of legacy's four states: submit the bundle, wait for the reviewer, let the
/// customer correct a rejection.
///
/// It hears what legacy hears: an edit during the review is noted and no correction, a second rejection changes nothing. A lost
/// answer is made up for by a look after 24 hours; after 100 days the registration expires, but not while the customer's move is due.
public enum ProfileReview {
    /// The events the step waits for.
    public static let events: Set<EventKind> = ["profile.in_review", "profile.approved", "profile.rejected", "registration.update"]

    /// The step.
    public static let step = DurableStep<Registration>(
        number: "2", events: events, activities: [submit, poll, tellRejected, tellExpired],
        adopts: ["PROFILE_PENDING_REVIEW", "PROFILE_IN_REVIEW", "PROFILE_REJECTED"]
    ) { context, registration in
        var state = context.entry.state ?? "PROFILE_PENDING_REVIEW"
        var heardAt = context.entry.heardAt
        if context.entry.state == nil {
            try await context.perform(submit, on: &registration)
            heardAt = context.now
        }
        let end = context.entry.createdAt + .days(100)
        var entered = context.entry.state
        while state != "PROFILE_APPROVED" {
            if state != entered { try await context.enter(state, registration) }
            entered = state
            let isRejected = state == "PROFILE_REJECTED"
            let deadline = isRejected ? nil : min(end, heardAt + .hours(24))
            let event = try await context.wait(for: events, until: deadline)
            heardAt = context.now
            switch event?.kind {
            case "profile.approved": state = "PROFILE_APPROVED"
            case "profile.in_review": if state == "PROFILE_PENDING_REVIEW" { state = "PROFILE_IN_REVIEW" }
            case "profile.rejected":
                guard !isRejected, let event else { continue }
                registration.reject(by: "trust", codes: event.payload.reasons)
                try await context.perform(tellRejected, on: &registration)
                state = "PROFILE_REJECTED"
            case "registration.update":
                guard isRejected else { continue }
                try await context.perform(submit, on: &registration)
                state = "PROFILE_PENDING_REVIEW"
            default:
                if context.now >= end {
                    try await context.perform(tellExpired, on: &registration)
                    return "EXPIRED"
                }
                try await look(context, &registration, &state)
            }
        }
        return state
    }

    static let submit = DurableActivity<Registration>("provider.submitBundle") { try await NumberProvider($1).submitBundle(&$0) }
    static let tellRejected = DurableActivity<Registration>("notifications.profile-rejected") {
        try await Notifications($1).send("profile-rejected", &$0, step: "2")
    }
    static let tellExpired = DurableActivity<Registration>("notifications.expired") {
        try await Notifications($1).send("expired", &$0, step: "8")
    }
    static let poll = DurableActivity<Registration>("provider.pollBundle") { registration, effects in
        let bundle = try await effects.read("provider.bundle")
        registration.profileStatus =
            switch bundle["status"]?.statusWord {
            case "ACCEPTED", "TWILIO_APPROVED": "approved"
            case "REJECTED", "TWILIO_REJECTED": "rejected"
            default: nil
            }
        if registration.profileStatus == "rejected" { registration.reject(by: "trust", codes: bundle.reasons) }
    }

    /// Reads what a lost answer would have said.
    private static func look(_ context: StepContext<Registration>, _ registration: inout Registration, _ state: inout String) async throws {
        try await context.perform(poll, on: &registration)
        let status = registration.profileStatus
        registration.profileStatus = nil
        switch status {
        case "approved": state = "PROFILE_APPROVED"
        case "rejected":
            try await context.perform(tellRejected, on: &registration)
            state = "PROFILE_REJECTED"
        default: break
        }
    }
}
