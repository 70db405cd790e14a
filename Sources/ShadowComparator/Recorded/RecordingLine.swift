import Events
import Outcomes

/// Why a line of a recording says nothing of an entity.
public struct RecordingLineError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was expected and what was found, without the place and without values of the line.
    public let description: String

    init(_ description: String) { self.description = description }
}

extension Observation {
    /// The line of a recording, without a line break: a JSON object whose first member is `entity`.
    ///
    /// It has what a comparison reads, and nothing else: no moments, owners, epochs and attempts, of a reply only the ids, and no
    /// members of the record. Two lines that are the same byte for byte say the same.
    public var recordingLine: [UInt8] {
        var line = LineWriter(entity)
        line.add("status", .string(outcome.status))
        line.add("state", .string(outcome.state))
        line.add("facts", .object(outcome.facts))
        line.add("effects", ledger.map(\.recordedEffect))
        if !deadLetters.isEmpty { line.add("deadLetters", deadLetters.counts(by: { $0 })) }
        if !failures.isEmpty { line.add("failures", failures.counts(by: \.description)) }
        if !unhandled.isEmpty { line.add("unhandled", .array(unhandled.map(\.recorded).sorted { $0.canonicalText < $1.canonicalText })) }
        if !visits.isEmpty { line.add("visits", visits.counts(by: \.description)) }
        if let waits { line.add("waits", .object(Dictionary(uniqueKeysWithValues: waits.map { ($0.description, $1.recorded) }))) }
        return line.bytes
    }

    /// Reads ``recordingLine``, also with white space and with members in another order. `path` is what the recording is of, `legacy` or
    /// `hybrid`. A member that is not known is refused: a misspelt one would make two paths look the same.
    public init(recordingLine bytes: [UInt8], path: String) throws(RecordingLineError) {
        let line: JSONValue
        do {
            line = try JSONValue(parsing: bytes, within: .recordingLine)
        } catch {
            throw RecordingLineError("expected one JSON object, found none: \(error)")
        }
        let reader = try LineReader(line)
        let entity = EntityID(try reader.text("entity"))
        guard !entity.rawValue.isEmpty else { throw RecordingLineError("entity: expected an id, found an empty text") }
        let outcome = Outcome(
            status: try reader.text("status"), state: try reader.text("state"), facts: try reader.object("facts"))
        let ledger = try reader.effects(of: entity)
        self.init(entity: entity, path: path, outcome: outcome, ledger: ledger)
        deadLetters = try reader.counts("deadLetters") { $0 }
        failures = try reader.counts("failures") { StepNumber($0) }
        visits = try reader.counts("visits") { StepNumber($0) }
        unhandled = try reader.unhandled()
        waits = try reader.waits()
    }

    /// The entity of a line whose other members may not be readable; nil when it names none.
    package static func entity(ofRecordingLine bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        let beginning = Array("{\"entity\":\"".utf8)
        if bytes.starts(with: beginning), let id = plainText(bytes, from: beginning.count) { return Array(id) }
        guard let line = try? JSONValue(parsing: Array(bytes), within: .recordingLine) else { return nil }
        return line["entity"]?.string.flatMap { $0.isEmpty ? nil : Array($0.utf8) }
    }

    /// A text up to its closing quote, which has neither escapes nor other letters than those of ASCII.
    private static func plainText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Slice<UnsafeRawBufferPointer>? {
        guard let end = bytes[start...].firstIndex(where: { !(0x23...0x7E).contains($0) && $0 != 0x20 && $0 != 0x21 || $0 == 0x5C }),
            bytes[end] == UInt8(ascii: "\""), end > start
        else { return nil }
        return bytes[start..<end]
    }
}

extension JSONLimits {
    /// For one line of a recording, which a foreign service may have written: 1 MiB, 32 levels.
    static let recordingLine = JSONLimits(bytes: 1 << 20, depth: 32, values: 1 << 20, text: 1 << 20)
}

/// Puts a line together, member by member.
private struct LineWriter {
    private(set) var bytes: [UInt8]

    init(_ entity: EntityID) {
        bytes = Array("{\"entity\":".utf8) + JSONValue.string(entity.rawValue).canonicalBytes + [UInt8(ascii: "}")]
    }

    mutating func add(_ name: String, _ value: JSONValue) { add(name, value.canonicalBytes) }

    /// An array whose elements are written already.
    mutating func add(_ name: String, _ elements: [[UInt8]]) {
        add(name, [UInt8(ascii: "[")] + elements.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")])
    }

    private mutating func add(_ name: String, _ value: [UInt8]) {
        bytes.removeLast()
        bytes += ",\"\(name)\":".utf8
        bytes += value
        bytes.append(UInt8(ascii: "}"))
    }
}

extension LedgerEntry {
    /// The key without the entity, the request, and what ``Observation/renamed(like:)`` reads of the reply.
    fileprivate var recordedEffect: [UInt8] {
        let ids = (reply.object ?? [:]).filter { $0.key.lowercased().hasSuffix("id") && $0.value.string != nil }
        var effect = Array("{\"key\":".utf8) + JSONValue.string(key.withoutEntity).canonicalBytes
        effect += Array(",\"request\":".utf8) + request.canonicalBytes
        if !ids.isEmpty { effect += Array(",\"ids\":".utf8) + JSONValue.object(ids).canonicalBytes }
        return effect + [UInt8(ascii: "}")]
    }
}

extension Observation.Unhandled {
    fileprivate var recorded: JSONValue { ["event": .string(event.rawValue), "state": .string(state)] }
}

extension Waiting {
    fileprivate var recorded: JSONValue {
        .array(zip(states, times).map { ["state": .string($0), "milliseconds": .integer(Int($1.milliseconds))] })
    }
}

extension Dictionary where Value == Int {
    fileprivate func counts(by name: (Key) -> String) -> JSONValue {
        .object(Dictionary<String, JSONValue>(map { (name($0), .integer($1)) }, uniquingKeysWith: { $1 }))
    }
}
