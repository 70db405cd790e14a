import Events
import HeapModule
import HybridRouter

/// The messages to the engine that wait to be sent: in their order, or those of many entities at once, each entity's in their order.
struct OutboxQueue {
    private struct Head: Comparable {
        let sequence: Int
        let entity: EntityID
        static func < (left: Head, right: Head) -> Bool { left.sequence < right.sequence }
    }

    private var messages: [EntityID: [OutboxMessage]] = [:]
    private var heads = Heap<Head>()
    /// Entities of which a message is being sent.
    private var claimed: Set<EntityID> = []

    /// True when a message of the entity waits to be sent.
    func holds(_ entity: EntityID) -> Bool { messages[entity] != nil }

    /// The message to send next.
    var first: OutboxMessage? {
        mutating get {
            while let head = heads.min {
                if !claimed.contains(head.entity), let message = messages[head.entity]?.first, message.sequence == head.sequence {
                    return message
                }
                heads.removeMin()
            }
            return nil
        }
    }

    /// The message to send next, whose entity has no other sent until it is removed or released.
    mutating func claim() -> OutboxMessage? {
        guard let message = first else { return nil }
        claimed.insert(message.entity)
        return message
    }

    mutating func release(_ message: OutboxMessage) {
        claimed.remove(message.entity)
        announce(message.entity)
    }

    mutating func add(_ new: [OutboxMessage]) {
        for message in new {
            var waiting = messages[message.entity] ?? []
            let place = waiting.lastIndex { $0.sequence <= message.sequence }
            if let place, waiting[place].sequence == message.sequence { continue }
            waiting.insert(message, at: place.map { $0 + 1 } ?? 0)
            messages[message.entity] = waiting
            announce(message.entity)
        }
    }

    mutating func remove(_ message: OutboxMessage) {
        claimed.remove(message.entity)
        messages[message.entity]?.removeAll { $0.sequence == message.sequence }
        if messages[message.entity]?.isEmpty == true { messages[message.entity] = nil }
        announce(message.entity)
    }

    mutating func removeAll(where isGone: (EntityID) -> Bool) { messages = messages.filter { !isGone($0.key) } }

    private mutating func announce(_ entity: EntityID) {
        if let first = messages[entity]?.first { heads.insert(Head(sequence: first.sequence, entity: entity)) }
    }
}
