extension JSONValue {
    /// The JSON form of any encodable value. Throws what its `encode(to:)` throws.
    public init(encoding value: some Encodable) throws {
        self = try JSONValueEncoder.value(of: value)
    }

    /// Reads a value from its JSON form. Throws a `DecodingError` that names the path.
    public func decoded<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try JSONValueDecoder.read(type, from: self)
    }
}

/// Encodes into a `JSONValue` without a text in between: Foundation's coders made up two thirds of a delivery (Decisions/007).
final class JSONValueEncoder: Encoder {
    private let parent: JSONValueEncoder?
    private let key: (any CodingKey)?
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    private var scalar: JSONValue?
    private var members: [String: JSONValue]?
    private var elements: [JSONValue]?
    private var children: [(name: String, encoder: JSONValueEncoder)] = []

    init(_ parent: JSONValueEncoder? = nil, _ key: (any CodingKey)? = nil) {
        self.parent = parent
        self.key = key
    }

    /// Put together when somebody asks for it, which is for an error.
    var codingPath: [any CodingKey] { (parent?.codingPath ?? []) + (key.map { [$0] } ?? []) }

    /// The value of what JSON has itself, or of what `value` encodes into a child of `parent`.
    static func value<Value: Encodable>(
        of value: Value, in parent: JSONValueEncoder? = nil, at key: @autoclosure () -> (any CodingKey)? = nil
    ) throws -> JSONValue {
        if Value.self == String.self, let text = value as? String { return .string(text) }
        if Value.self == Int.self, let integer = value as? Int { return .integer(integer) }
        if Value.self == JSONValue.self, let value = value as? JSONValue { return value }
        let encoder = JSONValueEncoder(parent, key())
        defer { encoder.letGo() }
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
        members = members ?? Dictionary(minimumCapacity: 8)
        return KeyedEncodingContainer(Keyed<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        elements = elements ?? []
        return Unkeyed(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    /// A child knows its parent, and its parent knows it: without this neither would ever leave memory.
    private func letGo() {
        for child in children { child.encoder.letGo() }
        children = []
    }

    /// One member of an object, made later by whoever holds the encoder.
    private func child(_ name: String, _ key: any CodingKey) -> JSONValueEncoder {
        let encoder = JSONValueEncoder(self, key)
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
        func encode<Number: FixedWidthInteger & Encodable>(_ value: Number, forKey key: Key) { set(JSONValue(number: value), key) }
        func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
            set(try JSONValueEncoder.value(of: value, in: encoder, at: key), key)
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
            let element = try JSONValueEncoder.value(of: value, in: encoder, at: IndexKey(String(count)))
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
        func encode(_ value: Bool) { encoder.scalar = .bool(value) }
        func encode(_ value: String) { encoder.scalar = .string(value) }
        func encode(_ value: Double) { encoder.scalar = .number(value) }
        func encode(_ value: Float) { encoder.scalar = .number(Double(value)) }
        func encode<Number: FixedWidthInteger & Encodable>(_ value: Number) { encoder.scalar = JSONValue(number: value) }
        func encode<Value: Encodable>(_ value: Value) throws { encoder.scalar = try JSONValueEncoder.value(of: value, in: encoder) }
    }
}

extension JSONValue {
    fileprivate init(number: some FixedWidthInteger) {
        self = if let integer = Int(exactly: number) { .integer(integer) } else { .number(Double(number)) }
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
final class JSONValueDecoder: Decoder {
    let value: JSONValue
    private let parent: JSONValueDecoder?
    private let key: (any CodingKey)?
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(_ value: JSONValue, _ parent: JSONValueDecoder? = nil, _ key: (any CodingKey)? = nil) {
        self.value = value
        self.parent = parent
        self.key = key
    }

    /// Put together when somebody asks for it, which is for an error.
    var codingPath: [any CodingKey] { (parent?.codingPath ?? []) + (key.map { [$0] } ?? []) }

    static func read<Value: Decodable>(
        _ type: Value.Type, from value: JSONValue, in parent: JSONValueDecoder? = nil, at key: @autoclosure () -> (any CodingKey)? = nil
    ) throws -> Value {
        if type == String.self, case .string(let text) = value, let text = text as? Value { return text }
        if type == JSONValue.self, let value = value as? Value { return value }
        return try Value(from: JSONValueDecoder(value, parent, key()))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch([String: JSONValue].self, "an object") }
        return KeyedDecodingContainer(Keyed<Key>(decoder: self, members: members))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([JSONValue].self, "an array") }
        return Unkeyed(decoder: self, elements: elements)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    fileprivate func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
        .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "expected \(expected), found \(value.shape)"))
    }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: JSONValueDecoder
        let members: [String: JSONValue]
        var codingPath: [any CodingKey] { decoder.codingPath }

        var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }
        func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }
        private func member(_ key: any CodingKey) throws -> JSONValue {
            guard let value = members[key.stringValue] else {
                throw DecodingError.keyNotFound(
                    key, .init(codingPath: codingPath, debugDescription: "expected '\(key.stringValue)', found none"))
            }
            return value
        }
        /// The member's value; nil for none and for null, as `decodeIfPresent` has it.
        private func present(_ key: Key) -> JSONValue? {
            guard let value = members[key.stringValue], !value.isNull else { return nil }
            return value
        }
        private func child(_ key: any CodingKey) throws -> JSONValueDecoder { JSONValueDecoder(try member(key), decoder, key) }
        func decodeNil(forKey key: Key) throws -> Bool { try member(key).isNull }
        func decode(_ type: String.Type, forKey key: Key) throws -> String {
            if case .string(let text) = members[key.stringValue] { text } else { try child(key).decode(type) }
        }
        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
            if case .bool(let value) = members[key.stringValue] { value } else { try child(key).decode(type) }
        }
        func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
            if case .integer(let integer) = members[key.stringValue] { integer } else { try child(key).decode(type) }
        }
        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try JSONValueDecoder.read(type, from: member(key), in: decoder, at: key)
        }
        func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
            try present(key).map { if case .string(let text) = $0 { text } else { try child(key).decode(type) } }
        }
        func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
            try present(key).map { if case .bool(let value) = $0 { value } else { try child(key).decode(type) } }
        }
        func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
            try present(key).map { if case .integer(let integer) = $0 { integer } else { try child(key).decode(type) } }
        }
        func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
            try present(key).map { try JSONValueDecoder.read(type, from: $0, in: decoder, at: key) }
        }
        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
            try child(key).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try child(key).unkeyedContainer() }
        func superDecoder() throws -> any Decoder { try child(IndexKey("super")) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try child(key) }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let decoder: JSONValueDecoder
        let elements: [JSONValue]
        var currentIndex = 0
        var codingPath: [any CodingKey] { decoder.codingPath }

        init(decoder: JSONValueDecoder, elements: [JSONValue]) {
            self.decoder = decoder
            self.elements = elements
        }

        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }
        private mutating func next() throws -> JSONValueDecoder {
            let key = IndexKey(String(currentIndex))
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    JSONValue.self, .init(codingPath: codingPath + [key], debugDescription: "expected a further element, found the end"))
            }
            currentIndex += 1
            return JSONValueDecoder(elements[currentIndex - 1], decoder, key)
        }
        mutating func decodeNil() throws -> Bool {
            guard !isAtEnd, elements[currentIndex].isNull else { return false }
            currentIndex += 1
            return true
        }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            guard !isAtEnd else { return try next().decode(type) }
            currentIndex += 1
            return try JSONValueDecoder.read(type, from: elements[currentIndex - 1], in: decoder, at: IndexKey(String(currentIndex - 1)))
        }
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
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try Self.read(type, from: value, in: parent, at: key) }

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

extension DecodingError {
    /// Where a value is wrong, without what stands there: it may be personal.
    package var place: String {
        func path(_ keys: [any CodingKey]) -> String { keys.map(\.stringValue).joined(separator: ".") }
        switch self {
        case .keyNotFound(let key, let context): return "no member \(path(context.codingPath + [key]))"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            return "another form of member \(path(context.codingPath))"
        @unknown default: return "another form"
        }
    }
}
