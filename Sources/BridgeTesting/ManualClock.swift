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
        var watchers: [(moment: Timestamp, continuation: CheckedContinuation<Void, Never>)] = []
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

    /// Returns when somebody sleeps until `moment`.
    public func waitForSleeper(until moment: Timestamp) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.values.contains(where: { $0.until == moment }) { return true }
                state.watchers.append((moment, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

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
                for watcher in takeWatchers(of: moment) { watcher.resume() }
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

    private func takeWatchers(of moment: Timestamp) -> [CheckedContinuation<Void, Never>] {
        state.withLock { state in
            guard state.sleepers.values.contains(where: { $0.until == moment }) else { return [] }
            defer { state.watchers.removeAll { $0.moment == moment } }
            return state.watchers.filter { $0.moment == moment }.map(\.continuation)
        }
    }
}
