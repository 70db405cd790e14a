import Events
public import Outcomes

extension Registration {
    /// What the registration amounts to in `state` (A2P guide §3.5 and §3.6).
    public func outcome(_ state: RegistrationState, _ ledger: [LedgerEntry]) -> Outcome {
        var facts: [String: JSONValue] = [:]
        facts["brand/id"] = brandId.map { .string($0) }
        facts["brand/identity"] = identityStatus.map { .string($0) }
        facts["campaign/id"] = campaignId.map { .string($0) }
        facts["campaign/useCase"] = .string(useCase)
        for (mno, row) in carriers {
            facts["carrier/\(mno)"] = .string(row.status)
            if !row.reasons.isEmpty { facts["carrier/\(mno)/reasons"] = .string(row.reasons.joined(separator: " ")) }
        }
        for (index, row) in numbers.enumerated() { facts["number/\(index + 1)"] = .string(row.status) }
        facts["vetting/status"] = vetting.status.map { .string($0) }
        facts["vetting/score"] = vetting.score.map { .integer($0) }
        if !rejectionCodes.isEmpty { facts["rejection/codes"] = .string(rejectionCodes.joined(separator: " ")) }
        facts["rejection/by"] = rejectedBy.map { .string($0) }
        facts["failure/code"] = failureCode.map { .string($0) }
        if !overrides.isEmpty { facts["overrides"] = .array(overrides.map { .string($0) }) }
        if conflicts > 0 { facts["conflicts"] = .integer(conflicts) }
        if complaints > 0 { facts["complaints"] = .integer(complaints) }
        if nudges > 0 { facts["nudges"] = .integer(nudges) }
        facts.merge(Self.fees(ledger), uniquingKeysWith: { $1 })
        if let published = ledger.last(where: { $0.key.operation == "carriers.publishThroughput" }) {
            for (name, value) in published.request.object ?? [:] { facts["throughput/\(name)"] = value }
        }
        return Outcome(status: status(state), state: state.rawValue, facts: facts)
    }

    private func status(_ state: RegistrationState) -> String {
        switch state {
        case .ACTIVE:
            let isWhole =
                Registration.requiredCarriers.allSatisfy { carriers[$0]?.status == "APPROVED" }
                && !numbers.contains { $0.status != "REGISTERED" && $0.status != "UNREGISTERED" }
            return isWhole ? "approved" : "approved_partial"
        case .CAMPAIGN_SUSPENDED: return "suspended"
        case .EXPIRED: return "expired"
        case .CANCELLED: return "cancelled"
        case .FAILED: return "failed"
        case _ where RegistrationState.rejected.contains(state): return "rejected"
        default: return "waiting"
        }
    }

    /// Fees and notifications as the ledger has them: `fee/brandFee: "1 x 4.00 USD"`, `notification/campaign-active: 1`.
    private static func fees(_ ledger: [LedgerEntry]) -> [String: JSONValue] {
        var counts: [String: Int] = [:]
        var cents: [String: Int] = [:]
        for entry in ledger {
            counts[entry.key.operation, default: 0] += 1
            cents[entry.key.operation] = entry.request["amountCents"]?.integer
        }
        var facts: [String: JSONValue] = [:]
        for (operation, count) in counts {
            let parts = operation.split(separator: ".", maxSplits: 1)
            guard parts.count == 2 else { continue }
            if parts[0] == "billing", let amount = cents[operation] {
                let fraction = amount % 100
                facts["fee/\(parts[1])"] = .string("\(count) x \(amount / 100).\(fraction < 10 ? "0" : "")\(fraction) USD")
            } else if parts[0] == "notifications" {
                facts["notification/\(parts[1])"] = .integer(count)
            }
        }
        return facts
    }
}
