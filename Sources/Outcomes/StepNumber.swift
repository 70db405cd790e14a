/// The number of a step, ordered like section numbers: 5 < 5.2 < 5.10 < 6.
public struct StepNumber: Hashable, Sendable, Codable, CodingKeyRepresentable, Comparable, LosslessStringConvertible,
    ExpressibleByStringLiteral
{
    /// The parts between the dots.
    public let parts: [Int]

    /// Reads `5` or `5.2`; nil when a part is not a whole number.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard !parts.isEmpty, !parts.contains(nil) else { return nil }
        self.parts = parts.compactMap { $0 }
    }

    /// A literal in source code; anything but digits and dots reads as step 0, which no plan has.
    public init(stringLiteral value: String) { self = StepNumber(value) ?? StepNumber(parts: [0]) }

    private init(parts: [Int]) { self.parts = parts }

    /// The numbers joined by dots.
    public var description: String { parts.map(String.init).joined(separator: ".") }

    /// The text form, so that a dictionary by step is a JSON object.
    public var codingKey: any CodingKey { StepKey(stringValue: description) }

    /// Reads the text form.
    public init?(codingKey: some CodingKey) { self.init(codingKey.stringValue) }

    /// Section order.
    public static func < (left: StepNumber, right: StepNumber) -> Bool { left.parts.lexicographicallyPrecedes(right.parts) }

    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = StepNumber(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a step number like 5.2, found \"\(text)\"")
        }
        self = value
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

private struct StepKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// Who runs a step for an entity.
public enum Owner: String, Codable, Hashable, Sendable, CaseIterable {
    /// The event-driven state machine.
    case legacy
    /// A durable workflow.
    case durable
}
