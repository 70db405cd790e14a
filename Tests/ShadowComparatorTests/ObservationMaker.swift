import Events
import Outcomes
import ShadowComparator

extension LedgerEntry {
    static func entry(_ step: StepNumber, _ operation: String, _ ordinal: Int = 1, request: JSONValue = [:], entity: EntityID = "R-1")
        -> LedgerEntry
    {
        LedgerEntry(
            key: EffectKey(entity: entity, step: step, operation: operation, ordinal: ordinal), request: request, reply: [:],
            owner: .legacy, epoch: 1, attempt: 1, at: .distantPast)
    }
}

extension Observation {
    static func sample(
        _ path: String = "legacy", entity: EntityID = "R-1", status: String = "approved", state: String = "ACTIVE",
        facts: [String: JSONValue] = ["carrier/10017": "APPROVED", "fee/brandFee": "1 x 4.00 USD"],
        ledger: [LedgerEntry] = [.entry("3", "registry.submitBrand"), .entry("3", "billing.brandFee", request: ["amountCents": 400])]
    ) -> Observation {
        Observation(
            entity: entity, path: path, outcome: Outcome(status: status, state: state, facts: facts), ledger: ledger)
    }

    /// An observation with 1 to 6 facts and 2 to 12 effects; keys may repeat, as a faulty path's would.
    static func random(using random: inout SeededRandom) -> Observation {
        var facts: [String: JSONValue] = [:]
        for index in 1...Int.random(in: 1...6, using: &random) {
            facts["fact/\(index)"] = .integer(Int.random(in: 0...3, using: &random))
        }
        let operations = ["registry.submitBrand", "billing.brandFee", "partner.share", "vetting.order"]
        let ledger = (0..<Int.random(in: 2...12, using: &random)).map { _ in
            LedgerEntry.entry(
                StepNumber(stringLiteral: String(Int.random(in: 1...4, using: &random))), operations[Int.random(in: 0...3, using: &random)],
                Int.random(in: 1...2, using: &random), request: ["n": .integer(Int.random(in: 0...2, using: &random))])
        }
        var observation = sample(facts: facts, ledger: ledger)
        if Bool.random(using: &random) { observation.deadLetters = ["failed": 1] }
        return observation
    }
}

/// One change to an observation that a migration bug could make.
enum Mutation: CaseIterable {
    case status, state, dropFact, addFact, changeFact, deadLetter, failure
    case dropEffect, addEffect, repeatEffect, changeRequest, changeOrdinal, swap

    /// The mutated observation; nil where the mutation does not apply.
    func apply(to original: Observation, using random: inout SeededRandom) -> Observation? {
        var observation = original
        switch self {
        case .status: observation.outcome.status = "rejected"
        case .state: observation.outcome.state = "FAILED"
        case .dropFact: observation.outcome.facts[fact(original, &random)] = nil
        case .addFact: observation.outcome.facts["fact/new"] = 1
        case .changeFact: observation.outcome.facts[fact(original, &random)] = "other"
        case .deadLetter: observation.deadLetters["failed", default: 0] += 1
        case .failure: observation.failures["5", default: 0] += 1
        case .addEffect: observation.ledger.insert(.entry("9", "new.effect"), at: index(original, &random))
        case .dropEffect, .repeatEffect, .changeRequest, .changeOrdinal: mutateOne(&observation.ledger, &random)
        case .swap:
            let index = Int.random(in: 1..<original.ledger.count, using: &random)
            guard original.ledger[index].key != original.ledger[index - 1].key else { return nil }
            observation.ledger.swapAt(index, index - 1)
        }
        return observation
    }

    private func mutateOne(_ ledger: inout [LedgerEntry], _ random: inout SeededRandom) {
        let index = Int.random(in: 0..<ledger.count, using: &random)
        switch self {
        case .dropEffect: ledger.remove(at: index)
        case .repeatEffect: ledger.insert(ledger[index], at: Int.random(in: 0...ledger.count, using: &random))
        case .changeRequest: ledger[index].request = ["n": "changed"]
        default: ledger[index].key.ordinal += 100
        }
    }

    private func fact(_ observation: Observation, _ random: inout SeededRandom) -> String {
        observation.outcome.facts.keys.sorted().randomElement(using: &random) ?? ""
    }

    private func index(_ observation: Observation, _ random: inout SeededRandom) -> Int {
        Int.random(in: 0...observation.ledger.count, using: &random)
    }
}
