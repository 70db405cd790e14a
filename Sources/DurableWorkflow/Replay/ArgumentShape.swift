import Events

/// Of what the arguments of a local activity are made: kinds of values and names of members, without what they say. Its marker keeps
/// that for the comparison on replay. Both parts are free of the names themselves, which may be a person's.
struct ArgumentShape: Hashable, Sendable {
    /// For people: `an object of 3 members`.
    let summary: String
    /// The same for equal shapes, in every process.
    let digest: String

    init(_ value: JSONValue) {
        summary = Self.summary(value)
        digest = StableHash.hexadecimal(Self.text(value))
    }

    /// The shape that a marker's data says; nil when it says none.
    init?(marker data: JSONValue) {
        guard let shape = data["argument_shape"], let summary = shape["summary"]?.string, let digest = shape["digest"]?.string else {
            return nil
        }
        (self.summary, self.digest) = (summary, digest)
    }

    /// As a marker's data has it.
    var json: JSONValue { ["summary": .string(summary), "digest": .string(digest)] }

    private static func summary(_ value: JSONValue) -> String {
        switch value {
        case .null: "nothing"
        case .bool: "a truth value"
        case .integer, .number: "a number"
        case .string: "a text"
        case .array: "a list"
        case .object(let members): "an object of \(members.count.counted("member"))"
        }
    }

    /// Lists are as long as they are: only the kinds of their elements count.
    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "bool"
        case .integer, .number: "number"
        case .string: "text"
        case .array(let elements): "[\(Set(elements.map(text)).sorted().joined(separator: "|"))]"
        case .object(let members):
            "{\(members.sorted { $0.key < $1.key }.map { "\(JSONValue.string($0.key).canonicalText):\(text($0.value))" }.joined(separator: ","))}"
        }
    }
}

extension ArgumentShape: CustomStringConvertible {
    var description: String { "\(summary), shape \(digest)" }
}
