import BridgeTesting
import Events
import HybridRouter
import Outcomes
import Synchronization

/// The outside of simulated runs of ``ThreeSteps``: each entity's events happen in order. They come at once, late, twice or never, as the
/// seed says. Who polls finds what has happened.
final class ThreeStepsWorld: SimulatedWorld {
    private let happened = Mutex<[EntityID: [String]]>([:])
    private let opening: Mutex<[TraceLine]>
    /// Where what was acknowledged can be looked up, in runs in which a poll is no help for it; else nil.
    private let inbox = Mutex<(any HandoffStore)?>(nil)

    static let start = Timestamp(milliseconds: 1_772_442_000_000)  // 2026-03-02T09:00:00Z

    /// So many entities of a shape.
    init(_ shape: ThreeSteps.Shape, entities: Int, seed: UInt64) {
        var random = SeededRandom(seed: seed, label: "three steps")
        opening = Mutex((1...entities).flatMap { Self.lines(shape, EntityID("T-\($0)"), &random) })
    }

    /// These lines.
    init(_ lines: [TraceLine]) { opening = Mutex(lines) }

    /// From now on a poll finds only what is in no inbox, or was used: what was acknowledged has to get on without it. As in the model.
    func hideAcknowledged(in store: any HandoffStore) { inbox.withLock { $0 = store } }

    private static func lines(_ shape: ThreeSteps.Shape, _ entity: EntityID, _ random: inout SeededRandom) -> [TraceLine] {
        // Some entities take seconds and some weeks: much comes at the same time, or time enough to poll passes in between.
        let paces: [Int64] = [1000, 60_000, 86_400_000]
        let pace = paces[Int.random(in: 0..<paces.count, using: &random)]
        var moment = start + .milliseconds(Int64.random(in: 0...600_000, using: &random))
        var lines = [line(entity, ThreeSteps.opened, at: moment, arrives: moment)]
        for number in 0..<ThreeSteps.count(shape) {
            moment = moment + .milliseconds(Int64.random(in: 0...pace, using: &random))
            lines += delivered(entity, ThreeSteps.event(number), at: moment, pace, &random)
        }
        if Int.random(in: 0..<3, using: &random) == 0 {
            let interrupt = start + .milliseconds(Int64.random(in: 600_000...(600_000 + 6 * pace), using: &random))
            lines.append(line(entity, ThreeSteps.interrupt, at: interrupt, arrives: interrupt))
        }
        return lines
    }

    private static func delivered(
        _ entity: EntityID, _ kind: EventKind, at moment: Timestamp, _ pace: Int64, _ random: inout SeededRandom
    ) -> [TraceLine] {
        let late = moment + .milliseconds(Int64.random(in: 0...(5 * pace), using: &random))
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return [line(entity, kind, at: moment, arrives: moment, lost: true)]
        case 1, 2: return [line(entity, kind, at: moment, arrives: late)]
        case 3: return [line(entity, kind, at: moment, arrives: moment), line(entity, kind, at: moment, arrives: late)]
        default: return [line(entity, kind, at: moment, arrives: moment)]
        }
    }

    static func line(
        _ entity: EntityID, _ kind: EventKind, at moment: Timestamp, arrives: Timestamp, lost: Bool = false
    ) -> TraceLine {
        TraceLine(
            receivedAt: arrives, occurredAt: moment, source: ThreeSteps.source,
            body: ["entity": .string(entity.rawValue), "kind": .string(kind.rawValue)], lost: lost)
    }

    func takeLines() -> [TraceLine] {
        opening.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }

    func happen(_ line: TraceLine) throws {
        guard let entity = line.body["entity"]?.string, let kind = line.body["kind"]?.string else { return }
        happened.withLock { $0[EntityID(entity), default: []].append(kind) }
    }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        let found = happened.withLock { $0[query.entity] ?? [] }
        let open = await acknowledged(query.entity)
        return .array(found.filter { !open.contains($0) }.map { .string($0) })
    }

    private func acknowledged(_ entity: EntityID) async -> Set<String> {
        guard let store = inbox.withLock({ $0 }), let rows = try? await store.rows(of: entity) else { return [] }
        return Set(rows.filter { [.pending, .signalled, .parked].contains($0.disposition) }.map(\.event.kind.rawValue))
    }

    func kind(of operation: String) -> PartyKind { .refusesKnownKeys }
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue { [:] }
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
    func performed(for entity: EntityID) -> [EffectKey] { [] }
    func answer(_ key: EffectKey) -> JSONValue? { nil }
}
