import Events
import Outcomes
import ShadowComparator
import Testing

@Suite("The comparator")
struct ComparatorTests {
    let comparator = Comparator(announcements: [
        Announcement(step: "1", place: .fact("vetting/score")), Announcement(step: "1", place: .effect("1", "vetting.order"), count: 1...1),
        Announcement(step: "1", place: .effect("1", "carriers.publishThroughput"), change: .changed),
    ])

    private func differences(_ control: Observation, _ candidate: Observation) -> [Difference] {
        comparator.compare(control: control, candidate: candidate).differences
    }

    @Test("finds nothing between an observation and itself", arguments: UInt64(0)..<500)
    func reflexive(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let observation = Observation.random(using: &random)
        let comparison = comparator.compare(control: observation, candidate: observation)
        #expect(comparison.differences.isEmpty)
        #expect(comparison.verdict == .matched)
    }

    @Test("finds every single mutation, and the same number of differences in both directions", arguments: Mutation.allCases)
    func findsMutation(mutation: Mutation) {
        var applied = 0
        for seed in UInt64(0)..<300 {
            var random = SeededRandom(seed: seed)
            let original = Observation.random(using: &random)
            guard let mutant = mutation.apply(to: original, using: &random) else { continue }
            applied += 1
            let strict = Comparator()
            let found = strict.compare(control: original, candidate: mutant)
            #expect(found.verdict == .mismatched, "\(mutation), seed \(seed)")
            let back = strict.compare(control: mutant, candidate: original)
            #expect(found.differences.count == back.differences.count, "\(mutation), seed \(seed)")
        }
        #expect(applied > 200)
    }

    @Test("does not compare what is not the path's doing")
    func ignores() {
        var other = Observation.sample("hybrid")
        for index in other.ledger.indices {
            other.ledger[index].at = .distantFuture
            other.ledger[index].owner = .durable
            other.ledger[index].epoch = 7
            other.ledger[index].attempt = 3
            other.ledger[index].reply = ["id": "X"]
        }
        #expect(differences(.sample(), other).isEmpty)
    }

    @Test("tells missing, extra and changed facts apart")
    func facts() {
        let found = differences(.sample(facts: ["a": 1, "b": 1]), .sample(facts: ["b": 2, "c": 3]))
        #expect(
            found == [
                Difference(layer: .outcome, kind: .missing, path: "a", control: 1),
                Difference(layer: .outcome, kind: .changed, path: "b", control: 1, candidate: 2),
                Difference(layer: .outcome, kind: .extra, path: "c", candidate: 3),
            ])
    }

    @Test("puts status into the outcome, the legacy state into the state layer")
    func layers() {
        let found = differences(.sample(), .sample(status: "failed", state: "FAILED"))
        #expect(found.map(\.layer) == [.outcome, .state])
        #expect(found.map(\.path) == ["status", "state"])
    }

    @Test("counts a repeated effect, as a double charge would be")
    func doubleCharge() {
        let fee = LedgerEntry.entry("7", "billing.campaignVettingFee", request: ["amountCents": 1500])
        let found = differences(.sample(ledger: [fee]), .sample(ledger: [fee, fee]))
        #expect(
            found == [
                Difference(layer: .effects, kind: .extra, path: "7/billing.campaignVettingFee/1", candidate: ["amountCents": 1500])
            ])
    }

    @Test("reports one moved effect as one difference")
    func order() {
        let ledger = ["a.a", "b.b", "c.c", "d.d"].map { LedgerEntry.entry("1", $0) }
        let found = differences(.sample(ledger: ledger), .sample(ledger: [ledger[3], ledger[0], ledger[1], ledger[2]]))
        #expect(found == [Difference(layer: .effects, kind: .order, path: "1/d.d/1", control: "1/c.c/1")])
    }

    @Test("an effect in between does not disturb the order of the others")
    func orderOfCommonOnly() {
        let ledger = ["a.a", "b.b"].map { LedgerEntry.entry("1", $0) }
        let found = differences(.sample(ledger: ledger), .sample(ledger: [ledger[0], .entry("1", "vetting.order"), ledger[1]]))
        #expect(found.map(\.kind) == [.extra])
        #expect(found.map(\.explanation) == [.announced])
    }

    @Test("an effect that changes on purpose and moves as well is blamed for its move, and nobody has announced that")
    func announcedOrder() {
        let ledger = ["a.a", "carriers.publishThroughput", "b.b"].map { LedgerEntry.entry("1", $0) }
        let found = differences(.sample(ledger: ledger), .sample(ledger: [ledger[0], ledger[2], ledger[1]]))
        #expect(found.map(\.path) == ["1/carriers.publishThroughput/1"])
        #expect(found.map(\.explanation) == [.unexplained])
    }

    @Test("the verdict is expected only when every difference was announced")
    func verdicts() {
        let vetted = Observation.sample(facts: ["vetting/score": 80, "fee/brandFee": "x"])
        let bare = Observation.sample(facts: ["fee/brandFee": "x"])
        let wrong = Observation.sample(facts: ["vetting/score": 80, "fee/brandFee": "y"])
        #expect(comparator.compare(control: bare, candidate: vetted).verdict == .expected)
        #expect(comparator.compare(control: bare, candidate: wrong).verdict == .mismatched)
        #expect(comparator.compare(control: bare, candidate: bare).verdict == .matched)
    }

    @Test(
        "globs",
        arguments: [
            ("*", "", true), ("*", "a/b", true), ("a*", "abc", true), ("a*c", "abbc", true), ("a*c", "abcd", false), ("", "", true),
            ("", "a", false), ("vetting.*", "vetting.order", true), ("vetting.*", "vettingXorder", false), ("*ab*ab", "abxab", true),
            ("*ab*ab", "ab", false), ("fee/vettingFee", "fee/vettingFees", false), ("**", "x", true),
        ])
    func globs(pattern: String, text: String, fits: Bool) { #expect(Glob(pattern).matches(text) == fits) }
}
