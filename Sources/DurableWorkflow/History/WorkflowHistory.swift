import Events

/// The history of one run, as Temporal's tools write and read it.
public struct WorkflowHistory: Hashable, Sendable {
    /// The events in order. Ids grow; they have gaps only where an event that may be ignored was left out.
    public var events: [HistoryEvent]

    /// A history.
    public init(events: [HistoryEvent]) { self.events = events }

    /// The type of the workflow.
    public var workflowType: String { events.first?.fields.text(.workflowType) ?? "" }
    /// The workflow's id, where the history says it.
    public var workflowID: String { events.first?.fields.text(.workflowID) ?? "" }
    /// The run's id, where the history says it.
    public var runID: String {
        let reset = events.last(where: \.isReset)
        return reset?.fields.text(.resetRunID) ?? events.first?.fields.text(.originalRunID) ?? ""
    }

    /// Reads Temporal's JSON: `{"events": […]}` or a list with that, event types in either spelling. Members that mean nothing here are
    /// kept and written again.
    ///
    /// Unknown events with `workerMayIgnore` are skipped; for another unknown event ``HistoryError`` is thrown.
    public init(temporalJSON text: String) throws {
        var document = try JSONValue(parsing: text)
        if let first = document.array?.first, first["events"] != nil { document = first }
        guard let list = document["events"]?.array ?? document["history"]?["events"]?.array else {
            throw HistoryError("expected a history with a member events, found none")
        }
        events = try list.compactMap(Self.event)
        guard events.first?.kind == .workflowExecutionStarted else {
            throw HistoryError("event 1: expected workflowExecutionStarted, found \(events.first?.kind.name ?? "no event")")
        }
        try HistoryCheck.check(events)
    }

    /// Temporal's JSON, which its command line and SDKs replay.
    public var temporalJSON: String { JSONValue.object(["events": .array(exported.map(Self.json))]).canonicalText }

    private static func event(_ json: JSONValue) throws -> HistoryEvent? {
        let id = json["eventId"]?.integer ?? 0
        let name = json["eventType"]?.string ?? ""
        guard let kind = HistoryEvent.Kind(temporalName: name) else {
            if json["workerMayIgnore"]?.bool == true { return nil }
            throw HistoryError("event \(id): expected a known event type, found \(name); use a build that knows it")
        }
        guard let at = json["eventTime"]?.string.flatMap({ Timestamp($0) }) else {
            throw HistoryError("event \(id): expected an event time, found \(json["eventTime"]?.canonicalText ?? "none")")
        }
        var event = HistoryEvent(id: id, kind: kind, at: at)
        let others = (json.object ?? [:]).filter { $0.key.hasSuffix("Attributes") }
        // The event's own ones, whatever stands beside them.
        let attributes = others[kind.name + "EventAttributes"] ?? others.min { $0.key < $1.key }?.value ?? [:]
        for field in EventField.allCases where applies(field, kind) {
            guard let value = find(field.path, in: attributes), !value.isNull else { continue }
            if let value = try fieldValue(field, value) { event.fields.append(field, value) }
        }
        if let more = json.withoutOwnMetadata.without(Self.json(event)) { event.fields.append(.more, .text(more.canonicalText)) }
        return event
    }

    /// A path that two fields share means one or the other, by the kind of event.
    private static func applies(_ field: EventField, _ kind: HistoryEvent.Kind) -> Bool {
        switch field {
        case .more: false
        case .markerDetails: kind == .markerRecorded
        case .details: kind != .markerRecorded
        default: true
        }
    }

    private static func find(_ path: [String], in json: JSONValue) -> JSONValue? {
        path.reduce(Optional(json)) { $0?[$1] }
    }

    private static func fieldValue(_ field: EventField, _ json: JSONValue) throws -> FieldValue? {
        switch field.shape {
        case .text: return json.string.map { .text($0) }
        case .integer: return json.bool.map { .integer($0 ? 1 : 0) } ?? json.integer.map { .integer($0) }
        case .duration: return .duration(try ProtoDuration.read(json))
        case .payloads: return .payloads(try Payload.list(json))
        case .failure: return .failure(try Failure(json: json))
        case .retry: return .retry(try RetryPolicy(json: json))
        case .map:
            let map = try (json.object ?? [:]).compactMapValues { value in
                field == .markerDetails ? try Payload.list(value).first : try Payload(protoJSON: value)
            }
            return .map(map)
        }
    }

    private static func json(_ event: HistoryEvent) -> JSONValue {
        var attributes: JSONValue = [:]
        for (field, value) in event.fields.pairs where field != .more { put(jsonValue(field, value), at: field.path, in: &attributes) }
        let name = event.kind.name + "EventAttributes"
        let json: JSONValue = [
            "eventId": .string(String(event.id)), "eventTime": .string(event.at.description),
            "eventType": .string(event.kind.temporalName), name: attributes,
        ]
        guard let more = try? JSONValue(parsing: event.fields.text(.more)) else { return json }
        return json.merging(more)
    }

    private static func put(_ value: JSONValue, at path: [String], in json: inout JSONValue) {
        guard let name = path.first else { return }
        if path.count == 1 { return json[name] = value }
        var inner = json[name] ?? [:]
        put(value, at: Array(path.dropFirst()), in: &inner)
        json[name] = inner
    }

    private static func jsonValue(_ field: EventField, _ value: FieldValue) -> JSONValue {
        switch value {
        case .text(let text): return .string(text)
        case .integer(let number):
            if field.shape == .duration { return .string(ProtoDuration.text(.milliseconds(number))) }
            if field == .childWorkflowOnly { return .bool(number != 0) }
            return field == .attempt ? .integer(number) : .string(String(number))
        case .payloads(let payloads): return Payload.protoJSON(payloads)
        case .failure(let failure): return failure.json
        case .retry(let policy): return policy.json
        case .map(let map): return .object(map.mapValues { field == .markerDetails ? Payload.protoJSON([$0]) : $0.protoJSON })
        }
    }
}
