import FoundationEssentials

extension JSONValue {
    /// The JSON form of any encodable value. Throws what its `encode(to:)` throws.
    public init(encoding value: some Encodable) throws {
        let data = try JSONEncoder().encode(value)
        var parser = JSONParser(Array(data))
        self = try parser.document()
    }

    /// Reads a value from its JSON form. Throws a `DecodingError` that names the path.
    public func decoded<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(canonicalText.utf8))
    }
}
