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
import LegacyFixtures
import Migrations
import Outcomes
import ShadowComparator
import Testing

/// A mismatch among hundreds of deliveries becomes a scenario of a few.
@Suite struct MinimizingTests {
    private static let fixtures = [
        "happy-private-profit", "happy-non-profit", "happy-government", "happy-sole-proprietor", "happy-public-profit", "happy-low-volume",
        "m01-exact-duplicate", "m09-suspended-twice", "m10-stale-rejection", "second-unverified",
    ]

    /// Step 5.2 that charges governments twice.
    private static let broken: DurableStep<Registration> = {
        let again = DurableActivity<Registration>("billing.vettingFeeAgain") {
            try await $1.perform("billing.vettingFee", step: "5.2", ordinal: 2, request: ["amountCents": 4000, "currency": "USD"])
        }
        return DurableStep<Registration>(number: "5.2", events: Vetting.events, activities: Vetting.step.activities + [again]) {
            context, registration in
            if registration.entityType == "GOVERNMENT" { try await context.perform(again, on: &registration) }
            _ = try await Vetting.step.run(context, &registration)
        }
    }()

    @Test func twoHundredDeliveriesBecomeFive() async throws {
        let folder = NSTemporaryDirectory() + "lockstep-minimize-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        let lines = try Self.fixtures.flatMap { try Scenario(folder: "\(LegacyFixtures.folder)/\($0)").lines }
            .enumerated().sorted { ($0.element.receivedAt, $0.offset) < ($1.element.receivedAt, $1.offset) }.map(\.element)
        #expect(lines.count >= 200)
        var app = A2P.app
        app.domain.durableSteps = app.domain.durableSteps.filter { $0.number != "5.2" } + [Self.broken]
        let comparison = try AppComparison(app, plan: plan, database: ":memory:")
        try await comparison.play(lines)
        let cause = try #require(try await comparison.summary().causes.first)
        #expect(cause.step == "5.2" && cause.first == "billing.vettingFee" && cause.kind == .extra)
        let minimizing = Minimizing(plan: plan, folder: folder, at: .distantPast)
        let began = ContinuousClock.now
        let few = try await minimizing.minimize(lines, cause, app)
        print("minimised \(lines.count) lines to \(few.count) in \(ContinuousClock.now - began)")
        #expect(few.count <= 5, "\(few.map(\.text))")
        try minimizing.write(few, to: folder, cause)
        let scenario = try Scenario(folder: folder)
        #expect(scenario.lines == few)
        for (steps, mismatched) in [(app.domain.durableSteps, 1), (A2PDomain.durableSteps, 0)] {
            app.domain.durableSteps = steps
            let again = try AppComparison(app, plan: plan, database: ":memory:")
            try await again.play(scenario.lines)
            #expect(try await again.summary().mismatched == mismatched)
        }
    }
}
