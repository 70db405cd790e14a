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
import LegacyFixtures
import Migrations
import Outcomes
import ShadowComparator
import Synchronization
import Testing

/// Steps on stage shadow: their durable code does what legacy does, nobody is called for it, and legacy is as without it.
@Suite struct ShadowTests {
    /// Legacy has the registration; of the steps that it has, these are shadowed.
    static func plan(_ shadowed: Set<StepNumber>) throws -> MigrationPlan {
        var plan = try MigrationPlan(yaml: EmbeddedPlans.allDurable, file: EmbeddedPlans.allDurableName)
        plan.name = "shadow of \(shadowed.sorted().map(\.description).joined(separator: "-"))"
        for index in plan.steps.indices {
            plan.steps[index].stage = shadowed.contains(plan.steps[index].number) ? .shadow : .legacy
        }
        return plan
    }

    static let steps = Set(A2PDomain.durableSteps.map(\.number)).subtracting(["5.2"])

    private static func play(
        _ shadowed: Set<StepNumber>, _ lines: [TraceLine], steps: [DurableStep<Registration>] = A2PDomain.durableSteps,
        ports: PortWrapper = .none
    ) async throws -> A2PRun {
        var options = A2POptions(mode: .hybrid, plan: try plan(shadowed), database: ":memory:", steps: steps)
        options.run.ports = ports
        let run = try A2PRun(options)
        try await run.play(lines)
        return run
    }

    private static func counts(_ run: A2PRun) async throws -> [ShadowResult.Verdict: Int] {
        let counts = try await #require(run.bridge.shadow).book.counts().values
        return counts.reduce(into: [:]) { all, one in all.merge(one.visits, uniquingKeysWith: +) }
    }

    private static func mismatches(_ run: A2PRun) async throws -> [ShadowResult] {
        try await #require(run.bridge.shadow).book.results(limit: 1000).filter { $0.verdict == .mismatched }
    }

    @Test func everyStepOfEveryFixture() async throws {
        let run = try await Self.play(Self.steps, try EveryStepTests.allLines())
        let counts = try await Self.counts(run)
        #expect(counts[.matched, default: 0] >= 850)
        #expect(counts[.dropped] == nil)
        #expect(counts[.incomparable] == nil)
        let found = try await Self.mismatches(run)
        #expect(found.isEmpty, "\(found.map(Self.sentence).joined(separator: "\n"))")
        let book = try await #require(run.bridge.shadow).book.counts()
        #expect(Set(book.keys) == Self.steps)
        // Who has come to step 11 in a recording is still there at its end, or has left it without a call.
        #expect(book.allSatisfy { $0.value.unanswered == 0 && ($0.value.answered > 0 || $0.key == "11") }, "\(book)")
    }

    @Test func generatedRegistrationsWithFaults() async throws {
        let lines = try await GeneratedTrace.lines(60, seed: 17)
        let run = try await Self.play(Self.steps, EveryStepTests.ordered(lines))
        let counts = try await Self.counts(run)
        #expect(counts[.matched, default: 0] >= 500, "\(counts)")
        let found = try await Self.mismatches(run)
        #expect(found.isEmpty, "\(found.map(Self.sentence).joined(separator: "\n"))")
    }

    private static func sentence(_ result: ShadowResult) -> String {
        "\(result.visit) (\(result.path)): \(EveryStepTests.words(result.differences))"
    }

    /// Nobody who looks at the owner can tell whether a shadow follows, and no party is called for it.
    @Test func theOwnerIsAsWithoutIt() async throws {
        let lines = try EveryStepTests.allLines()
        let (with, without) = (CountedCalls(), CountedCalls())
        let shadowed = try await Self.play(Self.steps, lines, ports: with.ports)
        let alone = try await Self.play([], lines, ports: without.ports)
        #expect(alone.bridge.shadow == nil)
        #expect(with.count == without.count)
        #expect(try await shadowed.outcomes() == alone.outcomes())
        for entity in try await alone.store.entities() {
            #expect(try await shadowed.ledger(of: entity) == alone.ledger(of: entity))
            #expect(try await shadowed.store.journal(of: entity) == alone.store.journal(of: entity))
            #expect(try await shadowed.store.snapshot(of: entity) == alone.store.snapshot(of: entity))
        }
        #expect(try await shadowed.store.counters() == alone.store.counters())
    }

    /// A bug of a migration, in one activity or in the sequence of one step, with the layer in which it has to be seen.
    struct Bug: Sendable, CustomTestStringConvertible {
        let name: String
        let step: StepNumber
        let layer: Difference.Layer
        let change: @Sendable (DurableStep<Registration>) -> DurableStep<Registration>
        var testDescription: String { name }
    }

