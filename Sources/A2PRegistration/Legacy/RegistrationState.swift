public import Events
public import LegacyStateMachine
import Outcomes

/// The 39 states of the legacy database (A2P guide §3.2).
public enum RegistrationState: String, MachineState {
    case DRAFT, INTAKE_VALIDATED, INTAKE_REJECTED
    case PROFILE_PENDING_REVIEW, PROFILE_IN_REVIEW, PROFILE_REJECTED, PROFILE_APPROVED
    case BRAND_SUBMITTED, BRAND_SUBMIT_FAILED, BRAND_PENDING_IDENTITY, BRAND_UNVERIFIED, BRAND_REVET_PENDING
    case BRAND_APPEAL_PENDING, BRAND_OTP_PENDING, BRAND_VERIFIED, BRAND_READY
    case USECASE_NOT_QUALIFIED, CONTENT_REVIEW, CONTENT_REJECTED
    case CAMPAIGN_SUBMITTED, CAMPAIGN_SUBMIT_FAILED, CAMPAIGN_REGISTERED
    case CNP_SHARE_PENDING, CNP_DECLINED, DCA_REVIEW, DCA_COMPLETE
    case MNO_REVIEW, MNO_PARTIAL, MNO_REJECTED, CAMPAIGN_VERIFIED
    case NUMBERS_PENDING, NUMBERS_PARTIAL, ACTIVE, CAMPAIGN_SUSPENDED, RESUBMIT_PENDING
    case EXPIRED, CANCELLED, FAILED, MANUAL_HOLD

    /// Nothing leaves these but an override by support.
    static let final: Set<RegistrationState> = [.EXPIRED, .CANCELLED, .FAILED]
    /// Before the registry knows the brand.
    static let beforeBrand: [RegistrationState] = [
        .DRAFT, .INTAKE_VALIDATED, .INTAKE_REJECTED, .PROFILE_PENDING_REVIEW, .PROFILE_IN_REVIEW, .PROFILE_REJECTED, .PROFILE_APPROVED,
    ]
    /// The brand is known, the campaign is not.
    static let brand: [RegistrationState] = [
        .BRAND_SUBMITTED, .BRAND_SUBMIT_FAILED, .BRAND_PENDING_IDENTITY, .BRAND_UNVERIFIED, .BRAND_REVET_PENDING, .BRAND_APPEAL_PENDING,
        .BRAND_OTP_PENDING, .BRAND_VERIFIED, .BRAND_READY, .USECASE_NOT_QUALIFIED, .CONTENT_REVIEW, .CONTENT_REJECTED,
    ]
    /// The campaign is with the registry, the partner or the carriers.
    static let campaign: [RegistrationState] = [
        .CAMPAIGN_SUBMITTED, .CAMPAIGN_SUBMIT_FAILED, .CAMPAIGN_REGISTERED, .CNP_SHARE_PENDING, .CNP_DECLINED, .DCA_REVIEW,
        .RESUBMIT_PENDING,
        .DCA_COMPLETE, .MNO_REVIEW, .MNO_PARTIAL, .MNO_REJECTED, .CAMPAIGN_VERIFIED,
    ]
    /// The campaign is verified; numbers follow.
    static let numbers: [RegistrationState] = [.NUMBERS_PENDING, .NUMBERS_PARTIAL, .ACTIVE, .CAMPAIGN_SUSPENDED]
    /// Everything that is not final.
    static let open: [RegistrationState] = allCases.filter { !final.contains($0) }
    /// Waiting for the customer after a no: re-openable, and a documented place to rest.
    static let rejected: Set<RegistrationState> = [
        .INTAKE_REJECTED, .PROFILE_REJECTED, .BRAND_UNVERIFIED, .USECASE_NOT_QUALIFIED, .CONTENT_REJECTED, .CNP_DECLINED, .MNO_REJECTED,
    ]
}

/// The machine's name, its steps and its cron job; the table is in the files beside this one.
public enum A2PMachine {
    typealias Row = Transition<RegistrationState, Registration>
    typealias State = RegistrationState

