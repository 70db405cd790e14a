public import DurableWorkflow
public import Events
import Outcomes

/// Step 3, the brand: submit it to the registry, pay for it, wait until the registry has it.
public enum BrandSubmission {
    /// The events the step waits for.
    public static let events = News.brand.union(["BRAND_ADD"])

    /// The step.
    public static let step = DurableStep<Registration>(
        "3", hears: events, for: .days(3), adopts: ["BRAND_SUBMITTED", "BRAND_SUBMIT_FAILED"], activities: [submit, BrandIdentity.look]
    ) { stage, registration in
        var isSubmitted = stage.takenOverIn == "BRAND_SUBMITTED"
        if stage.takenOverIn == nil { isSubmitted = try await stage.attempt(submit, &registration) }
        // A registry that is down is asked again every day; when it has the brand after all, it is paid for.
        while !isSubmitted {
            try await stage.enter("BRAND_SUBMIT_FAILED", registration)
            guard let added = try await stage.next(["BRAND_ADD"], &registration) else {
                isSubmitted = try await stage.attempt(submit, &registration)
                continue
            }
            try await stage.perform(submit, &registration)
            registration.brandAdded(added.payload, at: stage.context.now)
            return "BRAND_SUBMIT_FAILED"
        }
        try await stage.enter("BRAND_SUBMITTED", registration)
        while true {
            let event = try await stage.next(["BRAND_ADD", "BRAND_IDENTITY_STATUS_UPDATE"], &registration)
            if let event, event.kind == "BRAND_ADD" {
                registration.brandAdded(event.payload, at: stage.context.now)
                return "BRAND_SUBMITTED"
            }
            if let word = event?.payload["identityStatus"]?.string {
                // A brand whose identity was looked at is there, though nobody has said so.
                if registration.takeIdentity(word, at: stage.context.now) != .unclear { return "BRAND_SUBMITTED" }
                continue
            }
            try await stage.perform(BrandIdentity.look, &registration)
            switch registration.takeFound() {
            case "verified": return "BRAND_VERIFIED"
            case nil: continue
            default: return "BRAND_PENDING_IDENTITY"
            }
        }
    }

    static let submit = DurableActivity<Registration>("registry.submitBrand", retry: Stage.eightTimes) {
        try await Registry($1).submitAndPayBrand(&$0)
    }
}
