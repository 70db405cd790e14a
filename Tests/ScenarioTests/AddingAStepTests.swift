import A2PApp
import A2PRegistration
import A2PRetired
import Bridge
import BridgeTesting
import Commands
import Cutover
import DurableWorkflow
import Events
import Foundation
import HybridRouter
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

    // MARK: In flight

    /// Step 9.5 tells the customer which carriers have approved.
    private static let tellCarriers = DurableStep<Registration>(number: "9.5", events: [], activities: [tell], answers: true) {
        context, registration in
        try await context.perform(tell, on: &registration)
    }

    private static let tell = DurableActivity<Registration>("notifications.carriers-approved") { registration, effects in
        try await Notifications(effects).send("carriers-approved", &registration, step: "9.5")
    }

    private static func inserting(_ yaml: String, _ stage: String) throws -> MigrationPlan {
        let line = "  - { step: 9.5, title: Tell which carriers approved, stage: \(stage), added: true }\n"
        return try MigrationPlan(yaml: yaml.replacing("  - { step: 10,", with: line + "  - { step: 10,"), file: "9.5.yaml")
    }

    /// The plan changes after each delivery of a registration, wherever it waits then: one that has not left step 9 goes through 9.5,
    /// once; one that has is left alone. It does not matter who runs the other steps, nor that a segment began before anybody thought of 9.5.
    @Test(arguments: [("legacy", "durable"), ("hybrid-5.2", "durable"), ("all-durable", "durable"), ("retired", "retired")])
    func inFlight(plan name: String, stage: String) async throws {
        let plans = [
            "legacy": EmbeddedPlans.legacy, "hybrid-5.2": EmbeddedPlans.hybrid, "all-durable": EmbeddedPlans.allDurable,
            "retired": EmbeddedPlans.retired,
        ]
        let yaml = try #require(plans[name])
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit")
        let expected = try #require(name == "legacy" ? scenario.legacy : scenario.hybrid).values.first
        for count in 1...scenario.lines.count {
            let path = TemporaryDatabase.path("inserted")
            defer { TemporaryDatabase.remove(path) }
            var isPast = false
            do {
                let run = try A2PRun(.init(mode: .hybrid, plan: try MigrationPlan(yaml: yaml, file: name), database: path))
                var rest = scenario.lines.prefix(count)
                try await run.play(stream: { rest.popFirst().map(StreamedLine.line) }, acknowledge: { _, _ in })
                let entity = try #require(try await run.store.entities().first)
                let ownership = try #require(try await run.store.snapshot(of: entity)).ownership
                isPast = ownership.completions["9"] != nil && ownership.step > "9"
            }
            let steps = A2PDomain.durableSteps + [Self.tellCarriers]
            let run = try A2PRun(.init(mode: .hybrid, plan: try Self.inserting(yaml, stage), database: path, steps: steps))
            try await run.play(Array(scenario.lines.dropFirst(count)))
            let entity = try #require(try await run.store.entities().first)
            let told = try await run.ledger(of: entity).count { $0.key.operation == "notifications.carriers-approved" }
            #expect(told == (isPast ? 0 : 1), "\(name), after \(count) deliveries")
            #expect(try await run.outcomes()[entity]?.status == expected?.status, "\(name), after \(count) deliveries")
        }
    }
}
