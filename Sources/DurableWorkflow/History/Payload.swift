public import Events

/// A value as it stands in a history: bytes and how they are encoded. Temporal's model, so that histories can be exchanged.
public struct Payload: Hashable, Sendable {
    /// How `data` is to be read: `json/plain`, `binary/null`, or what a codec wrote.
    public var encoding: String
    /// Further metadata, for example a search attribute's `type`.
    public var metadata: [String: String]
    /// The bytes.
    public var data: [UInt8]

    /// A payload.
    public init(encoding: String = "json/plain", metadata: [String: String] = [:], data: [UInt8]) {
        self.encoding = encoding
        self.metadata = metadata
        self.data = data
    }

    /// No value.
    public static let null = Payload(encoding: "binary/null", data: [])

    /// A JSON value as `json/plain`.
    public init(_ value: JSONValue) { self = value.isNull ? .null : Payload(data: value.canonicalBytes) }

    /// A search attribute; the type goes along as Temporal wants it.
    init(searchAttribute value: JSONValue) {
        self.init(value)
        switch value {
        case .string: metadata["type"] = "Keyword"
        case .integer: metadata["type"] = "Int"
        case .number: metadata["type"] = "Double"
        case .bool: metadata["type"] = "Bool"
        case .array: metadata["type"] = "KeywordList"
        case .null, .object: break
        }
    }

    /// The value of `json/plain` and `binary/null`; throws for anything else, and for what is no JSON.
    public func json() throws -> JSONValue {
        switch encoding {
        case "binary/null": return .null
        case "json/plain": return try JSONValue(parsing: data)
        default: throw PayloadError("a payload of encoding \(encoding): expected json/plain or binary/null; set the codec that wrote it")
        }
    }

    /// The most bytes that one payload may have.
    public static let maximumSize = 2 * 1024 * 1024
}

/// A payload that cannot be read or is too large.
public struct PayloadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
    init(_ description: String) { self.description = description }
}

/// Transforms every payload on its way into a history and back: encryption, compression. Search attributes do not pass it.
public protocol PayloadCodec: Sendable {
    /// From what the code gave to what is stored.
    func encode(_ payload: Payload) throws -> Payload
    /// The inverse of ``encode(_:)``; a payload that it did not write is returned as it is.
    func decode(_ payload: Payload) throws -> Payload
}

/// Between values of Swift and payloads.
public struct PayloadConverter: Sendable {
    private let codec: (any PayloadCodec)?

    /// A converter; `codec` sees every payload.
    public init(codec: (any PayloadCodec)? = nil) { self.codec = codec }

    /// A value as a payload; throws ``PayloadError`` when it is larger than ``Payload/maximumSize``.
    public func payload(_ value: some Encodable) throws -> Payload {
        let plain = Payload(try JSONValue(encoding: value))
        let payload = try codec?.encode(plain) ?? plain
        guard payload.data.count <= Payload.maximumSize else {
            throw PayloadError(
                "a payload: expected at most \(Payload.maximumSize) bytes, found \(payload.data.count); store it, pass a key")
        }
        return payload
    }

    /// A payload as a value; a missing one is read as null.
    public func value<Value: Decodable>(_ payload: Payload?, as type: Value.Type = Value.self) throws -> Value {
        guard let payload else { return try JSONValue.null.decoded() }
        return try (try codec?.decode(payload) ?? payload).json().decoded()
    }
}

/// The result of what has none, and the input of what needs none; null as JSON.
public struct Nothing: Codable, Hashable, Sendable {
    /// Nothing.
    public init() {}
    /// Reads anything.
    public init(from decoder: any Decoder) throws {}
    /// Writes null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encodeNil()
    }
}
