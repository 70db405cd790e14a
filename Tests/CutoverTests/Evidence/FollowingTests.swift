import Cutover
import Events
import Outcomes
import ShadowComparator
import Testing

@Suite("The visits that legacy has followed are what retires its code")
struct FollowingTests {
    private static func plan(_ stage: Stage = .retired, isAdded: Bool = false, interrupts: Owner = .durable) -> MigrationPlan {
        MigrationPlan(
            name: "p", version: 1,
            steps: [
                PlannedStep(number: "1", title: "a", stage: .legacy),
                PlannedStep(number: "2", title: "b", stage: stage, isAdded: isAdded),
            ], interrupts: interrupts)
    }

    private static func version(_ build: String = "a", _ plan: MigrationPlan = plan()) -> EvidenceVersion {
        EvidenceVersion(build: build, machine: "m", plan: plan)
    }

    private static func visit(
        _ id: String, _ build: String = "a", step: StepNumber = "2", ending: String = "left, DONE", isMismatch: Bool = false
    ) -> JudgedVisit {
        JudgedVisit(id: id, step: step, version: version(build).name(for: step), path: ending, way: ending, isMismatch: isMismatch)
    }

    private static func visits(_ range: Range<Int>, _ build: String = "a") -> [EvidenceLine] {
        range.map { .followed(visit("\($0)", build)) }
    }

    /// So many cases of a comparison, of the same names.
    private static func cases(_ count: Int, _ build: String = "a") -> [EvidenceLine] {
        [.run(at: .distantPast, version: version(build))]
            + (0..<count).map { .compared(EvidenceCase(id: "\($0)", steps: ["2": "done"], paths: ["2": "done"], isMismatch: false)) }
    }

    /// What the lines come to where everything else that a gate demands is there.
    private func weigh(
        _ lines: [EvidenceLine], _ plan: MigrationPlan = plan(), build: String = "a", terms: GateTerms = GateTerms()
    ) -> EvidenceSummary {
        summary(Self.cases(8000, build) + lines, plan, build: build, terms: terms)
    }

    private func summary(
        _ lines: [EvidenceLine], _ plan: MigrationPlan = plan(), build: String = "a", terms: GateTerms = GateTerms()
    ) -> EvidenceSummary {
        var log = EvidenceLog()
        let version = Self.version(build, plan)
        for line in lines + version.cleanTrials(of: "2") { log.add(line) }
        return log.summary(of: plan, version: version, terms: terms, at: .distantPast)
    }

    @Test("the gate of a retired step opens with the 3,792nd clean visit, not before; a durable one needs none")
    func opens() {
        let almost = weigh(Self.visits(0..<3791))
        #expect(!almost.isOpen)
        #expect(almost.reasons == ["step 2 is retired and needs 1 more clean visit that legacy follows and that ends with left, DONE"])
        #expect(weigh(Self.visits(0..<3792)).isOpen)
        #expect(weigh([], Self.plan(.durable)).isOpen)
        #expect(weigh([], Self.plan(.canary(percent: 5))).isOpen)
        #expect(weigh([]).reasons.count == 1 && weigh([]).reasons[0].contains("legacy has followed no visit to it; let it follow"))
    }

    @Test("what was gathered on stage durable counts on stage retired, and what is still missing is shown there")
    func theSameVersion() {
        #expect(Self.version("a", Self.plan(.durable)) == Self.version("a", Self.plan(.retired)))
        let durable = weigh(Self.visits(0..<100), Self.plan(.durable)).steps[0].following
        #expect(!durable.isNeeded && durable.isOpen && !durable.visits.suffice)
        #expect(durable.visits.rows.map(\.moreCleanCases) == [3692])
    }

    @Test("one visit that differs closes the gate, until enough clean ones outweigh it")
    func differs() {
        let one: [EvidenceLine] = [.followed(Self.visit("x", isMismatch: true))]
        #expect(!weigh(Self.visits(0..<3792) + one).isOpen)
        #expect(!weigh(one + Self.visits(0..<5000)).isOpen)
        let needed = EProcess(limit: 0.001).casesNeeded(mismatches: 1, alpha: 0.025)
        #expect(!weigh(one + Self.visits(0..<(needed - 2))).isOpen)
        #expect(weigh(one + Self.visits(0..<(needed - 1))).isOpen)
    }

