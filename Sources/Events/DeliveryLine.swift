/// One line of a live stream: a delivery as a receiving edge hands it over. It is received when it is read.
///
/// ```json
/// {"source":"tcr","id":"edge-17","body":{"eventType":"BRAND_ADD","brandId":"B000001"}}
/// ```
/// `id` is the edge's own id, for senders that give none: a delivery that is handed over again is known by it. `headers` are those that
/// came with it, `url` is the one that the sender asked for, where its signature covers it; `occurredAt` says when it happened, where the
/// edge knows better than the payload; a `body` that is a text is the raw body. A `receivedAt` means nothing here.
public struct DeliveryLine: Hashable, Sendable {
    /// Who sent it.
    public var source: EventSource
    /// The edge's own id of the delivery.
    public var id: String?
    /// The headers that came with it.
    public var headers: [String: String]
    /// The URL exactly as the sender asked for it; some signatures cover it.
    public var url: String?
    /// When it happened at the sender, where somebody knows.
    public var occurredAt: Timestamp?
    /// The body: a JSON document, or the raw text as a string.
    public var body: JSONValue

    /// A delivery.
    public init(
        source: EventSource, id: String? = nil, headers: [String: String] = [:], url: String? = nil, occurredAt: Timestamp? = nil,
        body: JSONValue
    ) {
        self.source = source
        self.id = id
        self.headers = headers
        self.url = url
        self.occurredAt = occurredAt
        self.body = body
    }

    /// Reads one line of text.
    public init(parsing text: String) throws(TraceError) {
        let value: JSONValue
        do { value = try JSONValue(parsing: text, within: .line) } catch { throw TraceError("expected one JSON object a line; \(error)") }
        guard let source = WireID.read(value["source"]) else {
            throw TraceError("expected \"source\" as a text of 1 to \(WireID.longest) visible ASCII characters")
        }
        guard let body = value["body"] else { throw TraceError("expected \"body\", an object, an array or the raw text") }
        let id = WireID.read(value["id"])
        guard id != nil || value["id"]?.isNull ?? true else {
            throw TraceError("expected \"id\" as a text of 1 to \(WireID.longest) visible ASCII characters, or none")
        }
        let headers = value["headers"]?.object?.compactMapValues(\.string) ?? [:]
        self.init(
            source: EventSource(source), id: id, headers: headers, url: value["url"]?.string,
            occurredAt: value["occurredAt"]?.string.flatMap { Timestamp($0) },
            body: body)
    }

    /// True when `text` is a line of a recording: it says when it was received.
    public static func isRecorded(_ text: String) -> Bool {
        guard let value = try? JSONValue(parsing: text, within: .line) else { return false }
        return value["receivedAt"].map { !$0.isNull } ?? false
    }

    /// The delivery, received at `now`.
    public func message(at now: Timestamp) -> WireMessage {
        WireMessage(
            source: source, bytes: Array((body.string ?? body.canonicalText).utf8), headers: headers, url: url, id: id, receivedAt: now,
            occurredAt: occurredAt)
    }

    /// The same as a line of a recording.
    public func trace(at now: Timestamp) -> TraceLine {
        TraceLine(receivedAt: now, occurredAt: occurredAt, source: source, body: body)
    }

    /// The line as text, members in a fixed order, without a line break.
    public var text: String {
        var text = "{\"source\":\(JSONValue.string(source.rawValue).canonicalText)"
        if let id { text += ",\"id\":\(JSONValue.string(id).canonicalText)" }
        if !headers.isEmpty { text += ",\"headers\":\(JSONValue.object(headers.mapValues { .string($0) }).canonicalText)" }
        if let url { text += ",\"url\":\(JSONValue.string(url).canonicalText)" }
        if let occurredAt { text += ",\"occurredAt\":\"\(occurredAt)\"" }
        return text + ",\"body\":\(body.canonicalText)}"
    }
}
