import Events

extension TraceLine {
    /// What a database keeps of a delivery that never came, for as long as the outside has to know of it: ids, words, codes and numbers,
    /// no sentence. A line of the script stays as it is.
    var kept: TraceLine {
        guard source != .world, let document = try? message.json() else { return self }
        var kept = self
        kept.body = Self.kept(document)
        return kept
    }

    private static func kept(_ value: JSONValue) -> JSONValue { withoutSentences(Redaction.body(unpacked(value))) }

    /// Documents that stand in texts, as some senders have them, as documents.
    private static func unpacked(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members): .object(members.mapValues(unpacked))
        case .array(let elements): .array(elements.map(unpacked))
        case .string(let text) where text.first == "{": (try? JSONValue(parsing: Array(text.utf8), within: .wire)).map(unpacked) ?? value
        default: value
        }
    }

    private static func withoutSentences(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members): .object(members.mapValues(withoutSentences))
        case .array(let elements): .array(elements.map(withoutSentences))
        case .string(let text) where text.contains(where: \.isWhitespace): .string(codes(in: text))
        default: value
        }
    }

    private static func codes(in text: String) -> String {
        let words = text.split { !($0.isLetter || $0.isNumber) }.map(String.init)
        let codes = words.filter { $0.count >= 4 && $0.contains(where: \.isNumber) && Redaction.code($0) != nil }
        return codes.isEmpty ? "[text]" : codes.joined(separator: " ")
    }
}
