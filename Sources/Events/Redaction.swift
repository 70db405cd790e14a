/// Free text from outside, made safe to keep in payloads, logs and reports.
public enum Redaction {
    /// Replaces e-mail addresses, links and numbers of seven or more digits, in whatever notation, by typed tokens.
    ///
    /// Digits of every script count, and blanks, dots, dashes, slashes, parentheses and invisible characters between them do not end a
    /// number. Control and bidirectional characters become blanks; what is longer than 512 characters is cut.
    public static func clean(_ text: String) -> String {
        let visible = String(String.UnicodeScalarView(text.unicodeScalars.prefix(4096).map { isHidden($0) ? " " : $0 }))
        return String(withoutNumbers(withoutAddresses(visible)).prefix(512))
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate: true
        default: false
        }
    }

    // MARK: Addresses

    private static func withoutAddresses(_ text: String) -> String {
        var words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        for index in words.indices {
            let lower = words[index].lowercased()
            let bytes = Array(lower.utf8)
            if bytes.contains(UInt8(ascii: "@")) || has(bytes, wideAt) {
                words[index] = "[e-mail]"
                // `name @ example.test`
                if lower.allSatisfy({ $0 == "@" || $0 == "＠" }) { spread(around: index, &words) }
            } else if has(bytes, scheme) || has(bytes, web) {
                words[index] = "[link]"
            } else if ["at", "(at)", "[at]", "{at}"].contains(lower), words.indices.contains(index + 1), isDomain(words[index + 1]) {
                words[index] = "[e-mail]"
                spread(around: index, &words)
            } else if has(bytes, roundAt) || has(bytes, squareAt) {
                words[index] = "[e-mail]"
            }
        }
        return words.joined(separator: " ")
    }

    private static let wideAt = Array("＠".utf8)
    private static let scheme = Array("://".utf8)
    private static let web = Array("www.".utf8)
    private static let roundAt = Array("(at)".utf8)
    private static let squareAt = Array("[at]".utf8)

    /// True when `pattern` stands somewhere in `bytes`. The standard library's search for texts costs a hundred times as much.
    private static func has(_ bytes: [UInt8], _ pattern: [UInt8]) -> Bool {
        guard bytes.count >= pattern.count else { return false }
        return (0...(bytes.count - pattern.count)).contains { bytes[$0..<($0 + pattern.count)].elementsEqual(pattern) }
    }

    private static func spread(around index: Int, _ words: inout [String]) {
        for side in [index - 1, index + 1] where words.indices.contains(side) && !words[side].isEmpty { words[side] = "[e-mail]" }
    }

    private static func isDomain(_ word: String) -> Bool {
        let parts = word.split(separator: ".")
        return parts.count >= 2 && parts.dropLast().allSatisfy { $0.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" } }
            && (parts.last?.first?.isLetter ?? false)
    }

    // MARK: Numbers

    fileprivate static func withoutNumbers(_ text: String) -> String {
        guard text.unicodeScalars.count(where: isDigit) >= 7 else { return text }
        var result = String.UnicodeScalarView()
        var run: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if isDigit(scalar) || isJoint(scalar) {
                run.append(scalar)
            } else {
                flush(&run, into: &result)
                result.append(scalar)
            }
        }
        flush(&run, into: &result)
        return String(result)
    }

    /// What stands around a number is kept, so that words do not grow together.
    private static func flush(_ run: inout [Unicode.Scalar], into result: inout String.UnicodeScalarView) {
        defer { run = [] }
        guard run.count(where: isDigit) >= 7, let first = run.firstIndex(where: isDigit), let last = run.lastIndex(where: isDigit) else {
            return result.append(contentsOf: run)
        }
        result.append(contentsOf: run[..<first].filter { $0 == " " })
        result.append(contentsOf: "[number]".unicodeScalars)
        result.append(contentsOf: run[(last + 1)...])
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (0x30...0x39).contains(scalar.value) }
        return scalar.properties.numericType != nil || scalar.properties.generalCategory == .decimalNumber
    }

    private static func isJoint(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return asciiJoints.contains(UInt8(scalar.value)) }
        return switch scalar.properties.generalCategory {
        case .spaceSeparator, .dashPunctuation: true
        default: "·•⁄∕＋．／（）’".unicodeScalars.contains(scalar)
        }
    }

    private static let asciiJoints = Array(" -+./()[]_*,:#|\\~'".utf8)

    /// A code: one word of letters, digits, dots, dashes and underscores, with no more digits than a code has. Nil for anything else.
    public static func code(_ text: String) -> String? {
        let isWord =
            (1...64).contains(text.utf8.count) && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        return isWord && text.count(where: \.isNumber) < 7 ? text : nil
    }

    // MARK: Bodies

    /// What is kept of a body: a document as ``body(_:)`` has it; of anything else its marks and small numbers, and texts only where a
    /// member's name stands before them that is not personal.
    public static func remains(of bytes: some Collection<UInt8>) -> String {
        let start = Array(bytes.prefix(JSONLimits.wire.bytes))
        if let value = try? JSONValue(parsing: start, within: .wire) { return String(body(value).canonicalText.prefix(16_384)) }
        var fragment = Fragment(String(decoding: start.prefix(4096), as: UTF8.self))
        return String(withoutNumbers(fragment.cleaned()).prefix(4096))
    }

    /// A body with what is personal or secret taken out: such members by their names (A2P guide §4.3), every text by what it looks like.
    public static func body(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(
                Dictionary(
                    members.map { (clean($0.key), isPersonal($0.key) ? "[redacted]" : body($0.value)) },
                    uniquingKeysWith: { first, _ in first }))
        case .array(let elements): .array(elements.map { body($0) })
        case .string(let text): .string(isID(text) ? text : clean(text))
        case .integer(let number): number.magnitude >= 1_000_000 ? "[number]" : value
        case .number(let number): abs(number) >= 1_000_000 ? "[number]" : value
        case .null, .bool: value
        }
    }

    /// `BN0000…`, a UUID: letters and digits in one word.
    private static func isID(_ text: String) -> Bool {
        text.utf8.count <= WireID.longest && text.contains(where: { $0.isLetter }) && text.contains(where: \.isNumber)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
    }

    fileprivate static func isPersonal(_ name: String) -> Bool {
        let plain = Array(name.lowercased().utf8).filter { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        return exact.contains(plain) || (personal.contains { has(plain, $0) } && plain.suffix(3) != Array("sid".utf8)[...])
    }

    private static let exact = Set(["ein", "pin", "ssn", "name", "zip"].map { Array($0.utf8) })
    private static let personal = [
        "universalein", "taxid", "registrationnumber", "altbusinessid", "firstname", "lastname", "fullname", "displayname", "companyname",
        "brandname", "contact", "email", "phone", "mobile", "street", "address", "city", "postalcode", "otp", "token", "secret",
        "password", "authoriz", "representative", "sample", "messageflow", "attachment", "birth",
    ].map { Array($0.utf8) }
}

