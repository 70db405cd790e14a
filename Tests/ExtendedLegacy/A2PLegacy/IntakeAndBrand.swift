import Events
import LegacyStateMachine
import Outcomes

extension A2PMachine {
    /// Steps 1 and 2.
    static let intake: [Row] = [
        Row(from: [.DRAFT, .INTAKE_REJECTED], on: "registration.submit", to: [.INTAKE_VALIDATED, .INTAKE_REJECTED], "evaluate the bundle") {
            try await evaluate(&$0, $3)
        },
        Row(from: [.INTAKE_REJECTED], on: "registration.update", to: [.INTAKE_VALIDATED], "evaluate again") { try await evaluate(&$0, $3) },
        Row(from: [.INTAKE_VALIDATED], on: .continue, to: [.PROFILE_PENDING_REVIEW], "submit the bundle for review") {
            record, _, _, context in
            try await NumberProvider(context.effects).submitBundle(&record)
            return .PROFILE_PENDING_REVIEW
        },
        Row(from: [.PROFILE_PENDING_REVIEW], on: "profile.in_review", to: [.PROFILE_IN_REVIEW], "a person looks at it") { _, _, _, _ in
            .PROFILE_IN_REVIEW
        },
        Row(
            from: [.PROFILE_PENDING_REVIEW, .PROFILE_IN_REVIEW, .PROFILE_REJECTED], on: "profile.approved", to: [.PROFILE_APPROVED],
            "approved"
        ) { _, _, _, _ in
            .PROFILE_APPROVED
        },
        Row(from: [.PROFILE_PENDING_REVIEW, .PROFILE_IN_REVIEW], on: "profile.rejected", to: [.PROFILE_REJECTED], "tell the customer") {
            try await profileRejected(&$0, $2.payload, $3)
        },
        Row(from: [.PROFILE_REJECTED], on: "registration.update", to: [.PROFILE_PENDING_REVIEW], "submit the bundle again") {
            record, _, _, context in
            try await NumberProvider(context.effects).submitBundle(&record)
            return .PROFILE_PENDING_REVIEW
        },
        Row(
            from: [.PROFILE_PENDING_REVIEW, .PROFILE_IN_REVIEW], on: "timer.repoll", to: [.PROFILE_APPROVED, .PROFILE_REJECTED],
            "read the bundle's status"
        ) { record, state, _, context in
            let bundle = try await context.effects.read("provider.bundle")
            switch bundle["status"]?.statusWord {
            case "ACCEPTED", "TWILIO_APPROVED": return .PROFILE_APPROVED
            case "REJECTED", "TWILIO_REJECTED": return try await profileRejected(&record, bundle, context)
            default: return state
            }
        },
    ]

    private static func evaluate(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        let reasons = try await NumberProvider(context.effects).evaluateBundle(&record)
        guard !reasons.isEmpty else { return .INTAKE_VALIDATED }
        record.reject(by: "intake", codes: reasons)
        try await Notifications(context.effects).send("intake-rejected", &record, step: "1")
        return .INTAKE_REJECTED
    }

    private static func profileRejected(_ record: inout Registration, _ payload: JSONValue, _ context: ActionContext) async throws -> State
    {
        record.reject(by: "trust", codes: payload.reasons)
        try await Notifications(context.effects).send("profile-rejected", &record, step: "2")
        return .PROFILE_REJECTED
    }

