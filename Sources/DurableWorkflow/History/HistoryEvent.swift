public import Events

/// One event of a workflow's history: the record from which its code is replayed. The model is Temporal's.
public struct HistoryEvent: Hashable, Sendable {
    /// From 1, without gaps.
    public var id: Int
    /// What happened.
    public var kind: Kind
    /// When.
    public var at: Timestamp
    /// More; see ``EventFields``.
    public var fields: EventFields

    /// An event.
    public init(id: Int = 0, kind: Kind, at: Timestamp = .distantPast, fields: EventFields = [:]) {
        self.id = id
        self.kind = kind
        self.at = at
        self.fields = fields
    }

    /// The first payload of a field; nil when there is none.
    public func payload(_ field: EventField) -> Payload? { fields.payloads(field).first }

    /// What of a command must be the same on replay.
    var identity: String {
        switch kind {
        case .activityTaskScheduled: "\(kind.name) \(fields.text(.activityID)) \(fields.text(.activityType))"
        case .timerStarted, .timerCanceled: "\(kind.name) \(fields.text(.timerID))"
        case .startChildWorkflowExecutionInitiated: "\(kind.name) \(fields.text(.workflowType)) \(fields.text(.workflowID))"
        case .signalExternalWorkflowExecutionInitiated: "\(kind.name) \(fields.text(.signalName))"
        case .markerRecorded:
            "\(kind.name) \(fields.text(.markerName))\(patch.map { " \($0.id)" } ?? LocalResolution(self)?.identity ?? "")"
        default: kind.name
        }
    }
}

/// What a field of an event holds.
public enum FieldValue: Hashable, Sendable {
    /// A number: an event id, an attempt, a duration in milliseconds.
    case integer(Int)
    /// A text.
    case text(String)
    /// Payloads; mostly one.
    case payloads([Payload])
    /// Named payloads: a memo, search attributes, a marker's details.
    case map([String: Payload])
    /// A failure.
    indirect case failure(Failure)
    /// A retry policy.
    indirect case retry(RetryPolicy)
}

/// What an event says besides kind and time: few fields, each at most once.
public struct EventFields: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    private(set) var pairs: [(field: EventField, value: FieldValue)]

    /// Fields; a nil value is left out.
    public init(dictionaryLiteral elements: (EventField, FieldValue?)...) {
        pairs = []
        pairs.reserveCapacity(elements.count { $0.1 != nil })
        for case (let field, let value?) in elements { pairs.append((field, value)) }
    }

    init(reserving count: Int) {
        pairs = []
        pairs.reserveCapacity(count)
    }

    mutating func append(_ field: EventField, _ value: FieldValue) { pairs.append((field, value)) }

    /// A field; nil when the event does not have it.
    public subscript(field: EventField) -> FieldValue? {
        get { pairs.first { $0.field == field }?.value }
        set {
            pairs.removeAll { $0.field == field }
            if let newValue { pairs.append((field, newValue)) }
        }
    }

    /// A text; empty when there is none.
    public func text(_ field: EventField) -> String {
        guard case .text(let text)? = self[field] else { return "" }
        return text
    }

    /// A number; nil when there is none.
    public func integer(_ field: EventField) -> Int? {
        guard case .integer(let value)? = self[field] else { return nil }
        return value
    }

    /// A duration; nil when there is none, or it is zero.
    public func duration(_ field: EventField) -> Duration? {
        integer(field).flatMap { $0 > 0 ? .milliseconds($0) : nil }
    }

    /// Payloads; empty when there are none.
    public func payloads(_ field: EventField) -> [Payload] {
        guard case .payloads(let payloads)? = self[field] else { return [] }
        return payloads
    }

    /// Named payloads; empty when there are none.
    public func map(_ field: EventField) -> [String: Payload] {
        guard case .map(let map)? = self[field] else { return [:] }
        return map
    }

    /// A failure; nil when there is none.
    public func failure(_ field: EventField) -> Failure? {
        guard case .failure(let failure)? = self[field] else { return nil }
        return failure
    }

    /// A retry policy; nil when there is none.
    public var retryPolicy: RetryPolicy? {
        guard case .retry(let policy)? = self[.retryPolicy] else { return nil }
        return policy
    }

    /// Equal when the fields are, in whatever order.
    public static func == (left: EventFields, right: EventFields) -> Bool {
        left.pairs.count == right.pairs.count && left.pairs.allSatisfy { right[$0.field] == $0.value }
    }

    /// Hashes the number of fields.
    public func hash(into hasher: inout Hasher) { hasher.combine(pairs.count) }
}

extension FieldValue {
    /// A duration in milliseconds; nil stays nil.
    static func duration(_ duration: Duration?) -> FieldValue? {
        // Less than a millisecond is one: none would mean no limit.
        duration.map { .integer($0 > .zero ? max(1, Int($0.milliseconds)) : $0 < .zero ? min(-1, Int($0.milliseconds)) : 0) }
    }
    /// One payload; nil stays nil.
    static func payload(_ payload: Payload?) -> FieldValue? { payload.map { .payloads([$0]) } }
    /// A text that says something.
    static func filled(_ text: String?) -> FieldValue? { text.flatMap { $0.isEmpty ? nil : .text($0) } }
    /// Named payloads, if there are any.
    static func filled(_ map: [String: Payload]) -> FieldValue? { map.isEmpty ? nil : .map(map) }
}

/// The patch that a marker notes.
struct PatchMarker: Codable, Hashable {
    var id: String
    var deprecated: Bool
    static let name = "core_patch"
}

extension HistoryEvent {
    /// The patch of a marker; nil for other events.
    var patch: PatchMarker? {
        guard kind == .markerRecorded, fields.text(.markerName) == PatchMarker.name else { return nil }
        return try? fields.map(.markerDetails)["patch-data"]?.json().decoded()
    }
}
