import Events
import Testing

@Suite struct CountedNounTests {
    @Test(arguments: [(0, "0 cases"), (1, "1 case"), (2, "2 cases"), (1000, "1000 cases")])
    func onlyOneIsSingular(count: Int, expected: String) { #expect(count.counted("case") == expected) }

    @Test func aNounOrAVerbMayHaveAFormOfItsOwn() {
        #expect(1.counted("delivery waits", "deliveries wait") == "1 delivery waits")
        #expect(3.counted("delivery waits", "deliveries wait") == "3 deliveries wait")
    }
}
