import Cutover
import Migrations
import Outcomes
import Testing

@Suite struct PlanChangesTests {
    private func plan(_ yaml: String) throws -> MigrationPlan { try MigrationPlan(yaml: yaml, file: "plan.yaml") }

    @Test func aPlanDoesNotChangeToItself() throws {
        let hybrid = try plan(EmbeddedPlans.hybrid)
        #expect(hybrid.changes(to: hybrid).isEmpty)
    }

    @Test func everyChangeIsNamedOnceInOrder() throws {
        let (legacy, two) = (try plan(EmbeddedPlans.legacy), try plan(EmbeddedPlans.twoSteps))
        let changes = legacy.changes(to: two)
        #expect(changes.map(\.step) == ["2", "5.2"])
        #expect(changes.map(\.before) == [.legacy, nil])
        #expect(changes.map(\.after) == [.durable, .durable])
        let back = two.changes(to: legacy)
        #expect(back.map(\.after) == [.legacy, nil])
        #expect(back.last?.consequence.contains("migrate status") == true)
    }

    @Test func whatElseIsDifferentIsNamed() throws {
        let hybrid = try plan(EmbeddedPlans.hybrid)
        var other = hybrid
        let place = try #require(other.steps.firstIndex { $0.number == "5.2" })
        other.steps[place].title = "Another"
        other.steps[place].announces = []
        #expect(hybrid.changes(to: other).map(\.other) == [["title", "announced differences"]])
    }

    @Test func whatIsSeldomMeantIsAWarning() throws {
        var hybrid = try plan(EmbeddedPlans.hybrid)
        let process = ProcessSteps(machine: "m", legacy: [], durable: ["5.2"], boundaries: [])
        #expect(hybrid.warnings(for: process).isEmpty)
        let place = try #require(hybrid.steps.firstIndex { $0.number == "5.2" })
        hybrid.steps[place].announces = []
        #expect(hybrid.warnings(for: process).count == 1)
        hybrid.steps[place].stage = .canary(percent: 0)
        #expect(hybrid.warnings(for: process).first?.contains("canary 0") == true)
    }

    /// A gate has to be open for a step up the ladder, onto a stage on which durable runs it, and for no other change.
    @Test func aStepUpTheLadderIsForward() {
        let ladder: [Stage] = [.legacy, .shadow, .canary(percent: 0), .canary(percent: 10), .canary(percent: 100), .durable, .retired]
        for (rung, before) in ladder.enumerated() {
            for (other, after) in ladder.enumerated() {
                let change = PlanStepChange(step: "3", title: "t", before: before, after: after, other: [])
                #expect(change.isForward == (other > rung && after.isMoved), "\(before) to \(after)")
            }
            let (new, gone) = (
                PlanStepChange(step: "3", title: "t", before: nil, after: before, other: []),
                PlanStepChange(step: "3", title: "t", before: before, after: nil, other: [])
            )
            #expect(new.isForward == before.isMoved && !gone.isForward)
        }
    }

    @Test func thatLegacyFollowsIsAChange() throws {
        let durable = try plan(EmbeddedPlans.allDurable)
        var followed = durable
        for index in followed.steps.indices { followed.steps[index].isFollowed = ["3", "5.2"].contains(followed.steps[index].number) }
        #expect(durable.digest != followed.digest)
        #expect(durable.changes(to: followed).map(\.consequence) == Array(repeating: "changed in legacy's shadow, which begins", count: 2))
        #expect(followed.changes(to: durable).map(\.other) == Array(repeating: ["legacy's shadow, which ends"], count: 2))
        var legacy = durable
        legacy.steps[3].stage = .legacy
        #expect(legacy.changes(to: followed).last { $0.step == "4" }?.consequence.hasPrefix("legacy to durable") == true)
        legacy = durable
        legacy.steps[2].stage = .legacy
        #expect(legacy.changes(to: followed).first?.consequence.hasSuffix("; legacy's shadow, which begins") == true)
        let process = ProcessSteps(machine: "m", legacy: [], durable: [], boundaries: [])
        #expect(followed.warnings(for: process).map { $0.contains("legacy has no such step") } == [true])
        let yaml = "plan: p\nversion: 1\nsteps:\n  - { step: 3, title: a, stage: durable, shadow: legacy }\n"
        #expect(try plan(yaml).followed == ["3"])
    }

    @Test func whoAnswersWhatBelongsToNoStepIsAChange() throws {
        let durable = try plan(EmbeddedPlans.allDurable)
        var answering = durable
        answering.interrupts = .durable
        #expect(durable.changeOfAnswers(to: durable) == nil)
        #expect(durable.changeOfAnswers(to: answering)?.hasPrefix("legacy to durable") == true)
        #expect(answering.changeOfAnswers(to: durable)?.hasPrefix("durable to legacy") == true)
        #expect(durable.digest != answering.digest)
        let retired = durable.changes(to: try plan(EmbeddedPlans.retired))
        #expect(retired.count == 12 && retired.allSatisfy { $0.consequence.contains("nobody can be recalled") })
    }
}