    /// The 46 messages of the legacy machine (A2P guide §3.3), in its order.
    public static let messages: [EventKind] = [
        "registration.submit", "registration.update", "registration.cancel", "registration.resubmit", "numbers.add", "numbers.remove",
        "profile.in_review", "profile.approved", "profile.rejected", "BRAND_ADD", "BRAND_SCORE_UPDATE", "BRAND_IDENTITY_STATUS_UPDATE",
        "BRAND_UPDATE", "BRAND_REVET", "BRAND_APPEAL_COMPLETE", "BRAND_OTP_VERIFIED", "BRAND_DELETE", "brand.suspended",
        "content.approved", "content.rejected", "CAMPAIGN_ADD", "CAMPAIGN_UPDATE", "CAMPAIGN_SHARE_ADD", "CAMPAIGN_SHARE_ACCEPT",
        "CAMPAIGN_SHARE_DELETE", "CAMPAIGN_DCA_COMPLETE", "CAMPAIGN_NUDGE", "CAMPAIGN_RESUBMISSION", "CAMPAIGN_BILLED", "CAMPAIGN_EXPIRED",
        "MNO_CAMPAIGN_OPERATION_REVIEW", "MNO_CAMPAIGN_OPERATION_APPROVED", "MNO_CAMPAIGN_OPERATION_REJECTED",
        "MNO_CAMPAIGN_OPERATION_SUSPENDED", "MNO_CAMPAIGN_OPERATION_UNSUSPENDED", "MNO_COMPLAINT",
        "number-registration.pending", "number-registration.successful", "number-registration.failed",
        "number-deregistration.pending", "number-deregistration.successful", "number-deregistration.failed",
        "timer.repoll", "timer.stage_deadline", "support.override", "billing.result",
    ]

    /// The nine messages of step 5.2, which the legacy machine ignores.
    public static let vettingMessages: [EventKind] = [
        "EVP_REPORT_SCORE", "EVP_REPORT_UNSCORE", "EVP_REPORT_FAIL", "EVP_REPORT_UPDATE", "EVP_REPORT_EXPIRE",
        "BRAND_AUTHPLUS_VERIFICATION_COMPLETE", "BRAND_AUTHPLUS_VERIFICATION_FAILED", "BRAND_AUTHPLUS_VERIFICATION_EXPIRED",
        "BRAND_EMAIL_2FA_EXPIRED",
    ]

    /// The legacy machine.
    public static let machine: Machine<RegistrationState, Registration> = {
        let specific = intake + brand + content + campaign + carriers + numbers
        var taken: Set<String> = Set(specific.flatMap { row in row.from.map { "\($0.rawValue) \(row.event)" } })
        let general = anytime.compactMap { row -> Row? in
            let free = row.from.filter { taken.insert("\($0.rawValue) \(row.event)").inserted }
            return free.isEmpty ? nil : row.limited(to: free)
        }
        return Machine(
            name: "a2p-registration", initial: .DRAFT, events: messages, final: RegistrationState.final, boundaries: boundaries,
            steps: steps, transitions: specific + general, ignored: ignored)
    }()

    /// In these states a step is complete. Steps 3 and 4, and 6 and 7, have no boundary: legacy does both in one transition.
    static let boundaries: [RegistrationState: StepNumber] = [
        .INTAKE_VALIDATED: "1", .PROFILE_APPROVED: "2", .BRAND_VERIFIED: "4", .BRAND_READY: "5", .CAMPAIGN_REGISTERED: "7",
        .DCA_COMPLETE: "8", .CAMPAIGN_VERIFIED: "9",
    ]

    static let steps: [RegistrationState: StepNumber] = {
        let groups: [(StepNumber, [RegistrationState])] = [
            ("1", [.DRAFT, .INTAKE_VALIDATED, .INTAKE_REJECTED]),
            ("2", [.PROFILE_PENDING_REVIEW, .PROFILE_IN_REVIEW, .PROFILE_REJECTED, .PROFILE_APPROVED]),
            ("3", [.BRAND_SUBMITTED, .BRAND_SUBMIT_FAILED]),
            ("4", [.BRAND_PENDING_IDENTITY, .BRAND_UNVERIFIED, .BRAND_REVET_PENDING, .BRAND_APPEAL_PENDING, .BRAND_VERIFIED]),
            ("5", [.BRAND_READY]),
            ("6", [.BRAND_OTP_PENDING, .USECASE_NOT_QUALIFIED, .CONTENT_REVIEW, .CONTENT_REJECTED]),
            ("7", [.CAMPAIGN_SUBMITTED, .CAMPAIGN_SUBMIT_FAILED, .CAMPAIGN_REGISTERED]),
            ("8", [.CNP_SHARE_PENDING, .CNP_DECLINED, .DCA_REVIEW, .RESUBMIT_PENDING, .DCA_COMPLETE]),
            ("9", [.MNO_REVIEW, .MNO_PARTIAL, .MNO_REJECTED, .CAMPAIGN_VERIFIED]),
            ("10", [.NUMBERS_PENDING, .NUMBERS_PARTIAL, .ACTIVE, .CAMPAIGN_SUSPENDED]),
        ]
        return Dictionary(groups.flatMap { step, states in states.map { ($0, step) } }, uniquingKeysWith: { $1 })
    }()

