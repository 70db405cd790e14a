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
        if watched != nil { show(hybrid, legacy) }
        hybrid.violations += legacy.violations.map { violation in
            Violation(invariant: violation.invariant, entity: violation.entity, detail: "legacy alone: \(violation.detail)")
        }
        try await compare(&hybrid, legacy, alone, plans)
        return (hybrid, seconds)
    }

    private func show(_ hybrid: SimulationRun, _ legacy: SimulationRun) {
        for (name, run) in [("hybrid", hybrid), ("legacy", legacy)] {
            Console.print(name)
            Console.print(Console.table(run.journal.map { [$0.at.description, $0.owner.rawValue, "\($0.epoch)", $0.what, $0.detail] }))
        }
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
        for mismatch in summary.mismatches where hybrid.violations.count < settings.mostViolations {
            guard let candidate = candidates[mismatch.entity], let schedule = schedules[mismatch.entity] else { continue }
            if try await alone.comesTo(candidate, on: schedule, comparator, attempts: settings.attempts) {
                hybrid.moves["legacyAlsoDoes", default: 0] += 1
            } else {
                hybrid.violations.append(Violation(invariant: "I7", entity: mismatch.entity, detail: mismatch.sentence))
            }
        }
        for (entity, result) in hybrid.results.sorted(by: { $0.key < $1.key }) where result.outcome.status == "waiting" {
            guard legacy.results[entity]?.outcome.status != "waiting" else { continue }
            hybrid.violations.append(Violation(invariant: "I6", entity: entity, detail: "waits for ever in \(result.outcome.state)"))
        }
    }
}

/// Legacy alone on the schedule of a hybrid run: the same things happen outside, the same deliveries are made durable at the same
/// moments, and the clock is wrong at the same times.
struct LegacyAlone {
    var domain: Domain<RegistrationState, Registration>
    var plan: MigrationPlan
    var seed: UInt64
    var schedule: SimulatedSchedule
    /// The hybrid run's.
    var world: A2PSimulatedWorld
    var watched: EntityID?

    /// Nothing goes wrong inside.
    func run(progress: (Int, Timestamp) -> Void) async throws -> SimulationRun {
        let outside = world.repeating(schedule.lines)
        return try await Simulation(options(schedule, seed: seed, rates: .none), world: outside).play(progress: progress)
    }

    /// True when legacy alone comes to what `candidate` is, at least once when things go wrong inside it as they did in the hybrid run.
    ///
    /// What a machine with a daily poll and deadlines comes to depends on minutes: a poll that a full disk puts off, a retry that waits
    /// half a second longer, a clock that was a day ahead when the sweep ran, a poll that waits behind thousands of others that the
    /// same jump of the clock made due. Legacy alone has a spread of outcomes for one schedule; an outcome within it is no difference
    /// that a migration made. Legacy's sweep saw nothing of the steps that were durable, so it does not see them here either in every
    /// other try. And where the two sides asked the outside at different times, repeated deliveries answer what legacy has not asked yet:
    /// so at last the outside answers by itself, the same to the same call; to calls of steps that legacy does not have, as it did.
    func comesTo(_ candidate: Observation, on own: SimulatedSchedule, _ comparator: Comparator, attempts: Int) async throws -> Bool {
        for attempt in 0..<attempts {
            if try await comesTo(candidate, own, comparator, attempt, isAnswered: false) { return true }
        }
        for attempt in 0..<attempts / 2 {
            if try await comesTo(candidate, own, comparator, attempt, isAnswered: true) { return true }
        }
        return false
    }

