/// Where the parts of a recording's line stand, found without decoding them.
///
/// It knows lines as ``Observation/recordingLine`` writes them, of printable ASCII without escapes, and no others: of any other line it says
/// nothing, and the line is decoded. What it accepts the decoder accepts, too.
struct LineScan {
    /// A member of `facts`: its name without the quotes, and its value.
    struct Fact {
        let name: Range<Int>
        let value: Range<Int>
    }

    /// An element of `effects`.
    struct Effect {
        let whole: Range<Int>
        /// The key without the quotes.
        let key: Range<Int>
        /// The step within the key, without the number of a visit.
        let step: Range<Int>
        /// The operation within the key.
        let operation: Range<Int>
        /// The object of ids; empty when there are none.
        let ids: Range<Int>
    }

    private(set) var facts: [Fact] = []
    private(set) var effects: [Effect] = []
    /// The values of `entity`, `status` and `state` without the quotes.
    private(set) var entity = 0..<0
    private(set) var status = 0..<0
    private(set) var state = 0..<0
    /// The objects; empty when the line has none.
    private(set) var visits = 0..<0
    private(set) var waits = 0..<0
    /// The array; empty when the line has none.
    private(set) var unhandled = 0..<0

    /// How deep values are nested at most; the decoder allows more.
    private static let maximumDepth = 24

    /// Finds the parts of `line`; false when it is not of the known form.
    mutating func scan(_ line: UnsafeRawBufferPointer) -> Bool {
        facts.removeAll(keepingCapacity: true)
        effects.removeAll(keepingCapacity: true)
        (visits, waits, unhandled) = (0..<0, 0..<0, 0..<0)
        var cursor = Cursor(line)
        guard scanHead(&cursor), cursor.take(",\"facts\":"), scanFacts(&cursor), cursor.take(",\"effects\":"), scanEffects(&cursor),
            scanRest(&cursor)
        else { return false }
        return cursor.take("}") && cursor.isAtEnd
    }

    private mutating func scanHead(_ cursor: inout Cursor) -> Bool {
        guard cursor.take("{\"entity\":"), let entity = cursor.text(), !entity.isEmpty, cursor.take(",\"status\":"),
            let status = cursor.text(), cursor.take(",\"state\":"), let state = cursor.text()
        else { return false }
        (self.entity, self.status, self.state) = (entity, status, state)
        return true
    }

    private mutating func scanFacts(_ cursor: inout Cursor) -> Bool {
        cursor.members { cursor, name in
            let start = cursor.position
            guard cursor.value(Self.maximumDepth) else { return false }
            facts.append(Fact(name: name, value: start..<cursor.position))
            return true
        }
    }

    private mutating func scanEffects(_ cursor: inout Cursor) -> Bool {
        cursor.elements { cursor in
            let start = cursor.position
            guard cursor.take("{\"key\":"), let key = cursor.effectKey(), cursor.take(",\"request\":"), cursor.value(Self.maximumDepth)
            else { return false }
            var ids = 0..<0
            if cursor.take(",\"ids\":") {
                let start = cursor.position
                guard cursor.members({ cursor, _ in cursor.text() != nil }) else { return false }
                ids = start..<cursor.position
            }
            guard cursor.take("}") else { return false }
            effects.append(Effect(whole: start..<cursor.position, key: key.whole, step: key.step, operation: key.operation, ids: ids))
            return true
        }
    }

    private mutating func scanRest(_ cursor: inout Cursor) -> Bool {
        if cursor.take(",\"unhandled\":") {
            let start = cursor.position
            guard cursor.elements({ $0.pair("{\"event\":", ",\"state\":") }) else { return false }
            unhandled = start..<cursor.position
        }
        if cursor.take(",\"visits\":") {
            let start = cursor.position
            guard cursor.members({ cursor, name in cursor.isStep(name) && cursor.wholeNumber() }) else { return false }
            visits = start..<cursor.position
        }
        if cursor.take(",\"waits\":") {
            let start = cursor.position
            let isKnown = cursor.members { cursor, name in cursor.isStep(name) && cursor.elements { $0.stay() } }
            guard isKnown else { return false }
            waits = start..<cursor.position
        }
        return true
    }
}

