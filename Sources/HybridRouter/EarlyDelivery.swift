package import Events

/// A delivery about somebody who was not known when it came: a webhook that overtakes the answer in which its sender gave out the id.
///
/// Its dead letter is taken back by the commit that makes one of the ids known, when that happens within ``window`` and the letter is
/// among the last ``most``. Then the delivery is handled like one that comes at that moment.
package struct EarlyDelivery: Codable, Hashable, Sendable {
    /// How long after its receipt a delivery is taken back.
    package static let window = Duration.seconds(86_400)
    /// How many dead letters back one is looked for: a sender who means another system fills no disk.
    package static let most = 10_000

    private let kind: EventKind
    private let occurredAt: Timestamp
    private let subject: String?
    private let answers: [String]

    /// What the dead letter of `incoming` does not say.
    package init(_ incoming: IncomingEvent) {
        kind = incoming.kind
        occurredAt = incoming.occurredAt
        subject = incoming.subject
        answers = incoming.answers
    }

    /// The delivery again, with the payload that `letter` has as its body.
    package func incoming(_ letter: DeadLetter, for entity: EntityID) throws -> IncomingEvent {
        IncomingEvent(
            id: letter.id, source: letter.source, reference: .entity(entity), kind: kind, payload: try JSONValue(parsing: letter.body),
            subject: subject, answers: answers, receivedAt: letter.receivedAt, occurredAt: occurredAt)
    }

    /// True while a delivery that came at `receivedAt` is taken back.
    package static func isOpen(_ receivedAt: Timestamp, at now: Timestamp) -> Bool { now - receivedAt <= window }
}

extension EntityReference {
    /// The ids in it; of very many the first ones.
    package var names: [String] {
        switch self {
        case .entity(let entity): [entity.rawValue]
        case .external(let ids): Array(ids.prefix(16))
        }
    }
}
