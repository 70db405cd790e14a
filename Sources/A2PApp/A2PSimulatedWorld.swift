import A2PRegistration
import BridgeTesting
import Events
import Outcomes
import Synchronization

/// The outside of a simulated A2P run: reacts from a seed, or repeats what it came up with before.
final class A2PSimulatedWorld: SimulatedWorld {
    private let seed: UInt64
    private let parties: PartyKind
    private let world: World
    private let journal: EntityJournal
    private let simulator: Simulator?
    private let opening: Opening
    /// Whose ids are whose.
    let book: ReferenceBook
    private let repeated: Mutex<[TraceLine]>

    /// How registrations begin, and what becomes of webhooks.
    private struct Opening {
        let spacing: Duration
        let webhooks: WebhookFaults

        static func entity(_ index: Int) -> EntityID { EntityID("R-\(index + 1)") }

        /// When an entity's customer submits it.
        func moment(of entity: EntityID) -> Timestamp {
            let number = Int64(entity.rawValue.dropFirst(2)) ?? 1
            return A2PSimulatedWorld.start + .milliseconds(spacing.milliseconds * (number - 1))
        }
    }

    /// A world that draws what happens to `entities` registrations, one every `spacing`.
    convenience init(seed: UInt64, entities: Int, spacing: Duration, webhooks: WebhookFaults, parties: PartyKind) {
        let opening = Opening(spacing: spacing, webhooks: webhooks)
        let simulator = Simulator(seed: seed, faults: webhooks)
        var book = ReferenceBook()
        for index in 0..<entities {
            let entity = Opening.entity(index)
            book.add(entity, numbers: 4)
            simulator.open(entity, at: opening.moment(of: entity))
        }
        self.init(seed: seed, parties: parties, book: book, opening: opening, simulator: simulator, lines: [])
    }

    /// A world like this one in which `lines` happen and nothing else.
    func repeating(_ lines: [TraceLine]) -> A2PSimulatedWorld {
        A2PSimulatedWorld(seed: seed, parties: parties, book: book, opening: opening, simulator: nil, lines: lines)
    }

    /// A world like this one that has one registration only: it begins at the same moment, and the same calls are answered in the same
    /// way. `lines` happen, too.
    func alone(_ entity: EntityID, _ lines: [TraceLine]) -> A2PSimulatedWorld {
        let simulator = Simulator(seed: seed, faults: opening.webhooks)
        simulator.open(entity, at: opening.moment(of: entity))
        return A2PSimulatedWorld(seed: seed, parties: parties, book: book, opening: opening, simulator: simulator, lines: lines)
    }

    private init(
        seed: UInt64, parties: PartyKind, book: ReferenceBook, opening: Opening, simulator: Simulator?, lines: [TraceLine]
    ) {
        self.seed = seed
        self.parties = parties
        self.book = book
        self.opening = opening
        self.simulator = simulator
        repeated = Mutex(lines)
        journal = EntityJournal()
        world = World(journal: journal, parties: parties, onCall: { simulator?.react(to: $0) })
    }

    private static let start = Timestamp(milliseconds: 1_772_442_000_000)  // 2026-03-02T09:00:00Z

    /// Required by ``SimulatedWorld``, which says what it does.
    func takeLines() -> [TraceLine] {
        let lines = repeated.withLock { lines in
            defer { lines = [] }
            return lines
        }
        return lines + (simulator?.takeLines() ?? [])
    }

    /// Required by ``SimulatedWorld``, which says what it does.
    func happen(_ line: TraceLine) throws { try world.happen(line, registrations: book) }

    /// Required by ``SimulatedWorld``, which says what it does.
    func performed(for entity: EntityID) -> [EffectKey] { journal.keys(of: entity) }

    /// Required by ``EffectPort``, which says what it does.
    func kind(of operation: String) -> PartyKind { world.kind(of: operation) }

    /// Required by ``SimulatedWorld``, which says what it does.
    func answer(_ key: EffectKey) -> JSONValue? { world.performed(key) }

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
