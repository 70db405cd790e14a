extension JSONValue {
    /// The JSON form of any encodable value. Throws what its `encode(to:)` throws.
    public init(encoding value: some Encodable) throws {
        self = try JSONValueEncoder.value(of: value, at: [])
    }

    /// Reads a value from its JSON form. Throws a `DecodingError` that names the path.
    public func decoded<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try JSONValueDecoder.read(type, from: self, at: [])
    }
}

/// Encodes into a `JSONValue` without a text in between: Foundation's coders made up two thirds of a delivery (Decisions/007).
final class JSONValueEncoder: Encoder {
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    private var scalar: JSONValue?
    private var members: [String: JSONValue]?
    private var elements: [JSONValue]?
    private var children: [(name: String, encoder: JSONValueEncoder)] = []

    init(codingPath: [any CodingKey]) { self.codingPath = codingPath }

    static func value<Value: Encodable>(of value: Value, at path: [any CodingKey]) throws -> JSONValue {
        if let value = value as? JSONValue { return value }
        let encoder = JSONValueEncoder(codingPath: path)
        try value.encode(to: encoder)
        return encoder.result
    }

    private var result: JSONValue {
        if var members {
            for child in children { members[child.name] = child.encoder.result }
            return .object(members)
        }
        if var elements {
            for (child, index) in children.map({ ($0.encoder, Int($0.name) ?? 0) }) where elements.indices.contains(index) {
                elements[index] = child.result
            }
            return .array(elements)
        }
        return scalar ?? .object([:])
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        members = members ?? [:]
        return KeyedEncodingContainer(Keyed<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        elements = elements ?? []
        return Unkeyed(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    /// One member of an object, made later by whoever holds the encoder.
    private func child(_ name: String, _ key: any CodingKey) -> JSONValueEncoder {
        let encoder = JSONValueEncoder(codingPath: codingPath + [key])
        children.append((name, encoder))
        return encoder
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        private func set(_ value: JSONValue, _ key: any CodingKey) { encoder.members?[key.stringValue] = value }
        func encodeNil(forKey key: Key) { set(.null, key) }
        func encode(_ value: Bool, forKey key: Key) { set(.bool(value), key) }
        func encode(_ value: String, forKey key: Key) { set(.string(value), key) }
        func encode(_ value: Double, forKey key: Key) { set(.number(value), key) }
        func encode(_ value: Float, forKey key: Key) { set(.number(Double(value)), key) }
        func encode(_ value: Int, forKey key: Key) { set(.integer(value), key) }
        func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
            set(try JSONValueEncoder.scalar(value) ?? JSONValueEncoder.value(of: value, at: codingPath + [key]), key)
        }
        func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
            encoder.child(key.stringValue, key).container(keyedBy: keyedBy)
        }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            encoder.child(key.stringValue, key).unkeyedContainer()
        }
        func superEncoder() -> any Encoder { encoder.child("super", IndexKey("super")) }
        func superEncoder(forKey key: Key) -> any Encoder { encoder.child(key.stringValue, key) }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }
        var count: Int { encoder.elements?.count ?? 0 }

        func encodeNil() { encoder.elements?.append(.null) }
        func encode<Value: Encodable>(_ value: Value) throws {
            let path = codingPath + [IndexKey(String(count))]
            let element = try JSONValueEncoder.scalar(value) ?? JSONValueEncoder.value(of: value, at: path)
            encoder.elements?.append(element)
        }
        private func child() -> JSONValueEncoder {
            let name = String(count)
            encoder.elements?.append(.null)
            return encoder.child(name, IndexKey(name))
        }
        func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type) -> KeyedEncodingContainer<Nested> {
            child().container(keyedBy: keyedBy)
        }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child().unkeyedContainer() }
        func superEncoder() -> any Encoder { child() }
    }

    private struct Single: SingleValueEncodingContainer {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        func encodeNil() { encoder.scalar = .null }
        func encode<Value: Encodable>(_ value: Value) throws {
            encoder.scalar = try JSONValueEncoder.scalar(value) ?? JSONValueEncoder.value(of: value, at: codingPath)
        }
    }

    /// The value of a type that JSON has itself; nil for every other.
    private static func scalar(_ value: some Encodable) throws -> JSONValue? {
        switch value {
        case let value as String: .string(value)
        case let value as Bool: .bool(value)
        case let value as Double: .number(value)
        case let value as Float: .number(Double(value))
        case let value as Int: .integer(value)
        case let value as any BinaryInteger:
            if let integer = Int(exactly: value) { .integer(integer) } else { .number(Double(value)) }
        default: nil
        }
    }
}

