import Events
import Foundation

/// One way in which a delivery comes other than it should. What comes out are lines of a stream, in their order of receipt.
struct Mutation: Sendable, CustomStringConvertible {
    let name: String
    /// Makes of a delivery, and the next one of the same registration, what is delivered instead of the first.
    let apply: @Sendable (_ line: TraceLine, _ next: TraceLine?, _ random: inout SeededRandom) -> [MutatedLine]

    var description: String { name }

    private init(_ name: String, _ apply: @escaping @Sendable (TraceLine, TraceLine?, inout SeededRandom) -> [MutatedLine]) {
        self.name = name
        self.apply = apply
    }

    /// Changes the body.
    private static func body(_ name: String, _ change: @escaping @Sendable (JSONValue, inout SeededRandom) -> JSONValue) -> Mutation {
        Mutation(name) { line, _, random in
            var line = line
            line.body = change(line.body, &random)
            return [MutatedLine(line)]
        }
    }

    /// Changes the delivery as text, after its body was written.
    private static func text(_ name: String, _ change: @escaping @Sendable (String, inout SeededRandom) -> String) -> Mutation {
        body(name) { body, random in .string(change(body.string ?? body.canonicalText, &random)) }
    }

    // MARK: All of them

    static let all: [Mutation] = forms + shapes + numbers + times + repetitions + senders

    private static let forms = [
        body("casing of words") { body, random in body.mapTexts { Bool.random(using: &random) ? $0.uppercased() : $0.lowercased() } },
        body("casing of names") { body, _ in body.mapNames { $0.uppercased() } },
        body("names with underscores") { body, _ in
            body.mapNames { name in name.map { $0.isUppercase ? "_\($0.lowercased())" : "\($0)" }.joined() }
        },
        body("a missing field") { body, random in body.dropping { $0.randomElement(using: &random) } },
        body("foreign fields") { body, _ in
            body.adding(["x-extra": ["a": [1, .null, "b"]], "status": "DONE", "data2": [], "brandIdentityStatus": "VERIFIED?"])
        },
        body("a status word that nobody knows") { body, random in
            body.mapTexts { $0.contains("_") || $0 == $0.uppercased() ? "\($0)_\(Int.random(in: 0...99, using: &random))X" : $0 }
        },
        body("characters that steer") { body, _ in body.mapTexts { "\u{202E}\($0)\u{0}\u{1B}[2J\u{7}" } },
        body("long texts") { body, _ in
            body.adding([
                "description": .string(String(repeating: "é", count: 200_000)), "id": .string(String(repeating: "9", count: 5000)),
            ])
        },
    ]

    private static let shapes = [
        body("another shape") { body, random in
            [[body], ["data": body], .string(body.canonicalText), 7, true, [[body, body]]].randomElement(using: &random) ?? 7
        },
        body("an empty body") { _, random in [[:], .array([]), .null, "", " ", "{}", "[]"].randomElement(using: &random) ?? "" },
        body("an object that is a text") { body, _ in body.mapObjects { .string($0.canonicalText) } },
        body("twice in an array") { body, _ in .array([body, body]) },
        text("cut off") { text, random in String(text.prefix(Int.random(in: 0..<max(1, text.count), using: &random))) },
        text("deep nesting") { _, random in String(repeating: random.next() % 2 == 0 ? "[" : "{\"a\":", count: 100_000) },
        text("names that come twice") { text, _ in
            text.hasPrefix("{") ? "{\"type\":\"BRAND_DELETE\",\"eventType\":7," + text.dropFirst() : text
        },
        Mutation("bytes that are no UTF-8") { line, _, random in
            var bytes = Array(line.text.utf8)
            bytes[Int.random(in: bytes.indices, using: &random)] = 0xC3
            bytes.append(0xFF)
            return [MutatedLine(bytes: bytes, at: line.receivedAt)]
        },
        Mutation("a line that is none") { line, _, random in
            [MutatedLine(bytes: Array(line.text.utf8.prefix(Int.random(in: 1...60, using: &random))), at: line.receivedAt)]
        },
    ]

    private static let numbers = [
        body("numbers as texts") { body, _ in body.mapNumbers { .string("\($0)") } },
        body("numbers in other notations") { body, random in
            body.mapNumbers { number in
                [.number(Double(number) + 0.5), .string(" \(number) "), .string("\(number)e0"), .string("0x\(String(number, radix: 16))")]
                    .randomElement(using: &random) ?? .null
            }
        },
        body("huge numbers") { body, random in
            let huge: [JSONValue] = [.integer(.max), .integer(.min), .number(1e308), .number(-0.0), .integer(1_000_000_000), -1]
            return body.mapNumbers { _ in huge.randomElement(using: &random) ?? -1 }.adding([
                "numbers": huge.randomElement(using: &random) ?? -1
            ])
        },
        body("numbers that are something else") { body, random in
            body.mapNumbers { _ in ([true, .null, [], [:], "many"] as [JSONValue]).randomElement(using: &random) ?? true }
        },
    ]

