import Events
import Outcomes
import ShadowComparator
import Testing

@Suite("What a step announces is held against what it does")
struct AnnouncementTests {
    private static let isExternal = Condition("registry.submitBrand/entityType", isNoneOf: ["SOLE_PROPRIETOR"])
    private static let isWhole = Condition("campaign/useCase", isNoneOf: ["LOW_VOLUME"])
    private static let fee = Announcement(
        step: "5.2", place: .effect("5.2", "billing.vettingFee"), count: 1...1, conditions: [isExternal, isWhole])
    private static let score = Announcement(step: "5.2", place: .fact("vetting/score"), conditions: [isExternal])

    private static func control(_ entityType: JSONValue = "PRIVATE_PROFIT", _ useCase: JSONValue = "2FA") -> Observation {
        .sample(
            facts: ["campaign/useCase": useCase],
            ledger: [.entry("3", "registry.submitBrand", request: ["entityType": entityType])])
    }

    private static func candidate(_ control: Observation, fees: Int, visits: Int = 1) -> Observation {
        var candidate = control
        candidate.path = "hybrid"
        candidate.visits = ["5.2": visits]
        for number in 0..<fees { candidate.ledger.append(.entry("5.2", "billing.vettingFee", number + 1, request: ["amountCents": 4000])) }
        return candidate
    }

    private func compare(_ control: Observation, _ candidate: Observation, _ rules: [DifferenceRule] = [], at moment: Int = 50)
        -> Comparison
    {
        Comparator(announcements: [Self.fee, Self.score], rules: rules, at: Timestamp(milliseconds: Int64(moment)))
            .compare(control: control, candidate: candidate)
    }

    @Test("one fee is announced; two, or none, are not", arguments: [(0, 1), (1, 0), (2, 1), (3, 2)])
    func counts(fees: Int, unexplained: Int) {
        let found = compare(Self.control(), Self.candidate(Self.control(), fees: fees)).differences
        #expect(found.count { !$0.expected } == unexplained)
        #expect(found.count { $0.explanation == .announced } == min(fees, 1))
    }

    @Test("a fee charged twice under one key is unexplained")
    func doubled() {
        var candidate = Self.candidate(Self.control(), fees: 1)
        candidate.ledger.append(candidate.ledger[candidate.ledger.count - 1])
        let found = compare(Self.control(), candidate)
        #expect(found.verdict == .mismatched)
        #expect(found.differences.map(\.explanation) == [.announced, .unexplained])
    }

    @Test(
        "a fee for one that the condition leaves out is unexplained", arguments: [("SOLE_PROPRIETOR", "2FA"), ("NON_PROFIT", "LOW_VOLUME")])
    func conditions(entityType: String, useCase: String) {
        let control = Self.control(.string(entityType), .string(useCase))
        #expect(compare(control, Self.candidate(control, fees: 1)).differences.map(\.explanation) == [.unexplained])
        #expect(compare(control, Self.candidate(control, fees: 0)).verdict == .matched)
    }

    @Test("a condition is asked of the control alone: the candidate does not decide what is expected of it")
    func control() {
        let skipped = Self.control("PRIVATE_PROFIT", "LOW_VOLUME")
        var candidate = Self.candidate(skipped, fees: 1)
        candidate.outcome.facts["campaign/useCase"] = "2FA"
        #expect(compare(skipped, candidate).differences.count { !$0.expected } == 2)
        let nobody = Observation.sample(facts: ["campaign/useCase": "2FA"], ledger: [])
        #expect(compare(nobody, Self.candidate(nobody, fees: 1)).verdict == .mismatched)
    }

    @Test("what is owed is owed for every completed visit, and for none that was not completed")
    func visits() {
        #expect(compare(Self.control(), Self.candidate(Self.control(), fees: 0, visits: 0)).verdict == .matched)
        #expect(compare(Self.control(), Self.candidate(Self.control(), fees: 1, visits: 0)).verdict == .expected)
        #expect(compare(Self.control(), Self.candidate(Self.control(), fees: 2, visits: 2)).verdict == .expected)
        let owed = compare(Self.control(), Self.candidate(Self.control(), fees: 1, visits: 2)).differences.filter { !$0.expected }
        #expect(owed.map(\.path) == ["5.2/billing.vettingFee"])
        #expect(owed.first?.control == 2)
        #expect(owed.first?.candidate == 1)
    }

