import Cutover
import Events
import HybridRouter
import Outcomes
import ShadowComparator
import Testing

@Suite("Bugs and schedules are part of a gate")
struct TrialEvidenceTests {
    private static let may = Timestamp("2026-05-01T00:00:00Z") ?? .distantPast
    private static let june = Timestamp("2026-06-01T00:00:00Z") ?? .distantPast

    private static func plan(_ survivors: [SignedSurvivor] = []) -> MigrationPlan {
        MigrationPlan(
            name: "p", version: 1,
            steps: [
                PlannedStep(number: "1", title: "a", stage: .legacy),
                PlannedStep(number: "2", title: "b", stage: .durable, survivors: survivors),
            ])
    }

    private static func version(_ build: String = "a", _ plan: MigrationPlan = plan()) -> EvidenceVersion {
        EvidenceVersion(build: build, machine: "m", plan: plan)
    }

    private static func bugs(_ bugs: [String: [String]], _ build: String = "a", step: StepNumber = "2") -> EvidenceLine {
        .mutants(MutantEvidence(at: may, version: version(build), step: step, bugs: bugs))
    }

    private static func schedules(
        _ build: String = "a", events: Int = 3, recordings: Int = 2, unexplained: Int = 0, findings: [String] = []
    ) -> EvidenceLine {
        let found = ExplorationFigures(
            bounds: ExplorationBounds(events: events), recordings: recordings, executed: 5, covered: 100, unexplained: unexplained,
            findings: findings)
        return .explored(ExplorationEvidence(at: may, version: version(build), step: "2", found: found))
    }

    private static let cases: [EvidenceLine] =
        [.run(at: may, version: version())]
        + (0..<3792).map { .compared(EvidenceCase(id: "\($0)", steps: ["2": "done"], paths: ["2": "done"], isMismatch: false)) }

    private static let found = bugs(["x": ["effects"], "y": ["I3"]])

    private func weigh(
        _ lines: [EvidenceLine], _ plan: MigrationPlan = plan(), build: String = "a", terms: GateTerms = GateTerms(),
        at moment: Timestamp = may
    ) -> EvidenceSummary {
        var log = EvidenceLog()
        for line in Self.cases + lines { log.add(line) }
        return log.summary(of: plan, version: Self.version(build, plan), terms: terms, at: moment)
    }

    private func signature(_ bug: String, expires: Timestamp = june) -> SignedSurvivor {
        SignedSurvivor(bug: bug, reason: "r", owner: "o", signed: Self.may, expires: expires)
    }

    @Test("cases, found bugs and a clean exploration open a gate, and each that is missing closes it")
    func missing() {
        #expect(weigh([Self.found, Self.schedules()]).isOpen)
        #expect(weigh([Self.found, Self.schedules()]).reasons.isEmpty)
        let unexplored = weigh([Self.found])
        #expect(!unexplored.isOpen)
        #expect(unexplored.reasons == ["step 2 has no exploration; 'explore --evidence' makes one of recordings that enter it"])
        let untried = weigh([Self.schedules()])
        #expect(!untried.isOpen)
        #expect(untried.reasons == ["step 2 has no mutation score; 'mutants --evidence' measures it"])
        #expect(!weigh([Self.bugs([:]), Self.schedules()]).isOpen, "a score of no bug is none")
        #expect(!weigh([Self.bugs(["x": ["effects"]], step: "1"), Self.schedules()]).isOpen, "of another step")
        #expect(!weigh([Self.found, Self.schedules(recordings: 0)]).isOpen, "no recording enters the step")
        #expect(weigh([Self.found], terms: GateTerms(needsExploration: false)).isOpen, "a program that cannot be explored")
    }

    @Test("what was tried with another build is stale")
    func stale() {
        let lines = [Self.bugs(["x": ["effects"]], "b"), Self.schedules("b")]
        let step = weigh(lines).steps[0]
        #expect(step.mutants.isStale && step.exploration.isStale && !step.isOpen)
        #expect(step.reasons.count == 2)
        #expect(step.reasons.count { $0.contains("of this build, table, plan and rules") } == 2)
        #expect(weigh(lines + [Self.found, Self.schedules()]).isOpen)
    }

    @Test("a bug that survives closes the gate, until somebody signs for it, and from the day on which the signature expires")
    func survivors() {
        let lines = [Self.bugs(["x": ["effects"], "z": [], "a": []]), Self.schedules()]
        let closed = weigh(lines)
        #expect(!closed.isOpen)
        #expect(closed.steps[0].mutants.survivors.map(\.bug) == ["a", "z"])
        #expect(closed.reasons.first?.hasPrefix("step 2 has 2 bugs that survive and that nobody has signed for, the first is 'a'") == true)
        #expect(!weigh(lines, Self.plan([signature("a")])).isOpen)
        let both = Self.plan([signature("a"), signature("z")])
        #expect(weigh(lines, both).isOpen)
        #expect(weigh(lines, both, at: Self.june).reasons.first?.contains("the signature does not count for") == true)
        #expect(!weigh(lines, both, at: Self.june).isOpen)
        #expect(!weigh(lines, both, at: Timestamp(milliseconds: Self.may.milliseconds - 1)).isOpen, "not before it was signed")
        let renewed = Self.plan([
            signature("a"), signature("z"), signature("a", expires: .distantFuture), signature("z", expires: .distantFuture),
        ])
        #expect(weigh(lines, renewed, at: Self.june).isOpen)
        #expect(!weigh(lines, Self.plan([signature("step 2")])).isOpen, "a part of a description is none")
    }

