import Events
import Outcomes

/// Reads the members of a recording's line, and says which is not what it has to be.
struct LineReader {
    private static let known: Set<String> = [
        "entity", "status", "state", "facts", "effects", "deadLetters", "failures", "unhandled", "visits", "waits",
    ]
    private let line: [String: JSONValue]

    init(_ line: JSONValue) throws(RecordingLineError) {
        guard let members = line.object else { throw RecordingLineError("expected a JSON object, found another value") }
        self.line = members
        try Self.require(members, only: Self.known, "a line")
    }

    private static func require(_ members: [String: JSONValue], only known: Set<String>, _ place: String) throws(RecordingLineError) {
        let others = members.keys.count { !known.contains($0) }
        guard others == 0 else {
            throw RecordingLineError(
                "\(place): expected no members but \(known.sorted().joined(separator: ", ")), found \(others.counted("other"))")
        }
    }

    func text(_ name: String) throws(RecordingLineError) -> String {
        guard let text = line[name]?.string else { throw Self.expected("a text", name) }
        return text
    }

    func object(_ name: String) throws(RecordingLineError) -> [String: JSONValue] {
        guard let members = line[name]?.object else { throw Self.expected("an object", name) }
        return members
    }

    /// Counts by what `key` makes of their names; none when the member is missing.
    func counts<Key: Hashable>(_ name: String, by key: (String) -> Key?) throws(RecordingLineError) -> [Key: Int] {
        try line[name].map { value throws(RecordingLineError) in try Self.counts(value, name, by: key) } ?? [:]
    }

    /// Reads an object of counts.
    static func counts<Key: Hashable>(
        _ value: JSONValue, _ name: String, by key: (String) -> Key?
    ) throws(RecordingLineError) -> [Key: Int] {
        var counts: [Key: Int] = [:]
        for (key, value) in try steps(value, name, key) {
            guard case .integer(let count) = value, count >= 0 else { throw expected("whole numbers", name) }
            counts[key] = count
        }
        return counts
    }

    /// The members of an object by what `key` makes of their names, each of which it knows and which are not the same.
    private static func steps<Key: Hashable>(
        _ value: JSONValue, _ name: String, _ key: (String) -> Key?
    ) throws(RecordingLineError) -> [Key: JSONValue] {
        guard let members = value.object else { throw expected("an object", name) }
        var found: [Key: JSONValue] = [:]
        for (text, value) in members {
            guard let key = key(text), found.updateValue(value, forKey: key) == nil else { throw expected("step numbers as names", name) }
        }
        return found
    }

    func unhandled() throws(RecordingLineError) -> Set<Observation.Unhandled> {
        try line["unhandled"].map(Self.unhandled) ?? []
    }

    /// Reads `unhandled`.
    static func unhandled(_ value: JSONValue) throws(RecordingLineError) -> Set<Observation.Unhandled> {
        guard let elements = value.array else { throw expected("an array", "unhandled") }
        var found: Set<Observation.Unhandled> = []
        for element in elements {
            guard let members = element.object, members.count == 2, let event = members["event"]?.string,
                let state = members["state"]?.string
            else { throw expected("objects of event and state", "unhandled") }
            found.insert(Observation.Unhandled(event: EventKind(event), state: state))
        }
        return found
    }

    func waits() throws(RecordingLineError) -> [StepNumber: Waiting]? {
        try line["waits"].map(Self.waits)
    }

    /// Reads `waits`.
    static func waits(_ value: JSONValue) throws(RecordingLineError) -> [StepNumber: Waiting] {
        var waits: [StepNumber: Waiting] = [:]
        for (step, stays) in try steps(value, "waits", { StepNumber($0) }) {
            guard let stays = stays.array else { throw expected("an array for each step", "waits") }
            waits[step] = try waiting(stays)
        }
        return waits
    }

    private static func waiting(_ stays: [JSONValue]) throws(RecordingLineError) -> Waiting {
        var waiting = Waiting()
        for stay in stays {
            guard let members = stay.object, members.count == 2, let state = members["state"]?.string,
                case .integer(let time)? = members["milliseconds"], time >= 0, time <= longestStay
            else { throw expected("objects of state and milliseconds", "waits") }
            waiting.note(state, for: .milliseconds(time))
        }
        return waiting
    }

    /// A thousand years: longer than any registration, and sums of it fit.
    private static let longestStay = 31_557_600_000_000

    func effects(of entity: EntityID) throws(RecordingLineError) -> [LedgerEntry] {
        guard let elements = line["effects"]?.array else { throw Self.expected("an array", "effects") }
        var ledger: [LedgerEntry] = []
        ledger.reserveCapacity(elements.count)
        for element in elements { ledger.append(try Self.entry(element, of: entity)) }
        return ledger
    }

    /// Reads one element of `effects`.
    static func entry(_ element: JSONValue, of entity: EntityID) throws(RecordingLineError) -> LedgerEntry {
        guard let members = element.object, let text = members["key"]?.string, let request = members["request"] else {
            throw expected("objects with key and request", "effects")
        }
        try require(members, only: ["key", "request", "ids"], "effects")
        guard let key = EffectKey("\(entity)/\(text)"), key.entity == entity else {
            throw expected("keys of the form step/operation/number", "effects")
        }
        let ids = members["ids"] ?? [:]
        guard let names = ids.object, names.allSatisfy({ $0.value.string != nil }) else { throw expected("texts as ids", "effects") }
        return LedgerEntry(
            key: key, request: request, reply: ids, owner: .legacy, epoch: 0, attempt: 1, at: .distantPast)
    }

    private static func expected(_ what: String, _ name: String) -> RecordingLineError {
        RecordingLineError("\(name): expected \(what), found something else")
    }
}
