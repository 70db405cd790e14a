import Cutover
import Events
import HybridRouter
import Migrations
import Outcomes
import ShadowComparator
import Testing

@Suite("A migration plan")
struct MigrationPlanTests {
    private static func row(_ entity: EntityID) -> Ownership { Ownership(entity: entity, epoch: 1, owner: .legacy, step: "1") }

    static func plan(_ stages: [(StepNumber, Stage, Bool)]) -> MigrationPlan {
        MigrationPlan(
            name: "test", version: 1,
            steps: stages.map { PlannedStep(number: $0.0, title: "Step \($0.0)", stage: $0.1, isAdded: $0.2) })
    }

    static let entities = (1...2000).map { EntityID("R-\($0)") }

    @Test("reads and writes every stage", arguments: ["legacy", "shadow", "canary 0", "canary 10", "canary 100", "durable", "retired"])
    func stageText(text: String) throws {
        #expect(try #require(Stage(text)).description == text)
    }

    @Test("refuses other stages", arguments: ["", "canary", "canary x", "canary 101", "canary -1", "Legacy", "durable 5"])
    func stageRefused(text: String) { #expect(Stage(text) == nil) }

    @Test("the built-in plan has legacy everywhere but durable at 5.2")
    func builtIn() throws {
        let plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        #expect(plan.steps.map(\.number) == ["1", "2", "3", "4", "5", "5.2", "6", "7", "8", "9", "10", "11"])
        #expect(plan.steps.filter { plan.owner(of: $0.number, for: Self.row("R-1")) == .durable }.map(\.number) == ["5.2"])
        #expect(plan.steps.filter(\.isAdded).map(\.number) == ["5.2"])
        #expect(plan.next(after: "5", for: Self.row("R-1")) == "5.2")
        #expect(plan.segment(from: "5.2", for: Self.row("R-1")) == ["5.2"])
        #expect(plan.announcements.contains { $0.place == .effect("5.2", "billing.vettingFee") && $0.count == 1...1 })
        try plan.validate(durable: ["5.2"], boundaries: ["5"])
    }

    @Test("the plan that moves nothing is the built-in one run by legacy alone")
    func legacyAlone() throws {
        let legacy = try MigrationPlan(yaml: EmbeddedPlans.legacy, file: EmbeddedPlans.legacyName)
        let alone = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName).legacyOnly()
        #expect(alone.steps == legacy.steps)
        #expect(alone.next(after: "5", for: Self.row("R-1")) == "6")
        #expect(alone.announcements.isEmpty)
        try alone.validate(durable: [], boundaries: [])
    }

    @Test("a canary takes its share of the entities, always the same ones, more of them when it grows")
    func canary() {
        let durable = { (percent: Int) in
            let plan = Self.plan([("1", .legacy, false), ("2", .canary(percent: percent), false)])
            return Set(Self.entities.filter { plan.owner(of: "2", for: Self.row($0)) == .durable })
        }
        #expect(durable(0).isEmpty)
        #expect(durable(100).count == Self.entities.count)
        #expect((150...250).contains(durable(10).count))
        #expect(durable(10) == durable(10))
        #expect(durable(10).isSubset(of: durable(30)))
    }

    @Test("an added step exists only for the entities whose owner is durable")
    func addedCanary() {
        let plan = Self.plan([("5", .legacy, false), ("5.2", .canary(percent: 50), true), ("6", .legacy, false)])
        for entity in Self.entities {
            #expect(
                plan.next(after: "5", for: Self.row(entity)) == (plan.owner(of: "5.2", for: Self.row(entity)) == .durable ? "5.2" : "6"))
        }
        #expect(plan.next(after: "6", for: Self.row("R-1")) == nil)
    }

    @Test("adjacent durable steps form one segment")
    func segment() {
        let plan = Self.plan([("1", .legacy, false), ("2", .durable, false), ("3", .retired, false), ("4", .legacy, false)])
        #expect(plan.segment(from: "2", for: Self.row("R-1")) == ["2", "3"])
        #expect(plan.segment(from: "3", for: Self.row("R-1")) == ["3"])
        #expect(plan.segment(from: "4", for: Self.row("R-1")) == [])
    }

    @Test("a plan this build cannot run is refused with the reason")
    func validation() {
        let refused: [(MigrationPlan, String)] = [
            (Self.plan([("1", .legacy, false), ("2", .shadow, true)]), "expected a step that legacy has"),
            (Self.plan([("1", .legacy, false), ("3", .shadow, false)]), "expected durable code"),
            (Self.plan([("1", .legacy, false), ("3", .durable, false)]), "expected durable code"),
            (Self.plan([("2", .durable, false)]), "the first step"),
            (Self.plan([("1", .legacy, false), ("1.5", .legacy, false), ("2", .durable, false)]), "steps 1.5 and 2 in one transition"),
            (Self.plan([("1.5", .legacy, false), ("1.6", .canary(percent: 5), true), ("2", .durable, false)]), "expected durable code"),
        ]
        for (plan, reason) in refused {
            let error = #expect(throws: PlanError.self) { try plan.validate(durable: ["2"], boundaries: ["1"]) }
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
    }

    @Test("a step that takes over where legacy enters it may be durable after one that legacy cannot leave, and in first place")
    func takingOver() throws {
        let plan = Self.plan([("1", .durable, false), ("2", .legacy, false), ("3", .durable, false)])
        try plan.validate(durable: ["1", "3"], boundaries: [], takesOver: ["1", "3"])
        #expect(throws: PlanError.self) { try plan.validate(durable: ["1", "3"], boundaries: [], takesOver: ["1"]) }
        #expect(throws: PlanError.self) { try plan.validate(durable: ["1", "3"], boundaries: ["2"], takesOver: ["3"]) }
        #expect(throws: PlanError.self) { try plan.validate(durable: ["3"], boundaries: ["2"], takesOver: ["1", "3"]) }
    }

    @Test("an added canary in between does not hide that legacy cannot leave the step before it")
    func validationLooksThroughAddedSteps() {
        let plan = Self.plan([("1", .legacy, false), ("2", .legacy, false), ("2.5", .canary(percent: 5), true), ("3", .durable, false)])
        #expect(throws: PlanError.self) { try plan.validate(durable: ["2.5", "3"], boundaries: ["1"]) }
        #expect(throws: Never.self) { try plan.validate(durable: ["2.5", "3"], boundaries: ["2"]) }
    }

    @Test("a retired step is durable whatever is pinned, and while the migration is halted")
    func retired() {
        let plan = Self.plan([("1", .retired, false), ("2", .durable, false)])
        var row = Self.row("R-1")
        row.pins = ["1": .recalled, "2": .recalled]
        #expect(plan.owner(of: "1", for: row) == .durable)
        #expect(plan.owner(of: "2", for: row) == .legacy)
        #expect(plan.halted().steps.map(\.stage) == [.retired, .legacy])
        #expect(!plan.isWithoutLegacy && Self.plan([("1", .retired, false)]).isWithoutLegacy)
    }
}
