import Events
import Synchronization

/// Lets a party's call be interrupted by an operator's recall: the way from the effect port back to the bridge of the moment.
final class RecallRequests: Sendable {
    private struct State {
        var recall: (@Sendable (EntityID, Timestamp) async -> Void)?
        var now = Timestamp.distantPast
    }

    private let state = Mutex(State())

    func set(_ recall: @escaping @Sendable (EntityID, Timestamp) async -> Void) { state.withLock { $0.recall = recall } }
    func set(now: Timestamp) { state.withLock { $0.now = now } }

    func recall(_ entity: EntityID) async {
        let (recall, now) = state.withLock { ($0.recall, $0.now) }
        await recall?(entity, now)
    }
}
