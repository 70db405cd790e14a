import Cutover
import HybridRouter
import Migrations
import Outcomes
import Testing

@Suite("An added step: behind the last one, and made up for")
struct AddedStepTests {
    private static let process = {
        var process = ProcessSteps(machine: "claims", legacy: ["1", "2", "3"], durable: ["2", "2.5", "4"], boundaries: ["1", "2"])
        process.madeUp = ["2.5"]
        return process
    }()

    private static func plan(_ steps: PlannedStep...) -> MigrationPlan {
        let legacy = ["1", "2", "3"].filter { number in !steps.contains { $0.number == number } }
        let all = legacy.map { PlannedStep(number: $0, title: "Step", stage: .legacy) } + steps
        return MigrationPlan(name: "p", version: 1, steps: all.sorted { $0.number < $1.number })
    }

    private static func added(_ number: StepNumber, _ stage: Stage = .durable, retroactive: Bool = false) -> PlannedStep {
        PlannedStep(number: number, title: "New", stage: stage, isAdded: true, isRetroactive: retroactive)
    }

    @Test("a step can lie behind the machine's last one, of which nobody can hand over elsewhere")
    func behindTheLast() {
        #expect(Self.plan(Self.added("4")).problems(for: Self.process) == [])
        #expect(Self.plan(Self.added("3.5")).problems(for: Self.process).first?.contains("step 3.5: expected durable code") == true)
        var service = Self.process
        service.isService = true
        let problems = Self.plan(Self.added("4")).problems(for: service)
        #expect(problems.count == 1 && problems.first?.contains("step lies behind the machine's last one, 3, found one that is") == true)
        #expect(Self.plan(Self.added("4", .legacy)).problems(for: service) == [])
    }

    @Test("what is made up for is added, is run by durable, has code that says where, and a machine in this process")
    func retroactive() {
        #expect(Self.plan(Self.added("2.5", retroactive: true)).problems(for: Self.process) == [])
        #expect(Self.plan(Self.added("2.5", .canary(percent: 5), retroactive: true)).problems(for: Self.process) == [])
        var service = Self.process
        service.isService = true
        let old = PlannedStep(number: "2", title: "Old", stage: .durable, isRetroactive: true)
        for (plan, process, sentence) in [
            (Self.plan(old), Self.process, "step 2: expected 'retroactive' at a step that is added"),
            (Self.plan(Self.added("2.5", .legacy, retroactive: true)), Self.process, "found it on stage legacy"),
            (Self.plan(Self.added("4", retroactive: true)), Self.process, "step 4: expected code that says where"),
            (Self.plan(Self.added("2.5", retroactive: true)), service, "found one that is a service"),
        ] {
            let problems = plan.problems(for: process)
            #expect(problems.count == 1 && problems.first?.contains(sentence) == true, "\(problems)")
        }
    }

    @Test("a plan's file says it, its digest names it, and a change of it is told")
    func inAFile() throws {
        let yaml = EmbeddedPlans.hybrid
        func plan(_ member: String) throws -> MigrationPlan {
            try MigrationPlan(yaml: yaml.replacing("    added: true\n", with: "    added: true\n" + member), file: "p.yaml")
        }
        let (without, with) = (try plan(""), try plan("    retroactive: true\n"))
        #expect(try plan("    retroactive: false\n") == without)
        #expect(with.steps.filter(\.isRetroactive).map(\.number) == ["5.2"] && without.digest != with.digest)
        let error = #expect(throws: PlanError.self) { _ = try plan("    retroactive: often\n") }
        #expect(error?.description.contains("p.yaml:14: expected 'retroactive' as true or false, found 'often'") == true)
        #expect(
            without.changes(to: with).map(\.consequence)
                == ["changed in retroactive: those past it make up for it where its code says, once"])
        #expect(with.changes(to: without).map(\.consequence) == ["changed in retroactive, which ends"])
        let legacy = try MigrationPlan(yaml: EmbeddedPlans.legacy, file: "legacy.yaml")
        #expect(legacy.changes(to: without).last?.consequence == "new, durable: entities before it meet it, those past it do not go back")
        #expect(
            legacy.changes(to: with).last?.consequence
                == "new, durable: entities before it meet it, those past it make up for it where its code says, once")
    }
}
