import Events
import HybridRouter

/// The checksum of a row that decides something (FNV-1a, 64 bits): a flipped bit must not become a wrong outcome.
///
/// It finds accidents, not attacks. SQLite itself looks at the structure of its pages, not at what stands in a column.
struct Sum {
    private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    init(_ values: SQLValue...) { for value in values { add(value) } }

    mutating func add(_ value: SQLValue) {
        switch value {
        case .text(let text): add(text)
        case .integer(let integer): add(integer)
        case .blob(let bytes):
            for byte in bytes { step(byte) }
            step(0xFD)
        case .null: step(0xFE)
        }
    }

    private mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var hash = hash
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            self.hash = hash
        }
        step(0xFF)
    }

    private mutating func add(_ integer: Int64) {
        let bits = UInt64(bitPattern: integer)
        for shift in stride(from: UInt64(0), to: 64, by: 8) { step(UInt8(truncatingIfNeeded: bits >> shift)) }
    }

    private mutating func step(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

    /// As it is stored.
    var value: Int64 { Int64(bitPattern: hash) }
    /// As it is bound.
    var stored: SQLValue { .integer(value) }

    /// Throws a sentence unless the stored sum is this one. A row of an older build has none.
    func check(_ stored: Int64?, table: String, key: @autoclosure () -> String) throws {
        guard let stored, stored != value else { return }
        throw UnreadableRow(
            table: table, key: key(), problem: "expected content that fits its checksum, found other content (a damaged file?)")
    }
}
