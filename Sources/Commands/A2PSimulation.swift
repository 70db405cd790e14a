import A2PRegistration
import Bridge
import BridgeTesting
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Migrations
import Outcomes
import ShadowComparator
import Synchronization

/// The outside of a simulated A2P run: reacts from a seed, or repeats what it came up with before.
final class A2PSimulatedWorld: SimulatedWorld {
    private let seed: UInt64
    private let world: World
    private let journal: EntityJournal
    private let simulator: Simulator?
    private let book: ReferenceBook
    private let repeated: Mutex<[TraceLine]>

    /// A world of `entities` registrations, one every `spacing`; with `repeating`, what happens is given instead of drawn.
    init(seed: UInt64, entities: Int, spacing: Duration, webhooks: WebhookFaults, repeating lines: [TraceLine]? = nil) {
        self.seed = seed
        let simulator = lines == nil ? Simulator(seed: seed, faults: webhooks) : nil
        var book = ReferenceBook()
        for index in 0..<entities {
            let entity = EntityID("R-\(index + 1)")
            book.add(entity, numbers: 4)
            simulator?.open(entity, at: Self.start + .milliseconds(spacing.milliseconds * Int64(index)))
        }
        self.book = book
        self.simulator = simulator
        repeated = Mutex(lines ?? [])
        journal = EntityJournal()
        world = World(journal: journal, onCall: { simulator?.react(to: $0) })
    }

    private static let start = Timestamp(milliseconds: 1_772_442_000_000)  // 2026-03-02T09:00:00Z

    /// Required by ``SimulatedWorld``, which says what it does.
    func takeLines() -> [TraceLine] {
        guard let simulator else {
            return repeated.withLock { lines in
                defer { lines = [] }
                return lines
            }
        }
        return simulator.takeLines()
    }

    /// Required by ``SimulatedWorld``, which says what it does.
    func happen(_ line: TraceLine) throws { try world.happen(line, registrations: book) }

    /// Required by ``SimulatedWorld``, which says what it does.
    func performed(for entity: EntityID) -> [EffectKey] { journal.keys(of: entity) }

    /// Required by ``EffectPort``, which says what it does. One key in 500 is refused for good, by everybody who asks.
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        if StableHash.value("\(seed) \(call.key)") % 500 == 0 {
            throw EffectError(.refused, vendorCode: "403", message: "\(call.key): refused for good")
        }
        return try await world.perform(call)
    }

    /// Required by ``EffectPort``, which says what it does.
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { try await world.reply(to: key) }

    /// Required by ``EffectPort``, which says what it does.
    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { try await world.read(query) }
}

/// The effects performed with effect, by entity.
private final class EntityJournal: EffectJournal {
    private let performed = Mutex<[EntityID: [EffectKey]]>([:])
    var entries: [LedgerEntry] { [] }
    func append(_ entry: LedgerEntry) throws { performed.withLock { $0[entry.key.entity, default: []].append(entry.key) } }
    func keys(of entity: EntityID) -> [EffectKey] { performed.withLock { $0[entity] ?? [] } }
}

/// One seed: the hybrid run with everything that goes wrong, then legacy alone on the same world and schedule, and what differs.
struct A2PSimulation {
    var seed: UInt64
    var entities: Int
    var spacing: Duration
    var rates: FaultRates
    /// The scheduler's steps in which something may go wrong; nil for all.
    var steps: Int?

    /// A step that exists for the simulation alone, so that a segment has two: it lets an hour pass.
    private static let pause = DurableStep<Registration>(number: "5.3", events: [], activities: []) { context, _ in
        try await context.workflow.sleep(for: .hours(1))
    }

