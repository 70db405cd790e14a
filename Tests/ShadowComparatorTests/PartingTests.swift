import Events
import Outcomes
import ShadowComparator
import Testing

@Suite("What follows from an event that legacy drops is one intended difference")
struct PartingTests {
    private static let parting = Parting(
        event: "content.approved", state: "OTP", step: "6", ends: ["EXPIRED": ["ACTIVE"], "CANCELLED": ["CANCELLED"]])

    private static func observation(_ state: String, dropsIn dropped: String? = nil, ledger: [LedgerEntry] = []) -> Observation {
        var observation = Observation.sample(
            status: state.lowercased(), state: state, facts: ["number/1": .string(state)],
            ledger: [.entry("3", "registry.submitBrand")] + ledger)
        if let dropped { observation.unhandled = [.init(event: "content.approved", state: dropped)] }
        return observation
    }

    private static func compare(
        _ control: Observation, _ candidate: Observation, at moment: Int64 = 50
    ) -> Comparison {
        let rule = DifferenceRule(
            .intended, step: "5.2", scope: .parting(parting), reason: "it is lost", why: "it was given", owner: "the team",
            signed: Timestamp(milliseconds: 10), expires: Timestamp(milliseconds: 100), fixture: "f")
        return Comparator(rules: [rule], at: Timestamp(milliseconds: moment)).compare(control: control, candidate: candidate)
    }

    private static let active = observation("ACTIVE", ledger: [.entry("6", "a.b"), .entry("10", "c.d")])

    @Test("outcome, state and later effects are intended")
    func explained() {
        let found = Self.compare(Self.observation("EXPIRED", dropsIn: "OTP", ledger: [.entry("8", "e.f")]), Self.active)
        #expect(found.verdict == .expected)
        #expect(Set(found.differences.map(\.path)) == ["number/1", "state", "status", "6/a.b/1", "10/c.d/1", "8/e.f/1"])
        #expect(found.differences.allSatisfy { $0.explanation == .intended })
    }

    @Test("a fact may have any name", arguments: ["", "/", "waits", "time/"])
    func names(name: String) {
        var candidate = Self.active
        candidate.outcome.facts[name] = 1
        #expect(Self.compare(Self.observation("EXPIRED", dropsIn: "OTP"), candidate).verdict == .expected)
    }

    @Test("only where legacy dropped it, in that state", arguments: [nil, "REVIEW"])
    func elsewhere(state: String?) {
        #expect(Self.compare(Self.observation("EXPIRED", dropsIn: state), Self.active).verdict == .mismatched)
    }

    @Test("what the candidate dropped is no reason")
    func candidateDropped() {
        var candidate = Self.active
        candidate.unhandled = [.init(event: "content.approved", state: "OTP")]
        #expect(Self.compare(Self.observation("EXPIRED"), candidate).verdict == .mismatched)
    }

    @Test(
        "the ends that are named bind the candidate",
        arguments: [("EXPIRED", "FAILED", false), ("CANCELLED", "ACTIVE", false), ("EXPIRED", "ACTIVE", true), ("REVIEW", "FAILED", true)])
    func ends(control: String, candidate: String, isExplained: Bool) {
        let found = Self.compare(Self.observation(control, dropsIn: "OTP"), Self.observation(candidate))
        #expect(found.verdict == (isExplained ? .expected : .mismatched))
    }

    @Test("what came before it is compared as ever")
    func before() {
        let control = Self.observation("EXPIRED", dropsIn: "OTP")
        var candidate = Self.active
        candidate.ledger.append(.entry("3", "billing.brandFee"))
        candidate.failures = ["9": 1]
        candidate.deadLetters = ["failed": 1]
        let unexplained = Self.compare(control, candidate).differences.filter { !$0.expected }.map(\.path)
        #expect(Set(unexplained) == ["3/billing.brandFee/1", "failed/9", "deadLetter/failed"])
    }

    @Test("it counts from its signature to its expiry", arguments: [(9, false), (10, true), (99, true), (100, false)])
    func signed(moment: Int64, counts: Bool) {
        let found = Self.compare(Self.observation("EXPIRED", dropsIn: "OTP"), Self.active, at: moment)
        #expect(found.verdict == (counts ? .expected : .mismatched))
    }

    @Test("it is not over-broad, and the summary says who has signed for it")
    func summary() throws {
        let rule = DifferenceRule(
            .intended, step: "5.2", scope: .parting(Self.parting), reason: "it is lost", why: "it was given", owner: "the team",
            signed: .distantPast, expires: .distantFuture, fixture: "f")
        let comparator = Comparator(rules: [rule])
        let summary = comparator.compare(controls: [Self.observation("EXPIRED", dropsIn: "OTP")], candidates: [Self.active])
        let found = try #require(summary.rules.first)
        #expect(found.masked == 5 && found.findings == [])
        #expect(found.signature?.owner == "the team" && found.signature?.fixture == "f")
        #expect(found.rule == "intended where legacy drops content.approved in OTP, step 5.2")
    }
}
