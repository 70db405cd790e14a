public import DurableWorkflow
public import Events
import Outcomes

/// Step 8, sharing: the connectivity partner takes the campaign, its people review it, and a declined one comes back corrected.
public enum PartnerReview {
    /// The events the step waits for.
    public static let events = News.campaign.union([
        "CAMPAIGN_SHARE_ACCEPT", "CAMPAIGN_SHARE_DELETE", "CAMPAIGN_DCA_COMPLETE", "CAMPAIGN_RESUBMISSION", "registration.resubmit",
    ])

    /// The step. It begins again, in RESUBMIT_PENDING, when carriers have rejected the campaign and it was corrected.
    public static let step = DurableStep<Registration>(
        "8", hears: events, for: .days(30), adopts: ["CNP_SHARE_PENDING", "DCA_REVIEW", "RESUBMIT_PENDING", "CNP_DECLINED"],
        activities: [share, associate, look, resubmit, tellDeclined, ContentReview.tellRefused]
    ) { stage, registration in
        if stage.takenOverIn == nil { try await stage.perform(share, &registration) }
        var position = stage.takenOverIn ?? "CNP_SHARE_PENDING"
        while true {
            if position != "CNP_DECLINED", try await isAccepted(from: position, &stage, &registration) { return "DCA_COMPLETE" }
            try await stage.enter("CNP_DECLINED", registration)
            try await correct(&stage, &registration)
            position = "RESUBMIT_PENDING"
        }
    }

    /// Waits for the corrected campaign and submits it; some rejections no correction cures.
    static func correct(_ stage: inout Stage, _ registration: inout Registration) async throws {
        while true {
            _ = try await stage.next(["registration.resubmit"], .customer, &registration)
            guard registration.isNotResubmittable else { return try await stage.perform(resubmit, &registration) }
            try await stage.perform(ContentReview.tellRefused, &registration)
        }
    }

    /// Waits until the partner's people are through with the campaign (true), or the partner declines it and the customer is told.
    private static func isAccepted(from start: String, _ stage: inout Stage, _ registration: inout Registration) async throws -> Bool {
        var position = start
        while true {
            try await stage.enter(position, registration)
            let isShared = position != "RESUBMIT_PENDING"
            var awaited: Set<EventKind> = ["CAMPAIGN_SHARE_DELETE", "CAMPAIGN_DCA_COMPLETE"]
            if position != "DCA_REVIEW" { awaited.insert("CAMPAIGN_SHARE_ACCEPT") }
            if !isShared { awaited.insert("CAMPAIGN_RESUBMISSION") }
            let event = try await stage.next(awaited, isShared ? .reviewer : .party, &registration)
            switch try await news(event, &stage, &registration) {
            case "resubmitted":
                try await stage.perform(share, &registration)
                position = "CNP_SHARE_PENDING"
            case "accepted" where position != "DCA_REVIEW":
                position = try await stage.attempt(associate, &registration) ? "DCA_REVIEW" : "CNP_SHARE_PENDING"
            case "complete":
                // An acceptance that nobody told us of is made up for.
                let isAssociated = position == "DCA_REVIEW" ? true : try await stage.attempt(associate, &registration)
                if isAssociated { return true }
                if event == nil { position = "CNP_SHARE_PENDING" }
            case "declined": return false
            default: break
            }
        }
    }

    /// What an event says; a refusal may be an old one, so the registry is asked, as it is after a silence.
    private static func news(_ event: Event?, _ stage: inout Stage, _ registration: inout Registration) async throws -> String? {
        switch event?.kind {
        case "CAMPAIGN_RESUBMISSION": return "resubmitted"
        case "CAMPAIGN_SHARE_ACCEPT": return "accepted"
        case "CAMPAIGN_DCA_COMPLETE": return "complete"
        default: try await stage.perform(look, &registration)
        }
        let found = registration.takeFound()
        if found == "declined" {
            if let codes = event?.payload.reasons, !codes.isEmpty { registration.reject(by: "partner", codes: codes) }
            try await stage.perform(tellDeclined, &registration)
        } else if event != nil {
            registration.conflicts += 1
            return nil
        }
        return found
    }

    static let share = DurableActivity<Registration>("partner.share") { try await ConnectivityPartner($1).share($0) }
    static let associate = DurableActivity<Registration>("partner.associate", retry: Stage.eightTimes) {
        try await ConnectivityPartner($1).associate($0)
    }
    static let resubmit = DurableActivity<Registration>("registry.resubmitCampaign") { try await Registry($1).resubmitAndPayCampaign(&$0) }
    static let tellDeclined = Stage.telling("campaign-declined", step: "8")
    static let look = DurableActivity<Registration>("registry.readSharing") { registration, effects in
        let campaign = try await effects.read("registry.campaign")
        switch campaign["sharing"]?.string {
        case "DECLINED":
            registration.found = "declined"
            registration.reject(by: "partner", codes: campaign.reasons)
        case _ where campaign["dcaComplete"]?.bool == true: registration.found = "complete"
        case "ACCEPTED": registration.found = "accepted"
        default: break
        }
    }
}