    @Test("a changed request is announced within its members, a fact within its values")
    func values() {
        let announcements = [
            Announcement(step: "5.2", place: .effect("10", "carriers.publish"), change: .changed, count: 0...9, values: ["cap"]),
            Announcement(step: "5.2", place: .fact("tier"), change: .changed, values: ["HIGH"]),
        ]
        func verdict(_ request: JSONValue, _ tier: JSONValue) -> Verdict {
            let entry = { LedgerEntry.entry("10", "carriers.publish", request: $0) }
            return Comparator(announcements: announcements).compare(
                control: .sample(facts: ["tier": "LOW"], ledger: [entry(["cap": 1, "to": "x"])]),
                candidate: .sample(facts: ["tier": tier], ledger: [entry(request)])
            ).verdict
        }
        #expect(verdict(["cap": 2, "to": "x"], "HIGH") == .expected)
        #expect(verdict(["cap": 2, "to": "y"], "HIGH") == .mismatched)
        #expect(verdict(["cap": 2], "HIGH") == .mismatched)
        #expect(verdict(["cap": 2, "to": "x"], "TOP") == .mismatched)
    }

    @Test("a rule counts from its signature to its expiry", arguments: [(9, false), (10, true), (99, true), (100, false)])
    func signed(moment: Int, counts: Bool) {
        let rule = Self.rule("number/*")
        let control = Observation.sample(facts: ["number/1": "A"])
        let found = compare(control, .sample(facts: ["number/1": "B"]), [rule], at: moment)
        #expect(found.differences.map(\.explanation) == [counts ? .ignored : .unexplained])
    }

    @Test("rules that have expired, explain nothing or explain too much are findings")
    func findings() {
        let comparator = Comparator(
            rules: [Self.rule("number/*"), Self.rule("never"), Self.rule("old", expires: 20)], at: Timestamp(milliseconds: 50))
        let facts = { (value: JSONValue) in Dictionary(uniqueKeysWithValues: (1...5).map { ("number/\($0)", value) }) }
        let summary = comparator.compare(controls: [.sample(facts: facts("A"))], candidates: [.sample(facts: facts("B"))])
        #expect(summary.mismatched == 0)
        let findings = summary.rules.map { $0.findings.joined() }
        #expect(findings[0].contains("over-broad: it explains differences at 5 places"))
        #expect(findings[1].contains("never needed"))
        #expect(findings[2].contains("expired") && findings[2].contains("the team"))
    }

    private static func rule(_ place: String, expires: Int = 100) -> DifferenceRule {
        DifferenceRule(
            .ignored, step: "10", scope: .place(Glob(place)), reason: "noise", owner: "the team", signed: Timestamp(milliseconds: 10),
            expires: Timestamp(milliseconds: Int64(expires)))
    }

    @Test("generated ids are compared modulo renaming, words are not")
    func renaming() {
        func observation(_ id: String, _ used: String, status: JSONValue = "ok") -> Observation {
            var first = LedgerEntry.entry("3", "registry.submitBrand")
            first.reply = ["brandId": .string(id), "status": status]
            return .sample(
                facts: ["brand/id": .string(id), "word": status],
                ledger: [first, .entry("7", "registry.createCampaign", request: ["brand": .string(used)])])
        }
        let comparator = Comparator()
        #expect(comparator.compare(control: observation("B1", "B1"), candidate: observation("B2", "B2")).verdict == .matched)
        #expect(comparator.compare(control: observation("B1", "B1"), candidate: observation("B2", "B3")).verdict == .mismatched)
        #expect(comparator.compare(control: observation("B1", "B1"), candidate: observation("B2", "B1")).verdict == .mismatched)
        #expect(
            comparator.compare(control: observation("B1", "B1"), candidate: observation("B1", "B1", status: "no")).verdict == .mismatched)
    }
}