    private static let times = [
        body("another unit of time") { body, random in
            let unit = [1, 1000, 1_000_000, 1_000_000_000].randomElement(using: &random) ?? 1
            return body.settingTimes(.integer(1_772_442_000 * unit))
        },
        body("microseconds") { body, _ in body.settingTimes("2026-03-02T09:00:00.123456Z") },
        body("the year 1") { body, _ in body.settingTimes("0001-01-01T00:00:00Z") },
        body("the year 9999") { body, _ in body.settingTimes("9999-12-31T23:59:59.999999999Z") },
        body("the end of time") { body, random in
            body.settingTimes([.integer(.min), .integer(.max), .number(-1e300)].randomElement(using: &random) ?? 0)
        },
        Mutation("happened in another age") { line, _, random in
            var line = line
            line.occurredAt = Timestamp(["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.000Z"].randomElement(using: &random) ?? "")
            return [MutatedLine(line)]
        },
        Mutation("received in another age") { line, _, random in
            var odd = line
            odd.receivedAt =
                Timestamp(
                    ["0001-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z", "9999-12-31T23:59:59.000Z"].randomElement(using: &random) ?? ""
                ) ?? line.receivedAt
            return [MutatedLine(odd, at: line.receivedAt)]
        },
    ]

    private static let repetitions = [
        Mutation("twice") { line, _, _ in [MutatedLine(line), MutatedLine(line)] },
        Mutation("again later") { line, _, random in
            var again = line
            again.receivedAt = line.receivedAt + .minutes(Int.random(in: 1...20_000, using: &random))
            again.occurredAt = line.occurredAt ?? line.receivedAt
            return [MutatedLine(line), MutatedLine(again)]
        },
        Mutation("dropped") { _, _, _ in [] },
        Mutation("lost") { line, _, _ in
            var line = line
            line.lost = true
            return [MutatedLine(line)]
        },
        Mutation("after the next one") { line, next, _ in
            var line = line
            if let next { line.receivedAt = next.receivedAt + .seconds(1) }
            return [MutatedLine(line)]
        },
    ]

    private static let senders = [
        Mutation("an id that another sender has used") { line, _, _ in
            var other = line
            other.source = line.source == "reviewer" ? "customer" : "reviewer"
            return [MutatedLine(line), MutatedLine(other)]
        },
        Mutation("another sender") { line, _, random in
            var line = line
            line.source =
                ["tcr", "twilio", "telnyx", "customer", "support", "billing", "timer", "provider"].randomElement(using: &random) ?? "tcr"
            return [MutatedLine(line)]
        },
        Mutation("a sender that nobody knows") { line, _, _ in
            var line = line
            line.source = "fax"
            return [MutatedLine(line)]
        },
    ]
}

/// A line as it stands in the stream, and when it comes.
struct MutatedLine {
    let bytes: [UInt8]
    let at: Timestamp

    init(_ line: TraceLine, at: Timestamp? = nil) { self.init(bytes: Array(line.text.utf8), at: at ?? line.receivedAt) }

    init(bytes: [UInt8], at: Timestamp) {
        self.bytes = bytes
        self.at = at
    }
}

extension JSONValue {
    fileprivate func mapTexts(_ change: (String) -> String) -> JSONValue {
        switch self {
        case .string(let text): .string(change(text))
        case .array(let elements): .array(elements.map { $0.mapTexts(change) })
        case .object(let members):
            .object(Dictionary(uniqueKeysWithValues: members.sorted { $0.key < $1.key }.map { ($0, $1.mapTexts(change)) }))
        default: self
        }
    }

    fileprivate func mapNumbers(_ change: (Int) -> JSONValue) -> JSONValue {
        switch self {
        case .integer(let number): change(number)
        case .array(let elements): .array(elements.map { $0.mapNumbers(change) })
        case .object(let members):
            .object(Dictionary(uniqueKeysWithValues: members.sorted { $0.key < $1.key }.map { ($0, $1.mapNumbers(change)) }))
        default: self
        }
    }

    fileprivate func mapNames(_ change: (String) -> String) -> JSONValue {
        switch self {
        case .array(let elements): .array(elements.map { $0.mapNames(change) })
        case .object(let members): .object(Dictionary(members.map { (change($0), $1.mapNames(change)) }, uniquingKeysWith: { $1 }))
        default: self
        }
    }

    /// Changes the objects inside of this one.
    fileprivate func mapObjects(_ change: (JSONValue) -> JSONValue) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.mapValues { $0.object == nil ? $0 : change($0) })
    }

    /// The object, or an object inside of it, without one member.
    fileprivate func dropping(_ choose: ([String]) -> String?) -> JSONValue {
        guard case .object(var members) = self, let name = choose(members.keys.sorted()) else { return self }
        if let inner = members[name], inner.object?.isEmpty == false { members[name] = inner.dropping(choose) } else { members[name] = nil }
        return .object(members)
    }

    fileprivate func adding(_ more: [String: JSONValue]) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.mapValues { $0.adding(more) }.merging(more, uniquingKeysWith: { first, _ in first }))
    }

    /// Every name under which a sender writes a time.
    fileprivate func settingTimes(_ time: JSONValue) -> JSONValue {
        let names = ["time", "timestamp", "occurred_at", "occurredAt", "dateUpdated", "updateddate", "createdDate"]
        guard case .object(let members) = self else { return self }
        let inner = members.mapValues { $0.settingTimes(time) }
        return .object(inner.merging(names.map { ($0, time) }, uniquingKeysWith: { $1 }))
    }
}
