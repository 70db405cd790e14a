import Synchronization

/// A record's content: a value in memory or a JSON text, each made from the other when it is asked for, and only once.
public struct RecordBody: Hashable, Sendable {
    private enum Form: Sendable {
        case text(String)
        case value(any Encodable & Sendable, EncodedText)
    }

    /// The text of a value, shared by all copies.
    private final class EncodedText: Sendable {
        private let text = Mutex<String?>(nil)

        func text(of value: any Encodable & Sendable) throws -> String {
            if let text = text.withLock({ $0 }) { return text }
            let encoded = try JSONValue(encoding: value).canonicalText
            text.withLock { $0 = encoded }
            return encoded
        }
    }

    private let form: Form

    /// The body that `text` holds.
    public init(text: String) { form = .text(text) }
    /// The body of a record.
    public init(_ value: some Codable & Sendable) { form = .value(value, EncodedText()) }

    /// Canonical JSON. Throws what the record's `encode(to:)` throws.
    public func text() throws -> String {
        switch form {
        case .text(let text): text
        case .value(let value, let encoded): try encoded.text(of: value)
        }
    }

    /// The record. Throws a `DecodingError` that names the path when the text is of another type.
    public func value<Record: Codable & Sendable>(as type: Record.Type = Record.self) throws -> Record {
        switch form {
        case .text(let text): try JSONValue(parsing: text).decoded()
        case .value(let value, _): if let record = value as? Record { record } else { try JSONValue(encoding: value).decoded() }
        }
    }

    /// Equal texts.
    public static func == (left: RecordBody, right: RecordBody) -> Bool { (try? left.text()) == (try? right.text()) }

    /// Hashes the text.
    public func hash(into hasher: inout Hasher) { hasher.combine(try? text()) }
}
