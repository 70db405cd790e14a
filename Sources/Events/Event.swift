/// A fact that arrived from outside, in canonical form.
public struct Event: Codable, Hashable, Sendable {
    /// The id under which it is accepted at most once.
    public var id: EventID
    /// Who sent it.
    public var source: EventSource
    /// The entity it is addressed to; an event is never addressed to an engine.
    public var entity: EntityID
    /// What happened.
    public var kind: EventKind
    /// What the sender said about it, in canonical members.
    public var payload: JSONValue
    /// When it reached us.
    public var receivedAt: Timestamp
    /// When it happened as far as the sender says; else `receivedAt`.
    public var occurredAt: Timestamp

    /// An event; `occurredAt` is `receivedAt` unless the sender says otherwise.
    public init(
        id: EventID, source: EventSource, entity: EntityID, kind: EventKind, payload: JSONValue = [:],
        receivedAt: Timestamp, occurredAt: Timestamp? = nil
    ) {
        self.id = id
        self.source = source
        self.entity = entity
        self.kind = kind
        self.payload = payload
        self.receivedAt = receivedAt
        self.occurredAt = occurredAt ?? receivedAt
    }
}

/// How a sender names the entity that its event is about.
public enum EntityReference: Codable, Hashable, Sendable {
    /// By our own id.
    case entity(EntityID)
    /// By ids that outside parties gave out, the surest first, for example `["BQ7X2M1", "C00KD31"]`.
    case external([String])
}

/// An event as decoded from the wire, before its entity has been looked up.
public struct IncomingEvent: Hashable, Sendable {
    /// See ``Event/id``.
    public var id: EventID
    /// See ``Event/source``.
    public var source: EventSource
    /// How the sender names the entity.
    public var reference: EntityReference
    /// See ``Event/kind``.
    public var kind: EventKind
    /// See ``Event/payload``.
    public var payload: JSONValue
    /// For a sender without event ids: what the event is about, for example `campaign/mno/10017`.
    ///
    /// An event with the same content as the last one about the same subject of the same entity is a duplicate; the same
    /// content after a different one is news (suspended, unsuspended, suspended again). Nil when `id` is the sender's own.
    public var subject: String?
    /// For a sender without event ids: our own calls, for example `registry.revetBrand`, that this is an answer to. The same content
    /// after such a call is news: the second "no" is the answer to the second question.
    public var answers: [String]
    /// See ``Event/receivedAt``.
    public var receivedAt: Timestamp
    /// See ``Event/occurredAt``.
    public var occurredAt: Timestamp

    /// An incoming event; `occurredAt` is `receivedAt` unless the sender says otherwise.
    public init(
        id: EventID, source: EventSource, reference: EntityReference, kind: EventKind, payload: JSONValue = [:],
        subject: String? = nil, answers: [String] = [], receivedAt: Timestamp, occurredAt: Timestamp? = nil
    ) {
        self.id = id
        self.source = source
        self.reference = reference
        self.kind = kind
        self.payload = payload
        self.subject = subject
        self.answers = answers
        self.receivedAt = receivedAt
        self.occurredAt = occurredAt ?? receivedAt
    }

    /// The event once its entity is known.
    public func event(for entity: EntityID) -> Event {
        Event(
            id: id, source: source, entity: entity, kind: kind, payload: payload, receivedAt: receivedAt, occurredAt: occurredAt)
    }
}

/// What a step wants to become of its own event when the event comes before the step is due.
///
/// A legacy machine drops what comes in the wrong state; a workflow keeps a signal until somebody waits. The step says which holds.
public enum EarlyEvent: String, Codable, Hashable, Sendable, CaseIterable {
    /// It waits until the step is due.
    case keep
    /// It is counted and dropped.
    case drop
    /// It is refused: kept as a dead letter.
    case reject
}
