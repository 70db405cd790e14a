import Events
import HybridRouter
import LegacyStateMachine

/// What a process has in memory of the work that the store holds; all of it can be read again.
struct WorkInHand {
    var queue = EventQueue()
    var outbox = OutboxQueue()
    var entities = RecentEntities(limit: 8192)
    /// Entities that are in quarantine.
    var stopped: Set<EntityID> = []
    private var events: [Int: Event] = [:]
    private var failures: [Int: Int] = [:]

    /// The most events that stay in memory beside their place in the queue; others are read again when they are handled.
    private static let mostEvents = 16_384

    mutating func enqueue(_ rows: [QueuedRow]) {
        for row in rows where !stopped.contains(row.entity) {
            if let event = row.event, events.count < Self.mostEvents { events[row.sequence] = event }
            queue.enqueue(
                QueueMessage(
                    sequence: row.sequence, entity: row.entity, priority: row.priority, attempt: row.attempt, visibleAt: row.visibleAt))
        }
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
        queue.complete(sequence)
    }

    mutating func fail(_ sequence: Int) -> Int {
        failures[sequence, default: 0] += 1
        return failures[sequence] ?? 1
    }

    mutating func stop(_ entities: Set<EntityID>) {
        stopped = entities
        guard !stopped.isEmpty else { return }
        outbox.removeAll { stopped.contains($0.entity) }
    }
}

/// The messages to the engine that wait to be sent, in their order.
struct OutboxQueue {
    private var messages: [OutboxMessage] = []
    private var head = 0
    private var known: Set<Int> = []

    var first: OutboxMessage? { head < messages.count ? messages[head] : nil }

    mutating func add(_ new: [OutboxMessage]) {
        for message in new where known.insert(message.sequence).inserted {
            let isLast = messages.last.map { $0.sequence < message.sequence } ?? true
            if isLast {
                messages.append(message)
            } else {
                let place = messages[head...].firstIndex { $0.sequence > message.sequence } ?? messages.endIndex
                messages.insert(message, at: place)
            }
        }
    }

    mutating func remove(_ message: OutboxMessage) {
        known.remove(message.sequence)
        if first?.sequence == message.sequence { head += 1 } else { removeAll { $0.sequence == message.sequence } }
        guard head > 1024 || head == messages.count else { return }
        messages.removeFirst(head)
        head = 0
    }

    mutating func removeAll(where isGone: (OutboxMessage) -> Bool) {
        messages = messages[head...].filter { !isGone($0) }
        head = 0
        known = Set(messages.map(\.sequence))
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