/// A place in an array, or a name that no type declares.
private struct IndexKey: CodingKey {
    let stringValue: String
    var intValue: Int? { Int(stringValue) }
    init(_ text: String) { stringValue = text }
    init(stringValue: String) { self.stringValue = stringValue }
    init(intValue: Int) { stringValue = String(intValue) }
}

/// Decodes from a `JSONValue` without a text in between.
struct JSONValueDecoder: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func read<Value: Decodable>(_ type: Value.Type, from value: JSONValue, at path: [any CodingKey]) throws -> Value {
        if type == JSONValue.self, let value = value as? Value { return value }
        return try Value(from: JSONValueDecoder(value: value, codingPath: path))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch([String: JSONValue].self, "an object") }
        return KeyedDecodingContainer(Keyed<Key>(members: members, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([JSONValue].self, "an array") }
        return Unkeyed(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    fileprivate func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
        .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "expected \(expected), found \(value.shape)"))
    }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let members: [String: JSONValue]
        let codingPath: [any CodingKey]

        var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }
        func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }
        private func decoder(_ key: any CodingKey) throws -> JSONValueDecoder {
            guard let value = members[key.stringValue] else {
                throw DecodingError.keyNotFound(
                    key, .init(codingPath: codingPath, debugDescription: "expected '\(key.stringValue)', found none"))
            }
            return JSONValueDecoder(value: value, codingPath: codingPath + [key])
        }
        func decodeNil(forKey key: Key) throws -> Bool { try decoder(key).decodeNil() }
        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try decoder(key).decode(type) }
        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
            try decoder(key).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try decoder(key).unkeyedContainer() }
        func superDecoder() throws -> any Decoder { try decoder(IndexKey("super")) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [JSONValue]
        let codingPath: [any CodingKey]
        var currentIndex = 0

        init(elements: [JSONValue], codingPath: [any CodingKey]) {
            self.elements = elements
            self.codingPath = codingPath
        }

        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }
        private mutating func next() throws -> JSONValueDecoder {
            let path = codingPath + [IndexKey(String(currentIndex))]
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    JSONValue.self, .init(codingPath: path, debugDescription: "expected a further element, found the end"))
            }
            currentIndex += 1
            return JSONValueDecoder(value: elements[currentIndex - 1], codingPath: path)
        }
        mutating func decodeNil() throws -> Bool {
            guard !isAtEnd, elements[currentIndex].isNull else { return false }
            currentIndex += 1
            return true
        }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next().decode(type) }
        mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
            try next().container(keyedBy: type)
        }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
        mutating func superDecoder() throws -> any Decoder { try next() }
    }
}

extension JSONValueDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { value.isNull }
    func decode(_ type: Bool.Type) throws -> Bool {
        guard case .bool(let value) = value else { throw mismatch(type, "true or false") }
        return value
    }
    func decode(_ type: String.Type) throws -> String {
        guard case .string(let text) = value else { throw mismatch(type, "a text") }
        return text
    }
    func decode(_ type: Double.Type) throws -> Double {
        switch value {
        case .number(let number): return number
        case .integer(let integer): return Double(integer)
        default: throw mismatch(type, "a number")
        }
    }
    func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
    func decode(_ type: Int.Type) throws -> Int { try integer() }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
    func decode(_ type: UInt.Type) throws -> UInt { try integer() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try Self.read(type, from: value, at: codingPath) }

    private func integer<Number: FixedWidthInteger>() throws -> Number {
        switch value {
        case .integer(let integer):
            if let number = Number(exactly: integer) { return number }
        case .number(let double):
            if let number = Number(exactly: double) { return number }
        default: break
        }
        throw mismatch(Number.self, "a whole number that fits \(Number.self)")
    }
}

extension JSONValue {
    /// The value's kind for an error: never its content.
    fileprivate var shape: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .number: "a number"
        case .string: "a text"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
