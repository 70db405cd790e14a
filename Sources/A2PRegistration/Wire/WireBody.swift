import Events

/// One object of a sender's body, read by what its members mean: casing and underscores of their names differ between relays.
struct WireBody {
    private let members: [String: JSONValue]

    /// The object; nil for anything else. A text may hold it, because some senders encode twice.
    init?(_ value: JSONValue?) {
        let inner = value?.string.flatMap { try? JSONValue(parsing: $0, within: .wire) } ?? value
        guard let object = inner?.object else { return nil }
        // In a fixed order: of two spellings of one name the first counts, always the same.
        let sorted = object.sorted { $0.key < $1.key }.filter { !$0.value.isNull }
        members = Dictionary(sorted.map { (Self.plain($0.key), $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// `campaign_id`, `CampaignId` and `campaignid` are one name.
    private static func plain(_ name: String) -> String {
        let bytes = name.utf8
        // Names are ASCII nearly always, and looked at a dozen times a delivery.
        guard bytes.allSatisfy({ $0 < 0x80 }) else { return name.lowercased().filter { !"_- ".contains($0) } }
        return String(unsafeUninitializedCapacity: bytes.count) { plain in
            var count = 0
            for byte in bytes where byte != UInt8(ascii: "_") && byte != UInt8(ascii: "-") && byte != UInt8(ascii: " ") {
                plain[count] = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
                count += 1
            }
            return count
        }
    }

    /// The first of these members that is there and not null, nor an empty text.
    subscript(_ names: String...) -> JSONValue? { first(names) }

    private func first(_ names: [String]) -> JSONValue? {
        names.lazy.compactMap { members[Self.plain($0)] }.first { $0 != .string("") }
    }

    /// Each of these members as an id; what is no id is left out, and nothing comes twice.
    func ids(_ names: String...) -> [String] {
        var ids: [String] = []
        for id in names.compactMap({ WireID.read(first([$0])) }) where !ids.contains(id) { ids.append(id) }
        return ids
    }

    /// One member as an id.
    func id(_ names: String...) -> JSONValue? { names.lazy.compactMap { WireID.read(first([$0])) }.first.map { .string($0) } }

    /// One member as a code.
    func code(_ name: String) -> JSONValue? { WireID.read(first([name])).flatMap(Redaction.code).map { .string($0) } }

    /// One member as a status word.
    func word(_ names: String...) -> StatusWord? { names.lazy.compactMap { first([$0])?.string }.first.flatMap(StatusWord.init) }

    /// One member as an object.
    func object(_ name: String) -> WireBody? { WireBody(first([name])) }

    /// One member as a whole number within `range`.
    func integer(_ names: String..., within range: ClosedRange<Int>) -> JSONValue? {
        names.lazy.compactMap { first([$0])?.integer }.first(where: range.contains).map { .integer($0) }
    }

    /// A score is 0 to 100; anything else is none, and is read from the report.
    func score(_ names: String...) -> JSONValue? {
        names.lazy.compactMap { first([$0])?.integer }.first(where: (0...100).contains).map { .integer($0) }
    }

    /// The first of these members that is a plausible time.
    func time(_ names: String...) -> Timestamp? { names.lazy.compactMap { first([$0]).flatMap { Timestamp(sent: $0) } }.first }
}

/// A status as one word in capitals: `twilio-approved`, `Twilio Approved` and `TWILIO_APPROVED` are one.
package struct StatusWord: Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    package let description: String

    package init?(_ text: String) {
        guard (1...64).contains(text.utf8.count) else { return nil }
        var word: [UInt8] = []
        for byte in text.utf8 {
            guard let letter = Self.letter(byte) else { return nil }
            word.append(letter)
        }
        let bare = word.drop { $0 == Self.line }.reversed().drop { $0 == Self.line }.reversed()
        guard !bare.isEmpty, bare.count(where: Self.digits.contains) < 7 else { return nil }
        description = String(decoding: bare, as: UTF8.self)
    }

    private static let line = UInt8(ascii: "_")
    private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")

    /// A byte as it stands in a word; nil for one that no word has.
    private static func letter(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), digits, line: byte
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
        case UInt8(ascii: "-"), UInt8(ascii: " "), UInt8(ascii: "."): line
        default: nil
        }
    }

    package init(stringLiteral value: String) { description = value }

    /// Words that mean the same everywhere, by the one that stands for them.
    var plain: StatusWord { Self.synonyms[self] ?? self }

    private static let synonyms: [StatusWord: StatusWord] = {
        let groups: [StatusWord: [StatusWord]] = [
            "SUCCESS": ["OK", "SUCCEEDED", "SUCCESSFUL", "COMPLETE", "COMPLETED", "DONE"],
            "FAILED": ["FAIL", "FAILURE", "ERROR", "REGISTRATION_FAILED"], "REJECTED": ["DECLINED", "DENIED", "REFUSED"],
            "PENDING": ["IN_PROGRESS", "PROCESSING", "QUEUED", "REGISTRATION_PENDING"], "ACCEPTED": ["APPROVED"],
        ]
        return Dictionary(groups.flatMap { plain, words in words.map { ($0, plain) } }, uniquingKeysWith: { first, _ in first })
    }()
}

/// What the registry says of a brand's identity. Only three words verify a brand; a word that nobody knows says nothing.
package enum IdentityStatus: String {
    case VERIFIED, VETTED_VERIFIED, SELF_DECLARED, UNVERIFIED

    /// The status that a word in any casing means; nil for every other word.
    package init?(wire word: StatusWord?) {
        guard let word else { return nil }
        self.init(rawValue: word.description)
    }

    var isVerified: Bool { self != .UNVERIFIED }
}

/// `application/x-www-form-urlencoded`, which relays and status callbacks use.
enum FormBody {
    /// The fields in their order; nil when the bytes are no form.
    static func fields(_ bytes: [UInt8]) -> [(name: String, value: String)]? {
        guard !bytes.isEmpty, bytes.count <= JSONLimits.wire.bytes, bytes.contains(UInt8(ascii: "=")) else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: "&"))
        guard parts.count <= 1000 else { return nil }
        var fields: [(name: String, value: String)] = []
        for part in parts {
            let sides = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = sides.first.flatMap(decoded), let value = sides.count == 2 ? decoded(sides[1]) : "" else { return nil }
            fields.append((name, value))
        }
        return fields
    }

    /// The fields as an object of texts; nil when the bytes are no form.
    static func object(_ bytes: [UInt8]) -> JSONValue? {
        fields(bytes).map { .object(Dictionary($0.map { ($0.name, .string($0.value)) }, uniquingKeysWith: { first, _ in first })) }
    }

    private static func decoded(_ part: ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var rest = part
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(2)
            case 0x21...0x7E: bytes.append(byte)
            default: return nil
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