    @Test("a visit that was clean and differs when it is followed again differs, for the same build and for a later one")
    func differsLater() {
        let again: [EvidenceLine] = [.followed(Self.visit("7", isMismatch: true))]
        let same = weigh(Self.visits(0..<3792) + again + again).steps[0].following.visits
        #expect((same.cases, same.mismatches) == (3792, 1))
        let other = [EvidenceLine.followed(Self.visit("7", "b", isMismatch: true)), .followed(Self.visit("7", "b", isMismatch: true))]
        let later = weigh(Self.visits(0..<10) + other + Self.visits(10..<20, "b"), build: "b").steps[0].following.visits
        #expect((later.cases, later.mismatches, later.comparedAgain) == (11, 1, 1))
    }

    @Test("neither direction counts for the other, also when the cases have the same names")
    func directions() {
        let compared = summary(Self.cases(8000)).steps[0]
        #expect(compared.compared.suffice && compared.following.visits.rows.isEmpty && !compared.isOpen)
        let followed = summary(Self.visits(0..<8000)).steps[0]
        #expect(followed.following.visits.suffice && followed.compared.rows.isEmpty && !followed.isOpen)
        let both = summary(Self.cases(10) + [.followed(Self.visit("3", isMismatch: true))]).steps[0]
        #expect((both.compared.mismatches, both.following.visits.mismatches) == (0, 1))
        #expect((both.compared.build, both.compared.comparedAgain, both.compared.voided) == (1, 0, 0))
    }

    @Test("whatever comes twice or in another order comes to the same", arguments: 0..<50)
    func order(seed: UInt64) {
        var random = SeededRandom(seed: seed, label: "followed visits")
        let visits = (0..<40).map { _ in
            Self.visit("\(Int.random(in: 0..<25, using: &random))", isMismatch: random.chance(0.2))
        }
        let found = weigh(visits.map { .followed($0) }).steps[0].following.visits
        #expect(found.cases == Set(visits.map(\.id)).count)
        #expect(found.mismatches == Set(visits.filter(\.isMismatch).map(\.id)).count)
        let shuffled = (visits + visits).shuffled(using: &random)
        let other = weigh(shuffled.map { .followed($0) }).steps[0].following.visits
        #expect(other == found)
        var log = EvidenceLog()
        for visit in visits { log.add(.followed(visit)) }
        #expect(visits.allSatisfy { log.knows($0) })
        #expect(!log.knows(Self.visit("0", "b")) && !log.knows(Self.visit("99")))
    }

    @Test("another build begins anew at half the level, and evidence of another build, table or plan is stale")
    func builds() {
        let lines = Self.visits(0..<3792)
        let stale = weigh(lines, build: "b")
        #expect(stale.steps[0].following.visits.isStale && !stale.isOpen)
        #expect(stale.reasons[0].contains("with this build, table, plan and rules; 3792 of others count no longer"))
        #expect(!weigh(lines + Self.visits(0..<4000, "b"), build: "b").isOpen)
        let second = weigh(lines + Self.visits(10_000..<13_792, "b"), build: "b")
        #expect(second.steps[0].following.visits.rows.first?.moreCleanCases ?? 0 > 0, "a second build needs more")
        #expect(weigh(lines + Self.visits(10_000..<14_500, "b"), build: "b").isOpen)
        let answering = Self.version("a", Self.plan(interrupts: .legacy))
        #expect(answering.name(for: "2") != Self.version().name(for: "2"), "who answers a cancellation is part of what is judged")
    }

    @Test("a step that legacy never had, and a program whose legacy cannot follow, retire without")
    func without() {
        let added = Self.plan(isAdded: true)
        #expect(weigh([], added).steps[0].following.isNeeded == false)
        let impossible = weigh([], terms: GateTerms(canFollow: false))
        #expect(impossible.isOpen && impossible.steps[0].following.isImpossible)
        #expect(!weigh([], terms: GateTerms(canFollow: true)).isOpen)
    }

    @Test("a line and a summary survive JSON, and what was compared stands beside the other members of a step")
    func json() throws {
        let line = EvidenceLine.followed(Self.visit("x", isMismatch: true))
        let json = try JSONValue(encoding: line)
        #expect(json["v"] == 1 && json["visit"]?["isMismatch"] == true)
        #expect(try JSONValue(parsing: json.canonicalText).decoded(as: EvidenceLine.self) == line)
        let summary = weigh(Self.visits(0..<3))
        let shown = try JSONValue(encoding: summary)
        #expect(shown["steps"]?.array?.first?["rows"]?.array?.count == 1)
        #expect(shown["steps"]?.array?.first?["following"]?["visits"]?["rows"]?.array?.first?["cases"] == 3)
        #expect(try shown.decoded(as: EvidenceSummary.self) == summary)
    }
}
