import Events
import Synchronization

/// Decides, from a seed, which port call fails and how; counts what it did.
package final class FaultInjector: Sendable {
    private struct State {
        var random: SeededRandom
        var counts: [Fault: Int] = [:]
        var isDown = false
        var isQuiet = false
        var now = Timestamp.distantPast
        var fullUntil = Timestamp.distantPast
    }

    /// What can strike on one occasion, and how often.
    struct Occasion {
        fileprivate let shares: [(fault: Fault, share: Double)]
        init(_ rates: FaultRates, _ faults: Fault...) { shares = faults.map { ($0, rates[$0]) } }
    }

    let onRead, onWrite, onCall, onSlowRead, onRecall, onDelivery, onOperation: Occasion
    private let state: Mutex<State>
    /// Decides instead of the seed.
    private let steering: Steering?

    /// Faults of a process.
    package init(seed: UInt64, rates: FaultRates, steering: Steering? = nil) {
        onRead = Occasion(rates, .ioError)
        onWrite = Occasion(rates, .crash, .tornPage, .ioError, .diskFull, .busy)
        onCall = Occasion(rates, .crash, .slow, .tooManyRequests, .responseLost, .recall)
        onSlowRead = Occasion(rates, .slow)
        // Where everything is decided, a recall between a read and its commit is a lane that waits, and an operator.
        onRecall = Occasion(steering == nil ? rates : .none, .recall)
        self.steering = steering
        onDelivery = Occasion(rates, .reorder)
        onOperation = Occasion(rates, .clockJump, .planChange, .halt, .recall, .adoption)
        state = Mutex(State(random: SeededRandom(seed: seed, label: "faults")))
    }

    /// How often each has struck.
    package var counts: [Fault: Int] { state.withLock { $0.counts } }

    /// The world's time.
    var now: Timestamp { state.withLock { $0.now } }
    func set(now: Timestamp) { state.withLock { $0.now = now } }
    /// Another process begins.
    package func restart() { state.withLock { $0.isDown = false } }
    /// From now on nothing goes wrong.
    package func quiet() { state.withLock { $0.isQuiet = true } }
    var isDown: Bool { state.withLock { $0.isDown } }

    /// True when something strikes now.
    func strikes(_ occasion: Occasion) -> Bool { strike(occasion) != nil }

    /// The fault that strikes now; nil for none.
    func strike(_ occasion: Occasion) -> Fault? {
        state.withLock { state in
            guard !state.isQuiet else { return nil }
            if let steering { return decide(occasion, steering, &state) }
            var draw = Double.random(in: 0..<1, using: &state.random)
            for (fault, share) in occasion.shares {
                if draw < share {
                    state.counts[fault, default: 0] += 1
                    return fault
                }
                draw -= share
            }
            return nil
        }
    }

    private func decide(_ occasion: Occasion, _ steering: Steering, _ state: inout State) -> Fault? {
        let possible = occasion.shares.filter { $0.share > 0 }
        let way = steering.decide(possible.count + 1)
        guard way > 0 else { return nil }
        state.counts[possible[way - 1].fault, default: 0] += 1
        return possible[way - 1].fault
    }

    func isHeads() -> Bool {
        if let steering { return steering.decide(2, isFree: true) == 1 }
        return state.withLock { Bool.random(using: &$0.random) }
    }
    func duration(_ range: ClosedRange<Duration>) -> Duration { state.withLock { $0.random.duration(range) } }
    func index(_ count: Int) -> Int {
        if let steering { return steering.decide(count, isFree: true) }
        return state.withLock { Int.random(in: 0..<max(1, count), using: &$0.random) }
    }

    private func checkUp() throws { if state.withLock({ $0.isDown }) { throw SimulatedCrash() } }

    func crash() -> SimulatedCrash {
        state.withLock { $0.isDown = true }
        return SimulatedCrash()
    }

    /// A read of the storage.
    func read<Value>(_ body: () async throws -> Value) async throws -> Value {
        try checkUp()
        if strikes(onRead) {
            _ = crash()
            throw StorageFault.unknown
        }
        return try await body()
    }

    /// A write of the storage, which may be refused, lost, or made without anybody being told.
    func write<Value>(_ body: () async throws -> Value) async throws -> Value {
        try checkUp()
        if state.withLock({ $0.now < $0.fullUntil }) { throw StorageFault.refused(.diskFull) }
        switch strike(onWrite) {
        case .crash:
            if isHeads() { _ = try await body() }
            throw crash()
        case .tornPage: throw crash()
        case .ioError:
            if isHeads() { _ = try await body() }
            _ = crash()
            throw StorageFault.unknown
        case .diskFull:
            let length = duration(.minutes(1) ... .minutes(20))
            state.withLock { $0.fullUntil = $0.now + length }
            throw StorageFault.refused(.diskFull)
        case .busy: throw StorageFault.refused(.busy)
        default: return try await body()
        }
    }
}
