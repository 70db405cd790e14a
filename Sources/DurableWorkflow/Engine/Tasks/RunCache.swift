import DequeModule
import Synchronization

/// Waits for a run that somebody holds. The body takes what is to be called when the run is free, and returns true when it is free at once.
package typealias RunWaiting = @Sendable (_ register: (_ goOn: @escaping @Sendable () -> Void) -> Bool) async -> Void

/// Waits in the order of arrival, and goes on at once.
package let waitForRun: RunWaiting = { register in
    await withCheckedContinuation { continuation in
        if register({ continuation.resume() }) { continuation.resume() }
    }
}

/// The runs in memory, each held by one caller at a time; the least recently used leave when there are too many.
final class RunCache: Sendable {
    /// A class, because a table of so large values would have as much again in free places.
    private final class Entry {
        var state: RunState?
        var isHeld = false
        var waiters: [@Sendable () -> Void] = []
        var usedAt = 0
    }

    private struct Contents {
        var entries: [String: Entry] = [:]
        var uses = 0
        var kept = 0
        /// Every use, oldest first; one that was followed by another use of the same run stands for nothing.
        var order: Deque<(id: String, usedAt: Int)> = []

        /// False when somebody holds it.
        mutating func hold(_ id: String) -> Bool {
            guard entries[id]?.isHeld != true else { return false }
            let entry = entries[id] ?? Entry()
            entry.isHeld = true
            entries[id] = entry
            return true
        }

        mutating func used(_ id: String, at use: Int) {
            order.append((id, use))
            guard order.count > 2 * entries.count + 64 else { return }
            order = order.filter { entries[$0.id]?.usedAt == $0.usedAt }
        }

        /// Removes the runs that were not used for longest, down to `maximum`.
        mutating func evict(to maximum: Int) -> [LiveWorkflow] {
            var live: [LiveWorkflow] = []
            while kept > maximum, let oldest = order.popFirst() {
                guard let entry = entries[oldest.id], entry.usedAt == oldest.usedAt, !entry.isHeld, let state = entry.state else {
                    continue
                }
                entries[oldest.id] = nil
                kept -= 1
                if let code = state.live { live.append(code) }
            }
            return live
        }
    }

    private let contents = Mutex(Contents())
    private let maximum: Int
    private let onEviction: @Sendable (Int) -> Void
    private let waiting: RunWaiting

    init(maximum: Int, waiting: @escaping RunWaiting = waitForRun, onEviction: @escaping @Sendable (Int) -> Void = { _ in }) {
        self.maximum = maximum
        self.waiting = waiting
        self.onEviction = onEviction
    }

    /// Waits for its turn and takes a workflow's run out; nil when it is not in memory. Every take is followed by one ``put(_:_:)``.
    func take(_ id: String) async -> RunState? {
        if contents.withLock({ !$0.hold(id) }) {
            await waiting { goOn in
                contents.withLock { contents in
                    if contents.hold(id) { return true }
                    contents.entries[id]?.waiters.append(goOn)
                    return false
                }
            }
        }
        return contents.withLock { contents in
            guard let state = contents.entries[id]?.state else { return nil }
            contents.entries[id]?.state = nil
            contents.kept -= 1
            return state
        }
    }

    /// Gives a run back; nil when it is not to be kept.
    func put(_ id: String, _ state: RunState?) {
        let (next, evicted) = contents.withLock { contents in
            contents.uses += 1
            var next: (@Sendable () -> Void)?
            if let entry = contents.entries[id] {
                entry.state = state
                entry.usedAt = contents.uses
                if state != nil { contents.kept += 1 }
                if entry.waiters.isEmpty { entry.isHeld = false } else { next = entry.waiters.removeFirst() }
                if !entry.isHeld, state == nil { contents.entries[id] = nil }
                if state != nil { contents.used(id, at: contents.uses) }
            }
            return (next, contents.evict(to: maximum))
        }
        for live in evicted { live.evict() }
        onEviction(evicted.count)
        next?()
    }

    /// The code of a run that nobody holds; nil when it is not in memory.
    func live(_ id: String) -> LiveWorkflow? { contents.withLock { $0.entries[id]?.state?.live } }

    var liveCount: Int { contents.withLock { $0.entries.values.count { $0.state?.live != nil } } }

    /// Removes everything that nobody holds.
    func removeAll() {
        let live = contents.withLock { contents in
            let live = contents.entries.values.compactMap { $0.isHeld ? nil : $0.state?.live }
            // A dictionary that things are removed from keeps its memory.
            contents.entries = contents.entries.filter(\.value.isHeld)
            contents.kept = contents.entries.values.count { $0.state != nil }
            contents.order = contents.order.filter { contents.entries[$0.id]?.usedAt == $0.usedAt }
            return live
        }
        for live in live { live.evict() }
    }
}
