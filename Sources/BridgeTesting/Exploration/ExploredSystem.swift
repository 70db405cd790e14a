import Bridge
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

/// Everything that lasts of a system: what is stored, what the outside knows, and the time.
struct FrozenSystem {
    var handoffs: InMemoryHandoffStore
    var workflows: InMemoryWorkflowStore
    var outside: any ForkableOutside
    var now: Timestamp

    func fork() -> FrozenSystem {
        FrozenSystem(handoffs: handoffs.fork(), workflows: workflows.fork(), outside: outside.fork(), now: now)
    }

    /// Two systems with equal texts go on in the same way.
    func standing(_ scope: StandingScope) -> String {
        [String(now.milliseconds), handoffs.standing(scope), workflows.standing, outside.standing].joined(separator: "\n\n")
    }
}

/// What systems of one path are made of.
struct ExploredParts<State: MachineState, Record: Codable & Sendable> {
    let domain: Domain<State, Record>
    let plan: MigrationPlan
    let ports: PortWrapper

    func assemble(_ system: FrozenSystem, _ clock: VirtualClock) throws -> (EventBridge<State, Record>, any VirtualTime) {
        var made: (any VirtualTime)?
        let bridge = try EventBridge(
            domain: domain, plan: plan, store: ports.handoffs(system.handoffs), effects: ports.effects(system.outside)
        ) { types, activities in
            let engine = EmbeddedEngine(
                store: ports.workflows(system.workflows), workflows: types, activities: activities,
                // How long code takes is the machine's affair, and not the exploration's.
                options: EngineOptions(uptime: { .zero }), time: clock)
            made = engine
            return engine
        }
        guard let engine = made else { throw TraceError("the durable engine was not made") }
        return (bridge, engine)
    }
}

/// A system at work, in one thread and in a fixed order: messages to the engine before events, events before what is due in the engine.
final class ExploredSystem<State: MachineState, Record: Codable & Sendable> {
    private let parts: ExploredParts<State, Record>
    private(set) var system: FrozenSystem { didSet { clock.set(to: now) } }
    private let clock: VirtualClock
    private var bridge: EventBridge<State, Record>
    private var engine: any VirtualTime
    /// Pieces of work done so far.
    private(set) var work = 0
    /// After which piece of work the process dies; nil for never.
    var dies: Int?

    /// More pieces of work at one moment are work without an end.
    private static var mostWork: Int { 20_000 }

    /// Goes on from a copy of `frozen`.
    init(_ parts: ExploredParts<State, Record>, _ frozen: FrozenSystem) async throws {
        self.parts = parts
        system = frozen.fork()
        clock = VirtualClock(frozen.now)
        (bridge, engine) = try parts.assemble(system, clock)
        try await bridge.load()
    }

    var now: Timestamp { system.now }

    /// When something is to be done next without anything from outside.
    func nextDue() async throws -> Timestamp? {
        let sweep = try await system.handoffs.nextDue().map { max($0, now).nextHour }
        return [bridge.nextVisible, try await engine.nextDue(), sweep].compactMap { $0 }.min()
    }

    /// Lets time pass, and does what is due until then, that moment included. Stops early when `isEnough` says so.
    @discardableResult
    func advance(to moment: Timestamp, isEnough: () async throws -> Bool = { false }) async throws -> Bool {
        while let next = try await nextDue(), next <= moment {
            system.now = max(now, next)
            try await doWork()
            if try await isEnough() { return true }
        }
        system.now = max(now, moment)
        return false
    }

    /// Something happens outside.
    func happens(_ line: TraceLine) throws { try system.outside.happen(line) }

    /// A delivery is made, and what follows from it is done.
    func arrives(_ line: TraceLine) async throws {
        _ = try await bridge.receive([line.message(at: now)], at: now)
        try await finishPiece()
        try await settle()
    }

    /// The process that was to die, and had less to do, dies now.
    func dieAtLast() async throws {
        guard dies != nil else { return }
        try await restart()
        try await settle()
    }

    private func doWork() async throws {
        try await settle()
        guard let due = try await system.handoffs.nextDue(), due <= now, now == now.nextHour else { return }
        try await bridge.sweep(at: now)
        try await finishPiece()
        try await settle()
    }

    private func settle() async throws {
        while try await workOnce() { try await finishPiece() }
    }

    private func workOnce() async throws -> Bool {
        if try await bridge.relayNext(at: now) { return true }
        if let visible = bridge.nextVisible, visible <= now { return try await bridge.handleNext(at: now) }
        guard let due = try await engine.nextDue(), due <= now else { return false }
        return try await engine.runNext()
    }

    private func finishPiece() async throws {
        work += 1
        guard work < Self.mostWork else { throw TraceError("expected the work at one moment to end, found \(work) pieces of it at \(now)") }
        if let last = dies, work >= last { try await restart() }
    }

    /// The process dies: what it had in memory is gone. A new one goes on with what is stored.
    private func restart() async throws {
        dies = nil
        (bridge, engine) = try parts.assemble(system, clock)
        try await bridge.resume(at: now)
    }

    // MARK: What it amounts to

    func entities() async throws -> [EntityID] { try await system.handoffs.entities() }

    func snapshot(of entity: EntityID) async throws -> EntitySnapshot? { try await system.handoffs.snapshot(of: entity) }

    func outcome(of entity: EntityID) async throws -> Outcome? { try await bridge.outcome(of: entity) }

    /// The events of a line as it would arrive at `moment`.
    func events(of line: TraceLine, at moment: Timestamp) -> [IncomingEvent] {
        bridge.decode(line.message(at: moment)).compactMap { decoded in
            guard case .event(let incoming) = decoded else { return nil }
            return incoming
        }
    }

    /// By what a line would be known if it arrived at `moment`.
    func names(of line: TraceLine, at moment: Timestamp) -> [StandingScope.Coming] {
        let later = bridge.decode(line.message(at: moment + .milliseconds(1))).map(\.name)
        return bridge.decode(line.message(at: moment)).enumerated().map { index, decoded in
            let isOfTheMoment = index < later.count && later[index] != decoded.name
            guard isOfTheMoment, case .event(let incoming) = decoded else { return StandingScope.Coming(name: decoded.name, word: nil) }
            return StandingScope.Coming(name: decoded.name, word: StandingScope.Word(incoming))
        }
    }
}

extension DecodedMessage {
    fileprivate var name: DeliveryName {
        switch self {
        case .event(let incoming): DeliveryName(incoming.source, incoming.id)
        case .deadLetter(let letter): DeliveryName(letter.source, letter.id)
        }
    }
}
