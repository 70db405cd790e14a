/// One line of a recorded trace (`events.jsonl`): a delivery, an occurrence that never reached us, or a scripted answer.
///
/// ```json
/// {"receivedAt":"2026-03-02T09:00:46.000Z","source":"tcr","body":{"eventType":"BRAND_ADD","brandId":"B000001"}}
/// ```
/// `occurredAt` says when it happened at the sender if that was earlier; `lost: true` says that the delivery never arrived;
/// a `body` that is a string is the raw text as received; `source: "world"` scripts the outside world (see the domain's guide).
public struct TraceLine: Hashable, Sendable {
    /// When it reached us, or would have.
    public var receivedAt: Timestamp
    /// When it happened at the sender; nil when that is the same.
    public var occurredAt: Timestamp?
    /// Who sent it.
    public var source: EventSource
    /// The body: a JSON document, or the raw text as a string.
    public var body: JSONValue
    /// True when it happened at the sender and never reached us.
    public var lost: Bool

    /// A line.
    public init(receivedAt: Timestamp, occurredAt: Timestamp? = nil, source: EventSource, body: JSONValue, lost: Bool = false) {
        self.receivedAt = receivedAt
        self.occurredAt = occurredAt
        self.source = source
        self.body = body
        self.lost = lost
    }

    /// The delivery as the receiving edge would have seen it.
    public var message: WireMessage {
        WireMessage(source: source, body: body.string ?? body.canonicalText, receivedAt: receivedAt, occurredAt: occurredAt)
    }

    /// Reads one line of text.
    public init(parsing text: String) throws(TraceError) {
        let value: JSONValue
        do { value = try JSONValue(parsing: text, within: .line) } catch { throw TraceError("expected one JSON object a line; \(error)") }
        guard let received = value["receivedAt"]?.string.flatMap({ Timestamp($0) }) else {
            throw TraceError("expected \"receivedAt\" as an ISO 8601 time, for example \"2026-03-02T09:00:00.000Z\"")
        }
        guard let source = WireID.read(value["source"]) else {
            throw TraceError("expected \"source\" as a text of 1 to \(WireID.longest) visible ASCII characters")
        }
        guard let body = value["body"] else { throw TraceError("expected \"body\", an object, an array or the raw text") }
        self.init(
            receivedAt: received, occurredAt: value["occurredAt"]?.string.flatMap { Timestamp($0) }, source: EventSource(source),
            body: body, lost: value["lost"]?.truth ?? false)
    }

    /// The line as text, members in a fixed order, without a line break.
    public var text: String {
        var text = "{\"receivedAt\":\"\(receivedAt)\""
        if let occurredAt { text += ",\"occurredAt\":\"\(occurredAt)\"" }
        if lost { text += ",\"lost\":true" }
        return text + ",\"source\":\(JSONValue.string(source.rawValue).canonicalText),\"body\":\(body.canonicalText)}"
    }
}

/// Why a line of a trace cannot be read. The caller adds file and line number.
public struct TraceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was expected and what was found.
    public let description: String
    /// An error that says `description`.
    public init(_ description: String) { self.description = description }
}
