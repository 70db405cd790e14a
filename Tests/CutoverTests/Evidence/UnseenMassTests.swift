import Cutover
import Events
import Foundation
import Testing

@Suite("The mass of unseen paths")
struct UnseenMassTests {
    /// Paths whose chances fall as 1/rank to a power: a few common ones, a long tail.
    private struct Source {
        let chances: [Double]
        private let ends: [Double]

        init(paths: Int, power: Double) {
            let raw = (1...paths).map { pow(Double($0), -power) }
            let sum = raw.reduce(0, +)
            chances = raw.map { $0 / sum }
            var end = 0.0
            ends = chances.map { chance in
                end += chance
                return end
            }
        }

        func draw(_ random: inout SeededRandom) -> Int {
            let point = Double.random(in: 0..<1, using: &random)
            var (low, high) = (0, ends.count - 1)
            while low < high {
                let middle = (low + high) / 2
                if ends[middle] > point { high = middle } else { low = middle + 1 }
            }
            return low
        }
    }

    /// Runs in which the mass was above the bound at any look.
    private func misses(_ source: Source, cases: Int, bound: (UnseenMass) -> Double) -> Int {
        (0..<1000).count { number in
            var random = SeededRandom(seed: UInt64(number), label: "unseen")
            var mass = UnseenMass()
            var unseen = 1.0
            for case_ in 1...cases {
                let path = source.draw(&random)
                if mass.taken[String(path)] == nil { unseen -= source.chances[path] }
                mass.add(String(path))
                if case_.isMultiple(of: cases / 8), unseen > bound(mass) { return true }
            }
            return false
        }
    }

    @Test("is within its bound in 95 % of 1,000 runs, at eight looks each", arguments: [(20, 1.0), (300, 1.2), (2000, 0.8)])
    func covers(paths: Int, power: Double) {
        let missed = misses(Source(paths: paths, power: power), cases: 400) { $0.bound(alpha: 0.05) }
        #expect(missed <= 50, "\(missed) of 1,000")
    }

    @Test("Good–Turing's estimate is no bound: the runs would find it")
    func mutant() {
        let missed = misses(Source(paths: 300, power: 1.2), cases: 400, bound: \.estimate)
        #expect(missed > 50)
    }

    @Test("is estimated by the paths that were taken once")
    func estimate() {
        var mass = UnseenMass()
        #expect(mass.estimate == 1)
        #expect(mass.bound(alpha: 0.05) == 1)
        for path in ["a", "a", "b", "c", "c", "c", "d", "a"] { mass.add(path) }
        #expect(mass.cases == 8)
        #expect(mass.firsts == 4)
        #expect(mass.estimate == 0.25)
        #expect(mass.bound(alpha: 0.05) > 0.25)
    }
}
