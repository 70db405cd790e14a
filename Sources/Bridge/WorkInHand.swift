import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

/// What a process has in memory of the work that the store holds; all of it can be read again.
struct WorkInHand {
    /// A claim ends with its handling, however long a call takes: with the process every claim is gone.
    var queue = EventQueue(visibilityTimeout: .days(36_525))
    var outbox = OutboxQueue()
    var entities = RecentEntities(limit: 8192)
    /// Entities that are in quarantine.
    var stopped: Set<EntityID> = []
    /// Counts what was read again from the store, and what was stopped: rows that were in hand before are read again, too.
    private(set) var loads = 0
    private(set) var stops = 0
    /// How many are reading rows from the store.
    var loading = 0
    /// The entities of segments with commits under way, and how many each has.
    private var writing: [EntityID: Int] = [:]
    /// Rows that were claimed meanwhile.
    private var behindWrites: [EntityID: Int] = [:]
    private var events: [Int: Event] = [:]
    private var failures: [Int: Int] = [:]
    private var waits: [Int: (count: Int, answers: Int)] = [:]

    /// The most events that stay in memory beside their place in the queue; others are read again when they are handled.
    private static let mostEvents = 16_384

    /// Queues rows. Those that were read from the store may have been handled meanwhile, so each is read again when it is its turn; so
    /// are those that came into hand while others were being read, `since` so many loads.
    mutating func enqueue(_ rows: [QueuedRow], since count: Int) {
        for row in rows where !stopped.contains(row.entity) {
            if loads == count, let event = row.event, events.count < Self.mostEvents { events[row.sequence] = event }
            queue.enqueue(
                QueueMessage(
                    sequence: row.sequence, entity: row.entity, priority: row.priority, attempt: row.attempt, visibleAt: row.visibleAt))
        }
    }

    mutating func load(_ rows: [QueuedRow]) {
        loads += 1
        enqueue(rows, since: -1)
    }

    mutating func claim(at now: Timestamp) -> (message: QueueMessage, event: Event?)? {
        while let message = queue.claim(at: now) {
            guard stopped.contains(message.entity) else { return (message, events[message.sequence]) }
            complete(message.sequence)
        }
        return nil
    }

    mutating func complete(_ sequence: Int) {
        events[sequence] = nil
        failures[sequence] = nil
        waits[sequence] = nil
        queue.complete(sequence)
    }

    mutating func fail(_ sequence: Int) -> Int {
        failures[sequence, default: 0] += 1
        return failures[sequence] ?? 1
    }

    /// How often the row has waited before, and whether the service, which has answered so many calls, has answered any since then.
    mutating func wait(_ sequence: Int, answers: Int) -> (count: Int, isAnswered: Bool) {
        let last = waits[sequence]
        waits[sequence] = ((last?.count ?? 0) + 1, answers)
        return (last?.count ?? 0, last?.answers != answers)
    }

    /// Notes that a commit is under way; returns the number of loads.
    mutating func beginWriting(_ ownership: Ownership) -> Int {
        if ownership.owner == .durable { writing[ownership.entity, default: 0] += 1 }
        return loads
    }

    /// Notes that what follows from a commit is queued, or that there was none: a row that has waited for that can be claimed again.
    mutating func endWriting(_ ownership: Ownership) {
        guard ownership.owner == .durable else { return }
        let rest = (writing[ownership.entity] ?? 1) - 1
        writing[ownership.entity] = rest > 0 ? rest : nil
        guard rest == 0, let waiting = behindWrites.removeValue(forKey: ownership.entity) else { return }
        queue.release(waiting)
    }

    /// Gives a claimed row back when another of its entity goes first by now. While a segment's commit is on its way to the queue nobody knows
    /// that: the row stays claimed until then. False when the row is the first.
    mutating func makesWay(_ message: QueueMessage) -> Bool {
        if writing[message.entity] != nil {
            behindWrites[message.entity] = message.sequence
            return true
        }
        guard queue.first(of: message.entity) != message.sequence else { return false }
        queue.release(message.sequence)
        return true
    }

    func failureCount(of sequence: Int) -> Int { failures[sequence] ?? 0 }

    /// Keeps the latest version of an entity.
    mutating func remember(_ snapshot: EntitySnapshot) {
        let entity = snapshot.ownership.entity
        if let known = entities[entity], known.record.version > snapshot.record.version { return }
        entities[entity] = snapshot
    }

    mutating func stop(_ entities: Set<EntityID>) {
        stops += 1
        stopped = entities
        guard !stopped.isEmpty else { return }
        outbox.removeAll { stopped.contains($0) }
    }
}

/// The entities that were last handled, up to twice a limit: an older generation goes as a whole.
struct RecentEntities {
    private let limit: Int
    private var young: [EntityID: EntitySnapshot] = [:]
    private var old: [EntityID: EntitySnapshot] = [:]

    init(limit: Int) { self.limit = limit }

    subscript(entity: EntityID) -> EntitySnapshot? {
        get { young[entity] ?? old[entity] }
        set {
            guard let newValue else {
                young[entity] = nil
                old[entity] = nil
                return
            }
            if young.count >= limit { (old, young) = (young, [:]) }
            young[entity] = newValue
        }
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
    }
}
