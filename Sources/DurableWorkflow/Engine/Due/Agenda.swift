import DequeModule
import Events
import HeapModule
import Synchronization

/// What is due, in order: a window on the store's table of due things, loaded a part at a time and kept up with every commit.
///
/// Everything up to the horizon is in memory, what lies beyond costs nothing. Activities of a queue with a rate wait here until the
/// rate allows them.
final class Agenda: Sendable {
    /// An item that somebody runs.
    private struct Taken {
        let queue: String
        var hasBegun = false
    }

    private struct Contents {
        var order = Heap<DueItem.Key>()
        var items: [DueItem.Key: DueItem] = [:]
        var taken: [DueItem.Key: Taken] = [:]
        var horizon: DueItem.Key?
        var beyond: Timestamp??
        /// Activities whose queue has no room for them now.
        var waiting: [String: Deque<DueItem>] = [:]
        var limits: [String: QueueLimit] = [:]
        /// Activities for which a worker had no slot.
        var stalled: Deque<DueItem> = []
        var blocked: [String: [DueItem]] = [:]
        /// What commits added and removed while a part was being loaded.
        var isLoading = false
        /// Counts resets: what was being read when one came is not the whole.
        var resets = 0
        /// Counts what may have moved the first thing beyond the horizon.
        var changes = 0
        var added: [DueItem] = []
        var removed: Set<DueItem.Key> = []

        /// True when the store is known to have nothing between the horizon and `key`.
        func isAlone(_ key: DueItem.Key) -> Bool {
            guard !isLoading, horizon != nil, case .some(let beyond) = beyond else { return false }
            return beyond.map { key.at < $0 } ?? true
        }

        mutating func insert(_ item: DueItem) {
            guard items[item.key] == nil, taken[item.key] == nil else { return }
            if item.key.kind == .task, blocked[item.workflowID] != nil {
                blocked[item.workflowID]?.append(item)
            } else {
                items[item.key] = item
                order.insert(item.key)
            }
        }

        mutating func remove(_ key: DueItem.Key) {
            release(key)
            items[key] = nil
        }

        /// Gives back the memory of a burst that is over: a table from which things are removed keeps its size.
        mutating func trim() {
            if items.isEmpty, items.capacity > Agenda.part {
                (items, order, waiting, stalled) = ([:], Heap(), [:], [])
            }
            if taken.isEmpty, taken.capacity > Agenda.part { taken = [:] }
        }

        mutating func first() -> DueItem? {
            while let key = order.min {
                if let item = items[key] { return item }
                order.removeMin()
            }
            return nil
        }

        /// When the first of what is in memory is due, or `other`.
        mutating func earliest(_ other: Timestamp?) -> Timestamp? {
            let waiting = waiting.compactMap { queue, items in items.isEmpty ? nil : limits[queue]?.next }
            return (waiting + [first()?.key.at, other].compactMap { $0 }).min()
        }

        mutating func take(_ key: DueItem.Key) -> DueItem? {
            guard let item = items.removeValue(forKey: key) else { return nil }
            taken[key] = Taken(queue: item.queue)
            if key.kind == .activity { limits[item.queue]?.inUse += 1 }
            return item
        }

        /// The first activity that waited for a slot.
        mutating func takeStalled(at now: Timestamp) -> DueItem? {
            while let item = stalled.popFirst() {
                guard items[item.key] != nil, mayRun(item, at: now, reserve: true) else { continue }
                return take(item.key)
            }
            return nil
        }

        mutating func release(_ key: DueItem.Key) {
            guard let item = taken.removeValue(forKey: key), key.kind == .activity else { return }
            limits[item.queue]?.inUse -= 1
            if !item.hasBegun { limits[item.queue]?.rate?.settle(begunAt: nil) }
        }

        /// Lets activities go whose queue's rate allows some again.
        mutating func release(at now: Timestamp) {
            for queue in waiting.keys {
                var room = limits[queue]?.room(at: now) ?? .max
                while room > 0, let item = waiting[queue]?.popFirst() {
                    guard self.items[item.key] != nil else { continue }
                    order.insert(item.key)
                    room -= 1
                }
            }
        }

        /// True when an item may run now; an activity whose rate is used up is put aside.
        mutating func mayRun(_ item: DueItem, at now: Timestamp, reserve: Bool) -> Bool {
            guard item.key.kind == .activity, limits[item.queue] != nil else { return true }
            if limits[item.queue]?.room(at: now) ?? 1 > 0 {
                if reserve { limits[item.queue]?.rate?.reserve() }
                return true
            }
            waiting[item.queue, default: []].append(item)
            return false
        }
    }

    private let store: any WorkflowStore
    private let contents: Mutex<Contents>
    private static let part = 4096
    private let listeners = Mutex<[@Sendable () -> Void]>([])

    init(store: any WorkflowStore, queues: [TaskQueue]) {
        self.store = store
        var contents = Contents()
        for queue in queues {
            contents.limits[queue.name] = QueueLimit(queue)
        }
        self.contents = Mutex(contents)
    }

