import A2PRegistration
import BridgeTesting
import Events
import Outcomes
import Synchronization

/// The outside of a simulated A2P run: reacts from a seed, or repeats what it came up with before.
final class A2PSimulatedWorld: SimulatedWorld {
    private let seed: UInt64
    private let world: World
    private let journal: EntityJournal
    private let simulator: Simulator?
    /// Whose ids are whose.
    let book: ReferenceBook
    private let repeated: Mutex<[TraceLine]>

    /// A world that draws what happens to `entities` registrations, one every `spacing`.
    convenience init(seed: UInt64, entities: Int, spacing: Duration, webhooks: WebhookFaults) {
        let simulator = Simulator(seed: seed, faults: webhooks)
        var book = ReferenceBook()
        for index in 0..<entities {
            let entity = EntityID("R-\(index + 1)")
            book.add(entity, numbers: 4)
            simulator.open(entity, at: Self.start + .milliseconds(spacing.milliseconds * Int64(index)))
        }
        self.init(seed: seed, book: book, simulator: simulator, lines: [])
    }

    /// A world in which `lines` happen and nothing else: what another one with this seed came up with.
    convenience init(seed: UInt64, book: ReferenceBook, repeating lines: [TraceLine]) {
        self.init(seed: seed, book: book, simulator: nil, lines: lines)
    }

    private init(seed: UInt64, book: ReferenceBook, simulator: Simulator?, lines: [TraceLine]) {
        self.seed = seed
        self.book = book
        self.simulator = simulator
        repeated = Mutex(lines)
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