    @Test(arguments: ShadowBugs.all) func aBugIsFound(bug: Bug) async throws {
        let steps = A2PDomain.durableSteps.map { $0.number == bug.step ? bug.change($0) : $0 }
        let (calls, none) = (CountedCalls(), CountedCalls())
        let lines = try EveryStepTests.allLines()
        let run = try await Self.play([bug.step], lines, steps: steps, ports: calls.ports)
        let found = try await Self.mismatches(run)
        #expect(found.contains { result in result.differences.contains { $0.layer == bug.layer } }, "\(found.prefix(2))")
        // Whatever the code wants, nobody hears of it.
        _ = try await Self.play([], lines, ports: none.ports)
        #expect(calls.count == none.count)
    }
}

/// Bugs of durable code that a shadow has to find.
enum ShadowBugs {
    static let all: [ShadowTests.Bug] = [
        .init(name: "an effect is defined and never performed", step: "8", layer: .effects) { step in
            step.replacing("partner.share") { _, _ in }
        },
        .init(name: "an effect is performed twice", step: "3", layer: .effects) { step in
            step.extending("registry.submitBrand") { _, effects in
                try await effects.perform("billing.brandFee", step: "3", ordinal: 2, request: ["amountCents": 400])
            }
        },
        .init(name: "an effect that legacy never performs", step: "2", layer: .effects) { step in
            step.extending("provider.submitBundle") { _, effects in try await effects.perform("partner.fraudScore", step: "2") }
        },
        .init(name: "another payload", step: "3", layer: .effects) { step in
            step.preceding("registry.submitBrand") { registration, _ in registration.entityType = "GOVERNMENT" }
        },
        .init(name: "another end", step: "8", layer: .state) { step in step.ending { $0 == "DCA_COMPLETE" ? "FAILED" : $0 } },
        .init(name: "it ends on the first word", step: "9", layer: .state) { step in
            step.with(step.activities) { context, _ in
                _ = try await context.wait(for: step.events)
                return "CAMPAIGN_VERIFIED"
            }
        },
        .init(name: "it waits for ever", step: "4", layer: .state) { step in
            step.with(step.activities) { context, _ in
                while true { _ = try await context.wait(for: step.events) }
            }
        },
        .init(name: "it throws", step: "5", layer: .outcome) { step in
            step.with(step.activities) { _, _ in
                throw EffectError(.refused, vendorCode: "x", message: "a bug")
            }
        },
    ]
}

extension DurableStep<Registration> {
    fileprivate typealias Effects = @Sendable (inout Registration, EffectSession) async throws -> Void

    /// The same step with other code.
    fileprivate func with(
        _ activities: [DurableActivity<Registration>],
        run: @escaping @Sendable (StepContext<Registration>, inout Registration) async throws -> String
    ) -> Self {
        DurableStep(number: number, events: events, early: early, activities: activities, adopts: adopts, run: run)
    }

    fileprivate func ending(in state: @escaping @Sendable (String) -> String) -> Self {
        let run = run
        return with(activities) { state(try await run($0, &$1) ?? "") }
    }

    private func changing(_ name: String, _ change: (@escaping Effects) -> Effects) -> Self {
        let (run, changed) = (run, activities.map { $0.name == name ? DurableActivity($0.name, retry: $0.retry, run: change($0.run)) : $0 })
        return with(changed) { try await run($0, &$1) ?? "" }
    }

    fileprivate func replacing(_ name: String, by body: @escaping Effects) -> Self { changing(name) { _ in body } }
    fileprivate func extending(_ name: String, by body: @escaping Effects) -> Self { changing(name) { Self.both($0, body) } }
    fileprivate func preceding(_ name: String, by body: @escaping Effects) -> Self { changing(name) { Self.both(body, $0) } }

    private static func both(_ first: @escaping Effects, _ second: @escaping Effects) -> Effects {
        { registration, effects in
            try await first(&registration, effects)
            try await second(&registration, effects)
        }
    }
}

/// Counts what parties are asked.
final class CountedCalls: Sendable {
    private let calls = Mutex(0)

    var count: Int { calls.withLock { $0 } }
    var ports: PortWrapper { PortWrapper(effects: { CountingPort(base: $0, calls: self) }) }
    fileprivate func add() { calls.withLock { $0 += 1 } }
}

private struct CountingPort: ForwardingEffects {
    let base: any EffectPort
    let calls: CountedCalls

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        calls.add()
        return try await base.perform(call)
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        calls.add()
        return try await base.reply(to: key)
    }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        calls.add()
        return try await base.read(query)
    }
}
