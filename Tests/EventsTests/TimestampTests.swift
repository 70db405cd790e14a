import Events
import Foundation
import Testing

@Suite struct TimestampTests {
    private static let ends = [Timestamp(milliseconds: .min), Timestamp(milliseconds: .max)]

    @Test func theEndsAreTheYears1And9999() {
        #expect(Self.ends.map(\.description) == ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
        #expect(Timestamp(exactly: Self.ends[0].milliseconds - 1) == nil && Timestamp(exactly: Self.ends[1].milliseconds + 1) == nil)
        #expect(Timestamp(exactly: Self.ends[0].milliseconds) == Self.ends[0])
    }

    @Test(arguments: 0..<400) func everyMomentRoundTrips(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let range = Self.ends[0].milliseconds...Self.ends[1].milliseconds
        for moment in [Timestamp(milliseconds: Int64.random(in: range, using: &random))] + Self.ends {
            #expect(Timestamp(moment.description) == moment)
            #expect(try JSONValue(encoding: moment).decoded(as: Timestamp.self) == moment)
        }
    }

    @Test(arguments: ["0000-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
    func whatIsOutsideIsNoTime(text: String) { #expect(Timestamp(text) == nil) }

    @Test func arithmeticStopsAtTheEnds() {
        let longest: [Duration] = [.seconds(Int64.max), .seconds(Int64.min), .milliseconds(Int64.max), .milliseconds(Int64.min)]
        let widest: [Duration] = [.days(.max), .days(.min), .hours(.max), .minutes(.min)]
        for moment in Self.ends + [Timestamp(milliseconds: 0)] {
            for duration in longest + widest { #expect(Self.ends.contains(moment + duration) || duration.milliseconds == 0) }
        }
        #expect(Duration.seconds(Int64.max).milliseconds == .max && Duration.seconds(Int64.min).milliseconds == .min)
        #expect(Self.ends[1] - Self.ends[0] > .days(3_000_000))
        for interval in [Double.infinity, -.infinity, .nan, 1e300] { _ = Timestamp(Date(timeIntervalSince1970: interval)) }
    }

    @Test(arguments: [
        (JSONValue.integer(1_772_442_000), "2026-03-02T09:00:00.000Z"), (.integer(1_772_442_000_123), "2026-03-02T09:00:00.123Z"),
        (.integer(1_772_442_000_123_456), "2026-03-02T09:00:00.123Z"), (.integer(1_772_442_000_123_456_789), "2026-03-02T09:00:00.123Z"),
        (.number(1_772_442_000.5), "2026-03-02T09:00:00.500Z"), (.string("1772442000"), "2026-03-02T09:00:00.000Z"),
        (.string("2026-03-02 09:00:00"), "2026-03-02T09:00:00.000Z"), (.string("2026-03-02t09:00:00z"), "2026-03-02T09:00:00.000Z"),
        (.string("2026-03-02T11:00:00+0200"), "2026-03-02T09:00:00.000Z"), (.string(" 2026-03-02T09:00:00Z "), "2026-03-02T09:00:00.000Z"),
    ]) func sendersWriteTimesInManyWays(value: JSONValue, expected: String) { #expect(Timestamp(sent: value)?.description == expected) }

    @Test(arguments: [
        JSONValue.integer(0), .integer(.min), .integer(.max), .integer(-1), .number(.infinity), .number(.nan), .number(-1e300), .null, true,
        .string(""), .string("0001-01-01T00:00:00Z"), .string("nan"), .string("yesterday"), .string("2099-13-01T00:00:00Z"), .array([1]),
        .string(String(repeating: "9", count: 1000)), .string("1970-01-01T00:00:00Z"), .string("----------------------"),
    ]) func whatIsNotPlausibleIsNoTime(value: JSONValue) { #expect(Timestamp(sent: value) == nil) }

    @Test func aSendersClockNeverRunsAhead() {
        let at = Timestamp(milliseconds: 1_772_442_000_000)
        let message = WireMessage(source: "x", body: "", receivedAt: at)
        #expect(message.occurred(sent: at + .days(3)) == at && message.occurred(sent: at + .hours(-1)) == at + .hours(-1))
        #expect(message.occurred(sent: nil) == at && message.occurred(sent: Timestamp(milliseconds: 0)) == at)
    }
}

@Suite struct LimitTests {
    @Test func aBodyHasLimitsBeforeAnythingIsBuilt() {
        let limits = JSONLimits(bytes: 100, depth: 3, values: 10, text: 5)
        let refused = ["[[[[1]]]]", "[1,2,3,4,5,6,7,8,9,0]", "\"123456\"", "{\"123456\":1}", String(repeating: " ", count: 101)]
        for text in refused {
            #expect { try JSONValue(parsing: text, within: limits) } throws: { ($0 as? JSONError)?.expected.hasPrefix("at most") == true }
        }
        #expect(throws: Never.self) { try JSONValue(parsing: "[[[1]],\"12345\",4,5,6,7]", within: limits) }
    }

    @Test(
        arguments: [
            (JSONValue.string("R-1"), "R-1"), (.string(" R-1 "), "R-1"), (.integer(836), "836"), (.string("A\nACK B"), nil),
            (.string(""), nil),
            (.string("a b"), nil), (.string("R-\u{202E}1"), nil), (.string(String(repeating: "x", count: 129)), nil), (.null, nil),
            (.number(1.5), nil), (.string("é"), nil),
        ] as [(JSONValue, String?)]) func idsAreShortAndVisible(value: JSONValue, expected: String?)
    { #expect(WireID.read(value) == expected) }

    @Test(
        arguments: [
            (JSONValue.string("82"), 82), (.number(82.0), 82), (.string("1e2"), 100), (.string(" 82 "), 82), (.string("82.0"), 82),
            (.string("-5"), -5), (.number(82.5), nil), (.string("0x10"), nil), (.string("inf"), nil), (.string("8 2"), nil),
            (.string(""), nil),
            (.number(1e300), nil), (.string("1e300"), nil), (.bool(true), nil), (.string("٨٢"), nil),
        ] as [(JSONValue, Int?)]) func wholeNumbersInOtherNotations(value: JSONValue, expected: Int?)
    { #expect(value.integer == expected) }

    @Test(
        arguments: [
            (JSONValue.bool(true), true), (.string("True"), true), (.string(" yes "), true), (.integer(1), true), (.string("0"), false),
            (.string("false"), false), (.integer(2), nil), (.string("maybe"), nil), (.null, nil),
        ] as [(JSONValue, Bool?)]) func truthAsText(value: JSONValue, expected: Bool?)
    { #expect(value.truth == expected) }

    @Test(arguments: [
        #"{"receivedAt":"2026-03-02T09:00:00.000Z","source":"a\nb","body":{}}"#
    ]) func aLineOfNoTimeOrSenderIsRefused(text: String) {
        #expect { try TraceLine(parsing: text) } throws: { "\($0)".hasPrefix("expected") }
    }
}
