import Bridge
import BridgeTesting
import Cutover
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// A way through one cell of a legacy table: in `state`, `event` has led to `target`, which is the same state when it was dropped.
struct Passage: Codable, Hashable, Comparable {
    let state: String
    let event: EventKind
    let target: String

    private var words: [String] { [state, event.rawValue, target] }

    static func < (left: Passage, right: Passage) -> Bool { left.words.lexicographicallyPrecedes(right.words) }
}

/// What the legacy machine alone made of one recording.
struct LegacyPlay {
    let observation: Observation
    let passages: Set<Passage>
    /// What it has led to: calls, state and record, with their moments.
    let trace: JSONValue
    let transactions: Int
}

/// Plays recordings on the legacy machine alone, in memory.
struct LegacyPlayer<State: MachineState, Record: Codable & Sendable> {
    let app: LockstepApp<State, Record>
    let plan: MigrationPlan

    /// What `machine` makes of a recording; nil when the entity is not born. Throws when that takes more than so many transactions.
    func play(
        _ recording: NamedRecording, on machine: Machine<State, Record>, atMost most: Int = .max
    ) async throws -> LegacyPlay? {
        var domain = app.domain
        domain.machine = machine
        let (run, store) = try app.memoryRun(of: domain, .legacy, plan, atMost: most)
        try await run.play(recording.lines)
        let entity = recording.entity
        guard let observation = try await run.observation(of: entity, withRecord: true) else { return nil }
        let moves = try await store.journal(of: entity).map(\.move)
        var timeless = observation
        (timeless.waits, timeless.unhandled) = (nil, [])
        return LegacyPlay(
            observation: observation, passages: Set(moves.compactMap(Passage.init)),
            trace: try JSONValue(encoding: timeless), transactions: store.transactions)
    }
}

extension Passage {
    fileprivate init?(_ move: Move) {
        guard let transition = move.transition else { return nil }
        self.init(state: transition.from, event: transition.event, target: transition.to)
    }
}
