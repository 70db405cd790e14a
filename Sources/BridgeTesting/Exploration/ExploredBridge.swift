import Bridge
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// One path of a recording as an explorer drives it: the bridge itself, in memory, copied before every step.
///
/// States are told apart by a hash of 128 bits over all that can still matter, so that the chance of two different ones being taken for
/// one is below 10⁻²⁴ for a million of them.
final class ExploredBridge<State: MachineState, Record: Codable & Sendable>: ExploredPath {
    private let parts: ExploredParts<State, Record>
    private let timeline: Timeline
    private let window: [Int]
    /// By which ids each delivery of the window names its entity: those that a party gives out are known once it was asked.
    private let references: [[String]]
    private var asked: [Place: Timestamp?] = [:]
    private let rest: [Timeline.Item]
    private let entity: EntityID
    private let merging: Exploration<State, Record>.Merging
    private var frozen: [(system: FrozenSystem, nextDue: Timestamp?)] = []
    private var numbers: [Fingerprint: Int] = [:]
    private var scopes: [Timestamp: StandingScope] = [:]
    private(set) var figures = ExplorationResult.Path()
    /// Where the exploration begins.
    private(set) var start = 0

    private struct Place: Hashable {
        let delivery: Int
        let state: Int
    }

    /// The last thing that a recording leaves to do is done within this.
    private static var longestLife: Duration { .days(400) }

    /// A path that begins where `system` is.
    init(
        _ parts: ExploredParts<State, Record>, _ system: ExploredSystem<State, Record>, _ timeline: Timeline, window: [Int],
        references: [[String]], rest: [Timeline.Item], entity: EntityID, merging: Exploration<State, Record>.Merging
    ) async throws {
        self.parts = parts
        self.timeline = timeline
        self.window = window
        self.references = references
        self.rest = rest
        self.entity = entity
        self.merging = merging
        start = try await number(of: system)
    }

    func asks(for delivery: Int, from state: Int) async throws -> Timestamp? {
        if references[delivery].allSatisfy(frozen[state].system.handoffs.knows) { return .distantPast }
        let place = Place(delivery: delivery, state: state)
        if let known = asked[place] { return known }
        let moment = try await moment(of: references[delivery], from: state)
        asked[place] = .some(moment)
        return moment
    }

    private func moment(of references: [String], from state: Int) async throws -> Timestamp? {
        let system = try await ExploredSystem(parts, frozen[state].system)
        let last = system.now + Self.longestLife
        while let next = try await system.nextDue(), next <= last {
            try await system.advance(to: next)
            if references.allSatisfy(system.system.handoffs.knows) { return system.now }
        }
        return nil
    }

    func nextDue(_ state: Int) -> Timestamp? { frozen[state].nextDue }

    func step(_ state: Int, _ step: ExplorationStep) async throws -> (state: Int, work: Int) {
        let system = try await ExploredSystem(parts, frozen[state].system)
        system.dies = step.dies
        switch step.move {
        case .happens(let index, let moment):
            try await system.advance(to: moment)
            try system.happens(timeline.lines[window[index]])
        case .arrives(let index), .repeats(let index):
            if step.dies == nil { try await count(index, in: system) }
            try await system.arrives(timeline.lines[window[index]])
        case .passes(let moment): try await system.advance(to: moment)
        }
        try await system.dieAtLast()
        figures.steps += 1
        return (try await number(of: system), system.work)
    }

    func end(_ state: Int) async throws -> Observation {
        let system = try await ExploredSystem(parts, frozen[state].system)
        for item in rest {
            try await system.advance(to: item.at)
            let line = timeline.lines[item.line]
            if item.isArrival { try await system.arrives(line) } else { try system.happens(line) }
        }
        let last = system.now + Self.longestLife
        while let next = try await system.nextDue(), next <= last { try await system.advance(to: next) }
        figures.ends += 1
        return try await observation(of: system)
    }

    /// What is compared; the moments of effects are not, and two ends that differ in nothing else are one.
    private func observation(of system: ExploredSystem<State, Record>) async throws -> Observation {
        guard let outcome = try await system.outcome(of: entity) else { throw TraceError("\(entity): expected an entity, found none") }
        var ledger = try await system.system.handoffs.ledger(of: entity)
        for index in ledger.indices { ledger[index].at = .distantPast }
        let journal = try await system.system.handoffs.journal(of: entity)
        var observation = Observation(entity: entity, path: parts.plan.name, outcome: outcome, ledger: ledger, journal: journal)
        observation.unhandled.formIntersection(parts.plan.partings.map { .init(event: $0.event, state: $0.state) })
        return observation
    }

    private func count(_ index: Int, in system: ExploredSystem<State, Record>) async throws {
        guard let state = try await system.snapshot(of: entity)?.record.state else { return }
        for event in system.events(of: timeline.lines[window[index]], at: system.now) {
            figures.cells["\(state) \(event.kind)", default: 0] += 1
        }
    }

    /// What deliveries of the recording can still ask for. An id that is made of the moment of arrival comes again at that moment only.
    private func scope(of system: ExploredSystem<State, Record>) -> StandingScope {
        if let known = scopes[system.now] { return known }
        let coming = Set(window + rest.filter(\.isArrival).map(\.line)).map { timeline.lines[$0] }
        let scope = StandingScope(
            deliveries: Set(coming.flatMap { system.names(of: $0, at: system.now) }),
            operations: Set(coming.flatMap { system.events(of: $0, at: system.now) }.flatMap(\.answers)))
        scopes[system.now] = scope
        return scope
    }

    private func standing(of system: ExploredSystem<State, Record>) -> String {
        switch merging {
        case .exact: return system.system.standing(scope(of: system))
        case .none: return String(figures.states)
        case .but(let words):
            let lines = system.system.standing(scope(of: system)).split(separator: "\n")
            return lines.filter { line in !words.contains { line.hasPrefix($0) } }.joined(separator: "\n")
        }
    }

    /// The number of the state that a system is in.
    private func number(of system: ExploredSystem<State, Record>) async throws -> Int {
        let fingerprint = Fingerprint(standing(of: system))
        if let known = numbers[fingerprint] { return known }
        numbers[fingerprint] = frozen.count
        frozen.append((system.system, try await system.nextDue()))
        figures.states += 1
        return frozen.count - 1
    }
}

/// A hash of 128 bits: two of FNV-1a, with different beginnings and factors.
private struct Fingerprint: Hashable {
    private var one: UInt64 = 0xcbf2_9ce4_8422_2325
    private var two: UInt64 = 0x6c62_272e_07bb_0142

    init(_ text: String) {
        for byte in text.utf8 {
            one = (one ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
            two = (two ^ UInt64(byte)) &* 0x9e37_79b9_7f4a_7c15
        }
    }
}