    /// The plans that operators switch between.
    private static func plans() throws -> [MigrationPlan] {
        let two = try MigrationPlan(yaml: EmbeddedPlans.twoSteps, file: EmbeddedPlans.twoStepsName)
        var three = two
        three.name = "hybrid-2-5.2-5.3"
        if let index = three.steps.firstIndex(where: { $0.number == "6" }) {
            three.steps.insert(PlannedStep(number: "5.3", title: "Pause", stage: .durable, isAdded: true), at: index)
        }
        var canary = two
        canary.name = "canary"
        for index in canary.steps.indices where canary.steps[index].stage == .durable { canary.steps[index].stage = .canary(percent: 50) }
        let one = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        return [two, three, one, canary]
    }

    private func options(_ plans: [MigrationPlan], _ rates: FaultRates, jumps: [ClockJump] = [])
        -> SimulationOptions<RegistrationState, Registration>
    {
        SimulationOptions(
            domain: A2PDomain.make(steps: A2PDomain.durableSteps + [Self.pause]), plans: plans, seed: seed, rates: rates, quietAfter: steps,
            jumps: jumps)
    }

    /// Runs both and checks the laws, I7 among them.
    func run(progress: (Int, Timestamp) -> Void = { _, _ in }) async throws -> SimulationRun {
        let plans = try Self.plans()
        let webhooks = WebhookFaults(duplicate: rates[.duplicate], lost: rates[.loss], delayed: rates[.delay])
        let world = A2PSimulatedWorld(seed: seed, entities: entities, spacing: spacing, webhooks: webhooks)
        var hybrid = try await Simulation(options(plans, rates), world: world).play(progress: progress)
        count(&hybrid)
        let again = A2PSimulatedWorld(seed: seed, entities: entities, spacing: spacing, webhooks: .none, repeating: hybrid.lines)
        let alone = plans[0].legacyOnly()
        let legacy = try await Simulation(options([alone], .none, jumps: hybrid.jumps), world: again).play(progress: progress)
        hybrid.violations += legacy.violations.map { violation in
            Violation(invariant: violation.invariant, entity: violation.entity, detail: "legacy alone: \(violation.detail)")
        }
        hybrid.violations += differences(hybrid, legacy, plans)
        return hybrid
    }

    /// The webhooks that went wrong, as they were drawn.
    private func count(_ run: inout SimulationRun) {
        var bodies: Set<String> = []
        for line in run.lines {
            if line.lost { run.faults[.loss, default: 0] += 1 }
            guard let occurred = line.occurredAt, occurred < line.receivedAt else { continue }
            let isFirst = bodies.insert("\(line.source) \(occurred.milliseconds) \(line.body.canonicalText)").inserted
            run.faults[isFirst ? .delay : .duplicate, default: 0] += 1
        }
    }

    /// I7, and I6 as far as the domain knows where an entity may rest.
    private func differences(_ hybrid: SimulationRun, _ legacy: SimulationRun, _ plans: [MigrationPlan]) -> [Violation] {
        let expected = plans.map(\.expected)
        let comparator = Comparator(expectedFacts: expected.flatMap(\.facts), expectedEffects: expected.flatMap(\.effects))
        let summary = comparator.compare(controls: observations(legacy, "legacy"), candidates: observations(hybrid, "hybrid"))
        var violations = summary.mismatches.map { mismatch in
            let found = mismatch.differences.filter { !$0.expected }.map { difference in
                "\(difference.path): legacy \(difference.control?.canonicalText ?? "nothing"),"
                    + " hybrid \(difference.candidate?.canonicalText ?? "nothing")"
            }
            return Violation(invariant: "I7", entity: mismatch.entity, detail: found.joined(separator: "; "))
        }
        for (entity, result) in hybrid.results.sorted(by: { $0.key < $1.key }) where result.outcome.status == "waiting" {
            guard legacy.results[entity]?.outcome.status != "waiting" else { continue }
            violations.append(Violation(invariant: "I6", entity: entity, detail: "waits for ever in \(result.outcome.state)"))
        }
        return violations
    }

    private func observations(_ run: SimulationRun, _ path: String) -> [Observation] {
        run.results.sorted { $0.key < $1.key }.map {
            Observation(entity: $0.key, path: path, outcome: $0.value.outcome, ledger: $0.value.ledger)
        }
    }
}