    /// The cron job (A2P guide §3.4): 24 h after the last event a poll, a nudge on day 7, deadlines per step, 100 days in all.
    public static let sweeper: Sweeper<RegistrationState> = {
        let polled: Set<RegistrationState> = [
            .PROFILE_PENDING_REVIEW, .PROFILE_IN_REVIEW, .BRAND_SUBMITTED, .BRAND_SUBMIT_FAILED, .BRAND_PENDING_IDENTITY,
            .BRAND_REVET_PENDING, .BRAND_APPEAL_PENDING, .BRAND_OTP_PENDING, .CAMPAIGN_SUBMITTED, .CAMPAIGN_SUBMIT_FAILED,
            .CNP_SHARE_PENDING, .DCA_REVIEW, .RESUBMIT_PENDING, .MNO_REVIEW, .MNO_PARTIAL, .NUMBERS_PENDING, .NUMBERS_PARTIAL,
        ]
        let underway = Set(RegistrationState.open).subtracting(RegistrationState.rejected).subtracting([.ACTIVE, .CAMPAIGN_SUSPENDED])
        return Sweeper(rules: [
            SweepRule("lost-webhook", in: polled, after: .hours(24), since: .lastEventOrSweep, emits: "timer.repoll"),
            // A number is pending for three times 36 hours at most; after that nothing of an active campaign waits.
            SweepRule(
                "lost-webhook-active", in: [.ACTIVE], after: .hours(24), since: .lastEventOrSweep, until: .days(5), emits: "timer.repoll"),
            SweepRule(
                "lost-webhook-resting", in: [.CAMPAIGN_SUSPENDED, .BRAND_UNVERIFIED], after: .hours(24), since: .lastEventOrSweep,
                until: .days(90), emits: "timer.repoll"),
            SweepRule("nudge", in: [.CNP_SHARE_PENDING, .DCA_REVIEW], after: .days(7), since: .stepEntered, emits: "timer.stage_deadline"),
            SweepRule(
                "step-3", in: [.BRAND_SUBMITTED, .BRAND_SUBMIT_FAILED], after: .days(3), since: .stepEntered, emits: "timer.stage_deadline"),
            SweepRule(
                "step-4", in: [.BRAND_PENDING_IDENTITY, .BRAND_REVET_PENDING, .BRAND_APPEAL_PENDING], after: .days(14),
                since: .stepEntered, emits: "timer.stage_deadline"),
            SweepRule("step-6-otp", in: [.BRAND_OTP_PENDING], after: .days(14), since: .stepEntered, emits: "timer.stage_deadline"),
            SweepRule(
                "step-8", in: [.CNP_SHARE_PENDING, .DCA_REVIEW, .RESUBMIT_PENDING], after: .days(30), since: .stepEntered,
                emits: "timer.stage_deadline"),
            SweepRule("step-9", in: [.MNO_REVIEW, .MNO_PARTIAL], after: .days(45), since: .stepEntered, emits: "timer.stage_deadline"),
            SweepRule("whole-life", in: underway, after: .days(100), since: .created, emits: "timer.stage_deadline"),
        ])
    }()

    static let ignored: [Ignored<RegistrationState>] = [
        Ignored(vettingMessages, in: RegistrationState.allCases, "legacy has no step 5.2"),
        Ignored(messages, in: Array(RegistrationState.final), "the registration has ended; late"),
        Ignored(["timer.repoll", "timer.stage_deadline"], in: RegistrationState.open, "the record has moved on since the sweep"),
        Ignored(
            ["BRAND_UPDATE", "CAMPAIGN_UPDATE", "BRAND_REVET", "CAMPAIGN_NUDGE", "CAMPAIGN_SHARE_ADD"], in: RegistrationState.open,
            "for information"),
        Ignored(["registration.submit"], in: RegistrationState.open, "submitted before"),
        Ignored(
            ["profile.in_review", "profile.approved", "profile.rejected"],
            in: RegistrationState.brand + RegistrationState.campaign + RegistrationState.numbers, "the profile was decided before"),
        Ignored(["BRAND_ADD"], in: RegistrationState.brand + RegistrationState.campaign + RegistrationState.numbers, "the brand is known"),
        Ignored(
            ["BRAND_APPEAL_COMPLETE"], in: RegistrationState.brand + RegistrationState.campaign + RegistrationState.numbers,
            "no appeal is open"),
        Ignored(
            ["content.approved", "content.rejected"], in: RegistrationState.campaign + RegistrationState.numbers,
            "the content was decided before"),
        Ignored(
            ["CAMPAIGN_ADD", "CAMPAIGN_RESUBMISSION", "CAMPAIGN_SHARE_ACCEPT", "CAMPAIGN_DCA_COMPLETE"],
            in: RegistrationState.campaign + RegistrationState.numbers, "the campaign is past it"),
        Ignored(["registration.resubmit"], in: RegistrationState.open, "nothing was rejected that can be resubmitted"),
        Ignored([.continue], in: RegistrationState.allCases, "the step has begun already"),
    ]
}

extension Transition {
    /// The same row in fewer states.
    func limited(to states: [State]) -> Transition {
        Transition(from: states, on: event, to: to, note, exhausted: exhausted, action: action)
    }
}
