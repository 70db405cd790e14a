import Bridge
import DurableWorkflow
import Events
import Synchronization

/// Lets several things be under way of which one goes on at a time: each may wait before and after every port call until it is its turn.
///
/// A lane is one of these things. Code that runs in no lane never waits here, so that a simulation of one thing at a time is not changed.
final class Turns: Sendable {
    @TaskLocal private static var lane: Int?

    private struct Place {
        let until: Timestamp?
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var random: SeededRandom
        var lastLane = 0
        var waiting: [Int: Place] = [:]
        /// Lanes that wait for a workflow that another lane holds.
        var blocked: Set<Int> = []
        var ended: [(lane: Int, result: Result<Void, any Error>)] = []
        var scheduler: CheckedContinuation<Void, Never>?
        var isOver = false

        mutating func takeScheduler() -> CheckedContinuation<Void, Never>? {
            defer { scheduler = nil }
            return scheduler
        }
    }

    private let state: Mutex<State>
    /// Decides instead of the seed, and asks at writes only: waiting before a read comes to the same as waiting before what leads to it.
    private let steering: Steering?

    init(seed: UInt64, steering: Steering? = nil) {
        state = Mutex(State(random: SeededRandom(seed: seed, label: "turns")))
        self.steering = steering
    }

    /// How many lanes there are.
    var count: Int { state.withLock { $0.waiting.count + $0.blocked.count } }
    /// True in what goes on after its process has died.
    var isOver: Bool { state.withLock { $0.isOver } }
    /// The first moment that a lane sleeps until.
    var next: Timestamp? { state.withLock { $0.waiting.values.compactMap(\.until).min() } }

    /// The lanes that can go on at `now`, in the order in which they began.
    func ready(at now: Timestamp) -> [Int] {
        state.withLock { state in state.waiting.filter { $0.value.until ?? .distantPast <= now }.keys.sorted() }
    }

    /// Begins `body` in a lane of its own, whose number is told first, and returns when it waits or has ended.
    func begin(_ note: (Int) -> Void, _ body: @escaping @Sendable () async throws -> Void) async {
        let lane = state.withLock { state in
            state.lastLane += 1
            return state.lastLane
        }
        note(lane)
        await running { Task { await Self.$lane.withValue(lane) { self.end(lane, await Self.result(body)) } } }
    }

    private static func result(_ body: () async throws -> Void) async -> Result<Void, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    /// Lets a lane go on, and returns when it waits again or has ended.
    func goOn(_ lane: Int) async {
        guard let place = state.withLock({ $0.waiting.removeValue(forKey: lane) }) else { return }
        await running { place.continuation.resume() }
    }

    private func running(_ start: () -> Void) async {
        await withCheckedContinuation { scheduler in
            state.withLock { $0.scheduler = scheduler }
            start()
        }
    }

    private func end(_ lane: Int, _ result: Result<Void, any Error>) {
        let scheduler = state.withLock { state in
            state.ended.append((lane, result))
            return state.takeScheduler()
        }
        scheduler?.resume()
    }

    /// The lanes that have ended since this was last asked.
    func takeEnded() -> [(lane: Int, result: Result<Void, any Error>)] {
        state.withLock { state in
            defer { state.ended = [] }
            return state.ended
        }
    }

    /// The process has died: whatever still goes on comes to its end now, and nothing that it asks for is done.
    func abandon() async {
        state.withLock { $0.isOver = true }
        while let lane = ready(at: .distantFuture).first { await goOn(lane) }
        state.withLock { $0.isOver = false }
        _ = takeEnded()
    }

    /// Reads something between two waits.
    func aroundRead<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        steering == nil ? try await around(body) : try await body()
    }

    /// Does something between two waits.
    func around<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        await pause()
        let value = try await body()
        await pause()
        return value
    }

    /// Waits for something that another lane holds; once that is free, it is ready to go on.
    func wait(_ register: (@escaping @Sendable () -> Void) -> Bool) async {
        guard let lane = Self.lane else { return await waitForRun(register) }
        await withCheckedContinuation { continuation in
            state.withLock { _ = $0.blocked.insert(lane) }
            let isFree = register {
                self.state.withLock { state in
                    state.blocked.remove(lane)
                    state.waiting[lane] = Place(until: nil, continuation: continuation)
                }
            }
            guard isFree else { return state.withLock { $0.takeScheduler() }?.resume() ?? () }
            state.withLock { _ = $0.blocked.remove(lane) }
            continuation.resume()
        }
    }

    /// Waits for its turn, in every other case that is drawn; or until a moment of the process' clock.
    func pause(until moment: Timestamp? = nil) async {
        guard let lane = Self.lane else { return }
        await withCheckedContinuation { continuation in
            let first = state.withLock { state -> CheckedContinuation<Void, Never> in
                let waits = !state.isOver && (moment != nil || steering.map { $0.decide(2) == 1 } ?? Bool.random(using: &state.random))
                guard waits else { return continuation }
                state.waiting[lane] = Place(until: moment, continuation: continuation)
                return state.takeScheduler() ?? continuation
            }
            first.resume()
        }
    }
}

/// The process' clock, on which a lane can sleep.
struct SimulatedClock: ServiceClock {
    let clock: VirtualClock
    let turns: Turns

    var now: Timestamp { clock.now }

    func sleep(until moment: Timestamp) async throws {
        while now < moment {
            if turns.isOver { throw CancellationError() }
            await turns.pause(until: moment)
        }
    }
}
