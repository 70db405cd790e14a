package import Events
import Outcomes
import Synchronization

// What an explorer needs of a store in memory: copies of it, and to know when two of them are the same.

/// What of the past can still be asked for by deliveries that are to come.
package struct StandingScope: Hashable, Sendable {
    /// A delivery that can come.
    package struct Coming: Hashable, Sendable {
        /// By what it is known when it comes now.
        package var name: DeliveryName
        /// What it says about which subject, when its id is made of the moment of its arrival: at another moment it is known by another id,
        /// and only the subject tells that it was said before.
        package var word: Word?

        /// A delivery.
        package init(name: DeliveryName, word: Word?) { (self.name, self.word) = (name, word) }
    }

    /// What a delivery says about a subject.
    package struct Word: Hashable, Sendable {
        let subject: String
        let content: String

        /// The word of an event; nil when it has no subject.
        package init?(_ incoming: IncomingEvent) {
            guard let subject = incoming.subject else { return nil }
            self.subject = subject
            content = Subject(incoming.event(for: ""), answering: []).content
        }
    }

    /// The deliveries that can come.
    package var deliveries: Set<Coming>
    /// Our calls that they can answer: when those were made decides whether a word is new.
    package var operations: Set<String>

    /// A scope.
    package init(deliveries: Set<Coming>, operations: Set<String>) { (self.deliveries, self.operations) = (deliveries, operations) }
}

extension InMemoryHandoffStore {
    /// The entity that is known by the id; nil when none is.
    package func entity(knownAs id: String) -> EntityID? { contents.withLock { $0.entity(knownAs: id) } }

    /// True when an entity is known by the id.
    package func knows(_ id: String) -> Bool { entity(knownAs: id) != nil }
}

extension InMemoryContents {
    /// The same contents, of which no later change is seen here.
    func copy() -> InMemoryContents {
        var copy = self
        copy.entities = entities.mapValues { $0.copy() }
        return copy
    }

    /// True when the word would be a repetition whatever the id of its delivery is.
    private func isLastWord(_ word: StandingScope.Word?) -> Bool {
        guard let word, entities.count == 1, let entity = entities.first?.value else { return false }
        return entity.subjects[word.subject]?.content == word.content
    }

    /// All that can still matter. Left out is what only tells of the past: counters, versions, rows that were used, places in the order of
    /// arrival. Of the audit the moves of ownership stay, from which visits are counted.
    func standing(_ scope: StandingScope) -> String {
        let known = entities.keys.sorted().compactMap { entities[$0] }.flatMap { $0.standing(scope) { rows[$0 - 1] } }
        let asked = scope.deliveries.filter { !isLastWord($0.word) }.map { Delivery(source: $0.name.source, id: $0.name.id) }
        let told = outbox.values.sorted { $0.sequence < $1.sequence }.map { message in
            "outbox \(message.entity) \(message.epoch) \(message.kind.rawValue) \(message.row.map { rows[$0 - 1].event.id.rawValue } ?? "")"
        }
        let lists = [
            references.map { "reference \($0.key) \($0.value)" }.sorted(),
            asked.filter(seen.contains).map { "seen \($0.source) \($0.id)" }.sorted(),
            asked.filter(deadLetterIDs.contains).map { "letter \($0.source) \($0.id)" }.sorted(),
            unclaimed.map { "unclaimed \($0.incoming.source) \($0.incoming.id)" },
            intentions.values.sorted { $0.number < $1.number }.map { "intention \($0.call.key)" },
            quarantined.map { "quarantine \($0.kind) \($0.entity) \($0.reason)" }, values.map { "value \($0.key) \($0.value)" }.sorted(),
        ]
        return (known + told + lists.flatMap { $0 }).joined(separator: "\n")
    }
}

extension InMemoryContents.Entity {
    fileprivate func copy() -> InMemoryContents.Entity {
        let copy = InMemoryContents.Entity(snapshot)
        (copy.rows, copy.open, copy.subjects) = (rows, open, subjects)
        (copy.ledger, copy.reads, copy.journal) = (ledger, reads, journal)
        return copy
    }

    fileprivate func standing(_ scope: StandingScope, _ row: (Int) -> InboxRow) -> [String] {
        let waiting = open.map(row).map { row in
            "row \(row.event.source) \(row.event.id) \(row.disposition.rawValue) \(row.epoch ?? 0) \(row.priority) \(row.attempt)"
                + " \(row.visibleAt.milliseconds) \(row.event.kind) \(row.event.occurredAt.milliseconds)"
                + " \(row.event.receivedAt.milliseconds) \(row.event.payload.canonicalText)"
        }
        let effects = ledger.map { effect in
            let at = scope.operations.contains(effect.key.operation) ? String(effect.at.milliseconds) : ""
            return "effect \(effect.key) \(at) \(effect.request.canonicalText) \(effect.reply.canonicalText)"
        }
        let words = subjects.map { "subject \($0.key) \($0.value.calls) \($0.value.content)" }.sorted()
        return [snapshot.ownership.standing, snapshot.record.standing] + waiting + effects + words + journal.compactMap(\.standing)
    }
}

extension Ownership {
    fileprivate var standing: String {
        let counts = completions.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: " ")
        let decisions = pins.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.rawValue)" }.joined(separator: " ")
        return "\(entity) \(epoch) \(owner.rawValue) \(step) \(passed?.description ?? "-") [\(counts)] [\(decisions)]"
    }
}

extension StoredRecord {
    fileprivate var standing: String {
        let times = [createdAt, stepEnteredAt, lastEventAt, lastSweptAt, dueAt ?? .distantFuture].map { String($0.milliseconds) }
        return "\(state) \(isFinal) \(times.joined(separator: " ")) \((try? body.text()) ?? "unreadable")"
    }
}

extension JournalEntry {
    fileprivate var standing: String? {
        switch move {
        case .completed(let step, let visit, _): "completed \(step) \(visit) \(owner.rawValue)"
        case .handedOff, .adopted, .handedBack, .recalled, .failed, .wentOn: move.name
        default: nil
        }
    }
}
