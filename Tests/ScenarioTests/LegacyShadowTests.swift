import A2PApp
import A2PRegistration
import A2PRetired
import Bridge
import BridgeTesting
import Commands
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator
import Testing

/// After the cut-over legacy follows in the shadow of durable: its table does what the durable code does, and nobody is called for it.
@Suite struct LegacyShadowTests {
    /// Every step is durable; legacy follows in these.
    static func plan(_ followed: Set<StepNumber>) throws -> MigrationPlan {
        var plan = try EveryStepTests.plan(Set(EveryStepTests.steps))
        plan.name = "followed \(followed.sorted().map(\.description).joined(separator: "-"))"
        for index in plan.steps.indices { plan.steps[index].isFollowed = followed.contains(plan.steps[index].number) }
        return plan
    }

    static let steps = Set(EveryStepTests.steps)

    private static func play(
        _ followed: Set<StepNumber>, _ lines: [TraceLine], steps: [DurableStep<Registration>] = A2PDomain.durableSteps,
        ports: PortWrapper = .none, bent: (inout Machine<RegistrationState, Registration>) throws -> Void = { _ in }
    ) async throws -> A2PRun {
        var app = A2P.app(steps: steps)
        try bent(&app.domain.machine)
        var options = RunOptions(mode: .hybrid, plan: try plan(followed), database: ":memory:")
        options.ports = ports
        let run = try A2PRun(app, options)
        try await run.play(lines)
        return run
    }

    private static func counts(_ run: A2PRun) async throws -> [StepNumber: ShadowCounts] {
        try await #require(run.bridge.shadow).book.counts(of: .legacy)
    }

    private static func results(_ run: A2PRun, _ verdict: ShadowResult.Verdict) async throws -> [ShadowResult] {
        try await #require(run.bridge.shadow).book.results(limit: 1000).filter { $0.verdict == verdict }
    }

    private static func sentence(_ result: ShadowResult) -> String {
        "\(result.visit) (\(result.path)): \(result.reason ?? "") \(EveryStepTests.words(result.differences))"
    }

    private static func sentences(_ results: [ShadowResult]) -> String { results.map(sentence).sorted().joined(separator: "\n") }

    /// Cancelled in the moment in which the step before was complete: the segment was told there, and the step begins with it.
    private static let notComparable: Set<String> = ["R-900030 step 10, followed by legacy"]

    /// The registry's word that it has the brand is lost, and what it says of the identity completes two steps at one moment: two visits for
    /// durable, one move for legacy.
    @Test func twoStepsInOneMoveCannotBeCompared() async throws {
        let lines = try Lockstep.lines("happy-private-profit").filter { $0.body["eventType"]?.string != "BRAND_ADD" }
        let run = try await Self.play(Self.steps, lines)
        #expect(try await Self.results(run, .mismatched).isEmpty)
        let found = try await Self.results(run, .incomparable)
        #expect(found.map(\.visit.step).sorted() == ["3", "4"], "\(Self.sentences(found))")
        #expect(found.allSatisfy { $0.reason?.contains("in one move") == true })
    }

    @Test func everyStepOfEveryFixture() async throws {
        let run = try await Self.play(Self.steps, try EveryStepTests.allLines())
        let counts = try await Self.counts(run)
        let (mismatched, incomparable) = (try await Self.results(run, .mismatched), try await Self.results(run, .incomparable))
        #expect(mismatched.isEmpty, "\(Self.sentences(mismatched))")
        #expect(Set(incomparable.map(\.visit.description)) == Self.notComparable, "\(Self.sentences(incomparable))")
        #expect(counts.values.reduce(0) { $0 + $1.count(.matched) } >= 1000)
        #expect(counts.values.allSatisfy { $0.count(.dropped) == 0 }, "\(counts)")
        #expect(Set(counts.keys) == Self.steps)
        // Legacy has no step 5.2, and nobody leaves step 11 in these recordings but by a cancellation.
        #expect(counts["5.2"]?.visits.keys.map(\.rawValue) == ["added"])
        #expect(counts.allSatisfy { $0.value.unanswered == 0 && ($0.value.answered > 0 || ["5.2", "11"].contains($0.key)) }, "\(counts)")
    }

    /// Before legacy goes, durable code answers what belongs to no step. What legacy makes of it is compared, too.
    @Test func whatBelongsToNoStepIsComparedWhereDurableAnswers() async throws {
        var plan = try Self.plan(Self.steps)
        plan.interrupts = .durable
        for lines in [try EveryStepTests.allLines(), EveryStepTests.ordered(try await GeneratedTrace.lines(60, seed: 17))] {
            let run = try A2PRun(A2P.app(steps: A2PDomain.durableSteps), RunOptions(mode: .hybrid, plan: plan, database: ":memory:"))
            try await run.play(lines)
            let counts = try await Self.counts(run).values
            #expect(counts.reduce(0) { $0 + $1.count(.matched) } >= 500, "\(counts)")
            let found = try await Self.results(run, .mismatched) + Self.results(run, .dropped) + Self.results(run, .incomparable)
            #expect(Set(found.map(\.visit.description)).isSubset(of: Self.notComparable), "\(Self.sentences(found))")
        }
    }

