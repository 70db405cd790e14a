import A2PApp
import A2PRegistration
import A2PRetired
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

/// A database is compared with legacy alone on what it has accepted, without a recording.
@Suite struct StoredRunTests {
    private let path = NSTemporaryDirectory() + "lockstep-stored-\(UUID().uuidString).sqlite"

    private func play(_ plan: MigrationPlan, _ mode: RunMode, steps: [DurableStep<Registration>] = A2PDomain.durableSteps)
        async throws -> StoredSummary
    {
        let lines = try LegacyFixtures.names().flatMap { try Scenario(folder: "\(LegacyFixtures.folder)/\($0)").lines }
        let run = try A2PRun(.init(mode: mode, plan: plan, database: path, steps: steps))
        try await run.play(lines.sorted { $0.receivedAt < $1.receivedAt })
        return try await StoredRun(A2P.app, database: path, plan: plan).comparison()
    }

    private func remove() {
        for suffix in ["", "-wal", "-shm", ".effects.jsonl", ".lock"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    private func hybrid() throws -> MigrationPlan { try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName) }

    @Test func legacyIsWhatItIsAgain() async throws {
        defer { remove() }
        let summary = try await play(try hybrid(), .legacy)
        #expect(summary.comparison.mismatched == 0, "\(summary.comparison.mismatches)")
        #expect(summary.comparison.expectedDifferences == 0)
        #expect(summary.comparison.matched >= 95)
    }

    @Test func hybridDiffersAsAnnounced() async throws {
        defer { remove() }
        let summary = try await play(try hybrid(), .hybrid)
        #expect(summary.comparison.mismatched == 0, "\(summary.comparison.mismatches)")
        #expect(summary.comparison.compared >= 92)
        #expect(summary.incomparable.count <= 5, "\(summary.incomparable)")
    }

    @Test func aWrongStepIsFound() async throws {
        defer { remove() }
        let twice = DurableActivity<Registration>("billing.vettingFeeAgain") {
            try await $1.perform("billing.monthlyFee", step: "5.2", ordinal: 7)
        }
        let wrong = DurableStep<Registration>(number: "5.2", events: Vetting.step.events, activities: [twice]) { context, registration in
            try await context.perform(twice, on: &registration)
        }
        let others = A2PDomain.durableSteps.filter { $0.number != "5.2" }
        let summary = try await play(try hybrid(), .hybrid, steps: others + [wrong])
        #expect(summary.comparison.mismatched > 70)
        #expect(summary.comparison.clusters.first?.path == "5.2/billing.monthlyFee/7")
    }
}