    /// Steps 3 to 5.
    static let brand: [Row] = [
        Row(
            from: [.PROFILE_APPROVED], on: .continue, to: [.BRAND_SUBMITTED], "create the brand, pay for it",
            exhausted: .BRAND_SUBMIT_FAILED
        ) { record, _, _, context in try await submitBrand(&record, context) },
        Row(
            from: [.BRAND_SUBMIT_FAILED], on: "timer.repoll", to: [.BRAND_SUBMITTED], "create the brand again",
            exhausted: .BRAND_SUBMIT_FAILED
        ) {
            record, _, _, context in try await submitBrand(&record, context)
        },
        Row(
            from: [.BRAND_SUBMITTED], on: "BRAND_ADD", to: [.BRAND_PENDING_IDENTITY, .BRAND_VERIFIED, .BRAND_UNVERIFIED],
            "the registry has it"
        ) { record, _, event, context in try await brandAdded(&record, event, context) },
        Row(
            from: [.BRAND_SUBMIT_FAILED], on: "BRAND_ADD", to: [.BRAND_PENDING_IDENTITY, .BRAND_VERIFIED, .BRAND_UNVERIFIED],
            "the registry has it after all: pay for it"
        ) { record, _, event, context in
            try await submitBrand(&record, context)
            return try await brandAdded(&record, event, context)
        },
        Row(
            from: [.BRAND_SUBMITTED, .BRAND_PENDING_IDENTITY, .BRAND_UNVERIFIED, .BRAND_REVET_PENDING, .BRAND_APPEAL_PENDING],
            on: "BRAND_IDENTITY_STATUS_UPDATE", to: [.BRAND_PENDING_IDENTITY, .BRAND_VERIFIED, .BRAND_UNVERIFIED],
            "verified goes on; the first unverified within ten minutes is not believed"
        ) { record, state, event, context in
            // Without the word the registry is asked.
            guard let status = event.payload["identityStatus"]?.string else { return try await rereadBrand(&record, state, context) }
            return try await identity(status, &record, state, context)
        },
        Row(from: [.BRAND_UNVERIFIED], on: "registration.update", to: [.BRAND_REVET_PENDING], "ask for a revet") { record, _, _, context in
            try await Registry(context.effects).revetBrand(&record)
            return .BRAND_REVET_PENDING
        },
        Row(
            from: [.BRAND_APPEAL_PENDING, .BRAND_UNVERIFIED], on: "BRAND_APPEAL_COMPLETE", to: [.BRAND_VERIFIED, .BRAND_UNVERIFIED],
            "re-read the brand"
        ) {
            record, state, _, context in try await rereadBrand(&record, state, context)
        },
        Row(
            from: [.BRAND_SUBMITTED, .BRAND_PENDING_IDENTITY, .BRAND_REVET_PENDING, .BRAND_APPEAL_PENDING, .BRAND_UNVERIFIED],
            on: "timer.repoll",
            to: [.BRAND_PENDING_IDENTITY, .BRAND_VERIFIED, .BRAND_UNVERIFIED], "re-read the brand"
        ) { record, state, _, context in try await rereadBrand(&record, state, context) },
        Row(from: [.BRAND_VERIFIED], on: .continue, to: [.BRAND_READY], "5.1: record the score") { record, _, _, context in
            let brand = try await context.effects.read("registry.brand")
            record.brandScore = brand["score"]?.integer ?? record.brandScore
            return .BRAND_READY
        },
    ]

    private static func brandAdded(_ record: inout Registration, _ event: Event, _ context: ActionContext) async throws -> State {
        record.brandAdded(event.payload, at: context.now)
        guard let known = record.identityStatus else { return .BRAND_PENDING_IDENTITY }
        return try await identity(known, &record, .BRAND_PENDING_IDENTITY, context)
    }

    @discardableResult
    private static func submitBrand(_ record: inout Registration, _ context: ActionContext) async throws -> State {
        try await Registry(context.effects).submitAndPayBrand(&record)
        return .BRAND_SUBMITTED
    }

    private static func rereadBrand(_ record: inout Registration, _ state: State, _ context: ActionContext) async throws -> State {
        let brand = try await context.effects.read("registry.brand")
        guard brand["exists"]?.bool == true else { return state }
        record.brandAdded(brand, at: context.now)
        let present: State = state == .BRAND_SUBMITTED ? .BRAND_PENDING_IDENTITY : state
        guard let status = brand["identityStatus"]?.string else { return present }
        return try await identity(status, &record, present, context)
    }

    private static func identity(_ status: String, _ record: inout Registration, _ state: State, _ context: ActionContext) async throws
        -> State
    {
        switch record.takeIdentity(status, at: context.now) {
        case .verified: return .BRAND_VERIFIED
        case .unclear: return state
        case .unverified: if state == .BRAND_UNVERIFIED { return state }
        }
        record.reject(by: "registry", codes: ["30799"])
        try await Notifications(context.effects).send("brand-unverified", &record, step: "4")
        return .BRAND_UNVERIFIED
    }
}
