import A2PRegistration
import A2PRetired
import Bridge
package import BridgeTesting
package import Commands
import Cutover
import DurableWorkflow
package import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import Migrations
import Outcomes
import ShadowComparator

/// One seed: the hybrid run with everything that goes wrong, then legacy alone on the same world and schedule, and what differs.
package struct A2PSimulation {
    package var settings: SimulationSettings

    /// A simulation.
    package init(_ settings: SimulationSettings) { self.settings = settings }

    /// A simulation; the defaults are those of `lockstep simulate`.
    package init(
        seed: UInt64, entities: Int, spacing: Duration = .seconds(36), rates: FaultRates = .every(0.01), attempts: Int = 200,
        mostViolations: Int = 1000
    ) {
        self.init(
            SimulationSettings(
                seed: seed, entities: entities, spacing: spacing, rates: rates, attempts: attempts, mostViolations: mostViolations))
    }

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

    private var domain: Domain<RegistrationState, Registration> {
        A2PDomain.make(steps: A2PDomain.durableSteps + (settings.plans.isEmpty ? [Self.pause] : []))
    }

    /// Runs both and checks the laws, I7 among them.
    package func run(progress: (Int, Timestamp) -> Void = { _, _ in }) async throws -> (run: SimulationRun, seconds: Double) {
        let plans = try settings.plans.isEmpty ? Self.plans() : settings.plans
        let (seed, rates, watched) = (settings.seed, settings.rates, settings.watched)
        let webhooks = WebhookFaults(duplicate: rates[.duplicate], lost: rates[.loss], delayed: rates[.delay])
        let world = A2PSimulatedWorld(
            seed: seed, entities: settings.entities, spacing: settings.spacing, webhooks: webhooks, parties: settings.parties)
        var options = SimulationOptions(
            domain: domain, plans: plans, seed: seed, rates: rates, quietAfter: settings.steps, watched: watched)
        if let mutant = settings.mutant { (options.ports, options.storage) = (mutant.ports, mutant.storage) }
        options.mostViolations = settings.mostViolations
        options.lanes = settings.lanes
        let start = Date()
        var hybrid = try await Simulation(options, world: world).play(progress: progress)
        let seconds = Date().timeIntervalSince(start)
        count(&hybrid)
        guard hybrid.violations.count < settings.mostViolations else { return (hybrid, seconds) }
        let alone = LegacyAlone(
            domain: domain, plan: plans[0].legacyOnly(), seed: seed, schedule: hybrid.schedule, world: world, watched: watched)
        let legacy = try await alone.run(progress: progress)
        if watched != nil {
            Self.show("hybrid", hybrid)
            Self.show("legacy", legacy)
        }
        hybrid.violations += legacy.violations.map { violation in
            Violation(invariant: violation.invariant, entity: violation.entity, detail: "legacy alone: \(violation.detail)")
        }
        try await compare(&hybrid, legacy, alone, plans)
        return (hybrid, seconds)
    }

    static func show(_ name: String, _ run: SimulationRun) {
        Console.print(name)
        Console.print(Console.table(run.journal.map { [$0.at.description, $0.owner.rawValue, "\($0.epoch)", $0.what, $0.detail] }))
    }

    /// The webhooks that went wrong, as they were drawn.
    private func count(_ run: inout SimulationRun) {
        var bodies: Set<String> = []
        for line in run.schedule.lines {
            if line.lost { run.faults[.loss, default: 0] += 1 }
            guard let occurred = line.occurredAt, occurred < line.receivedAt else { continue }
            let isFirst = bodies.insert("\(line.source) \(occurred.milliseconds) \(line.body.canonicalText)").inserted
            run.faults[isFirst ? .delay : .duplicate, default: 0] += 1
        }
    }

    /// I7, and I6 as far as the domain knows where an entity may rest.
    private func compare(_ hybrid: inout SimulationRun, _ legacy: SimulationRun, _ alone: LegacyAlone, _ plans: [MigrationPlan])
        async throws
    {
        let comparator = Comparator(announcements: plans.flatMap(\.announcements))
        let candidates = hybrid.results.mapValues { $0.observation(path: "hybrid") }
        let controls = legacy.results.mapValues { $0.observation(path: "legacy") }
        let summary = comparator.compare(controls: Array(controls.values), candidates: Array(candidates.values), keeping: .max)
        let schedules = alone.schedules(of: Set(summary.mismatches.map(\.entity)))
        hybrid.comparison.differed = summary.mismatches.count
        for mismatch in summary.mismatches where hybrid.violations.count < settings.mostViolations {
            guard let candidate = candidates[mismatch.entity], let schedule = schedules[mismatch.entity] else { continue }
            switch try await alone.explanation(of: candidate, on: schedule, comparator) {
            case let rules?: hybrid.comparison.add(mismatch.entity, under: rules)
            case nil:
                hybrid.violations.append(Violation(invariant: "I7", entity: mismatch.entity, detail: mismatch.sentence))
                try await measure(candidate, schedule, &hybrid.comparison, alone, comparator)
            }
        }
        for (entity, result) in hybrid.results.sorted(by: { $0.key < $1.key }) where result.outcome.status == "waiting" {
            guard legacy.results[entity]?.outcome.status != "waiting" else { continue }
            hybrid.violations.append(Violation(invariant: "I6", entity: entity, detail: "waits for ever in \(result.outcome.state)"))
        }
    }

    /// How many findings are measured against random runs of legacy alone: each costs as many runs as are asked for.
    private static let mostMeasured = 20

    private func measure(
        _ candidate: Observation, _ schedule: SimulatedSchedule, _ comparison: inout LegacyComparison, _ alone: LegacyAlone,
        _ comparator: Comparator
    ) async throws {
        comparison.findings += 1
        guard settings.attempts > 0, comparison.measured < Self.mostMeasured else { return }
        comparison.measured += 1
        if try await alone.spreads(to: candidate, on: schedule, comparator, attempts: settings.attempts) { comparison.withinSpread += 1 }
    }
}

extension Comparison {
    /// What was not expected, the first few of it.
    fileprivate var sentence: String {
        let found = differences.filter { !$0.expected }
        let first = found.prefix(6).map { difference in
            "\(difference.path): legacy \(difference.control?.canonicalText ?? "nothing"),"
                + " hybrid \(difference.candidate?.canonicalText ?? "nothing")"
        }
        return first.joined(separator: "; ") + (found.count > 6 ? "; \(found.count - 6) more" : "")
    }
}
