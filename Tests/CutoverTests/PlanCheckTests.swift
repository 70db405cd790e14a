import Cutover
import Events
import HybridRouter
import Migrations
import Outcomes
import ShadowComparator
import Testing

@Suite("A plan is held against the steps of its process")
struct PlanCheckTests {
    private static let process = ProcessSteps(
        machine: "claims", legacy: ["1", "2", "3"], durable: ["2", "2.5"], boundaries: ["1", "2"])

    private static func plan(_ steps: [PlannedStep]) -> MigrationPlan { MigrationPlan(name: "p", version: 1, steps: steps) }

    private static func step(
        _ number: StepNumber, _ stage: Stage = .legacy, added: Bool = false, followed: Bool = false
    ) -> PlannedStep {
        PlannedStep(number: number, title: "Step \(number)", stage: stage, isAdded: added, isFollowed: followed)
    }

    @Test("whole plans have no problem")
    func whole() throws {
        for plan in [
            Self.plan([Self.step("1"), Self.step("2"), Self.step("3")]),
            Self.plan([Self.step("1"), Self.step("2", .durable), Self.step("2.5", .canary(percent: 10), added: true), Self.step("3")]),
        ] {
            #expect(plan.problems(for: Self.process) == [])
            try plan.check(against: Self.process)
        }
    }

    static let refused: [(MigrationPlan, [String])] = [
        (plan([]), ["expected 1 to 1000 steps, found 0"]), (plan([step("1")]), ["machine claims, found none of 2, 3"]),
        (plan([step("1"), step("3")]), ["found none of 2;"]),
        (plan([step("1"), step("2"), step("3"), step("4"), step("9")]), ["step 4: expected a step of the machine", "step 9: expected"]),
        (plan([step("1"), step("2"), step("2"), step("3")]), ["step 2: expected every step once and in order, found it again"]),
        (plan([step("2"), step("1"), step("3")]), ["step 1: expected every step once and in order, found it after 2"]),
        (plan([step("1"), step("2", .canary(percent: 101)), step("3")]), ["canary of 0 to 100 percent, found 101"]),
        (plan([step("1"), step("2", .canary(percent: -1)), step("3")]), ["canary of 0 to 100 percent, found -1"]),
        (plan([step("1"), step("2", .durable, added: true), step("3")]), ["remove 'added'"]),
        (plan([step("1"), step("2"), step("3", .durable)]), ["step 3: expected durable code for it, found none"]),
        (
            plan([step("1", followed: true), step("2", .shadow, followed: true), step("3")]),
            ["step 1: expected 'shadow: legacy' on stage canary or durable, found it on stage legacy", "step 2: expected 'shadow: legacy'"]
        ),
    ]

    @Test("what a plan lacks, and what the process does not have, is named", arguments: refused)
    func refusals(plan: MigrationPlan, says: [String]) {
        let problems = plan.problems(for: Self.process)
        #expect(problems.count == says.count)
        for (problem, sentence) in zip(problems, says) { #expect(problem.contains(sentence), "\(problem)") }
        let error = #expect(throws: PlanError.self) { try plan.check(against: Self.process) }
        #expect(error?.description.contains(says[0]) == true)
    }

    @Test("legacy follows where there is a table that can be run again")
    func legacyFollows() {
        let followed = Self.plan([Self.step("1"), Self.step("2", .durable, followed: true), Self.step("3")])
        #expect(followed.problems(for: Self.process) == [])
        #expect(followed.followed == ["2"] && followed.hasShadow && !followed.halted().hasShadow && !followed.legacyOnly().hasShadow)
        var service = Self.process
        service.isService = true
        #expect(followed.problems(for: service).count == 1)
        #expect(followed.problems(for: service).first?.contains("found one that is a service") == true)
        var retired = followed
        retired.interrupts = .durable
        retired.steps[1].stage = .retired
        var answering = Self.process
        answering.answering = ["2"]
        #expect(retired.problems(for: answering).first?.contains("found stage retired") == true)
    }

    @Test("a plan of before a step that legacy goes into by itself can still be run, but not without legacy")
    func aStepBehindAllThatAreNamed() {
        var process = Self.process
        process.legacy = ["1", "2", "3"]
        process.boundaries = ["1"]
        #expect(Self.plan([Self.step("1"), Self.step("2")]).problems(for: process) == [])
        #expect(Self.plan([Self.step("1"), Self.step("3")]).problems(for: process).count == 1)
        #expect(Self.plan([Self.step("1")]).problems(for: process).count == 1)
        let retired = Self.plan([Self.step("1", .retired), Self.step("2", .retired)]).problems(for: process)
        #expect(retired.contains { $0.contains("found none of 3") }, "\(retired)")
        process.boundaries = ["1", "2"]
        #expect(Self.plan([Self.step("1"), Self.step("2")]).problems(for: process).count == 1)
    }

    @Test(
        "an intended difference is about an event that the machine drops, and its states",
        arguments: [
            ("late", "OPEN", "CLOSED", nil), ("early", "OPEN", "CLOSED", "drops in OPEN, found early, which it handles"),
            ("late", "GONE", "CLOSED", "states of the machine claims, found GONE"), ("late", "OPEN", "SHUT", "found SHUT"),
        ] as [(EventKind, String, String, String?)])
    func partings(event: EventKind, state: String, end: String, says: String?) {
        var process = Self.process
        process.unhandled = ["OPEN": ["late"], "CLOSED": ["late", "early"]]
        var plan = Self.plan([Self.step("1"), Self.step("2", .durable), Self.step("3")])
        plan.steps[1].rules = [
            DifferenceRule(
                .intended, step: "2", scope: .parting(Parting(event: event, state: state, step: "2", ends: ["CLOSED": [end]])),
                reason: "r", owner: "o", signed: .distantPast, expires: .distantFuture)
        ]
        let problems = plan.problems(for: process)
        #expect(problems.count == (says == nil ? 0 : 1))
        if let says { #expect(problems.first?.contains(says) == true, "\(problems)") }
        #expect(problems.allSatisfy { $0.contains("plan p, step 2: intended difference") })
    }

    @Test("a digest names what a plan says")
    func digests() throws {
        let plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: "a.yaml")
        #expect(try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: "b.yaml").digest == plan.digest)
        var others: [MigrationPlan] = Array(repeating: plan, count: 6)
        others[0].version = 2
        others[1].name = "other"
        others[2].steps[5].stage = .canary(percent: 50)
        others[3].steps[5].announces.removeLast()
        others[4].steps.removeLast()
        others[5].steps[0].title = "Intake"
        #expect(Set(([plan] + others).map(\.digest)).count == 7)
    }

    @Test(
        "a plan file that no plan is, is refused before it takes memory or stack",
        arguments: [
            String(repeating: "[", count: 100_000), "plan: " + String(repeating: "{a: ", count: 1000),
            String(repeating: "- ", count: 5000) + "x", (0..<900).map { String(repeating: " ", count: $0) + "a:\n" }.joined(),
            "plan: " + String(repeating: "x", count: 300_000), String(repeating: "# nothing\n", count: 100_000),
        ])
    func immodest(yaml: String) {
        let error = #expect(throws: PlanError.self) { try MigrationPlan(yaml: yaml, file: "p.yaml") }
        #expect(error?.description.hasPrefix("p.yaml:") == true)
        #expect(error?.description.contains("at most") == true)
    }
}
