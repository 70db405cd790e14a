import A2PRegistration
import Bridge
import BridgeTesting
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import Outcomes
import ShadowComparator

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

    /// The fewest rules under which legacy alone, with what the hybrid run had at the moments at which it had it, comes to what `candidate`
    /// is; no rules when it does so without any, nil when it never does.
    func explanation(of candidate: Observation, on own: SimulatedSchedule, _ comparator: Comparator) async throws -> Set<ReplayRule>? {
        var plain: SimulationRun?
        for rules in ReplayRule.sets where plain.map({ plain in rules.allSatisfy { $0.applies(after: plain) } }) ?? true {
            let run = try await replay(candidate.entity, own, under: rules)
            if watched == candidate.entity { A2PSimulation.show(rules.isEmpty ? "replay" : "replay, \(ReplayRule.name(of: rules))", run) }
            if comes(run, to: candidate, comparator) { return rules }
            plain = plain ?? run
        }
        return nil
    }

    private func replay(_ entity: EntityID, _ own: SimulatedSchedule, under rules: Set<ReplayRule>) async throws -> SimulationRun {
        var options = options(own, seed: seed, rates: .none)
        options.isPaced = true
        options.rules = rules
        options.isAnswered = rules.contains(.outsideAnswers)
        let failures = own.recording.entities[entity]?.failures ?? []
        let outside = ReplayedWorld(outside(of: entity, own, isAnswered: options.isAnswered), failures: failures)
        return try await Simulation(options, world: outside).play()
    }

    private func outside(of entity: EntityID, _ own: SimulatedSchedule, isAnswered: Bool) -> A2PSimulatedWorld {
        isAnswered ? world.alone(entity, ofAddedSteps(own.lines)) : world.repeating(own.lines)
    }

    private func comes(_ run: SimulationRun, to candidate: Observation, _ comparator: Comparator) -> Bool {
        guard let result = run.results[candidate.entity] else { return false }
        return comparator.compare(controls: [result.observation(path: "legacy")], candidates: [candidate]).mismatched == 0
    }

    /// True when one of some random runs of legacy alone, in which things go wrong as they did in the hybrid run, comes to what `candidate`
    /// is. That excuses nothing: it is measured beside the replay, and shows how far legacy's outcomes spread for one schedule.
    func spreads(to candidate: Observation, on own: SimulatedSchedule, _ comparator: Comparator, attempts: Int) async throws -> Bool {
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
        let outside = outside(of: candidate.entity, own, isAnswered: isAnswered)
        return comes(try await Simulation(options, world: outside).play(), to: candidate, comparator)
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
            schedules[entity]?.recording = schedule.recording
            schedules[entity]?.recording.entities = schedule.recording.entities[entity].map { [entity: $0] } ?? [:]
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
    func observation(path: String) -> Observation {
        Observation(entity: ownership.entity, path: path, outcome: outcome, ledger: ledger)
    }
}
