import Events
import Foundation
import Testing

@Suite struct JSONTests {
    @Test(arguments: 0..<200) func readsWhatFoundationReads(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let value = Self.value(&random, depth: 4)
        let text = value.canonicalText
        let foundation = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        #expect(try JSONValue(parsing: text) == foundation)
        #expect(try JSONValue(parsing: text).canonicalText == text)
    }

    @Test(arguments: 0..<300) func neverCrashesOnMutatedText(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var bytes = Array(Self.value(&random, depth: 4).canonicalText.utf8)
        for _ in 0..<3 where !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let ours = try? JSONValue(parsing: text)
        if let ours { #expect((try? JSONValue(parsing: ours.canonicalText)) == ours) }
    }

    @Test(arguments: [
        ("{\"a\":}", 5, "a value"), ("[1,]", 3, "a value"), ("{\"a\" 1}", 5, "':'"), ("01", 2, "a number"), ("", 0, "a value"),
        ("\"a", 2, "'\"'"), ("1 2", 2, "the end"), ("tru", 0, "'true'"),
    ]) func saysWhereItStops(text: String, offset: Int, expected: String) {
        #expect { try JSONValue(parsing: text) } throws: { error in
            let error = error as? JSONError
            return error?.offset == offset && error?.expected == expected
        }
    }

    @Test func refusesDeepNesting() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 200) + String(repeating: "]", count: 200)) }
    }

    @Test func keepsSurrogatePairsAndEscapes() throws {
        #expect(try JSONValue(parsing: "\"\\ud83c\\udf55\\n\\u0041\"") == .string("🍕\nA"))
    }

    private static func value(_ random: inout SeededRandom, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(random.chance(0.5))
        case 2: return .integer(Int.random(in: -1_000_000...1_000_000, using: &random))
        case 3: return .number(Double(Int.random(in: -9999...9999, using: &random)) + 0.5)
        case 4: return .string(String((0..<4).map { _ in "aé\"\\\n🍕\u{1}/".randomElement(using: &random) ?? "a" }))
        case 5: return .array((0..<3).map { _ in value(&random, depth: depth - 1) })
        default:
            return .object(Dictionary((0..<3).map { ("k\($0)\"", value(&random, depth: depth - 1)) }, uniquingKeysWith: { $1 }))
        }
    }
}

@Suite struct TraceLineTests {
    @Test func roundTrips() throws {
        let line = TraceLine(
            receivedAt: Timestamp(milliseconds: 1_772_442_000_123), occurredAt: Timestamp(milliseconds: 1_772_441_000_000), source: "tcr",
            body: ["eventType": "BRAND_ADD"], lost: true)
        #expect(try TraceLine(parsing: line.text) == line)
    }

    @Test(arguments: [
        "", "{}", "{\"receivedAt\":\"yesterday\",\"source\":\"tcr\",\"body\":1}", "{\"receivedAt\":\"2026-03-02T09:00:00Z\",\"body\":1}",
    ])
    func refusesWithASentence(text: String) {
        #expect { try TraceLine(parsing: text) } throws: { "\($0)".hasPrefix("expected") }
    }

    @Test func hashIsTheSameEverywhere() {
        #expect(StableHash.hexadecimal("R-000042") == StableHash.hexadecimal("R-000042"))
        #expect(StableHash.value("") == 17_058_014_651_485_797_458)
    }
}
