public import LegacyStateMachine

/// The 46 states of the legacy database (A2P guide §3.2, and step 5.2).
public enum RegistrationState: String, MachineState {
    case DRAFT, INTAKE_VALIDATED, INTAKE_REJECTED
    case PROFILE_PENDING_REVIEW, PROFILE_IN_REVIEW, PROFILE_REJECTED, PROFILE_APPROVED
    case BRAND_SUBMITTED, BRAND_SUBMIT_FAILED, BRAND_PENDING_IDENTITY, BRAND_UNVERIFIED, BRAND_REVET_PENDING
    case BRAND_APPEAL_PENDING, BRAND_OTP_PENDING, BRAND_VERIFIED, BRAND_READY
    case VETTING_ORDER_FAILED, VETTING_ORDERED, VETTING_IN_REVIEW, VETTING_APPEAL_PENDING
    case VETTING_AUTHPLUS_PENDING, VETTING_OTP_PENDING, VETTING_COMPLETE
    case USECASE_NOT_QUALIFIED, CONTENT_REVIEW, CONTENT_REJECTED
    case CAMPAIGN_SUBMITTED, CAMPAIGN_SUBMIT_FAILED, CAMPAIGN_REGISTERED
    case CNP_SHARE_PENDING, CNP_DECLINED, DCA_REVIEW, DCA_COMPLETE
    case MNO_REVIEW, MNO_PARTIAL, MNO_REJECTED, CAMPAIGN_VERIFIED
    case NUMBERS_PENDING, NUMBERS_PARTIAL, ACTIVE, CAMPAIGN_SUSPENDED, RESUBMIT_PENDING
    case EXPIRED, CANCELLED, FAILED, MANUAL_HOLD

    /// Nothing leaves these but an override by support.
    package static let final: Set<RegistrationState> = [.EXPIRED, .CANCELLED, .FAILED]
    /// Before the registry knows the brand.
    package static let beforeBrand: [RegistrationState] = [
        .DRAFT, .INTAKE_VALIDATED, .INTAKE_REJECTED, .PROFILE_PENDING_REVIEW, .PROFILE_IN_REVIEW, .PROFILE_REJECTED, .PROFILE_APPROVED,
    ]
    /// The brand is known, the campaign is not.
    package static let brand: [RegistrationState] =
        [
            .BRAND_SUBMITTED, .BRAND_SUBMIT_FAILED, .BRAND_PENDING_IDENTITY, .BRAND_UNVERIFIED, .BRAND_REVET_PENDING, .BRAND_APPEAL_PENDING,
            .BRAND_OTP_PENDING, .BRAND_VERIFIED, .BRAND_READY, .USECASE_NOT_QUALIFIED, .CONTENT_REVIEW, .CONTENT_REJECTED,
        ] + vetting
    /// The vetting has been ordered, and can still change what the registration comes to.
    package static let vettingOpen: [RegistrationState] = [
        .VETTING_ORDERED, .VETTING_IN_REVIEW, .VETTING_APPEAL_PENDING, .VETTING_AUTHPLUS_PENDING, .VETTING_OTP_PENDING,
    ]
    /// Step 5.2.
    package static let vetting: [RegistrationState] = [.VETTING_ORDER_FAILED] + vettingOpen + [.VETTING_COMPLETE]
    /// Step 5.2 is still ahead.
    package static let beforeVetting: [RegistrationState] =
        beforeBrand + [
            .BRAND_SUBMITTED, .BRAND_SUBMIT_FAILED, .BRAND_PENDING_IDENTITY, .BRAND_UNVERIFIED, .BRAND_REVET_PENDING,
            .BRAND_APPEAL_PENDING, .BRAND_VERIFIED, .BRAND_READY,
        ]
    /// The campaign is with the registry, the partner or the carriers.
    package static let campaign: [RegistrationState] = [
        .CAMPAIGN_SUBMITTED, .CAMPAIGN_SUBMIT_FAILED, .CAMPAIGN_REGISTERED, .CNP_SHARE_PENDING, .CNP_DECLINED, .DCA_REVIEW,
        .RESUBMIT_PENDING,
        .DCA_COMPLETE, .MNO_REVIEW, .MNO_PARTIAL, .MNO_REJECTED, .CAMPAIGN_VERIFIED,
    ]
    /// The campaign is verified; numbers follow.
    package static let numbers: [RegistrationState] = [.NUMBERS_PENDING, .NUMBERS_PARTIAL, .ACTIVE, .CAMPAIGN_SUSPENDED]
    /// Everything that is not final.
    package static let open: [RegistrationState] = allCases.filter { !final.contains($0) }
    /// Waiting for the customer after a no: re-openable, and a documented place to rest.
    package static let rejected: Set<RegistrationState> = [
        .INTAKE_REJECTED, .PROFILE_REJECTED, .BRAND_UNVERIFIED, .USECASE_NOT_QUALIFIED, .CONTENT_REJECTED, .CNP_DECLINED, .MNO_REJECTED,
    ]
}
