public import Events

/// What senders may tell of a registration, by the names that the machine and the steps know.
public enum A2PMessages {
    /// The 46 messages of the legacy machine (A2P guide §3.3), in its order.
    public static let machine: [EventKind] = [
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

    /// The nine messages of step 5.2, which the legacy machine drops.
    public static let vetting: [EventKind] = [
        "EVP_REPORT_SCORE", "EVP_REPORT_UNSCORE", "EVP_REPORT_FAIL", "EVP_REPORT_UPDATE", "EVP_REPORT_EXPIRE",
        "BRAND_AUTHPLUS_VERIFICATION_COMPLETE", "BRAND_AUTHPLUS_VERIFICATION_FAILED", "BRAND_AUTHPLUS_VERIFICATION_EXPIRED",
        "BRAND_EMAIL_2FA_EXPIRED",
    ]
}
