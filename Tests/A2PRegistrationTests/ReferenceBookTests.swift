import A2PRegistration
import Events
import Testing

/// Every id by which others know a registration leads to it, and to no other.
@Suite struct ReferenceBookTests {
    @Test func everyIDLeadsToItsRegistration() {
        let entities: [EntityID] = ["R-1", "R-2", "R-900001", "R-999999999999", "claim"]
        var book = ReferenceBook()
        for entity in entities { book.add(entity, numbers: 3) }
        for entity in entities {
            for id in ReferenceBook.ids(of: entity, numbers: 3) { #expect(book.entity(.external([id])) == entity, "\(id)") }
            #expect(book.entity(.external([SyntheticIDs.numberSid(entity, index: 4)])) == nil)
            #expect(book.entity(.external([SyntheticIDs.numberSid(entity, index: 0)])) == nil)
        }
        for id in ["PN", "PN1", "R-3", SyntheticIDs.numberSid("R-3", index: 1), "PN" + String(repeating: "z", count: 32)] {
            #expect(book.entity(.external([id])) == nil, "\(id)")
        }
    }
}