    @Test func generatedRegistrationsWithFaults() async throws {
        let lines = try await GeneratedTrace.lines(60, seed: 17)
        let run = try await Self.play(Self.steps, EveryStepTests.ordered(lines))
        let counts = try await Self.counts(run).values
        #expect(counts.reduce(0) { $0 + $1.count(.matched) } >= 500, "\(counts)")
        let found = try await Self.results(run, .mismatched) + Self.results(run, .dropped) + Self.results(run, .incomparable)
        #expect(found.isEmpty, "\(Self.sentences(found))")
    }

    /// Nobody who looks at the owner can tell whether legacy follows, and no party is called for it.
    @Test func theOwnerIsAsWithoutIt() async throws {
        let lines = try EveryStepTests.allLines()
        let (with, without) = (CountedCalls(), CountedCalls())
        let followed = try await Self.play(Self.steps, lines, ports: with.ports)
        let alone = try await Self.play([], lines, ports: without.ports)
        #expect(alone.bridge.shadow == nil)
        #expect(with.count == without.count)
        #expect(try await followed.outcomes() == alone.outcomes())
        for entity in try await alone.store.entities() {
            #expect(try await followed.ledger(of: entity) == alone.ledger(of: entity))
            #expect(try await followed.store.journal(of: entity) == alone.store.journal(of: entity))
            #expect(try await followed.store.snapshot(of: entity) == alone.store.snapshot(of: entity))
            #expect(try await followed.store.reads(of: entity) == alone.store.reads(of: entity))
        }
        #expect(try await followed.store.counters() == alone.store.counters())
    }

    /// Code that waits for ever never ends its visit: nothing is compared.
    private static let bugs = ShadowBugs.all.filter { $0.name != "it waits for ever" }

    @Test(arguments: bugs) func aBugOfDurableCodeIsFound(bug: ShadowTests.Bug) async throws {
        let steps = A2PDomain.durableSteps.map { $0.number == bug.step ? bug.change($0) : $0 }
        let run = try await Self.play([bug.step], try EveryStepTests.allLines(), steps: steps)
        let found = try await Self.results(run, .mismatched)
        #expect(found.count >= 10, "\(Self.sentences(found))")
    }

    /// A bug of one cell of legacy's table, and the step whose shadow has to see it.
    struct TableBug: Sendable, CustomTestStringConvertible {
        let step: StepNumber
        let bug: CellBug
        let event: EventKind
        let state: RegistrationState
        var testDescription: String { "\(bug): \(event) in \(state.rawValue)" }
    }

    static let tableBugs = [
        TableBug(step: "3", bug: .forgotten, event: "BRAND_ADD", state: .BRAND_SUBMITTED),
        TableBug(step: "4", bug: .leadsElsewhere, event: "BRAND_IDENTITY_STATUS_UPDATE", state: .BRAND_PENDING_IDENTITY),
        TableBug(step: "3", bug: .writesNothing, event: .continue, state: .PROFILE_APPROVED),
        TableBug(step: "6", bug: .leadsNowhere, event: "content.approved", state: .CONTENT_REVIEW),
        TableBug(step: "9", bug: .forgotten, event: "timer.repoll", state: .MNO_REVIEW),
    ]

    @Test(arguments: tableBugs) func aBugOfTheTableIsFound(bug: TableBug) async throws {
        let run = try await Self.play([bug.step], try EveryStepTests.allLines()) { machine in
            machine = try #require(machine.bent(bug.bug, on: bug.event, in: bug.state))
        }
        let found = try await Self.results(run, .mismatched)
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.visit.step == bug.step })
    }

    /// What a step announces is explained, and what it does not announce is not.
    @Test func whatIsAnnouncedIsExplained() async throws {
        let bug = try #require(ShadowBugs.all.first { $0.name == "an effect is performed twice" })
        let steps = A2PDomain.durableSteps.map { $0.number == bug.step ? bug.change($0) : $0 }
        var plan = try Self.plan([bug.step])
        let place = try #require(plan.steps.firstIndex { $0.number == bug.step })
        let yaml = """
            plan: p
            version: 1
            steps:
              - step: 3
                title: t
                stage: durable
                announces:
                  - { effect: billing.brandFee, count: 1 }
                  - { fact: fee/brandFee, change: changed }
            """
        plan.steps[place].announces = try MigrationPlan(yaml: yaml, file: "p").steps[0].announces
        let run = try A2PRun(A2P.app(steps: steps), RunOptions(mode: .hybrid, plan: plan, database: ":memory:"))
        try await run.play(try EveryStepTests.allLines())
        let counts = try #require(try await Self.counts(run)["3"])
        let mismatched = Self.sentences(try await Self.results(run, .mismatched))
        #expect(counts.count(.expected) >= 100, "\(counts) \(mismatched)")
    }
}
