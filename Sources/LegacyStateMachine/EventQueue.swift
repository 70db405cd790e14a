public import Events
import HeapModule

/// A message in the queue: a pending inbox row, with the retry count that legacy queues keep inside the message.
public struct QueueMessage: Hashable, Sendable {
    /// Its place in the order of arrival; unique.
    public var sequence: Int
    /// The entity whose messages are handled one at a time.
    public var entity: EntityID
    /// Lower goes first within an entity.
    public var priority: Int
    /// From 1.
    public var attempt: Int
    /// Not claimed before.
    public var visibleAt: Timestamp

    /// A message.
    public init(sequence: Int, entity: EntityID, priority: Int = 1, attempt: Int = 1, visibleAt: Timestamp) {
        self.sequence = sequence
        self.entity = entity
        self.priority = priority
        self.attempt = attempt
        self.visibleAt = visibleAt
    }
}

/// The in-memory front of the durable inbox: first in first out per entity, visibility, redelivery. Pure: time is an argument.
///
/// The first message of an entity blocks the others, also while it waits for its retry, so that no event overtakes another. A
/// claimed message that is neither completed nor retried within the visibility timeout becomes visible again (redelivery).
/// A restart builds the queue anew from the pending rows, which releases every claim of the process that died.
public struct EventQueue: Sendable {
    private struct Lane {
        var messages: [QueueMessage] = []
        var claimedUntil: Timestamp?
        /// Which message is claimed. It need not be the first: others may have come back before it meanwhile.
        var claimed: Int?
        /// How many of its messages ``waitingCount`` counts.
        var waiting = 0
        /// The claimed message when it was added again meanwhile: it is queued anew once the claim is completed.
        var again: QueueMessage?
    }

    private struct Ready: Comparable {
        let at: Timestamp
        let sequence: Int
        let entity: EntityID
        static func < (left: Ready, right: Ready) -> Bool { (left.at, left.sequence) < (right.at, right.sequence) }
    }

    private let visibilityTimeout: Duration
    private var lanes: [EntityID: Lane] = [:]
    private var entityOf: [Int: EntityID] = [:]
    private var heads = Heap<Ready>()

    /// An empty queue.
    public init(visibilityTimeout: Duration = .seconds(30)) { self.visibilityTimeout = visibilityTimeout }

    /// The number of messages, claimed ones included.
    public var count: Int { entityOf.count }

    /// True when a message of `entity` waits or is being handled.
    public func contains(_ entity: EntityID) -> Bool { lanes[entity] != nil }

    /// The message of `entity` that goes first, claimed or not; nil when none is queued.
    public func first(of entity: EntityID) -> Int? { lanes[entity]?.messages.first?.sequence }

    /// True when a message of `entity` is being handled.
    public func isClaimed(_ entity: EntityID) -> Bool { lanes[entity]?.claimedUntil != nil }

    /// The entity whose message was claimed again last, because a claim had timed out: two may be handling it.
    public private(set) var redelivered: EntityID?

    /// The messages that wait for somebody to claim them. Those behind a message that is being handled, or that waits for its retry, do
    /// not count: nobody could claim them.
    public private(set) var waitingCount = 0

    /// Adds a message; one whose sequence is in the queue already is left alone, and one that is claimed comes again afterwards.
    public mutating func enqueue(_ message: QueueMessage) {
        guard entityOf.updateValue(message.entity, forKey: message.sequence) == nil else {
            if lanes[message.entity]?.claimed == message.sequence { lanes[message.entity]?.again = message }
            return
        }
        var lane = lanes[message.entity] ?? Lane()
        let place = lane.messages.firstIndex { ($0.priority, $0.sequence) > (message.priority, message.sequence) }
        lane.messages.insert(message, at: place ?? lane.messages.endIndex)
        lanes[message.entity] = lane
        announce(message.entity)
    }

    /// The message to handle next, now claimed; nil when none is visible at `now`.
    public mutating func claim(at now: Timestamp) -> QueueMessage? {
        dropStale()
        guard let ready = heads.min, ready.at <= now, let head = lanes[ready.entity]?.messages.first else { return nil }
        heads.removeMin()
        if lanes[ready.entity]?.claimedUntil != nil { redelivered = ready.entity }
        lanes[ready.entity]?.claimedUntil = now + visibilityTimeout
        lanes[ready.entity]?.claimed = head.sequence
        announce(ready.entity)
        return head
    }

    /// Removes a message that was handled.
    public mutating func complete(_ sequence: Int) {
        guard let entity = entityOf.removeValue(forKey: sequence), var lane = lanes[entity] else { return }
        lane.messages.removeAll { $0.sequence == sequence }
        lane.claimedUntil = nil
        lane.claimed = nil
        waitingCount -= lane.waiting
        lane.waiting = 0
        let again = lane.again
        lane.again = nil
        lanes[entity] = lane.messages.isEmpty ? nil : lane
        announce(entity)
        if let again { enqueue(again) }
    }

    /// Gives a message back for its next attempt at `moment`.
    public mutating func retry(_ sequence: Int, at moment: Timestamp) {
        giveBack(sequence) { message in
            message.attempt += 1
            message.visibleAt = moment
        }
    }

    /// Gives a message back that nobody is to claim before `moment`; its attempt does not count.
    public mutating func postpone(_ sequence: Int, until moment: Timestamp) { giveBack(sequence) { $0.visibleAt = moment } }

    /// Gives a message back as if it had not been claimed.
    public mutating func release(_ sequence: Int) { giveBack(sequence) { _ in } }

    private mutating func giveBack(_ sequence: Int, _ change: (inout QueueMessage) -> Void) {
        guard let entity = entityOf[sequence], var lane = lanes[entity],
            let index = lane.messages.firstIndex(where: { $0.sequence == sequence })
        else { return }
        change(&lane.messages[index])
        lane.claimedUntil = nil
        lane.claimed = nil
        lane.again = nil
        lanes[entity] = lane
        announce(entity)
    }

    /// The earliest moment at which a message can be claimed.
    public var nextVisible: Timestamp? {
        mutating get {
            dropStale()
            return heads.min?.at
        }
    }

    private func ready(_ entity: EntityID) -> Ready? {
        guard let lane = lanes[entity], let head = lane.messages.first else { return nil }
        return Ready(at: max(head.visibleAt, lane.claimedUntil ?? head.visibleAt), sequence: head.sequence, entity: entity)
    }

    private mutating func announce(_ entity: EntityID) {
        if let lane = lanes[entity] {
            let isFree = lane.claimedUntil == nil && lane.messages.first?.visibleAt == .distantPast
            let waiting = isFree ? lane.messages.count : 0
            if waiting != lane.waiting {
                waitingCount += waiting - lane.waiting
                lanes[entity]?.waiting = waiting
            }
        }
        if let ready = ready(entity) { heads.insert(ready) }
    }

    private mutating func dropStale() {
        while let head = heads.min, ready(head.entity) != head { heads.removeMin() }
    }
}
