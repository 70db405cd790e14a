import Events
import Synchronization

// The scheduler of a run that somebody steers.

/// Remembers that the engine had nothing to do although something is due: another lane is at it.
final class EngineProgress: Sendable {
    private let isIdle = Mutex(false)

    func nothingDone() { isIdle.withLock { $0 = true } }

    /// True when the engine had nothing to do since this was asked last.
    func takeIdle() -> Bool {
        isIdle.withLock { isIdle in
            defer { isIdle = false }
            return isIdle
        }
    }
}

extension Simulation {
    /// One of the things that could happen now.
    func choose(_ choices: [Choice]) -> Choice {
        guard let steering = options.steering else {
            return choices.count == 1 ? choices[0] : choices[Int.random(in: 0..<choices.count, using: &random)]
        }
        let ordered = ordinary(choices)
        return ordered[steering.decide(ordered.count)]
    }

    /// The ordinary order: what has begun goes on before anything new comes, and who was made to wait goes on last.
    private func ordinary(_ choices: [Choice]) -> [Choice] {
        let isIdle = progress.takeIdle()
        return choices.enumerated().sorted { one, other in
            (one.element.rank(isEngineIdle: isIdle), one.offset) < (other.element.rank(isEngineIdle: isIdle), other.offset)
        }.map(\.element)
    }
}

extension Simulation.Choice {
    fileprivate func rank(isEngineIdle: Bool) -> Int {
        switch self {
        case .relay: 0
        case .handle: 1
        case .work: isEngineIdle ? 7 : 2
        case .sweep: 3
        case .deliver: 4
        case .settle: 5
        case .goOn: 6
        }
    }
}
