import Events
import Foundation
import Testing

/// The coder without a text in between agrees with Foundation's, value for value and refusal for refusal.
@Suite struct JSONCodingTests {
    struct Inner: Codable, Hashable {
        var when: Timestamp
        var id: EntityID
        var some: Int?
        var none: Int?
        var raw: JSONValue
    }

    enum Choice: Codable, Hashable { case one(Int), two(name: String), three }

    final class Base: Codable {
        var a = 1
    }

    struct Whole: Codable, Hashable {
        var text = "é\"\\\n"
        var flag = true
        var number = 1.5
        var float: Float = 0.25
        var small: UInt8 = 200
        var large: Int64 = -9_007_199_254_740_993
        var list = [1, 2, 3]
        var nested = [["a": [true, false]], [:]]
        var byName = ["x": Inner(when: Timestamp(milliseconds: 1_772_442_000_123), id: "R-1", some: 3, none: nil, raw: ["k": [1, "v"]])]
        var byID: [EventKind: Int] = ["A": 1]
        var choices: [Choice] = [.one(1), .two(name: "n"), .three]
        var optional: [Int?] = [1, nil, 3]
    }

    @Test func encodesLikeFoundation() throws {
        let text = String(decoding: try JSONEncoder().encode(Whole()), as: UTF8.self)
        #expect(try JSONValue(encoding: Whole()) == JSONValue(parsing: text))
    }

    @Test func readsWhatItWrote() throws {
        #expect(try JSONValue(encoding: Whole()).decoded(as: Whole.self) == Whole())
        let value = try JSONValue(encoding: ["a": [1, nil]])
        #expect(try value.decoded(as: [String: [Int?]].self) == ["a": [1, nil]])
    }

    @Test func refusesWithThePathAndWithoutTheContent() throws {
        var value = try JSONValue(encoding: Whole())
        value["small"] = 300
        #expect { try value.decoded(as: Whole.self) } throws: { error in
            guard case DecodingError.typeMismatch(_, let context) = error else { return false }
            return context.codingPath.map(\.stringValue) == ["small"] && !context.debugDescription.contains("300")
        }
        value["small"] = nil
        #expect { try value.decoded(as: Whole.self) } throws: { if case DecodingError.keyNotFound = $0 { true } else { false } }
        #expect(throws: DecodingError.self) { try JSONValue.array([1]).decoded(as: Whole.self) }
    }

    /// Every day of the calendar's cycle and times around the edges, against Foundation.
    @Test func timesAreReadLikeFoundation() throws {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        var random = SeededRandom(seed: 11)
        for _ in 0..<2000 {
            let moment = Timestamp(milliseconds: Int64.random(in: -2_000_000_000_000...20_000_000_000_000, using: &random))
            #expect(Timestamp(moment.description) == moment)
            #expect(Timestamp(try style.parse(moment.description)) == moment)
        }
        #expect(Timestamp("2026-03-02T09:00:00Z") == Timestamp(milliseconds: 1_772_442_000_000))
        #expect(Timestamp("2026-03-02T11:00:00.5+02:00") == Timestamp(milliseconds: 1_772_442_000_500))
        let refused = [
            "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-03-02T24:00:00Z", "2026-03-02T09:00:00", "2026-03-02T09:00:00.Z", "",
        ]
        for text in refused { #expect(Timestamp(text) == nil, "\(text)") }
    }

    /// Sees the encoders that it is given, and lets them have children and grandchildren.
    private struct Seen: Encodable {
        final class Encoders {
            private var all: [() -> AnyObject?] = []
            var left: Int { all.count { $0() != nil } }
            var count: Int { all.count }
            func add(_ encoder: any Encoder) { all.append { [weak encoder = encoder as AnyObject] in encoder } }
        }
        enum Key: String, CodingKey { case inner, list }
        let encoders = Encoders()

        func encode(to encoder: any Encoder) throws {
            encoders.add(encoder)
            var members = encoder.container(keyedBy: Key.self)
            var inner = members.nestedContainer(keyedBy: Key.self, forKey: .inner)
            try inner.encode(Choice.two(name: "x"), forKey: .inner)
            let list = members.superEncoder(forKey: .list)
            encoders.add(list)
            var elements = list.unkeyedContainer()
            encoders.add(elements.superEncoder())
            try elements.encode(Choice.one(1))
        }
    }

    /// They know each other, in both directions.
    @Test func noEncoderStays() throws {
        let seen = Seen()
        _ = try JSONValue(encoding: seen)
        #expect(seen.encoders.count == 3)
        #expect(seen.encoders.left == 0)
    }
}
