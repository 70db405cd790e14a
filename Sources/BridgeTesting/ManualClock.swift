public import Bridge
public import Events
import Synchronization

/// Time that stands still until a test moves it.
public final class ManualClock: ServiceClock {
    private struct Sleeper {
        let until: Timestamp
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: Timestamp
        var lastID = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
    }

    private let state: Mutex<State>

    /// A clock that shows `now`.
    public init(_ now: Timestamp = Timestamp(milliseconds: 1_772_442_000_000)) { state = Mutex(State(now: now)) }

    /// What the clock shows.
    public var now: Timestamp { state.withLock { $0.now } }

    /// Moves the clock forward, and wakes whoever has slept long enough.
    public func advance(by duration: Duration) {
        let awake = state.withLock { state in
            state.now = state.now + duration
            let over = state.sleepers.filter { $0.value.until <= state.now }
            for id in over.keys { state.sleepers[id] = nil }
            return over.values.sorted { $0.until < $1.until }
        }
        for sleeper in awake { sleeper.continuation.resume() }
    }

    /// Until when others sleep, the earliest first.
    public var sleepers: [Timestamp] { state.withLock { $0.sleepers.values.map(\.until).sorted() } }

    /// Required by `ServiceClock`: returns when the clock is moved to `moment`.
    public func sleep(until moment: Timestamp) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Void, any Error>? in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if moment <= state.now { return .success(()) }
                    state.sleepers[id] = Sleeper(until: moment, continuation: continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                if state.sleepers[id] == nil { state.cancelled.insert(id) }
                return state.sleepers.removeValue(forKey: id)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
