import Cutover
import Events
import HybridRouter
import Outcomes
import ShadowComparator
import Testing

@Suite("Evidence is counted for what it was gathered with")
struct EvidenceLogTests {
    private static let plan = MigrationPlan(
        name: "p", version: 1,
        steps: [PlannedStep(number: "1", title: "a", stage: .legacy), PlannedStep(number: "2", title: "b", stage: .durable)])

    private static func version(_ build: String, _ plan: MigrationPlan = plan) -> EvidenceVersion {
        EvidenceVersion(build: build, machine: "m", plan: plan)
    }

    private static func run(_ build: String, _ plan: MigrationPlan = plan) -> EvidenceLine {
        .run(at: .distantPast, version: version(build, plan))
    }

    private static func one(_ id: String, _ ending: String = "done", isMismatch: Bool = false) -> EvidenceLine {
        .compared(EvidenceCase(id: id, steps: ["2": ending], paths: ["2": ending], isMismatch: isMismatch))
    }

    /// What lines of cases come to, where bugs and schedules leave nothing to be desired.
    private func summary(_ lines: [EvidenceLine], _ build: String, _ plan: MigrationPlan = plan) -> EvidenceSummary {
        var log = EvidenceLog()
        let version = Self.version(build, plan)
        for line in lines + plan.steps.flatMap({ version.cleanTrials(of: $0.number) }) { log.add(line) }
        return log.summary(of: plan, version: version, at: .distantPast)
    }

    private static func cases(_ range: Range<Int>, _ ending: String = "done") -> [EvidenceLine] { range.map { one("\($0)", ending) } }

    @Test("the gate opens with the 3,792nd clean case of a first build, not before")
    func opens() {
        let almost = summary([Self.run("a")] + Self.cases(0..<3791), "a")
        #expect(!almost.isOpen)
        #expect(almost.steps.first?.compared.rows.first?.moreCleanCases == 1)
        #expect(almost.reasons == ["step 2 needs 1 more clean case that ends with done"])
        #expect(summary([Self.run("a")] + Self.cases(0..<3792), "a").isOpen)
    }

    @Test("every stratum has a gate of its own, and one closed gate closes the step")
    func strata() {
        let lines = [Self.run("a")] + Self.cases(0..<4000) + Self.cases(4000..<4010, "rare")
        let step = summary(lines, "a").steps[0]
        #expect(step.compared.rows.map(\.path) == ["done", "rare"])
        #expect(step.compared.rows.map(\.isOpen) == [true, false])
        #expect(!step.isOpen)
    }

    @Test("a case counts once, however often it is compared")
    func once() {
        let step = summary([Self.run("a")] + Self.cases(0..<10) + [Self.run("a")] + Self.cases(0..<10), "a").steps[0]
        #expect(step.compared.cases == 10)
        #expect(step.compared.comparedAgain == 0)
    }

    @Test("another build begins anew at half the level, and what an earlier one was compared with does not count again")
    func builds() {
        let lines = [Self.run("a")] + Self.cases(0..<3792) + [Self.run("b")] + Self.cases(0..<4000)
        let step = summary(lines, "b").steps[0]
        #expect(step.compared.build == 2)
        #expect(step.compared.cases == 208)
        #expect(step.compared.voided == 3792)
        #expect(step.compared.comparedAgain == 3792)
        #expect(step.compared.rows.map(\.voided) == [3792])
        #expect(!step.isOpen)
        let fresh = [Self.run("a"), Self.one("x", isMismatch: true), Self.run("b")] + Self.cases(0..<3792)
        #expect(!summary(fresh, "b").isOpen, "3,792 cases suffice for a first build")
        #expect(summary(fresh + Self.cases(3792..<4500), "b").isOpen)
    }

