extension Timestamp {
    /// The moments at which something can have happened to us; the zero times of other systems (1970, the year 1) are none.
    public static let plausible = Timestamp(milliseconds: 946_684_800_000)...Timestamp(milliseconds: 4_102_444_799_999)

    /// True from 2000 to 2099.
    public var isPlausible: Bool { Self.plausible.contains(self) }

    /// A plausible moment as senders write it; nil for everything else.
    ///
    /// A number is taken in the one unit in which it is plausible: seconds, milliseconds, microseconds or nanoseconds. A text may
    /// hold such a number, or ISO 8601 with a blank for `T`, in lower case, with `+0200`, or without an offset (UTC).
    public init?(sent value: JSONValue) {
        let moment: Timestamp? =
            switch value {
            case .integer(let number): Self.counted(Double(number))
            case .number(let number): Self.counted(number)
            case .string(let text): text.utf8.count > 64 ? nil : Double(text).flatMap(Self.counted) ?? Self.lenient(text)
            case .null, .bool, .array, .object: nil
            }
        guard let moment, moment.isPlausible else { return nil }
        self = moment
    }

    private static func counted(_ number: Double) -> Timestamp? {
        [1000, 1, 0.001, 0.000_001].lazy.compactMap { unit in
            Int64(exactly: (number * unit).rounded(.down)).flatMap { Timestamp(exactly: $0) }
        }.first(where: \.isPlausible)
    }

    private static func lenient(_ text: String) -> Timestamp? {
        var bytes = Array(text.uppercased().utf8.drop { $0 == 0x20 })
        while bytes.last == 0x20 { bytes.removeLast() }
        guard bytes.count >= 19 else { return nil }
        if bytes[10] == 0x20 { bytes[10] = UInt8(ascii: "T") }
        let sign = bytes.count - 5
        if bytes[sign] == UInt8(ascii: "+") || bytes[sign] == UInt8(ascii: "-"), sign >= 19 {
            bytes.insert(UInt8(ascii: ":"), at: bytes.count - 2)
        }
        let written = String(decoding: bytes, as: UTF8.self)
        return Timestamp(written) ?? Timestamp(written + "Z")
    }
}

/// Ids from outside: they end in lines, logs and keys, so they are short and visible.
public enum WireID {
    /// Characters of the longest id.
    public static let longest = 128

    /// The id that a text or a whole number holds, without blanks around it: 1 to 128 visible ASCII characters; else nil.
    public static func read(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text): check(text)
        case .integer(let number): String(number)
        default: nil
        }
    }

    private static func check(_ text: String) -> String? {
        guard text.utf8.count <= 4 * longest else { return nil }
        var bytes = Array(text.utf8.drop { $0 == 0x20 })
        while bytes.last == 0x20 { bytes.removeLast() }
        guard (1...longest).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
