import Events
import ShadowComparator
import Testing

@Suite("The minimiser")
struct MinimizerTests {
    @Test("finds exactly the needed elements among 200, in far fewer tries than there are sublists", arguments: UInt64(0)..<50)
    func needed(seed: UInt64) async {
        var random = SeededRandom(seed: seed, label: "minimiser")
        let needed = Set((0..<Int.random(in: 1...5, using: &random)).map { _ in Int.random(in: 0..<200, using: &random) })
        var tries = 0
        let found = await Minimizer.minimize(Array(0..<200)) { part in
            tries += 1
            return needed.isSubset(of: part)
        }
        #expect(found == needed.sorted())
        #expect(tries < 400)
    }

    @Test("of several ways to fail it keeps one, and every element of it is needed", arguments: UInt64(0)..<50)
    func oneMinimal(seed: UInt64) async {
        var random = SeededRandom(seed: seed, label: "ways")
        let ways = (0..<4).map { _ in Set((0..<3).map { _ in Int.random(in: 0..<60, using: &random) }) }
        let fails = { (part: [Int]) in ways.contains { $0.isSubset(of: part) } }
        let found = await Minimizer.minimize(Array(0..<60), while: fails)
        #expect(fails(found))
        for index in found.indices {
            var less = found
            less.remove(at: index)
            #expect(!fails(less))
        }
    }

    @Test("what does not fail stays whole")
    func whole() async {
        #expect(await Minimizer.minimize([1, 2, 3]) { _ in false } == [1, 2, 3])
        #expect(await Minimizer.minimize([Int]()) { _ in true } == [])
    }
}
