import Events

/// The compact form of a batch of events: numbers as variable-length integers, texts and payloads as bytes. One row holds one batch.
public enum EventCoding {
    /// Events with consecutive ids as bytes.
    public static func encode(_ events: [HistoryEvent]) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(events.count)
        var last = 0
        for event in events {
            writer.byte(event.kind.rawValue)
            writer.signed(Int(event.at.milliseconds) - last)
            last = Int(event.at.milliseconds)
            writer.integer(event.fields.pairs.count)
            for (field, value) in event.fields.pairs { writer.field(field, value) }
        }
        return writer.bytes
    }

    /// The events of a batch, the first of which has the id `first`. Throws ``HistoryError`` when the bytes are no batch.
    public static func decode(_ bytes: [UInt8], first: Int) throws -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        try decode(bytes, first: first, into: &events)
        return events
    }

    /// Appends the events of a batch.
    public static func decode(_ bytes: [UInt8], first: Int, into events: inout [HistoryEvent]) throws {
        try bytes.withUnsafeBufferPointer { buffer in
            var reader = ByteReader(bytes: buffer)
            let count = try reader.integer()
            events.reserveCapacity(events.count + min(count, buffer.count))
            var last = 0
            for index in 0..<count {
                let number = try reader.byte()
                guard let kind = HistoryEvent.Kind(rawValue: number) else {
                    throw HistoryError("event \(first + index): expected a known kind, found number \(number); use the build that wrote it")
                }
                last += try reader.signed()
                let pairs = try reader.integer()
                var fields = EventFields(reserving: pairs)
                for _ in 0..<pairs { try reader.field(into: &fields) }
                events.append(HistoryEvent(id: first + index, kind: kind, at: Timestamp(milliseconds: Int64(last)), fields: fields))
            }
        }
    }
}

/// A history that cannot be read.
public struct HistoryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: where, expected, found.
    public let description: String
    init(_ description: String) { self.description = description }
}

private struct ByteWriter {
    var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(512) }

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func integer(_ value: Int) {
        var rest = UInt64(bitPattern: Int64(value))
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func signed(_ value: Int) { integer((value << 1) ^ (value >> (Int.bitWidth - 1))) }

    mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { buffer in
            integer(buffer.count)
            bytes.append(contentsOf: buffer)
        }
    }

    mutating func payload(_ payload: Payload) {
        let isPlain = payload.encoding == "json/plain" && payload.metadata.isEmpty
        byte(isPlain ? 0 : 1)
        if !isPlain {
            text(payload.encoding)
            integer(payload.metadata.count)
            for (name, value) in payload.metadata.sorted(by: { $0.key < $1.key }) {
                text(name)
                text(value)
            }
        }
        integer(payload.data.count)
        bytes.append(contentsOf: payload.data)
    }

    mutating func field(_ field: EventField, _ value: FieldValue) {
        byte(field.rawValue)
        switch value {
        case .integer(let value): signed(value)
        case .text(let value): text(value)
        case .payloads(let payloads):
            integer(payloads.count)
            for payload in payloads { self.payload(payload) }
        case .map(let map):
            integer(map.count)
            for (name, value) in map.sorted(by: { $0.key < $1.key }) {
                text(name)
                payload(value)
            }
        case .failure(let failure): text(failure.json.canonicalText)
        case .retry(let policy): text(policy.json.canonicalText)
        }
    }
}

private struct ByteReader {
    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0

    init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw HistoryError("byte \(position): expected more of a batch, found its end") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func integer() throws -> Int {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return Int(Int64(bitPattern: value)) }
            shift += 7
            guard shift < 64 else { throw HistoryError("byte \(position): expected a number, found too many digits") }
        }
    }

    mutating func signed() throws -> Int {
        let value = UInt64(bitPattern: Int64(try integer()))
        return Int(Int64(bitPattern: value >> 1)) ^ -Int(Int64(value & 1))
    }

    private mutating func slice() throws -> UnsafeBufferPointer<UInt8> {
        let count = try integer()
        guard count >= 0, count <= bytes.count - position else {
            throw HistoryError("byte \(position): expected \(count.counted("byte")), found \(bytes.count - position)")
        }
        defer { position += count }
        return UnsafeBufferPointer(rebasing: bytes[position..<position + count])
    }

    mutating func text() throws -> String { String(decoding: try slice(), as: UTF8.self) }

    mutating func payload() throws -> Payload {
        guard try byte() != 0 else { return Payload(data: Array(try slice())) }
        var payload = Payload(encoding: try text(), data: [])
        for _ in 0..<(try integer()) { payload.metadata[try text()] = try text() }
        payload.data = Array(try slice())
        return payload
    }

    mutating func field(into fields: inout EventFields) throws {
        let number = try byte()
        guard let field = EventField(rawValue: number) else {
            throw HistoryError("byte \(position): expected a known field, found number \(number); use the build that wrote it")
        }
        fields.append(field, try value(field.shape))
    }

    private mutating func value(_ shape: EventField.Shape) throws -> FieldValue {
        switch shape {
        case .integer, .duration: return .integer(try signed())
        case .text: return .text(try text())
        case .payloads:
            let count = try integer()
            if count == 1 { return .payloads([try payload()]) }
            var payloads: [Payload] = []
            for _ in 0..<count { payloads.append(try payload()) }
            return .payloads(payloads)
        case .map:
            var map: [String: Payload] = [:]
            for _ in 0..<(try integer()) { map[try text()] = try payload() }
            return .map(map)
        case .failure: return .failure(try Failure(json: try JSONValue(parsing: try text())))
        case .retry: return .retry(try RetryPolicy(json: try JSONValue(parsing: try text())))
        }
    }
}
