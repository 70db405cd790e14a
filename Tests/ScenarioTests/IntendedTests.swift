import A2PApp
import BridgeTesting
import Commands
import Cutover
import Events
import Foundation
import LegacyFixtures
import ShadowComparator
import Testing

extension Timestamp {
    /// When tests compare: what the plans of the folder are signed for counts then, whatever day it is.
    static let compared = Timestamp(milliseconds: 1_796_083_200_000)
}

/// Where legacy is wrong, a fixture shows it, and the plan that declares it is needed for that.
@Suite struct IntendedTests {
    private static let folder = LegacyFixtures.folder + "/../Migrations/Plans"

    static let plans: [MigrationPlan] =
        (try? FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }.sorted().map {
            try MigrationPlan(yaml: try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8), file: $0)
        }) ?? []

    @Test func somePlansDeclareOne() { #expect(Self.plans.count { !$0.rules.isEmpty } >= 7) }

    @Test(arguments: plans) func isShownByItsFixture(plan: MigrationPlan) async throws {
        for rule in plan.rules where rule.purpose == .intended {
            let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/../\(rule.fixture)")
            let comparison = try A2PComparison(plan: plan.withLegacy(), database: ":memory:")
            try await comparison.play(scenario.lines)
            #expect(rule.counts(at: .compared), "\(plan.name): \(rule)")
            let summary = try await comparison.summary(at: .compared)
            #expect(summary.mismatched == 0, "\(plan.name), \(rule): \(summary.mismatches)")
            #expect(summary.rules.contains { $0.rule == rule.description && $0.masked > 0 }, "\(plan.name): \(rule) is not needed")
            #expect(try await comparison.summary(at: rule.expires).mismatched == 1, "\(plan.name): \(rule) counts when it has expired")
            #expect(try await comparison.hybrid.outcomes() == #require(scenario.hybrid))
            #expect(try await comparison.legacy.outcomes() == #require(scenario.legacy))
        }
    }
}

extension MigrationPlan {
    /// The same with every retired step durable: a comparison needs legacy.
    fileprivate func withLegacy() -> MigrationPlan {
        var plan = self
        for index in plan.steps.indices where plan.steps[index].stage == .retired { plan.steps[index].stage = .durable }
        return plan
    }
}