    private func comesTo(
        _ candidate: Observation, _ own: SimulatedSchedule, _ comparator: Comparator, _ attempt: Int, isAnswered: Bool
    ) async throws -> Bool {
        let (luck, kind) = attempt.quotientAndRemainder(dividingBy: 4)
        var rates = luck == 0 ? FaultRates.none : FaultRates.inside(Self.shares[luck % Self.shares.count])
        // When exactly a jump falls between two hourly sweeps is chance, too.
        if luck > 0, luck / Self.shares.count % 2 == 0, !own.jumps.isEmpty { rates.shares[.clockJump] = 0.02 }
        var schedule = own
        if kind.isMultiple(of: 2) { schedule.jumps = [] }
        var options = options(schedule, seed: seed &+ UInt64(attempt), rates: rates)
        options.isHeldUp = luck > 0
        options.sweepsLegacyOnly = kind > 1
        options.isAnswered = isAnswered
        let outside = isAnswered ? world.alone(candidate.entity, ofAddedSteps(own.lines)) : world.repeating(schedule.lines)
        let run = try await Simulation(options, world: outside).play()
        guard let result = run.results[candidate.entity] else { return false }
        return comparator.compare(controls: [result.observation(path: "legacy")], candidates: [candidate]).mismatched == 0
    }

    /// What answers steps that legacy does not have.
    private func ofAddedSteps(_ lines: [TraceLine]) -> [TraceLine] {
        let known = Set(plan.steps.map(\.number))
        let added = domain.durableSteps.filter { !known.contains($0.number) }
        let kinds = added.reduce(into: Set<EventKind>()) { $0.formUnion($1.events) }
        return lines.filter { $0.events.contains { kinds.contains($0.kind) } }
    }

    private static let shares = [0.01, 0.05, 0.2, 0.4]

    private typealias Options = SimulationOptions<RegistrationState, Registration>

    private func options(_ schedule: SimulatedSchedule, seed: UInt64, rates: FaultRates) -> Options {
        Options(domain: domain, plans: [plan], seed: seed, rates: rates, schedule: schedule, watched: watched)
    }
}

extension LegacyAlone {
    /// What of the schedule is about each of `entities`.
    func schedules(of entities: Set<EntityID>) -> [EntityID: SimulatedSchedule] {
        guard !entities.isEmpty else { return [:] }
        var schedules: [EntityID: SimulatedSchedule] = [:]
        for entity in entities {
            schedules[entity] = SimulatedSchedule(
                jumps: schedule.jumps, busy: schedule.busy, durable: schedule.durable[entity].map { [entity: $0] } ?? [:])
        }
        // Most lines are about somebody else, and to see that is much cheaper than to decode them.
        let ids = Set(entities.flatMap { ReferenceBook.ids(of: $0) })
        for line in schedule.lines where line.body.mentions(ids) {
            for entity in world.book.entities(of: line) { schedules[entity]?.lines.append(line) }
        }
        for delivery in schedule.accepted where delivery.line.body.mentions(ids) {
            for entity in world.book.entities(of: delivery.line) { schedules[entity]?.accepted.append(delivery) }
        }
        return schedules
    }
}

extension JSONValue {
    /// True when one of `texts` is a member somewhere in a document; a raw text may hold anything.
    fileprivate func mentions(_ texts: Set<String>) -> Bool {
        if case .string = self { return true }
        return holds(texts)
    }

    private func holds(_ texts: Set<String>) -> Bool {
        switch self {
        case .string(let text): texts.contains(text)
        case .array(let elements): elements.contains { $0.holds(texts) }
        case .object(let members): members.values.contains { $0.holds(texts) }
        case .null, .bool, .integer, .number: false
        }
    }
}

extension TraceLine {
    /// The events that it carries.
    fileprivate var events: [IncomingEvent] {
        A2PDecoders.all.filter { $0.source == source }.flatMap { $0.decode(message) }.compactMap { message in
            guard case .event(let incoming) = message else { return nil }
            return incoming
        }
    }
}

extension ReferenceBook {
    /// The registrations that a line is about.
    fileprivate func entities(of line: TraceLine) -> Set<EntityID> { Set(line.events.compactMap { entity($0.reference) }) }
}

extension FaultRates {
    /// What can go wrong inside a process whose input is given.
    fileprivate static func inside(_ share: Double) -> FaultRates {
        FaultRates([.busy: share, .slow: share, .tooManyRequests: share, .responseLost: share, .crash: share / 20, .diskFull: share / 20])
    }
}

extension SimulatedResult {
    fileprivate func observation(path: String) -> Observation {
        Observation(entity: ownership.entity, path: path, outcome: outcome, ledger: ledger)
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
