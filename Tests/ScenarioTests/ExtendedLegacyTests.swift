import A2PApp
import A2PRetired
import Bridge
import BridgeTesting
import Commands
import Cutover
import Events
import ExtendedLegacy
import LegacyFixtures
import LegacyStateMachine
import Migrations
import Outcomes
import ShadowComparator
import Testing

/// The legacy table with step 5.2 in it, as somebody writes it who has no durable code: it does what the durable step does.
@Suite struct ExtendedLegacyTests {
    private static let plan = EmbeddedPlans.legacy.replacing(
        "  - { step: 6,", with: "  - { step: 5.2, title: Secondary vetting, stage: legacy }\n  - { step: 6,")

    private static func extended(
        _ lines: [TraceLine], machine: Machine<RegistrationState, Registration> = A2PMachine.machine
    ) async throws -> AppRun<RegistrationState, Registration> {
        let domain = Domain(
            machine: machine, sweeper: A2PMachine.sweeper, decoders: A2PDecoders.all, durableSteps: [], interrupts: [],
            birth: { Registration($0) }, references: \.references, outcome: { $0.outcome($1, $2) }, forgotten: \.forgotten)
        let app = LockstepApp(
            "extended", domain: domain, effects: nil, plan: .text(plan, name: "extended.yaml"), recorded: { A2POutside(journal: $0) })
        let plan = try MigrationPlan(yaml: plan, file: "extended.yaml")
        let run = try AppRun(app, RunOptions(mode: .legacy, plan: plan, database: ":memory:"))
        try await run.play(lines)
        return run
    }

    private static func hybrid(_ lines: [TraceLine]) async throws -> [Observation] {
        let plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        let run = try A2PRun(.init(mode: .hybrid, plan: plan, database: ":memory:"))
        try await run.play(lines)
        return try await run.observations()
    }

    /// Nothing is announced: both sides have step 5.2, so outcomes, states and effects have to be the same.
    private static func compare(
        _ controls: [Observation], _ run: AppRun<RegistrationState, Registration>
    ) async throws -> ComparisonSummary {
        Comparator(announcements: []).compare(controls: controls, candidates: try await run.observations(), keeping: .max)
    }

    @Test func everyFixtureEndsAsHybrid() async throws {
        let lines = try EveryStepTests.allLines()
        let run = try await Self.extended(lines)
        let outcomes = try await run.outcomes()
        for scenario in try EveryStepTests.fixtures.map({ try Scenario(folder: "\(LegacyFixtures.folder)/\($0)") }) {
            for (entity, expected) in try #require(scenario.hybrid) { #expect(outcomes[entity] == expected, "\(scenario.name)") }
        }
        let summary = try await Self.compare(try await Self.hybrid(lines), run)
        #expect(summary.compared == EveryStepTests.fixtures.count && summary.compared >= 105)
        #expect(summary.mismatched == 0, "\(summary.mismatches.map { "\($0.entity): \(EveryStepTests.words($0.differences))" })")
    }

    /// The comparison sees a row that is missing: the one that takes reports over, and the daily look of the PIN.
    @Test(arguments: [("EVP_REPORT_FAIL", .VETTING_ORDERED), ("timer.repoll", .VETTING_OTP_PENDING)] as [(EventKind, RegistrationState)])
    func aMissingRowIsFound(event: EventKind, state: RegistrationState) async throws {
        let lines = try EveryStepTests.allLines()
        let bent = try #require(A2PMachine.machine.bent(.forgotten, on: event, in: state))
        #expect(try await Self.compare(try await Self.hybrid(lines), try await Self.extended(lines, machine: bent)).mismatched > 0)
    }

    /// What the simulated outside comes up with. The durable step looks exactly when it is time, the cron job on the full hour: the steps
    /// after it may begin an hour later, and a partner who answers in that hour is not reminded.
    @Test func generatedRegistrationsEndAsHybrid() async throws {
        let lines = EveryStepTests.ordered(try await GeneratedTrace.lines(300, seed: 16))
        let summary = try await Self.compare(try await Self.hybrid(lines), try await Self.extended(lines))
        #expect(summary.compared == 300)
        let paths = Set(summary.mismatches.flatMap(\.differences).map(\.path))
        #expect(summary.mismatched <= 3 && paths.isSubset(of: ["nudges", "8/registry.nudge/1"]), "\(summary.mismatches)")
    }

    // MARK: One delivery more, twice, late or never

    /// Where the table does something else than hybrid, and why.
    enum Deviation: String, CaseIterable {
        case overrideToReady = "during the vetting hybrid is in BRAND_READY, so an override to it changes nothing; legacy is elsewhere"
        case overrideToReview =
            "support moves it on to the review: hybrid uses what the reviewer said before, the table has no row for that"
        case confirmedBefore = "a PIN that is confirmed before the step is kept by hybrid, which sends one first; the table needs none then"
        case expiredBefore = "an e-mail that expires before it was sent is kept by hybrid, which sends it twice; the table drops that"

        init?(_ variation: VettingVariation, _ differences: [Difference]) {
            let paths = Set(differences.map(\.path))
            if variation.change == "override to BRAND_READY" {
                self = .overrideToReady
            } else if variation.change == "override to CONTENT_REVIEW", paths.contains("7/registry.createCampaign/1") {
                self = .overrideToReview
            } else if paths == ["5.2/registry.sendOTP/1"] {
                self = .confirmedBefore
            } else if paths == ["5.2/vetting.startAuthPlus/2"] {
                self = .expiredBefore
            } else {
                return nil
            }
        }
    }

    /// The recordings that show every deviation.
    private static let varied: [(recording: String, deviations: Set<Deviation>)] = [
        ("content-approved-during-vetting", [.overrideToReady, .overrideToReview]),
        ("happy-sole-proprietor", [.overrideToReady, .confirmedBefore]),
        ("vetting-authplus-resent", [.overrideToReady, .expiredBefore]),
        ("vetting-brand-suspended", [.overrideToReady]),
        ("vetting-failed-appeal-scored", [.overrideToReady]),
    ]

    @Test(arguments: varied) func variationsEndAsHybrid(recording: String, deviations: Set<Deviation>) async throws {
        var found: Set<Deviation> = []
        let variations = try VettingVariation.all(of: recording)
        #expect(variations.count > 100)
        for variation in variations {
            let summary = try await Self.compare(try await Self.hybrid(variation.lines), try await Self.extended(variation.lines))
            for mismatch in summary.mismatches {
                let deviation = Deviation(variation, mismatch.differences)
                #expect(deviation != nil, "\(variation): \(EveryStepTests.words(mismatch.differences))")
                if let deviation { found.insert(deviation) }
            }
        }
        #expect(found == deviations, "\(recording)")
    }
}
