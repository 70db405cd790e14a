import Events
import LegacyStateMachine
import Outcomes
import Testing

/// The queue as one would explain it: a list, searched from the front.
private struct NaiveQueue {
    var messages: [QueueMessage] = []
    var claimedUntil: [EntityID: Timestamp] = [:]

    private func head(_ entity: EntityID) -> QueueMessage? {
        messages.filter { $0.entity == entity }.min { ($0.priority, $0.sequence) < ($1.priority, $1.sequence) }
    }

    private func readyAt(_ message: QueueMessage) -> Timestamp { max(message.visibleAt, claimedUntil[message.entity] ?? message.visibleAt) }

    mutating func claim(at now: Timestamp) -> QueueMessage? {
        let heads = Set(messages.map(\.entity)).compactMap(head).filter { readyAt($0) <= now }
        guard let chosen = heads.min(by: { (readyAt($0), $0.sequence) < (readyAt($1), $1.sequence) }) else { return nil }
        claimedUntil[chosen.entity] = now + .seconds(30)
        return chosen
    }

    mutating func complete(_ sequence: Int) {
        guard let message = messages.first(where: { $0.sequence == sequence }) else { return }
        messages.removeAll { $0.sequence == sequence }
        claimedUntil[message.entity] = nil
    }

    mutating func retry(_ sequence: Int, at moment: Timestamp) {
        guard let index = messages.firstIndex(where: { $0.sequence == sequence }) else { return }
        messages[index].attempt += 1
        messages[index].visibleAt = moment
        claimedUntil[messages[index].entity] = nil
    }
}

@Suite struct EventQueueTests {
    /// A hand back between the commit that signals a row and its completion makes the row pending again: it must not be forgotten.
    @Test func whatComesAgainWhileItIsHandledIsQueuedAgain() {
        let now = Timestamp(milliseconds: 0)
        let message = QueueMessage(sequence: 1, entity: "R-1", visibleAt: now)
        var queue = EventQueue()
        queue.enqueue(message)
        #expect(queue.claim(at: now) == message)
        queue.enqueue(message)
        queue.complete(1)
        #expect(queue.claim(at: now) == message)
        queue.complete(1)
        #expect(queue.claim(at: now) == nil && queue.count == 0)
    }

    /// The same when others have come back before it: a hand back brings all rows of its entity at once.
    @Test func whatComesAgainBehindOthersIsQueuedAgain() {
        let now = Timestamp(milliseconds: 0)
        var queue = EventQueue()
        queue.enqueue(QueueMessage(sequence: 4, entity: "R-1", visibleAt: now))
        #expect(queue.claim(at: now)?.sequence == 4)
        for sequence in [2, 3, 4] { queue.enqueue(QueueMessage(sequence: sequence, entity: "R-1", visibleAt: now)) }
        queue.complete(4)
        let order = (1...3).compactMap { _ in
            let message = queue.claim(at: now)
            if let message { queue.complete(message.sequence) }
            return message?.sequence
        }
        #expect(order == [2, 3, 4])
    }

    @Test(arguments: 0..<60) func agreesWithTheNaiveQueue(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var queue = EventQueue()
        var naive = NaiveQueue()
        var now = Timestamp(milliseconds: 1000)
        var claimed: [Int] = []
        var claims = 0
        for step in 0..<400 {
            now = now + .milliseconds(Int64.random(in: 0...4000, using: &random))
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let message = QueueMessage(
                    sequence: step, entity: EntityID("E\(Int.random(in: 0..<5, using: &random))"),
                    priority: Int.random(in: 0...1, using: &random),
                    visibleAt: now + .milliseconds(Int64.random(in: 0...5000, using: &random)))
                queue.enqueue(message)
                naive.messages.append(message)
            case 4..<7:
                let message = queue.claim(at: now)
                #expect(message == naive.claim(at: now), "seed \(seed), step \(step)")
                if let message {
                    claimed.append(message.sequence)
                    claims += 1
                }
            case 7..<9:
                if let sequence = claimed.popLast() {
                    queue.complete(sequence)
                    naive.complete(sequence)
                }
            default:
                if let sequence = claimed.popLast() {
                    queue.retry(sequence, at: now + .seconds(3))
                    naive.retry(sequence, at: now + .seconds(3))
                }
            }
            #expect(queue.count == naive.messages.count)
        }
        #expect(claims > 20)
    }

    @Test func aWaitingMessageBlocksItsEntityOnly() {
        var queue = EventQueue()
        let now = Timestamp(milliseconds: 0)
        queue.enqueue(QueueMessage(sequence: 1, entity: "A", visibleAt: now))
        queue.enqueue(QueueMessage(sequence: 2, entity: "A", visibleAt: now))
        queue.enqueue(QueueMessage(sequence: 3, entity: "B", visibleAt: now))
        #expect(queue.claim(at: now)?.sequence == 1)
        queue.retry(1, at: now + .seconds(5))
        #expect(queue.claim(at: now)?.sequence == 3)
        #expect(queue.claim(at: now) == nil)
        #expect(queue.claim(at: now + .seconds(5))?.attempt == 2)
    }

    @Test func anUnansweredClaimIsRedelivered() {
        var queue = EventQueue()
        queue.enqueue(QueueMessage(sequence: 1, entity: "A", visibleAt: .distantPast))
        #expect(queue.claim(at: .distantPast)?.sequence == 1)
        #expect(queue.claim(at: .distantPast + .seconds(29)) == nil)
        #expect(queue.claim(at: .distantPast + .seconds(30))?.sequence == 1)
    }
}
