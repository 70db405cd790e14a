import Events
import LegacyStateMachine
import Outcomes

extension A2PMachine {
    /// Step 6, and the submission of step 7.
    static let content: [Row] = [
        Row(
            from: [.VETTING_COMPLETE], on: .continue, to: afterVetting,
            "qualify the use case; a sole proprietor must have confirmed the PIN; what the reviewer said before counts now"
        ) { record, _, _, context in try await beginContentWithKept(&record, context) },
        // The message of the row above is a dead letter when its calls have failed too often.
        Row(from: [.VETTING_COMPLETE], on: "timer.repoll", to: afterVetting, "the same again") { record, _, _, context in
            try await beginContentWithKept(&record, context)
        },
        Row(from: [.BRAND_OTP_PENDING], on: "BRAND_OTP_VERIFIED", to: [.USECASE_NOT_QUALIFIED, .CONTENT_REVIEW], "the PIN is confirmed") {
            record, _, _, context in
            record.otpVerified = true
            return try await beginContent(&record, context)
        },
        Row(from: [.BRAND_OTP_PENDING], on: "timer.repoll", to: [.USECASE_NOT_QUALIFIED, .CONTENT_REVIEW], "read the PIN's status") {
            record, state, _, context in
            guard try await context.effects.read("registry.otp")["verified"]?.bool == true else { return state }
            record.otpVerified = true
            return try await beginContent(&record, context)
        },
        Row(from: [.USECASE_NOT_QUALIFIED], on: "registration.resubmit", to: [.CONTENT_REVIEW], "qualify again") {
            record, _, event, context in
            if let useCase = event.payload["useCase"]?.string { record.useCase = useCase }
            return try await beginContent(&record, context)
        },
        Row(
            from: [.CONTENT_REVIEW], on: "content.approved", to: [.CAMPAIGN_SUBMITTED], "create the campaign, pay for it",
            exhausted: .CAMPAIGN_SUBMIT_FAILED
        ) {
            record, _, _, context in try await submitCampaign(&record, context)
        },
        Row(
            from: [.CAMPAIGN_SUBMIT_FAILED], on: "timer.repoll", to: [.CAMPAIGN_SUBMITTED], "create the campaign again",
            exhausted: .CAMPAIGN_SUBMIT_FAILED
        ) {
            record, _, _, context in try await submitCampaign(&record, context)
        },
        Row(from: [.CONTENT_REVIEW], on: "content.rejected", to: [.CONTENT_REJECTED], "tell the customer") { record, _, event, context in
            try await rejectContent(event.payload.reasons, &record, context)
        },
        Row(from: [.CONTENT_REJECTED], on: "registration.resubmit", to: [.CONTENT_REVIEW], "review the corrected content") {
            record, state, _, context in
            if record.isNotResubmittable { return try await refuseResubmission(&record, state, context) }
            record.clearRejection()
            return .CONTENT_REVIEW
        },
    ]

    static func beginContent(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        if record.entityType == "SOLE_PROPRIETOR", !record.otpVerified { return .BRAND_OTP_PENDING }
        try await Registry(context.effects).qualify(&record)
        return record.isUnqualified ? .USECASE_NOT_QUALIFIED : .CONTENT_REVIEW
    }

    private static let afterVetting: [State] = [
        .BRAND_OTP_PENDING, .USECASE_NOT_QUALIFIED, .CONTENT_REVIEW, .CONTENT_REJECTED, .CAMPAIGN_SUBMITTED,
    ]

    /// Begins the content. The reviewer's first word that came before is used where the content is reviewed now.
    private static func beginContentWithKept(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        let (state, review) = (try await beginContent(&record, context), record.kept?.first)
        record.kept = nil
        guard state == .CONTENT_REVIEW, let review else { return state }
        if review.kind == "content.approved" { return try await submitCampaign(&record, context) }
        return try await rejectContent(review.payload.reasons, &record, context)
    }

    private static func rejectContent(_ codes: [String], _ record: inout Registration, _ context: ActionContext) async throws -> State {
        record.reject(by: "content", codes: codes)
        try await Notifications(context.effects).send("content-rejected", &record, step: "6")
        return .CONTENT_REJECTED
    }

    @discardableResult
    private static func submitCampaign(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        try await Registry(context.effects).submitAndPayCampaign(&record)
        return .CAMPAIGN_SUBMITTED
    }

    static func refuseResubmission(_ record: inout Registration, _ state: State, _ context: ActionContext) async throws -> State {
        try await Notifications(context.effects).send("resubmission-refused", &record, step: "8")
        return state
    }

