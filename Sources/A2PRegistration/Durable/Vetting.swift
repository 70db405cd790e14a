public import DurableWorkflow
public import Events
import Outcomes

/// Step 5.2, secondary vetting: what the talk's team could not add to the state machine, as a sequence.
///
/// An external vetting for most, Authentication+ for public companies, a PIN for sole proprietors, nothing for low volume. A lost
/// webhook is made up for by a look after 24 hours; a vetting that never ends is given up after 7 days (Auth+: 30).
public enum Vetting {
    /// The events the step waits for; they are kept when they come early.
    public static let events: Set<EventKind> = Set(A2PMessages.vetting).union(["BRAND_OTP_VERIFIED"])

    /// The step.
    public static let step = DurableStep<Registration>(
        number: "5.2", events: events,
        activities: [order, poll, appeal, startAuthPlus, pollAuthPlus, sendOTP, pollOTP] + Stage.activities, answers: true
    ) { context, registration in
        let wait = Wait(context: context, hears: [])
        switch registration.vettingRoute {
        case "skip": registration.vetting.status = "SKIPPED"
        case "otp": try await confirmPIN(wait, &registration)
        case "authplus": try await authenticate(wait, &registration)
        default: try await vet(wait, &registration)
        }
    }.madeUp(before: "registration.resubmit", in: ["CNP_DECLINED", "MNO_REJECTED"]) { !$0.isNotResubmittable }

    /// Where the registration stands meanwhile: before its first campaign, or before the next one.
    private static func place(_ context: StepContext<Registration>) -> RegistrationState {
        context.entry.state.flatMap(RegistrationState.init) ?? .BRAND_READY
    }

    static let order = DurableActivity<Registration>("vetting.order") { try await VettingProvider($1).order(&$0) }
    static let appeal = DurableActivity<Registration>("vetting.appeal") { try await VettingProvider($1).appeal(&$0) }
    static let startAuthPlus = DurableActivity<Registration>("vetting.startAuthPlus") { try await VettingProvider($1).startAuthPlus(&$0) }
    static let sendOTP = DurableActivity<Registration>("registry.sendOTP") { registration, effects in
        try await Registry(effects).sendOTP(&registration)
        registration.vetting.orderedAt = registration.vetting.orderedAt ?? effects.now
    }
    static let poll = DurableActivity<Registration>("vetting.poll") { registration, effects in
        registration.vetting.take(report: try await effects.read("vetting.report"))
    }
    static let pollAuthPlus = DurableActivity<Registration>("vetting.pollAuthPlus") { registration, effects in
        switch try await effects.read("vetting.authPlus")["status"]?.statusWord {
        case "SUCCESS": registration.vetting.status = "COMPLETE"
        case "FAILED": registration.vetting.status = "FAILED"
        case "EXPIRED": registration.vetting.status = "EXPIRED"
        default: break
        }
    }
    static let pollOTP = DurableActivity<Registration>("registry.pollOTP") { registration, effects in
        registration.otpVerified = try await effects.read("registry.otp")["verified"]?.truth ?? false
    }

    private static func vet(_ wait: Wait, _ registration: inout Registration) async throws {
        let context = wait.context
        try await context.perform(order, on: &registration)
        let deadline = (registration.vetting.orderedAt ?? context.now) + .days(7)
        while registration.vetting.isOpen {
            guard context.now < deadline else { return registration.vetting.status = "EXPIRED" }
            let reports: Set<EventKind> = [
                "EVP_REPORT_SCORE", "EVP_REPORT_UNSCORE", "EVP_REPORT_FAIL", "EVP_REPORT_UPDATE", "EVP_REPORT_EXPIRE",
            ]
            if let event = try await wait.next(
                reports, until: min(deadline, context.now + .hours(24)), in: place(context), &registration)
            {
                registration.vetting.take(event)
                // The registry's list of fields has no score: the report has it.
                if event.isScoreWithoutScore { try await context.perform(poll, on: &registration) }
            } else {
                try await context.perform(poll, on: &registration)
            }
            if registration.vetting.status == "FAILED", registration.vetting.appeals == 0 {
                try await context.perform(appeal, on: &registration)
            }
        }
    }

    private static func authenticate(_ wait: Wait, _ registration: inout Registration) async throws {
        let context = wait.context
        if registration.vetting.sent == 0 { try await context.perform(startAuthPlus, on: &registration) }
        let deadline = (registration.vetting.orderedAt ?? context.now) + .days(30)
        while registration.vetting.isOpen {
            guard context.now < deadline else { return registration.vetting.status = "EXPIRED" }
            let answers: Set<EventKind> = [
                "BRAND_AUTHPLUS_VERIFICATION_COMPLETE", "BRAND_AUTHPLUS_VERIFICATION_FAILED", "BRAND_AUTHPLUS_VERIFICATION_EXPIRED",
                "BRAND_EMAIL_2FA_EXPIRED",
            ]
            switch try await wait.next(
                answers, until: min(deadline, context.now + .hours(24)), in: place(context), &registration)?.kind
            {
            case "BRAND_AUTHPLUS_VERIFICATION_COMPLETE": registration.vetting.status = "COMPLETE"
            case "BRAND_AUTHPLUS_VERIFICATION_FAILED": registration.vetting.status = "FAILED"
            case "BRAND_AUTHPLUS_VERIFICATION_EXPIRED": registration.vetting.status = "EXPIRED"
            case "BRAND_EMAIL_2FA_EXPIRED": try await resend(context, &registration)
            default: try await context.perform(pollAuthPlus, on: &registration)
            }
        }
    }

    /// The e-mail may be sent again at most once in two hours.
    private static func resend(_ context: StepContext<Registration>, _ registration: inout Registration) async throws {
        let next = (registration.vetting.sentAt ?? context.now) + .hours(2)
        if next > context.now { try await context.workflow.sleep(for: next - context.now) }
        try await context.perform(startAuthPlus, on: &registration)
    }

    /// A PIN is good for 24 hours; after that a new one is sent, for seven days.
    private static func confirmPIN(_ wait: Wait, _ registration: inout Registration) async throws {
        let context = wait.context
        if registration.otpVerified { return registration.vetting.status = "COMPLETE" }
        registration.vetting.status = "ORDERED"
        if registration.vetting.sent == 0 { try await context.perform(sendOTP, on: &registration) }
        let deadline = (registration.vetting.orderedAt ?? context.now) + .days(7)
        while true {
            let validUntil = (registration.vetting.sentAt ?? context.now) + .hours(24)
            if try await wait.next(["BRAND_OTP_VERIFIED"], until: min(validUntil, deadline), in: place(context), &registration) != nil {
                registration.otpVerified = true
            } else {
                try await context.perform(pollOTP, on: &registration)
            }
            if registration.otpVerified { return registration.vetting.status = "COMPLETE" }
            if context.now >= deadline { return registration.vetting.status = "EXPIRED" }
            try await context.perform(sendOTP, on: &registration)
        }
    }
}
