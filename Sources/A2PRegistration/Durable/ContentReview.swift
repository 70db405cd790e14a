public import DurableWorkflow
public import Events
import Outcomes

/// Step 6, what will be sent: a sole proprietor's PIN, the registry's word on the use case, a colleague's on the content.
public enum ContentReview {
    /// The events the step waits for.
    public static let events = News.brand.union(["content.approved", "content.rejected", "registration.resubmit"])

    /// The step.
    public static let step = DurableStep<Registration>(
        "6", hears: events, for: .days(14), adopts: ["BRAND_OTP_PENDING", "USECASE_NOT_QUALIFIED", "CONTENT_REVIEW", "CONTENT_REJECTED"],
        activities: [readPIN, qualify, tellRejected, tellRefused, createService]
    ) { stage, registration in
        switch stage.takenOverIn {
        case "CONTENT_REVIEW": break
        case "CONTENT_REJECTED": try await correct(&stage, &registration)
        default: try await qualifyUseCase(&stage, &registration)
        }
        while try await !isApproved(&stage, &registration) {
            try await stage.perform(tellRejected, &registration)
            try await correct(&stage, &registration)
        }
        try await stage.perform(createService, &registration)
        return "CONTENT_REVIEW"
    }

    /// Asks the registry whether the brand may send this, and the customer for another use case until it may.
    private static func qualifyUseCase(_ stage: inout Stage, _ registration: inout Registration) async throws {
        var isCorrection = stage.takenOverIn == "USECASE_NOT_QUALIFIED"
        repeat {
            if isCorrection {
                try await stage.enter("USECASE_NOT_QUALIFIED", registration)
                let resubmission = try await stage.next(["registration.resubmit"], .customer, &registration)
                registration.useCase = resubmission?.payload["useCase"]?.string ?? registration.useCase
            }
            try await confirmPIN(&stage, &registration)
            try await stage.perform(qualify, &registration)
            isCorrection = registration.isUnqualified
        } while isCorrection
    }

    /// Waits for a colleague's verdict on the content.
    private static func isApproved(_ stage: inout Stage, _ registration: inout Registration) async throws -> Bool {
        try await stage.enter("CONTENT_REVIEW", registration)
        let verdict = try await stage.next(["content.approved", "content.rejected"], .colleague, &registration)
        if verdict?.kind == "content.approved" { return true }
        registration.reject(by: "content", codes: verdict?.payload.reasons ?? [])
        return false
    }

    private static func confirmPIN(_ stage: inout Stage, _ registration: inout Registration) async throws {
        guard registration.entityType == "SOLE_PROPRIETOR" || stage.takenOverIn == "BRAND_OTP_PENDING" else { return }
        while !registration.otpVerified {
            try await stage.enter("BRAND_OTP_PENDING", registration)
            if try await stage.next(["BRAND_OTP_VERIFIED"], &registration) != nil {
                registration.otpVerified = true
            } else {
                try await stage.perform(readPIN, &registration)
            }
        }
    }

    /// Waits for the corrected content; some rejections no correction cures.
    private static func correct(_ stage: inout Stage, _ registration: inout Registration) async throws {
        try await stage.enter("CONTENT_REJECTED", registration)
        while true {
            _ = try await stage.next(["registration.resubmit"], .customer, &registration)
            guard registration.isNotResubmittable else { break }
            try await stage.perform(tellRefused, &registration)
        }
        registration.clearRejection()
    }

    static let readPIN = DurableActivity<Registration>("registry.readPIN") { registration, effects in
        registration.otpVerified = try await effects.read("registry.otp")["verified"]?.bool == true
    }
    static let qualify = DurableActivity<Registration>("registry.qualify") { try await Registry($1).qualify(&$0) }
    static let createService = DurableActivity<Registration>("provider.createMessagingService") {
        try await NumberProvider($1).createMessagingService(&$0)
    }
    static let tellRejected = Stage.telling("content-rejected", step: "6")
    static let tellRefused = Stage.telling("resubmission-refused", step: "8")
}