    /// Calls `listener` whenever something has become due, or may be run again.
    func onNews(_ listener: @escaping @Sendable () -> Void) { listeners.withLock { $0.append(listener) } }

    private func tell() { for listener in listeners.withLock({ $0 }) { listener() } }

    /// Takes over what a commit has made due and settled.
    func apply(_ change: WorkflowChange) {
        contents.withLock { contents in
            contents.changes += 1
            for key in change.done {
                contents.remove(key)
                if case .some(let beyond) = contents.beyond, beyond == key.at { contents.beyond = nil }
                if contents.isLoading { contents.removed.insert(key) }
            }
            for item in change.due {
                if contents.isLoading { contents.added.append(item) }
                if let horizon = contents.horizon, item.key <= horizon {
                    contents.insert(item)
                } else if contents.isAlone(item.key) {
                    // Nothing else lies between the horizon and this.
                    contents.horizon = item.key
                    contents.insert(item)
                } else if case .some(let beyond) = contents.beyond {
                    contents.beyond = .some([beyond, item.key.at].compactMap { $0 }.min())
                }
            }
        }
        if !change.due.isEmpty { tell() }
    }

    /// Forgets what it knows and reads it again: after a commit whose outcome is unknown.
    func reset() {
        contents.withLock { contents in
            contents.order = Heap()
            contents.items = [:]
            contents.waiting = [:]
            contents.stalled = []
            contents.blocked = [:]
            contents.horizon = nil
            contents.beyond = nil
            contents.resets += 1
            contents.changes += 1
        }
        // Nobody else may say that there is something to read.
        tell()
    }

    /// The task of a workflow whose code does not fit waits until something new arrives for it, or another engine comes.
    func block(_ workflowID: String) { contents.withLock { $0.blocked[workflowID] = $0.blocked[workflowID] ?? [] } }

    func unblock(_ workflowID: String) {
        contents.withLock { contents in
            for item in contents.blocked.removeValue(forKey: workflowID) ?? [] { contents.insert(item) }
        }
    }

    /// Notes that the code of a taken activity begins now.
    func begun(_ key: DueItem.Key, at moment: Timestamp) {
        contents.withLock { contents in
            guard let item = contents.taken[key], !item.hasBegun else { return }
            contents.taken[key]?.hasBegun = true
            contents.limits[item.queue]?.rate?.settle(begunAt: moment)
        }
    }

    /// Notes that a taken item was run, whatever came of it.
    func finished(_ key: DueItem.Key) {
        contents.withLock { contents in
            contents.release(key)
            contents.trim()
        }
    }

    /// Gives a taken item back: it could not be run.
    func giveBack(_ item: DueItem) {
        contents.withLock { contents in
            guard contents.taken[item.key] != nil else { return }
            contents.release(item.key)
            guard contents.horizon.map({ item.key <= $0 }) ?? false else { return }
            contents.insert(item)
        }
    }

    /// What is due, waits and runs, by queue.
    func counts(at now: Timestamp) -> [String: QueueCounts] {
        contents.withLock { contents in
            let running = contents.taken.filter { $0.key.kind == .activity }.map(\.value.queue)
            return QueueCounts.of(contents.items, waiting: contents.waiting, running: running, at: now)
        }
    }

    // MARK: Loading

    /// Loads everything due at `now` and a little more, at most one part of it.
    func load(at now: Timestamp) async throws {
        let begun = contents.withLock { contents -> (after: DueItem.Key?, resets: Int)? in
            if let horizon = contents.horizon, horizon.at > now { return nil }
            if case .some(let beyond) = contents.beyond, contents.horizon != nil, beyond.map({ $0 > now }) ?? true { return nil }
            if contents.items.count >= Self.part { return nil }
            contents.isLoading = true
            contents.added = []
            contents.removed = []
            return (contents.horizon, contents.resets)
        }
        guard let begun else { return }
        let until = now + .seconds(1)
        let loaded: Result<[DueItem], any Error>
        do { loaded = .success(try await store.due(after: begun.after, until: until, limit: Self.part)) } catch { loaded = .failure(error) }
        try contents.withLock { contents in
            contents.isLoading = false
            defer { (contents.added, contents.removed) = ([], []) }
            let items = try loaded.get()
            guard contents.resets == begun.resets else { return }
            let isWhole = items.count < Self.part
            let end = DueItem.Key(at: until, run: .max, event: .max, kind: .schedule)
            contents.changes += 1
            contents.horizon = isWhole ? end : items.last?.key ?? end
            contents.beyond = nil
            for item in items + contents.added where item.key <= contents.horizon ?? end && !contents.removed.contains(item.key) {
                contents.insert(item)
            }
        }
    }

    // MARK: Taking

