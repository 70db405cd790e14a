import Events
public import LegacyStateMachine
import Outcomes

/// The machine's name, its steps and its cron job; the table is in the files beside this one.
public enum A2PMachine {
    typealias Row = Transition<RegistrationState, Registration>
    typealias State = RegistrationState

    /// The legacy machine.
    public static let machine: Machine<RegistrationState, Registration> = {
        let specific = intake + brand + vetting + content + campaign + carriers + numbers
        var taken: Set<String> = Set(specific.flatMap { row in row.from.map { "\($0.rawValue) \(row.event)" } })
        let general = anytime.compactMap { row -> Row? in
            let free = row.from.filter { taken.insert("\($0.rawValue) \(row.event)").inserted }
            return free.isEmpty ? nil : row.limited(to: free)
        }
        return Machine(
            name: "a2p-registration", initial: .DRAFT, events: A2PMessages.machine + A2PMessages.vetting,
            final: RegistrationState.final, boundaries: boundaries, steps: steps, transitions: specific + general, ignored: ignored)
    }()

    /// In these states a step is complete. Steps 3 and 4, 6 and 7, and 10 and 11 have no boundary: legacy does both in one transition.
    static let boundaries: [RegistrationState: StepNumber] = [
        .INTAKE_VALIDATED: "1", .PROFILE_APPROVED: "2", .BRAND_VERIFIED: "4", .BRAND_READY: "5", .VETTING_COMPLETE: "5.2",
        .CAMPAIGN_REGISTERED: "7", .DCA_COMPLETE: "8", .CAMPAIGN_VERIFIED: "9",
    ]

    static let steps: [RegistrationState: StepNumber] = {
        let groups: [(StepNumber, [RegistrationState])] = [
            ("1", [.DRAFT, .INTAKE_VALIDATED, .INTAKE_REJECTED]),
            ("2", [.PROFILE_PENDING_REVIEW, .PROFILE_IN_REVIEW, .PROFILE_REJECTED, .PROFILE_APPROVED]),
            ("3", [.BRAND_SUBMITTED, .BRAND_SUBMIT_FAILED]),
            ("4", [.BRAND_PENDING_IDENTITY, .BRAND_UNVERIFIED, .BRAND_REVET_PENDING, .BRAND_APPEAL_PENDING, .BRAND_VERIFIED]),
            ("5", [.BRAND_READY]),
            ("5.2", RegistrationState.vetting),
            ("6", [.BRAND_OTP_PENDING, .USECASE_NOT_QUALIFIED, .CONTENT_REVIEW, .CONTENT_REJECTED]),
            ("7", [.CAMPAIGN_SUBMITTED, .CAMPAIGN_SUBMIT_FAILED, .CAMPAIGN_REGISTERED]),
            ("8", [.CNP_SHARE_PENDING, .CNP_DECLINED, .DCA_REVIEW, .RESUBMIT_PENDING, .DCA_COMPLETE]),
            ("9", [.MNO_REVIEW, .MNO_PARTIAL, .MNO_REJECTED, .CAMPAIGN_VERIFIED]),
            ("10", [.NUMBERS_PENDING, .NUMBERS_PARTIAL]),
            ("11", [.ACTIVE, .CAMPAIGN_SUSPENDED]),
        ]
        return Dictionary(groups.flatMap { step, states in states.map { ($0, step) } }, uniquingKeysWith: { $1 })
    }()

    /// The cron job (A2P guide §3.4): 24 h after the last event a poll, a nudge on day 7, deadlines per step, 100 days in all.
    public static let sweeper: Sweeper<RegistrationState> = {
        let polled: Set<RegistrationState> = [
            .PROFILE_PENDING_REVIEW, .PROFILE_IN_REVIEW, .BRAND_SUBMITTED, .BRAND_SUBMIT_FAILED, .BRAND_PENDING_IDENTITY,
            .BRAND_REVET_PENDING, .BRAND_APPEAL_PENDING, .BRAND_OTP_PENDING, .CAMPAIGN_SUBMITTED, .CAMPAIGN_SUBMIT_FAILED,
            .CNP_SHARE_PENDING, .DCA_REVIEW, .RESUBMIT_PENDING, .MNO_REVIEW, .MNO_PARTIAL, .NUMBERS_PENDING, .NUMBERS_PARTIAL,
            .VETTING_ORDER_FAILED, .VETTING_ORDERED, .VETTING_IN_REVIEW, .VETTING_APPEAL_PENDING, .VETTING_AUTHPLUS_PENDING,
            .VETTING_OTP_PENDING, .VETTING_COMPLETE,
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
            SweepRule(
                "step-5.2", in: [.VETTING_ORDERED, .VETTING_IN_REVIEW, .VETTING_APPEAL_PENDING, .VETTING_OTP_PENDING], after: .days(7),
                since: .stepEntered, emits: "timer.stage_deadline"),
            SweepRule(
                "step-5.2-authplus", in: [.VETTING_AUTHPLUS_PENDING], after: .days(30), since: .stepEntered, emits: "timer.stage_deadline"),
            SweepRule("step-6-otp", in: [.BRAND_OTP_PENDING], after: .days(14), since: .stepEntered, emits: "timer.stage_deadline"),
            SweepRule(
                "step-8", in: [.CNP_SHARE_PENDING, .DCA_REVIEW, .RESUBMIT_PENDING], after: .days(30), since: .stepEntered,
                emits: "timer.stage_deadline"),
            SweepRule("step-9", in: [.MNO_REVIEW, .MNO_PARTIAL], after: .days(45), since: .stepEntered, emits: "timer.stage_deadline"),
            SweepRule("whole-life", in: underway, after: .days(100), since: .created, emits: "timer.stage_deadline"),
        ])
    }()

    static let ignored: [Ignored<RegistrationState>] = [
        Ignored(A2PMessages.vetting, in: RegistrationState.allCases, "no vetting waits for it"),
        Ignored(A2PMessages.machine, in: Array(RegistrationState.final), "the registration has ended; late"),
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
