import Testing

/// How long functions are, and how many members of a type may be missing.
@Suite struct MeasureTests {
    @Test func mostFunctionsAreShort() throws {
        let lines = try Checkout.files("Sources", ".swift").flatMap { Scanner.functions(try Checkout.text($0)).map(\.body) }
        #expect(lines.count > 2000)
        let (median, most) = (Measure.percentile(lines, 50), Measure.percentile(lines, 90))
        print("functions of more than one line: \(lines.count), lines in the body: median \(median), 90 of 100 at most \(most)")
        #expect(median <= 6, "half of the functions have at most 6 lines between their braces")
        #expect(most <= 16, "nine of ten functions have at most 16 lines between their braces")
    }

    /// Types that have more, with the number that they have today: it may only fall.
    private static let known = [
        // The record of the built-in domain, as databases hold it: ids that registries give out one after the other.
        "Registration": 15
    ]

    @Test func aTypeHasFewMembersThatMayBeMissing() throws {
        var found: [String: Int] = [:]
        for file in Checkout.files("Sources", ".swift") {
            for (type, members) in Scanner.optionalMembers(try Checkout.text(file)) where members.count > 6 {
                found[type] = members.count
                #expect(
                    members.count <= Self.known[type] ?? 6,
                    "\(file): \(type) has \(members.count) optional members, \(members); group them, or make them cases of an enum")
            }
        }
        #expect(found == Self.known, "take what has become better out of the list")
    }
}

/// The measures measure.
@Suite struct MeasureRuleTests {
    @Test func percentiles() {
        #expect(Measure.percentile([], 50) == 0)
        #expect(Measure.percentile([3, 1, 2], 50) == 2)
        #expect(Measure.percentile(Array(1...10), 90) == 9)
        #expect(Measure.percentile(Array(1...9) + [99], 100) == 99)
    }

    @Test func bodies() {
        let text = """
            struct A {
                public init?(_ first: Int) {
                    1
                }
                func long(
                    a: Int
                ) {
                    1
                    2
                }
                func one() { self.init(3) }
                func required()
                func wide(_ first: Int)
                    -> Int { first }
                private var text: String {
                    "x"
                }
            }
            """
        #expect(Scanner.functions(text).map(\.body) == [1, 2])
    }

    @Test func optionalMembers() {
        let text = """
            public struct A: B {
                /// A comment says var x: Int?
                public var a: Int?
                package internal(set) var b: [String: Int]? = nil
                @Option(help: "What: it is?") var c: String?
                private let d: (any E)?
                weak var e: F?
                var wrapped: Optional<Int>
                var sure: Int = 1
                var computed: Int? { nil }
                var longer: Int? {
                    nil
                }
                static let g: Int? = nil
                func f() {
                    var local: Int?
                }
                final class Inner {
                    var h: Int?
                }
            }
            actor C {
                var observed: Int? {
                    didSet { print("x") }
                }
            }
            """
        let found = Scanner.optionalMembers(text)
        #expect(found["A"] == ["a", "b", "c", "d", "e", "wrapped"])
        #expect(found["Inner"] == ["h"])
        #expect(found["C"] == ["observed"])
    }
}
