package import Events
package import Outcomes

// What may happen to a registration at any moment and belongs to no step; legacy's rows and the durable steps call the same functions.

extension RegistrationState {
    /// The registry knows the brand.
    package static let afterBrand = brand + campaign + numbers
    /// The registry knows the campaign, too.
    package static let afterContent = campaign + numbers
}

extension Registration {
    /// The customer does not want it any more: deactivate the campaign, detach the numbers.
    package mutating func cancel(_ effects: EffectSession) async throws {
        try await detachAll(effects)
        try await Registry(effects).deactivateCampaign(self)
        try await Notifications(effects).send("cancelled", &self, step: "1")
    }

    /// The registry has deleted the brand.
    package mutating func loseBrand(_ effects: EffectSession) async throws {
        failureCode = "30702"
        try await Notifications(effects).send("failed", &self, step: "8")
    }

    /// The campaign was not renewed, or the registry has ended it.
    package mutating func loseCampaign(_ effects: EffectSession) async throws {
        try await detachAll(effects)
        try await Notifications(effects).send("expired", &self, step: "8")
    }

    /// A core field has changed under a live campaign, which a person has to look at.
    package mutating func holdForReview(from state: RegistrationState, _ effects: EffectSession) async throws {
        identityStatus = "UNVERIFIED"
        try await hold(from: state, effects, telling: "held-for-review", step: "8")
    }

    /// Nothing goes on until support releases it.
    package mutating func hold(from state: RegistrationState, _ effects: EffectSession, telling kind: String, step: StepNumber) async throws
    {
        heldFrom = state.rawValue
        try await Notifications(effects).send(kind, &self, step: step)
    }

    /// What support decides, which is noted for the audit: hold, release, or another state. Nil when it is to stay in `state`.
    package mutating func override(by event: Event, in state: RegistrationState) -> RegistrationState? {
        let isRelease = event.payload["release"]?.truth == true
        let target: RegistrationState? =
            if isRelease { heldFrom.flatMap(RegistrationState.init) } else if event.payload["hold"]?.truth == true { .MANUAL_HOLD } else {
                event.payload["state"]?.string.flatMap(RegistrationState.init)
            }
        guard let target, target != state else { return nil }
        heldFrom = target == .MANUAL_HOLD ? state.rawValue : nil
        let who = event.payload["operator"]?.string.map(Operator.name) ?? "unknown"
        overrides.append("\(who): \(isRelease ? "release" : target.rawValue)")
        return target
    }

    private mutating func detachAll(_ effects: EffectSession) async throws {
        for index in numbers.indices { try await NumberProvider(effects).detach(index + 1, &self) }
    }
}

extension Event {
    /// True for an edit of the EIN or the company's name.
    package var changesCoreField: Bool { payload["changes"]?["ein"] != nil || payload["changes"]?["companyName"] != nil }

    /// True for a fee that the bank has declined.
    package var isDeclinedFee: Bool { ["REJECTED", "FAILED"].contains(payload["status"]?.statusWord) }
}
