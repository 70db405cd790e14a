public import DurableWorkflow
public import Events
import Outcomes

/// Step 9, the carriers: each reviews the campaign by itself, and may never say a word.
///
/// The step ends when AT&T, T-Mobile and Verizon have decided. After 45 days those that approved are enough: a silent carrier is policy.
public enum CarrierReview {
    /// The events the step waits for.
    public static let events = News.campaign.union(["registration.resubmit"])

    /// The step.
    public static let step = DurableStep<Registration>(
        "9", hears: events, for: .days(45), adopts: ["MNO_REVIEW", "MNO_PARTIAL", "MNO_REJECTED"],
        activities: [readCarriers, PartnerReview.resubmit, tellRejected, ContentReview.tellRefused]
    ) { stage, registration in
        if stage.takenOverIn != "MNO_REJECTED" {
            if try await isApproved(&stage, &registration) { return "CAMPAIGN_VERIFIED" }
            registration.rejectByCarriers()
            try await stage.perform(tellRejected, &registration)
        }
        try await stage.enter("MNO_REJECTED", registration)
        try await PartnerReview.correct(&stage, &registration)
        return "RESUBMIT_PENDING"
    }

    private static func isApproved(_ stage: inout Stage, _ registration: inout Registration) async throws -> Bool {
        var isTakenOver = stage.takenOverIn != nil
        do {
            while true {
                switch registration.carrierVerdict {
                // Taken over, it waits where it was: what the carriers have said was weighed there before.
                case _ where isTakenOver: isTakenOver = false
                case .approved: return true
                case .rejected: return false
                case .partial: try await stage.enter("MNO_PARTIAL", registration)
                case .open: try await stage.enter("MNO_REVIEW", registration)
                }
                let event = try await stage.next(Set(CarrierWord.kinds.map(\.0)), &registration)
                if let word = event.flatMap(CarrierWord.init) {
                    try await stage.take(word, &registration)
                } else {
                    try await stage.perform(readCarriers, &registration)
                }
            }
        } catch Stage.TimeIsUp.stage where registration.hasCarrierApproval { return true }
    }

    static let readCarriers = DurableActivity<Registration>("registry.readCarriers") { try await Registry($1).readCarriers(&$0) }
    static let tellRejected = Stage.telling("carriers-rejected", step: "9")
}