    /// Steps 7 and 8.
    static let campaign: [Row] = [
        Row(from: [.CAMPAIGN_SUBMITTED], on: "CAMPAIGN_ADD", to: [.CAMPAIGN_REGISTERED], "the registry has it") { record, _, event, _ in
            record.campaignId = record.campaignId ?? event.payload["campaignId"]?.string
            return .CAMPAIGN_REGISTERED
        },
        Row(
            from: [.CAMPAIGN_SUBMIT_FAILED], on: "CAMPAIGN_ADD", to: [.CAMPAIGN_REGISTERED], "the registry has it after all: pay for it"
        ) { record, _, _, context in
            try await submitCampaign(&record, context)
            return .CAMPAIGN_REGISTERED
        },
        Row(from: [.CAMPAIGN_SUBMITTED], on: "timer.repoll", to: [.CAMPAIGN_REGISTERED], "re-read the campaign") {
            record, state, _, context in
            let campaign = try await context.effects.read("registry.campaign")
            guard campaign["exists"]?.bool == true else { return state }
            record.campaignId = record.campaignId ?? campaign["campaignId"]?.string
            return .CAMPAIGN_REGISTERED
        },
        Row(from: [.CAMPAIGN_REGISTERED], on: .continue, to: [.CNP_SHARE_PENDING], "share with the partner") { record, _, _, context in
            try await ConnectivityPartner(context.effects).share(record)
            return .CNP_SHARE_PENDING
        },
        Row(
            from: [.CNP_SHARE_PENDING, .RESUBMIT_PENDING], on: "CAMPAIGN_SHARE_ACCEPT", to: [.DCA_REVIEW], "associate; one request in 5 s",
            exhausted: .CNP_SHARE_PENDING
        ) { record, _, _, context in
            try await ConnectivityPartner(context.effects).associate(record)
            return .DCA_REVIEW
        },
        Row(
            from: [.CNP_SHARE_PENDING, .DCA_REVIEW, .RESUBMIT_PENDING], on: "CAMPAIGN_SHARE_DELETE", to: [.CNP_DECLINED],
            "re-read: an old rejection is stale"
        ) {
            record, state, event, context in
            let campaign = try await context.effects.read("registry.campaign")
            return try await decline(&record, state, campaign, codes: event.payload.reasons, context)
        },
        Row(
            from: [.CNP_SHARE_PENDING, .DCA_REVIEW, .RESUBMIT_PENDING], on: "CAMPAIGN_DCA_COMPLETE", to: [.DCA_COMPLETE],
            "a missing acceptance is inferred"
        ) { record, state, _, context in
            if state != .DCA_REVIEW { try await ConnectivityPartner(context.effects).associate(record) }
            return .DCA_COMPLETE
        },
        Row(
            from: [.CNP_SHARE_PENDING, .DCA_REVIEW, .RESUBMIT_PENDING], on: "timer.repoll",
            to: [.DCA_REVIEW, .DCA_COMPLETE, .CNP_DECLINED, .CNP_SHARE_PENDING],
            "re-read the campaign", exhausted: .CNP_SHARE_PENDING
        ) { record, state, _, context in try await rereadSharing(&record, state, context) },
        Row(
            from: [.CNP_DECLINED, .MNO_REJECTED], on: "registration.resubmit", to: [.RESUBMIT_PENDING],
            "submit the corrected campaign, pay again"
        ) {
            record, state, _, context in
            if record.isNotResubmittable { return try await refuseResubmission(&record, state, context) }
            try await Registry(context.effects).resubmitAndPayCampaign(&record)
            return .RESUBMIT_PENDING
        },
        Row(from: [.RESUBMIT_PENDING], on: "CAMPAIGN_RESUBMISSION", to: [.CNP_SHARE_PENDING], "share again") { record, _, _, context in
            try await ConnectivityPartner(context.effects).share(record)
            return .CNP_SHARE_PENDING
        },
        Row(
            from: [.CNP_SHARE_PENDING, .DCA_REVIEW, .RESUBMIT_PENDING], on: "timer.stage_deadline", to: [.FAILED, .EXPIRED],
            "nudge on day 7, give up on day 30"
        ) {
            record, state, event, context in
            if event.payload["rule"]?.string == "nudge" {
                try await Registry(context.effects).nudge(&record)
                return state
            }
            return try await deadline(&record, event, context)
        },
    ]

    private static func decline(
        _ record: inout Registration, _ state: State, _ campaign: JSONValue, codes: [String], _ context: ActionContext
    ) async throws -> State {
        guard campaign["sharing"]?.string == "DECLINED" else {
            record.conflicts += 1
            return state
        }
        record.reject(by: "partner", codes: codes.isEmpty ? campaign.reasons : codes)
        try await Notifications(context.effects).send("campaign-declined", &record, step: "8")
        return .CNP_DECLINED
    }

    private static func rereadSharing(_ record: inout Registration, _ state: State, _ context: ActionContext) async throws -> State {
        let campaign = try await context.effects.read("registry.campaign")
        if campaign["sharing"]?.string == "DECLINED" { return try await decline(&record, state, campaign, codes: [], context) }
        if campaign["dcaComplete"]?.bool == true {
            if state != .DCA_REVIEW { try await ConnectivityPartner(context.effects).associate(record) }
            return .DCA_COMPLETE
        }
        guard campaign["sharing"]?.string == "ACCEPTED", state != .DCA_REVIEW else { return state }
        try await ConnectivityPartner(context.effects).associate(record)
        return .DCA_REVIEW
    }
}