/// Reads on in a line. Nothing is copied.
private struct Cursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    private var peek: UInt8 { position < bytes.count ? bytes[position] : 0 }

    @inline(__always)
    mutating func take(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for index in 0..<count where bytes[position + index] != text.utf8Start[index] { return false }
        position += count
        return true
    }

    /// The content of a text, without the quotes.
    mutating func text() -> Range<Int>? {
        guard peek == UInt8(ascii: "\"") else { return nil }
        let start = position + 1
        var end = start
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                position = end + 1
                return start..<end
            }
            guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") else { return nil }
            end += 1
        }
        return nil
    }

    /// An object; `member` reads the value of the name that it is given, without the quotes.
    @inline(__always)
    mutating func members(_ member: (inout Cursor, Range<Int>) -> Bool) -> Bool {
        guard take("{") else { return false }
        if take("}") { return true }
        repeat {
            guard let name = text(), take(":"), member(&self, name) else { return false }
        } while take(",")
        return take("}")
    }

    @inline(__always)
    mutating func elements(_ element: (inout Cursor) -> Bool) -> Bool {
        guard take("[") else { return false }
        if take("]") { return true }
        repeat { guard element(&self) else { return false } } while take(",")
        return take("]")
    }

    /// Any value, nested at most so deep.
    mutating func value(_ depth: Int) -> Bool {
        switch peek {
        case UInt8(ascii: "\""): return text() != nil
        case UInt8(ascii: "{"): return depth > 0 && members { cursor, _ in cursor.value(depth - 1) }
        case UInt8(ascii: "["): return depth > 0 && elements { $0.value(depth - 1) }
        case UInt8(ascii: "t"): return take("true")
        case UInt8(ascii: "f"): return take("false")
        case UInt8(ascii: "n"): return take("null")
        default: return number()
        }
    }

    /// A number without exponent.
    private mutating func number() -> Bool {
        _ = take("-")
        guard wholeNumber() else { return false }
        guard take(".") else { return true }
        return (1...15).contains(digits())
    }

    /// A whole number of at most 15 digits, without a sign.
    mutating func wholeNumber() -> Bool {
        let first = peek
        let count = digits()
        return count == 1 || (2...15).contains(count) && first != UInt8(ascii: "0")
    }

    private mutating func digits() -> Int {
        let start = position
        while peek >= UInt8(ascii: "0"), peek <= UInt8(ascii: "9") { position += 1 }
        return position - start
    }

    /// `step/operation/number` as a text; the step of a later visit has `#` and the visit's number behind it.
    mutating func effectKey() -> (whole: Range<Int>, step: Range<Int>, operation: Range<Int>)? {
        guard let whole = text() else { return nil }
        var inner = Cursor(UnsafeRawBufferPointer(rebasing: bytes[whole]))
        guard inner.step() else { return nil }
        let step = whole.lowerBound..<whole.lowerBound + inner.position
        guard inner.visit(), inner.take("/") else { return nil }
        let start = inner.position
        while !inner.isAtEnd, inner.peek != UInt8(ascii: "/") { inner.position += 1 }
        let operation = whole.lowerBound + start..<whole.lowerBound + inner.position
        guard inner.take("/"), inner.wholeNumber(), inner.isAtEnd else { return nil }
        return (whole, step, operation)
    }

    /// Nothing, or the number of a visit from 2 on.
    private mutating func visit() -> Bool {
        guard take("#") else { return true }
        let start = position
        return wholeNumber() && (position - start > 1 || bytes[start] > UInt8(ascii: "1"))
    }

    /// True for the number of a step.
    func isStep(_ name: Range<Int>) -> Bool {
        var inner = Cursor(UnsafeRawBufferPointer(rebasing: bytes[name]))
        return inner.step() && inner.isAtEnd
    }

    private mutating func step() -> Bool {
        repeat { guard wholeNumber() else { return false } } while take(".")
        return true
    }

    /// An object of two texts.
    mutating func pair(_ first: StaticString, _ second: StaticString) -> Bool {
        take(first) && text() != nil && take(second) && text() != nil && take("}")
    }

    /// `{"milliseconds":1,"state":"X"}`
    mutating func stay() -> Bool {
        guard take("{\"milliseconds\":") else { return false }
        let start = position
        // More digits might be longer than the decoder allows.
        guard wholeNumber(), position - start <= 13, take(",\"state\":"), text() != nil else { return false }
        return take("}")
    }
}
