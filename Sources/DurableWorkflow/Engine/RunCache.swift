import Synchronization

/// The runs in memory, each held by one caller at a time; the least recently used leave when there are too many.
final class RunCache: Sendable {
    private struct Entry {
        var state: RunState?
        var isHeld = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        var usedAt = 0
    }

    private struct Contents {
        var entries: [String: Entry] = [:]
        var uses = 0
        var kept = 0

        /// False when somebody holds it.
        mutating func hold(_ id: String) -> Bool {
            guard entries[id]?.isHeld != true else { return false }
            entries[id, default: Entry()].isHeld = true
            return true
        }
    }

    private let contents = Mutex(Contents())
    private let maximum: Int

    init(maximum: Int) { self.maximum = maximum }

    /// Waits for its turn and takes a workflow's run out; nil when it is not in memory. Every take is followed by one ``put(_:_:)``.
    func take(_ id: String) async -> RunState? {
        if contents.withLock({ !$0.hold(id) }) {
            await withCheckedContinuation { continuation in
                let isFree = contents.withLock { contents in
                    if contents.hold(id) { return true }
                    contents.entries[id]?.waiters.append(continuation)
                    return false
                }
                if isFree { continuation.resume() }
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
            var next: CheckedContinuation<Void, Never>?
            if var entry = contents.entries[id] {
                entry.state = state
                entry.usedAt = contents.uses
                if state != nil { contents.kept += 1 }
                if entry.waiters.isEmpty { entry.isHeld = false } else { next = entry.waiters.removeFirst() }
                contents.entries[id] = entry.isHeld || state != nil ? entry : nil
            }
            return (next, Self.evict(&contents, maximum: maximum))
        }
        for live in evicted { live.evict() }
        next?.resume()
    }

    private static func evict(_ contents: inout Contents, maximum: Int) -> [LiveWorkflow] {
        guard contents.kept > maximum else { return [] }
        let free = contents.entries.filter { !$0.value.isHeld && $0.value.state != nil }
        let oldest = free.sorted { $0.value.usedAt < $1.value.usedAt }.prefix(max(1, maximum / 10))
        for (id, _) in oldest { contents.entries[id] = nil }
        contents.kept -= oldest.count
        return oldest.compactMap(\.value.state?.live)
    }

    /// The code of a run that nobody holds; nil when it is not in memory.
    func live(_ id: String) -> LiveWorkflow? { contents.withLock { $0.entries[id]?.state?.live } }

    var liveCount: Int { contents.withLock { $0.entries.values.count { $0.state?.live != nil } } }

    /// Removes everything that nobody holds.
    func removeAll() {
        let live = contents.withLock { contents in
            let free = contents.entries.filter { !$0.value.isHeld }
            for id in free.keys { contents.entries[id] = nil }
            contents.kept -= free.values.count { $0.state != nil }
            return free.values.compactMap(\.state?.live)
        }
        for live in live { live.evict() }
    }
}