    /// Up to `limit` things due at `now`, in order, without taking them.
    func peek(at now: Timestamp, limit: Int) -> [DueItem] {
        contents.withLock { contents in
            contents.release(at: now)
            var found: [DueItem] = []
            var put: [DueItem.Key] = []
            while found.count < limit, let item = contents.first(), item.key.at <= now {
                contents.order.removeMin()
                guard contents.mayRun(item, at: now, reserve: false) else { continue }
                put.append(item.key)
                found.append(item)
            }
            contents.order.insert(contentsOf: put)
            return found
        }
    }

    /// Takes one thing that was seen; nil when it has gone meanwhile, or when its rate does not allow it.
    func take(_ item: DueItem, at now: Timestamp) -> DueItem? {
        contents.withLock { contents in
            guard contents.items[item.key] != nil, contents.mayRun(item, at: now, reserve: true) else { return nil }
            return contents.take(item.key)
        }
    }

    /// Takes the first thing due at `now`.
    func takeFirst(at now: Timestamp, withActivities: Bool = true) -> DueItem? {
        contents.withLock { contents in
            contents.release(at: now)
            if withActivities, let item = contents.takeStalled(at: now) { return item }
            while let item = contents.first(), item.key.at <= now {
                contents.order.removeMin()
                if item.key.kind == .activity, !withActivities {
                    contents.stalled.append(item)
                    continue
                }
                if contents.mayRun(item, at: now, reserve: true) { return contents.take(item.key) }
            }
            return nil
        }
    }

    /// When the first thing may be due, as far as that is known without reading: the distant past when it is not; nil for never.
    var known: Timestamp? {
        contents.withLock { contents in
            guard contents.horizon != nil, case .some(let beyond) = contents.beyond else { return contents.first()?.key.at ?? .distantPast }
            return contents.earliest(beyond)
        }
    }

    /// When the first thing is due; nil for never.
    func next() async throws -> Timestamp? {
        let known = contents.withLock { contents -> (Timestamp?, Timestamp??, DueItem.Key?, changes: Int) in
            (contents.earliest(nil), contents.beyond, contents.horizon, contents.changes)
        }
        if let first = known.0, known.2 != nil { return first }
        if case .some(let beyond) = known.1 { return [known.0, beyond].compactMap { $0 }.min() }
        let beyond = try await store.nextDue(after: known.2)
        // What was committed while it was read is not in it.
        contents.withLock { if $0.changes == known.changes { $0.beyond = .some(beyond) } }
        return [known.0, beyond].compactMap { $0 }.min()
    }

    /// Counts as if every queue's rate had just been used up: what an earlier process has begun is unknown.
    func primeRates(at now: Timestamp) {
        contents.withLock { contents in
            for queue in contents.limits.keys { contents.limits[queue]?.rate?.prime(at: now) }
        }
    }
}

/// What a queue allows.
struct QueueLimit: Sendable {
    var rate: RateLimit?
    let slots: Int
    var inUse = 0

    init(_ queue: TaskQueue) {
        rate = queue.maximumActivitiesPerSecond.map { RateLimit(perSecond: $0) }
        slots = queue.maximumConcurrentActivities
    }

    /// How many may begin now.
    mutating func room(at now: Timestamp) -> Int { min(slots - inUse, rate?.room(at: now) ?? .max) }

    /// When the rate allows another; nil when only the end of one that runs makes room.
    var next: Timestamp? { inUse < slots ? rate?.next : nil }
}

/// At most so many within any window: exact, because it remembers when the last ones began, and counts those that are about to.
struct RateLimit: Sendable {
    private let count: Int
    private let window: Duration
    private var begun: Deque<Timestamp> = []
    private var reserved = 0

    /// From one a second on, the whole part of `rate` within any second; below that, one within any `1 / rate` seconds. A millisecond is
    /// added, because moments are cut off to milliseconds.
    init(perSecond rate: Double) {
        count = max(1, Int(rate))
        window = .milliseconds(1) + (rate >= 1 ? .seconds(1) : .milliseconds(Int64((1000 / max(rate, 0.000_001)).rounded(.up))))
    }

    /// How many may be taken now.
    mutating func room(at now: Timestamp) -> Int {
        // A clock that was set back must not freeze the queue.
        if let last = begun.last, last > now { begun = Deque(repeating: now, count: begun.count) }
        while let first = begun.first, first + window <= now { begun.removeFirst() }
        return count - begun.count - reserved
    }

    /// One is taken; it counts until it begins, and for the window from then on.
    mutating func reserve() { reserved += 1 }

    /// One that was taken begins, or comes to nothing.
    mutating func settle(begunAt moment: Timestamp?) {
        reserved -= 1
        if let moment { begun.append(max(moment, begun.last ?? moment)) }
    }

    mutating func prime(at now: Timestamp) { begun = Deque(repeating: now, count: count) }

    /// When the next may be taken, if none may now; nil when that depends on those that are about to begin.
    var next: Timestamp? { begun.first.map { begun.count + reserved < count ? $0 : $0 + window } }
}