/// A text that is not quite JSON: cut off, or with something before, between or behind.
private struct Fragment {
    private var rest: Substring
    /// The member that a text belongs to; nil before the first.
    private var member: String?
    private var result = ""

    init(_ text: String) { rest = text[...] }

    mutating func cleaned() -> String {
        while let next = rest.first {
            if next == "\"" {
                takeText()
            } else if Self.isMark(next) {
                result.append(next.isNewline ? " " : next)
                rest.removeFirst()
            } else {
                takeWord()
            }
        }
        return result
    }

    private static func isMark(_ character: Character) -> Bool { "{}[]:, \t\r\n".contains(character) || character == "\r\n" }

    /// A text in quotes, whether it ends or not: a name when a colon follows.
    private mutating func takeText() {
        rest.removeFirst()
        var text = ""
        while let next = rest.popFirst(), next != "\"" {
            text.append(next)
            if next == "\\", let escaped = rest.popFirst() { text.append(escaped) }
        }
        if rest.drop(while: \.isWhitespace).first == ":" {
            member = text
            result += "\"\(Redaction.clean(text))\""
        } else {
            let isKept = member.map { !Redaction.isPersonal($0) } ?? false
            result += isKept ? "\"\(Redaction.clean(text))\"" : "\"[redacted]\""
        }
    }

    private mutating func takeWord() {
        let word = rest.prefix { $0 != "\"" && !Self.isMark($0) }
        rest.removeFirst(word.count)
        let isPlain = word.allSatisfy { $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) } || ["true", "false", "null"].contains(word)
        if isPlain { result += word } else if !result.hasSuffix("[text]") && !result.hasSuffix("[text] ") { result += "[text]" }
    }
}
