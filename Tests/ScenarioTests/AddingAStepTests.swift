import A2PApp
import A2PRegistration
import BridgeTesting
import Commands
import Cutover
import DurableWorkflow
import Events
import LegacyFixtures
import Migrations
import Outcomes
import ShadowComparator
import Testing

/// Adding step 5.3 touches one source file (this one) and one line of a plan.
@Suite struct AddingAStepTests {
    /// The step: a second look at the brand an hour after the vetting.
    private static let secondLook = DurableStep<Registration>(number: "5.3", events: [], activities: [note]) { context, registration in
        try await context.workflow.sleep(for: .hours(1))
        try await context.perform(note, on: &registration)
    }

    private static let note = DurableActivity<Registration>("notifications.second-look") { registration, effects in
        try await Notifications(effects).send("second-look", &registration, step: "5.3")
    }

    private static let line =
        "  - { step: 5.3, title: Second look, stage: durable, added: true, announces: [{ fact: notification/second-look }, { effect: notifications.second-look, count: 1 }] }\n"

    @Test func oneFileAndOneLine() async throws {
        let yaml = EmbeddedPlans.hybrid.replacing("  - { step: 6,", with: Self.line + "  - { step: 6,")
        let plan = try MigrationPlan(yaml: yaml, file: "hybrid-5.3.yaml")
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit")
        let comparison = try A2PComparison(plan: plan, database: ":memory:", steps: [Vetting.step, Self.secondLook])
        try await comparison.play(scenario.lines)
        let summary = try await comparison.summary()
        #expect(summary.mismatched == 0)
        let outcome = try await comparison.hybrid.outcomes().values.first
        #expect(outcome?.status == "approved")
        #expect(outcome?.facts["notification/second-look"] == 1)
    }
}
