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

@Suite struct FixtureTests {
    private let plan: MigrationPlan
    init() throws { plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName) }

    static let modes: [(String, RunMode)] = (try? LegacyFixtures.names())?.flatMap { name in RunMode.allCases.map { (name, $0) } } ?? []

    @Test func thereAreEnough() throws { #expect(try LegacyFixtures.names().count >= 45) }

    @Test(arguments: modes) func endsAsRecorded(name: String, mode: RunMode) async throws {
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/\(name)")
        let run = try A2PRun(.init(mode: mode, plan: plan, database: ":memory:"))
        try await run.play(scenario.lines)
        let expected = try #require(mode == .legacy ? scenario.legacy : scenario.hybrid)
        #expect(try await run.outcomes() == expected)
    }

    /// Step 2 moved as well: it replaces legacy's, so nothing of it may differ.
    @Test(arguments: (try? LegacyFixtures.names()) ?? []) func endsAsRecordedWithAReplacedStep(name: String) async throws {
        let plan = try MigrationPlan(yaml: EmbeddedPlans.twoSteps, file: EmbeddedPlans.twoStepsName)
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/\(name)")
        let run = try A2PRun(.init(mode: .hybrid, plan: plan, database: ":memory:"))
        try await run.play(scenario.lines)
        #expect(try await run.outcomes() == #require(scenario.hybrid))
    }

    @Test(arguments: [(EmbeddedPlans.hybrid, EmbeddedPlans.hybridName), (EmbeddedPlans.twoSteps, EmbeddedPlans.twoStepsName)])
    func nothingDiffersButWhatThePlanDeclares(yaml: String, file: String) async throws {
        let plan = try MigrationPlan(yaml: yaml, file: file)
        let lines = try LegacyFixtures.names().flatMap { try Scenario(folder: "\(LegacyFixtures.folder)/\($0)").lines }
        let comparison = try A2PComparison(plan: plan, database: ":memory:")
        try await comparison.play(lines.sorted { $0.receivedAt < $1.receivedAt })
        let summary = try await comparison.summary(at: .compared)
        #expect(summary.compared >= 45)
        #expect(summary.mismatched == 0, "\(summary.mismatches)")
    }

    /// Step 5.2 with something wrong in it, on one fixture: the unexplained places.
    private func unexplained(
        _ fixture: String, _ run: @escaping @Sendable (StepContext<Registration>, inout Registration) async throws -> Void
    ) async throws -> [String] {
        let fee = Self.again
        let broken = DurableStep<Registration>(number: "5.2", events: Vetting.events, activities: Vetting.step.activities + [fee]) {
            context, registration in
            try await run(context, &registration)
        }
        let comparison = try A2PComparison(plan: plan, database: ":memory:", steps: [broken])
        try await comparison.play(try Scenario(folder: "\(LegacyFixtures.folder)/\(fixture)").lines)
        let summary = try await comparison.summary()
        return summary.mismatches.flatMap(\.differences).filter { !$0.expected }.map(\.path)
    }

    private static let again = DurableActivity<Registration>("billing.vettingFeeAgain") {
        try await $1.perform("billing.vettingFee", step: "5.2", ordinal: 2, request: ["amountCents": 4000, "currency": "USD"])
    }

    /// A wildcard such as `vetting.*` would let it pass.
    @Test func aVettingFeeChargedTwiceIsUnexplained() async throws {
        let found = try await unexplained("happy-private-profit") { context, registration in
            try await context.perform(Self.again, on: &registration)
            _ = try await Vetting.step.run(context, &registration)
        }
        #expect(found == ["fee/vettingFee", "5.2/billing.vettingFee/2"])
    }

    @Test func aVettingFeeForOneThatIsSkippedIsUnexplained() async throws {
        let found = try await unexplained("happy-low-volume") { context, registration in
            try await context.perform(Self.again, on: &registration)
            _ = try await Vetting.step.run(context, &registration)
        }
        #expect(found == ["fee/vettingFee", "5.2/billing.vettingFee/2"])
    }

    /// The step comes to an end that legacy agrees with, and owes what it promised.
    @Test func aVettingThatWasNeverOrderedIsUnexplained() async throws {
        let found = try await unexplained("happy-private-profit") { _, registration in registration.vetting.status = "EXPIRED" }
        #expect(found == ["5.2/billing.vettingFee", "5.2/vetting.order"])
    }

    @Test func aBrokenVettingStepIsFound() async throws {
        let broken = DurableStep<Registration>(number: "5.2", events: Vetting.events, activities: Vetting.step.activities) {
            context, registration in
            _ = try await Vetting.step.run(context, &registration)
            registration.identityStatus = "SELF_DECLARED"
        }
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit")
        let comparison = try A2PComparison(plan: plan, database: ":memory:", steps: [broken])
        try await comparison.play(scenario.lines)
        let summary = try await comparison.summary()
        #expect(summary.mismatched == 1)
        #expect(summary.mismatches.first?.differences.contains { $0.path == "brand/identity" && !$0.expected } == true)
    }

    @Test func generatedTracesAgree() async throws {
        let simulator = Simulator(seed: 11)
        for number in 1...40 {
            simulator.open(EntityID("R-\(number)"), at: Timestamp(milliseconds: 1_772_442_000_000 + Int64(number) * 1000))
        }
        let recording = try A2PRun(.init(mode: .hybrid, plan: plan, database: ":memory:", simulator: simulator))
        try await recording.play(simulator.takeLines().sorted { $0.receivedAt < $1.receivedAt })
        let comparison = try A2PComparison(plan: plan, database: ":memory:")
        try await comparison.play(simulator.trace)
        let summary = try await comparison.summary()
        #expect(summary.compared == 40)
        #expect(summary.mismatched == 0, "\(summary.mismatches)")
    }
}