    @Test("a signature for a bug that does not survive is named, as soon as every step has a score")
    func needless() {
        let plan = Self.plan([signature("a"), signature("x"), signature("nobody's")])
        #expect(weigh([Self.bugs(["x": ["effects"], "a": []])], plan).needless == ["nobody's", "x"])
        #expect(weigh([], plan).needless.isEmpty)
    }

    @Test("a signature makes no evidence stale, and is part of what a plan says")
    func signatures() {
        let signed = Self.plan([signature("a")])
        #expect(Self.version("a", signed) == Self.version())
        #expect(signed.digest != Self.plan().digest)
        #expect(Self.plan().changes(to: signed).map(\.other) == [["survivors"]])
    }

    @Test("a bug that one trial has found is found, and one that recordings no longer meet still survives")
    func trials() {
        let first = Self.bugs(["x": [], "y": [], "z": ["state"]])
        let second = Self.bugs(["x": ["effects", "outcome"]])
        let score = weigh([first, second, Self.schedules()]).steps[0].mutants
        #expect(score.expressible == 3 && score.caught == 2)
        #expect(score.survivors.map(\.bug) == ["y"])
        #expect(score.shownBy == ["effects": 1, "outcome": 1, "state": 1])
        #expect(weigh([second, first]).steps[0].mutants.survivors.map(\.bug) == ["y"])
    }

    @Test("what one exploration has found stays found, and each bounds are shown once")
    func explorations() {
        let bad = Self.schedules(events: 4, unexplained: 2, findings: ["5.2/vetting.order missing"])
        let step = weigh([Self.found, bad, Self.schedules(events: 4), Self.schedules(), Self.schedules(recordings: 7)]).steps[0]
        #expect(!step.isOpen)
        #expect(step.exploration.rows.map(\.recordings) == [2, 7])
        #expect(
            step.reasons == [
                "step 2 has an exploration with 2 pairs of ends that nothing explains, the first is '5.2/vetting.order missing'; mend it, or announce it"
            ])
        #expect(!weigh([Self.found, Self.schedules(findings: ["x again changes something"])]).isOpen)
        #expect(!weigh([bad, Self.found], terms: GateTerms(needsExploration: false)).isOpen)
    }

    @Test("lines survive JSON, and a kind of line that nobody knows is refused")
    func lines() throws {
        for line in [Self.found, Self.schedules(unexplained: 1, findings: ["x"])] {
            let json = try JSONValue(encoding: line)
            #expect(json["v"] == 1)
            #expect(try JSONValue(parsing: json.canonicalText).decoded(as: EvidenceLine.self) == line)
        }
        #expect(throws: (any Error).self) { try JSONValue(parsing: #"{"rehearsed":{},"v":1}"#).decoded(as: EvidenceLine.self) }
    }

    @Test("a plan's signatures are read, and what is none is refused with its line")
    func files() throws {
        func plan(_ entry: String) throws -> MigrationPlan {
            try MigrationPlan(
                yaml: "plan: p\nversion: 1\nsteps:\n  - step: 2\n    title: t\n    stage: legacy\n    survives:\n      - \(entry)\n",
                file: "f")
        }
        let read = try plan(#"{ bug: "8 step 2: x is called twice", reason: r, owner: o, signed: 2026-05-01, expires: 2026-06-01 }"#)
        #expect(read.steps[0].survivors == [signature("8 step 2: x is called twice")])
        for entry in [
            "{ bug: x, reason: r, owner: o, signed: 2026-05-01 }", "{ bug: x, owner: o, signed: 2026-05-01, expires: 2026-06-01 }",
            "{ bug: x, reason: r, signed: 2026-05-01, expires: 2026-06-01 }",
            "{ bug: x, reason: r, owner: o, signed: soon, expires: 2026-06-01 }",
            "{ bug: x, reason: r, owner: o, signed: 2026-06-01, expires: 2026-05-01 }",
            "{ bug: 'x*', reason: r, owner: o, signed: 2026-05-01, expires: 2026-06-01 }", "x",
        ] {
            let error = #expect(throws: PlanError.self, "\(entry)") { try plan(entry) }
            #expect(error?.description.hasPrefix("f:8: expected") == true, "\(error?.description ?? "")")
        }
    }
}
