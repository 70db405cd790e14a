import DurableWorkflow
public import Events
import Outcomes

/// What belongs to no step and is answered in every wait: cancel, edit, support's decisions, a brand that is suspended or deleted, a fee that
/// is declined, a campaign that expires.
public enum Interrupts {
    /// The events.
    public static let events: Set<EventKind> = [
        "registration.cancel", "registration.update", "support.override", "brand.suspended", "BRAND_DELETE", "billing.result",
        "CAMPAIGN_EXPIRED",
    ]

    /// The activities of every step's answers.
    static let activities: [DurableActivity<Registration>] = [
        cancel, loseBrand, loseCampaign, holdForReview, holdForBrand, holdForPayment,
    ]

    /// Answers `event` in a wait in `state`. Throws `StepMove` when the registration goes elsewhere.
    static func answer(
        _ event: Event, in state: RegistrationState, _ wait: Wait, _ registration: inout Registration
    ) async throws -> Wait.Answer {
        switch event.kind {
        case "registration.cancel": try await wait.end(cancel, in: .CANCELLED, by: event, &registration)
        case "BRAND_DELETE": try await wait.end(loseBrand, in: .FAILED, by: event, &registration)
        case "CAMPAIGN_EXPIRED":
            guard RegistrationState.afterContent.contains(state) || state == .MANUAL_HOLD else { return .ignored }
            try await wait.end(loseCampaign, in: .EXPIRED, by: event, &registration)
        case "brand.suspended":
            guard RegistrationState.afterBrand.contains(state) else { return .ignored }
            return try await wait.hold(holdForBrand, from: state, &registration)
        case "billing.result":
            guard event.isDeclinedFee, state != .MANUAL_HOLD else { return .noted }
            return try await wait.hold(holdForPayment, from: state, &registration)
        case "registration.update":
            guard event.changesCoreField, RegistrationState.afterContent.contains(state) else { return .noted }
            return try await wait.hold(holdForReview, from: state, &registration)
        default: return try await override(by: event, in: state, wait, &registration)
        }
    }

    /// Support decides: another state, or a hold.
    static func override(
        by event: Event, in state: RegistrationState, _ wait: Wait, _ registration: inout Registration
    ) async throws -> Wait.Answer {
        guard let target = registration.override(by: event, in: state) else { return .noted }
        guard target == .MANUAL_HOLD else { throw StepMove(to: target.rawValue, by: event.kind) }
        return try await wait.hold(from: state, &registration)
    }

    /// An activity that holds the registration from the state in which it was.
    private static func holding(
        _ name: String, _ run: @escaping @Sendable (inout Registration, RegistrationState, EffectSession) async throws -> Void
    ) -> DurableActivity<Registration> {
        DurableActivity(name) { registration, effects in
            if let state = registration.heldFrom.flatMap(RegistrationState.init) { try await run(&registration, state, effects) }
        }
    }

    static let cancel = DurableActivity<Registration>("registration.cancel") { try await $0.cancel($1) }
    static let loseBrand = DurableActivity<Registration>("registration.loseBrand") { try await $0.loseBrand($1) }
    static let loseCampaign = DurableActivity<Registration>("registration.loseCampaign") { try await $0.loseCampaign($1) }
    static let holdForReview = holding("registration.holdForReview") { try await $0.holdForReview(from: $1, $2) }
    static let holdForBrand = holding("registration.holdForBrand") {
        try await $0.hold(from: $1, $2, telling: "brand-suspended", step: "4")
    }
    static let holdForPayment = holding("registration.holdForPayment") {
        try await $0.hold(from: $1, $2, telling: "payment-declined", step: "7")
    }
}
