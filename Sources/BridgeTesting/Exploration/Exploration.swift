package import Bridge
package import Cutover
import DurableWorkflow
package import Events
package import HybridRouter
package import LegacyStateMachine
package import Outcomes
package import ShadowComparator

/// One recording, explored from where its entity enters a durable step.
package struct Exploration<State: MachineState, Record: Codable & Sendable> {
    /// The domain.
    package var domain: Domain<State, Record>
    /// The plan under which the step is durable.
    package var plan: MigrationPlan
    /// The step.
    package var step: StepNumber
    /// How far to go.
    package var bounds: ExplorationBounds
    /// Makes the outside of either path.
    package var outside: @Sendable () -> any ForkableOutside
    /// What stands between the hybrid path and its ports: a known bug, for tests.
    package var ports = PortWrapper.none
    /// The store that the hybrid path begins with; one with a known bug, for tests.
    package var storage: @Sendable () -> InMemoryHandoffStore = { InMemoryHandoffStore() }
    /// How states are told apart.
    package var merging = Merging.exact

    /// How states are told apart.
    package enum Merging: Sendable {
        /// By all that can still matter.
        case exact
        /// Every way leads to a state of its own: slow, and what the others are judged by.
        case none
        /// By all but what begins with one of these words: a known bug, for tests.
        case but([String])
    }

    /// An exploration.
    package init(
        domain: Domain<State, Record>, plan: MigrationPlan, step: StepNumber, bounds: ExplorationBounds,
        outside: @escaping @Sendable () -> any ForkableOutside
    ) {
        (self.domain, self.plan, self.step, self.bounds, self.outside) = (domain, plan, step, bounds, outside)
    }

    /// Explores what `lines` record of one entity; nil when it does not enter the step while the durable side has it.
    package func run(
        _ lines: [TraceLine], comparator: Comparator, progress: @escaping (ExplorationResult) -> Void = { _ in }
    ) async throws -> ExplorationResult? {
        let timeline = Timeline(lines)
        let parts = ExploredParts(domain: domain, plan: plan, ports: ports)
        let hybrid = try await system(parts, storage())
        guard let entry = try await enter(hybrid, timeline) else { return nil }
        let window = timeline.window(from: entry.position, count: bounds.events)
        let rest = timeline.rest(from: entry.position, without: window)
        let alone = ExploredParts(domain: domain, plan: plan.legacyOnly(), ports: .none)
        let legacy = try await system(alone)
        try await play(timeline.items[..<entry.position], of: timeline, legacy)
        try await legacy.advance(to: hybrid.now)
        let deliveries = window.map { line in
            ExplorationWindow.Delivery(
                kind: hybrid.events(of: lines[line], at: lines[line].receivedAt).first?.kind.rawValue ?? "a delivery that cannot be read",
                at: lines[line].happenedAt,
                arrives: !lines[line].lost)
        }
        let references = try await references(window, timeline, after: entry.position, alone, legacy)
        let happened = window.count { timeline.hasHappened($0, before: entry.position) }
        let control = try await ExploredBridge(
            alone, legacy, timeline, window: window, references: references, rest: rest, entity: entry.entity,
            merging: merging)
        let candidate = try await ExploredBridge(
            parts, hybrid, timeline, window: window, references: references, rest: rest, entity: entry.entity,
            merging: merging)
        return try await Explorer(
            ExplorationWindow(deliveries: deliveries, happened: happened), bounds: bounds, control: control, candidate: candidate,
            comparator: comparator, progress: progress
        ).run()
    }

    /// By which ids each delivery of the window names its entity. One that legacy alone never comes to know, as the recording goes, is
    /// left out: nobody is given it.
    private func references(
        _ window: [Int], _ timeline: Timeline, after position: Int, _ parts: ExploredParts<State, Record>,
        _ legacy: ExploredSystem<State, Record>
    ) async throws -> [[String]] {
        let recorded = try await ExploredSystem(parts, legacy.system)
        try await play(timeline.items[position...], of: timeline, recorded)
        return window.map { line in
            recorded.events(of: timeline.lines[line], at: timeline.lines[line].receivedAt).flatMap(\.reference.externalIDs)
                .filter(recorded.system.handoffs.knows)
        }
    }

    /// The recording of each entity in `lines`: legacy alone plays them, and then knows whose they are. A line that names nobody is nobody's.
    package func recordings(in lines: [TraceLine]) async throws -> [(entity: EntityID, lines: [TraceLine])] {
        let timeline = Timeline(lines)
        let system = try await system(ExploredParts(domain: domain, plan: plan.legacyOnly(), ports: .none))
        try await play(timeline.items[...], of: timeline, system)
        var found: [EntityID: [TraceLine]] = [:]
        for line in lines {
            let named = line.source == .world ? line.scripted : system.events(of: line, at: line.receivedAt).flatMap(\.reference.ids)
            if let entity = named.lazy.compactMap({ system.system.handoffs.entity(knownAs: $0) }).first {
                found[entity, default: []].append(line)
            }
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func system(
        _ parts: ExploredParts<State, Record>, _ storage: InMemoryHandoffStore = InMemoryHandoffStore()
    ) async throws -> ExploredSystem<State, Record> {
        let empty = FrozenSystem(
            handoffs: storage, workflows: InMemoryWorkflowStore(), outside: outside(), now: .distantPast)
        return try await ExploredSystem(parts, empty)
    }

    private func play(
        _ items: ArraySlice<Timeline.Item>, of timeline: Timeline, _ system: ExploredSystem<State, Record>
    ) async throws {
        for item in items {
            try await system.advance(to: item.at)
            if item.isArrival { try await system.arrives(timeline.lines[item.line]) } else { try system.happens(timeline.lines[item.line]) }
        }
    }

    /// Plays the recording up to the moment at which the durable side has the entity in the step: how many items that took.
    private func enter(
        _ system: ExploredSystem<State, Record>, _ timeline: Timeline
    ) async throws -> (position: Int, entity: EntityID)? {
        for (position, item) in timeline.items.enumerated() {
            if try await system.advance(to: item.at, isEnough: { try await self.entered(system) != nil }),
                let entity = try await entered(system)
            {
                return (position, entity)
            }
            try await play([item], of: timeline, system)
            if let entity = try await entered(system) { return (position + 1, entity) }
        }
        return nil
    }

    private func entered(_ system: ExploredSystem<State, Record>) async throws -> EntityID? {
        for entity in try await system.entities() {
            guard let ownership = try await system.snapshot(of: entity)?.ownership else { continue }
            if ownership.owner == .durable, ownership.step == step { return entity }
        }
        return nil
    }
}

extension TraceLine {
    /// Whom a line of the outside is about.
    fileprivate var scripted: [String] { [body["entity"], body["registration"]].compactMap { $0?.string } }
}

extension EntityReference {
    fileprivate var ids: [String] {
        switch self {
        case .entity(let entity): [entity.rawValue]
        case .external(let ids): ids
        }
    }

    fileprivate var externalIDs: [String] {
        guard case .external(let ids) = self else { return [] }
        return ids
    }
}
