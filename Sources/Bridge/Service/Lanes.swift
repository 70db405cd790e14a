import Synchronization

/// Runs things at the same time, no more than so many.
///
/// `take` hands out the next thing, or nil when there is none now; whoever makes more possible calls ``fill()``. `run` never throws: what
/// may go wrong is dealt with there.
final class Lanes<Work: Sendable>: Sendable {
    private struct State {
        var lastID = 0
        var running: [Int: Task<Void, Never>] = [:]
        var isStopped = false
        var idle: [CheckedContinuation<Void, Never>] = []
    }

    private let limit: Int
    private let take: @Sendable () -> Work?
    private let run: @Sendable (Work) async -> Void
    private let state = Mutex(State())

    init(limit: Int, take: @escaping @Sendable () -> Work?, run: @escaping @Sendable (Work) async -> Void) {
        self.limit = max(1, limit)
        self.take = take
        self.run = run
    }

    /// How many lanes are at work.
    var busy: Int { state.withLock { $0.running.count } }

    /// Begins what there is to do and room for. A lane begins inside the lock, so that nothing is taken twice and no call is lost.
    func fill() {
        state.withLock { state in
            while !state.isStopped, state.running.count < limit, let work = take() {
                state.lastID += 1
                let id = state.lastID
                state.running[id] = Task { await self.lane(id, from: work) }
            }
        }
    }

    private func lane(_ id: Int, from first: Work) async {
        var next: Work? = first
        while let work = next {
            await run(work)
            next = end(of: id)
        }
    }

    /// What the lane does next; without anything it is gone.
    private func end(of id: Int) -> Work? {
        let (work, idle): (Work?, [CheckedContinuation<Void, Never>]) = state.withLock { state in
            if !state.isStopped, let work = take() { return (work, []) }
            state.running[id] = nil
            guard state.running.isEmpty else { return (nil, []) }
            defer { state.idle = [] }
            return (nil, state.idle)
        }
        for continuation in idle { continuation.resume() }
        return work
    }

    /// Begins nothing any more; what has begun goes on.
    func stop() { state.withLock { $0.isStopped = true } }

    /// Cancels what has begun.
    func cancel() {
        for task in state.withLock({ Array($0.running.values) }) { task.cancel() }
    }

    /// Returns when no lane is at work.
    func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.running.isEmpty { return true }
                state.idle.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }
}