    @Test("evidence of another build, table, plan or rule is stale; a title, a version and a canary's percentage change nothing")
    func stale() {
        let lines = [Self.run("a")] + Self.cases(0..<3792)
        #expect(summary(lines, "b").steps[0].compared.isStale)
        #expect(summary(lines, "b").reasons == ["step 2 has no case of this build, table, plan and rules; 3792 of others count no longer"])
        var same = Self.plan
        (same.version, same.steps[1].title, same.steps[1].stage) = (7, "other", .canary(percent: 20))
        #expect(summary(lines, "a", same).isOpen)
        var promised = Self.plan
        promised.steps[1].announces = [Announcement(step: "2", place: .fact("x"))]
        #expect(summary(lines, "a", promised).steps[0].compared.isStale)
        #expect(EvidenceVersion(build: "a", machine: "n", plan: Self.plan).name(for: "2") != Self.version("a").name(for: "2"))
    }

    @Test("a rule that is signed voids the cases compared before, of its own step")
    func rules() {
        var plan = Self.plan
        plan.steps[0].stage = .durable
        var ruled = plan
        ruled.steps[1].rules = [
            DifferenceRule(
                .ignored, step: "2", scope: .place(Glob("x")), reason: "noise", owner: "o", signed: .distantPast, expires: .distantFuture)
        ]
        let both = EvidenceCase(id: "1", steps: ["1": "a", "2": "b"], paths: [:], isMismatch: false)
        let steps = summary([Self.run("a", plan), .compared(both)], "a", ruled).steps
        #expect(steps.map(\.compared.cases) == [1, 0])
        #expect(steps.map(\.compared.voided) == [0, 1])
    }

    @Test("no moved step and no case are closed gates")
    func nothing() {
        #expect(!summary([], "a").isOpen)
        #expect(summary([], "a").reasons == ["step 2 has no compared case"])
        var legacy = Self.plan
        legacy.steps[1].stage = .legacy
        #expect(summary([], "a", legacy).reasons == ["the plan moves no step"])
        #expect(!summary([], "a", legacy).isOpen)
    }

    @Test("lines survive JSON, and another form is refused")
    func lines() throws {
        for line in [Self.run("a"), Self.one("x", isMismatch: true)] {
            let json = try JSONValue(encoding: line)
            #expect(json["v"] == 1)
            #expect(try JSONValue(parsing: json.canonicalText).decoded(as: EvidenceLine.self) == line)
        }
        #expect(throws: (any Error).self) { try JSONValue(parsing: #"{"run":{},"v":2}"#).decoded(as: EvidenceLine.self) }
    }

    @Test("a step's ending is what durable was told last")
    func endings() {
        func entry(_ move: Move, _ owner: Owner = .durable) -> JournalEntry {
            JournalEntry(entity: "R-1", at: .distantPast, owner: owner, epoch: 2, move: move)
        }
        let told = [entry(.handedOff(["2"])), entry(.signalled(RowReference(1, "half"))), entry(.signalled(RowReference(2, "report")))]
        #expect(StepPath.all(of: told + [entry(.completed("2", visit: 1, used: []))])["2"]?.ending == "report")
        #expect(StepPath.all(of: [told[0], entry(.completed("2", visit: 1, used: []))])["2"]?.ending == "time")
        #expect(StepPath.all(of: told + [entry(.interrupted("2", by: "cancel", used: []))])["2"]?.ending == "interrupted by cancel")
        #expect(StepPath.all(of: [entry(.completed("1", visit: 1, used: []), .legacy)]).isEmpty)
        #expect(EvidenceCase(entity: "R-1", deliveries: [], journal: [], isMismatch: false) == nil)
    }
}

extension EvidenceVersion {
    /// One bug that was found, and one exploration that has found nothing.
    func cleanTrials(of step: StepNumber) -> [EvidenceLine] {
        let found = ExplorationFigures(bounds: ExplorationBounds(), recordings: 1)
        return [
            .mutants(MutantEvidence(at: .distantPast, version: self, step: step, bugs: ["a bug": ["effects"]])),
            .explored(ExplorationEvidence(at: .distantPast, version: self, step: step, found: found)),
        ]
    }
}
