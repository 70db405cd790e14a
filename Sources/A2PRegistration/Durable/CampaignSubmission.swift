public import DurableWorkflow
public import Events
import Outcomes

/// Step 7, the campaign: submit it to the registry, pay for it, wait until the registry has it.
public enum CampaignSubmission {
    /// The events the step waits for.
    public static let events = News.campaign.union(["CAMPAIGN_ADD"])

    /// The step.
    public static let step = DurableStep<Registration>(
        "7", hears: events, adopts: ["CAMPAIGN_SUBMITTED", "CAMPAIGN_SUBMIT_FAILED"], activities: [submit, look]
    ) { stage, registration in
        var isSubmitted = stage.takenOverIn == "CAMPAIGN_SUBMITTED"
        if stage.takenOverIn == nil { isSubmitted = try await stage.attempt(submit, &registration) }
        // A registry that is down is asked again every day; when it has the campaign after all, it is paid for.
        while !isSubmitted {
            try await stage.enter("CAMPAIGN_SUBMIT_FAILED", registration)
            if try await stage.next(["CAMPAIGN_ADD"], &registration) != nil {
                try await stage.perform(submit, &registration)
                return "CAMPAIGN_REGISTERED"
            }
            isSubmitted = try await stage.attempt(submit, &registration)
        }
        try await stage.enter("CAMPAIGN_SUBMITTED", registration)
        while true {
            if let added = try await stage.next(["CAMPAIGN_ADD"], &registration) {
                registration.campaignId = registration.campaignId ?? added.payload["campaignId"]?.string
                return "CAMPAIGN_REGISTERED"
            }
            try await stage.perform(look, &registration)
            if registration.takeFound() == "exists" { return "CAMPAIGN_REGISTERED" }
        }
    }

    static let submit = DurableActivity<Registration>("registry.submitCampaign", retry: Stage.eightTimes) {
        try await Registry($1).submitAndPayCampaign(&$0)
    }
    static let look = DurableActivity<Registration>("registry.readCampaign") { registration, effects in
        let campaign = try await effects.read("registry.campaign")
        guard campaign["exists"]?.bool == true else { return }
        registration.found = "exists"
        registration.campaignId = registration.campaignId ?? campaign["campaignId"]?.string
    }
}
