/// What `lockstep legacy machine URL` prints of the service.
package let registrationMachine = """
    {"name": "registrations", "initial": "NEW", "events": [
    "registration.submit", "registration.cancel", "brand.approved", "brand.rejected", "identity.approved", "identity.rejected",
    "score.approved", "score.rejected", "usecase.approved", "usecase.rejected", "campaign.approved", "campaign.rejected",
    "provider.approved", "provider.rejected", "registry.approved", "registry.rejected", "carriers.approved", "carriers.rejected",
    "numbers.approved", "numbers.rejected"],
    "states": [
    {"state": "NEW", "step": "1", "handles": ["registration.submit"]},
    {"state": "BRAND_PENDING", "step": "2", "handles": ["brand.approved", "brand.rejected", "registration.cancel", "timer.poll"]},
    {"state": "IDENTITY_PENDING", "step": "3", "handles": ["identity.approved", "identity.rejected", "registration.cancel", "timer.poll"]},
    {"state": "SCORE_PENDING", "step": "4", "handles": ["score.approved", "score.rejected", "registration.cancel", "timer.poll"]},
    {"state": "USECASE_PENDING", "step": "5", "handles": ["usecase.approved", "usecase.rejected", "registration.cancel", "timer.poll"]},
    {"state": "BRAND_READY", "step": "5", "completes": "5", "handles": ["lockstep.continue", "registration.cancel"]},
    {"state": "CAMPAIGN_PENDING", "step": "6", "handles": ["campaign.approved", "campaign.rejected", "registration.cancel", "timer.poll"]},
    {"state": "PROVIDER_PENDING", "step": "7", "handles": ["provider.approved", "provider.rejected", "registration.cancel", "timer.poll"]},
    {"state": "REGISTRY_PENDING", "step": "8", "handles": ["registry.approved", "registry.rejected", "registration.cancel", "timer.poll"]},
    {"state": "CARRIERS_PENDING", "step": "9", "handles": ["carriers.approved", "carriers.rejected", "registration.cancel", "timer.poll"]},
    {"state": "NUMBERS_PENDING", "step": "10", "handles": ["numbers.approved", "numbers.rejected", "registration.cancel", "timer.poll"]},
    {"state": "ON_HOLD", "handles": ["registration.cancel"]},
    {"state": "ACTIVE", "step": "10", "completes": "10", "final": true, "handles": []},
    {"state": "REJECTED", "final": true, "handles": []},
    {"state": "CANCELLED", "final": true, "handles": []}]}
    """
