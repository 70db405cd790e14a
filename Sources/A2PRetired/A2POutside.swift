package import A2PRegistration
package import BridgeTesting
package import Events
package import Outcomes
import Synchronization

/// The outside of the built-in domain: the world, and the book of whose ids are whose. A simulator reacts to calls, where there is one.
package final class A2POutside: ForkableOutside {
    private let world: World
    private let book = Mutex(ReferenceBook())
    private let simulator: Simulator?

    package init(journal: any EffectJournal, parties: PartyKind = .refusesKnownKeys, simulator: Simulator? = nil) {
        self.simulator = simulator
        world = World(
            journal: journal, limits: simulator == nil ? .none : .published, parties: parties, onCall: { simulator?.react(to: $0) })
    }

    private init(copying other: A2POutside) {
        simulator = nil
        world = other.world.fork()
        book.withLock { $0 = other.book.withLock { $0 } }
    }

    /// A copy plays what is recorded: a simulator stays with the original.
    package func fork() -> any ForkableOutside { A2POutside(copying: self) }
    package var standing: String { world.standing }

    package func happen(_ line: TraceLine) throws {
        let known = book.withLock { book in
            book.add(line)
            return book
        }
        try world.happen(line, registrations: known)
    }

    package func recall(_ entity: EntityID) { book.withLock { $0.add(entity) } }
    package func recall(_ event: Event) { world.occur(event.kind, event.payload, entity: event.entity, at: event.occurredAt) }
    package func performed(_ key: EffectKey) -> JSONValue? { world.performed(key) }
    package func takeLines() -> [TraceLine] { simulator?.takeLines() ?? [] }
    package func kind(of operation: String) -> PartyKind { world.kind(of: operation) }
    package func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue { try await world.perform(call) }
    package func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { try await world.reply(to: key) }
    package func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { try await world.read(query) }
}
