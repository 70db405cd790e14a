import Events

// Deliveries about somebody who is not known yet.

extension InMemoryContents {
    /// Keeps the letter of a delivery about nobody we know, so that an entity can claim it.
    mutating func keepUnclaimed(_ incoming: IncomingEvent) -> Acceptance {
        let before = letterCount
        let kept = keepArrived(.unknownEntity(incoming))
        if letterCount > before { unclaimed.append((letterCount, incoming)) }
        unclaimed.removeAll { $0.letter <= letterCount - EarlyDelivery.most }
        return kept
    }

    /// Gives the entity what came early under one of `names`; returns the rows.
    mutating func claim(_ names: [String], for entity: EntityID, at now: Timestamp) -> [QueuedRow] {
        guard !unclaimed.isEmpty else { return [] }
        let claimed = unclaimed.filter { names.contains(where: $0.incoming.reference.names.contains) }.map(\.incoming)
        unclaimed.removeAll { early in claimed.contains { $0.id == early.incoming.id && $0.source == early.incoming.source } }
        return claimed.filter { EarlyDelivery.isOpen($0.receivedAt, at: now) }.compactMap { incoming in
            let delivery = Delivery(source: incoming.source, id: incoming.id)
            removeLetter(delivery)
            counters["takenBack", default: 0] += 1
            guard case .accepted(_, let row) = insert(incoming, for: entity, delivery) else { return nil }
            return row
        }
    }

    /// Takes back the letter of a delivery that came again and can be handled now; the first one counts as its duplicate.
    mutating func supersede(_ delivery: Delivery) {
        guard deadLetterIDs.contains(delivery) else { return }
        removeLetter(delivery)
        counters["duplicates", default: 0] += 1
    }

    private mutating func removeLetter(_ delivery: Delivery) {
        deadLetterIDs.remove(delivery)
        deadLetters.removeAll { $0.source == delivery.source && $0.id == delivery.id }
        unclaimed.removeAll { $0.incoming.source == delivery.source && $0.incoming.id == delivery.id }
    }
}
