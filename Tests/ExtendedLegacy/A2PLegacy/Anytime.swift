import Events
import LegacyStateMachine
import Outcomes

extension A2PMachine {
    private static let afterBrand = State.afterBrand

    /// Rows for events that may come in many states; a more specific row in another file wins.
    static let anytime: [Row] =
        [
            Row(from: State.open, on: "registration.cancel", to: [.CANCELLED], "deactivate the campaign, detach the numbers") {
                record, _, _, context in
                try await record.cancel(context.effects)
                return .CANCELLED
            },
            Row(from: State.open, on: "BRAND_DELETE", to: [.FAILED], "the registry has deleted the brand") { record, _, _, context in
                try await record.loseBrand(context.effects)
                return .FAILED
            },
            Row(from: afterBrand, on: "brand.suspended", to: [.MANUAL_HOLD], "hold") { record, state, _, context in
                try await record.hold(from: state, context.effects, telling: "brand-suspended", step: "4")
                return .MANUAL_HOLD
            },
            Row(from: State.allCases, on: "support.override", to: State.allCases, "support decides; audited") {
                record, state, event, context in try await override(&record, state, event, context)
            },
            Row(from: State.campaign + State.numbers + [.MANUAL_HOLD], on: "CAMPAIGN_EXPIRED", to: [.EXPIRED], "detach the numbers") {
                record, _, _, context in
                try await record.loseCampaign(context.effects)
                return .EXPIRED
            },
            Row(
                from: State.campaign + State.numbers, on: "registration.update", to: [.MANUAL_HOLD],
                "a core field may not change under a live campaign"
            ) {
                record, state, event, context in
                guard event.changesCoreField else { return state }
                try await record.holdForReview(from: state, context.effects)
                return .MANUAL_HOLD
            },
            Row(from: State.open, on: "registration.update", "note the edit") { _, state, _, _ in state },
            Row(from: State.open, on: "BRAND_SCORE_UPDATE", "store the score") { record, state, event, _ in
                record.brandScore = event.payload["score"]?.integer ?? record.brandScore
                return state
            },
            Row(from: afterBrand + [.MANUAL_HOLD], on: "BRAND_IDENTITY_STATUS_UPDATE", "store the identity") { record, state, event, _ in
                let said = event.payload["identityStatus"]?.string.flatMap(StatusWord.init)
                record.identityStatus = IdentityStatus(wire: said)?.rawValue ?? record.identityStatus
                return state
            },
            Row(from: afterBrand + [.MANUAL_HOLD], on: "BRAND_OTP_VERIFIED", "store the confirmation") { record, state, _, _ in
                record.otpVerified = true
                return state
            },
            Row(from: State.open, on: "MNO_COMPLAINT", "flag it") { record, state, _, _ in
                record.complaints += 1
                return state
            },
            Row(from: State.open, on: "CAMPAIGN_BILLED", "for the books") { _, state, _, _ in state },
            Row(from: State.open, on: "billing.result", to: [.MANUAL_HOLD], "a declined fee holds the registration") {
                record, state, event, context in
                guard event.isDeclinedFee, state != .MANUAL_HOLD else { return state }
                try await record.hold(from: state, context.effects, telling: "payment-declined", step: "7")
                return .MANUAL_HOLD
            },
            Row(from: State.open, on: "timer.stage_deadline", to: [.FAILED, .EXPIRED], "the time is up") { record, _, event, context in
                try await deadline(&record, event, context)
            },
        ] + earlyNumbers

    private static let earlyNumbers: [Row] = NumberRow.kinds.map { kind, status in
        Row(from: State.campaign + [.ACTIVE, .CAMPAIGN_SUSPENDED, .MANUAL_HOLD], on: kind, "store the number's word") {
            record, state, event, _ in
            record.takeNumber(status, event)
            return state
        }
    }

    private static func override(_ record: inout Registration, _ state: State, _ event: Event, _ context: ActionContext) async throws
        -> State
    {
        guard let target = record.override(by: event, in: state) else { return state }
        // What a released registration waits for may have come during the hold.
        if target == .BRAND_OTP_PENDING, record.otpVerified { return try await beginContent(&record, context) }
        if State.vettingOpen.contains(target) { return try await goOnVetting(&record, in: target, context) }
        return target
    }
}
