import Cutover
import Events
import Foundation
import Testing

@Suite("The evidence for a gate")
struct EProcessTests {
    struct Row: Sendable {
        let mismatches: Int
        let limit: Double
        let needed: Int
    }

    static let table = [
        Row(mismatches: 0, limit: 0.01, needed: 308), Row(mismatches: 0, limit: 0.001, needed: 3086),
        Row(mismatches: 0, limit: 0.0001, needed: 30_866), Row(mismatches: 1, limit: 0.01, needed: 788),
        Row(mismatches: 1, limit: 0.001, needed: 7909), Row(mismatches: 1, limit: 0.0001, needed: 79_115),
    ]

    @Test("needs exactly so many cases at 5 %", arguments: table)
    func needed(row: Row) {
        let process = EProcess(limit: row.limit)
        #expect(process.casesNeeded(mismatches: row.mismatches, alpha: 0.05) == row.needed)
        #expect(process.isOpen(cases: row.needed, mismatches: row.mismatches, alpha: 0.05))
        #expect(!process.isOpen(cases: row.needed - 1, mismatches: row.mismatches, alpha: 0.05))
        #expect(process.moreCleanCases(cases: row.needed - 7, mismatches: row.mismatches, alpha: 0.05) == 7)
        #expect(process.moreCleanCases(cases: row.needed + 7, mismatches: row.mismatches, alpha: 0.05) == 0)
    }

    @Test("needs 3,792 clean cases of the first build, and more of every later one")
    func levels() {
        let needed = (1...10).map { EProcess(limit: 0.001).casesNeeded(mismatches: 0, alpha: LevelOfBuilds().level(ofBuild: $0)) }
        #expect(needed[0] == 3792)
        #expect(zip(needed, needed.dropFirst()).allSatisfy { $0 < $1 })
        #expect((1...60).map { LevelOfBuilds().level(ofBuild: $0) }.reduce(0, +) <= 0.05)
    }

    @Test("the bound is where the gate opens", arguments: [(0, 3086), (1, 7909), (0, 3792), (5, 90_000), (0, 68), (40, 50)])
    func bound(mismatches: Int, cases: Int) {
        let bound = EProcess.bound(cases: cases, mismatches: mismatches, alpha: 0.05)
        #expect(EProcess(limit: bound).isOpen(cases: cases, mismatches: mismatches, alpha: 0.05))
        #expect(!EProcess(limit: bound * (1 - 1e-9)).isOpen(cases: cases, mismatches: mismatches, alpha: 0.05))
        #expect(bound > Double(mismatches) / Double(cases))
    }

    @Test("68 clean cases bound the rate at 4.5 %, no case at nothing")
    func little() {
        #expect((0.044...0.046).contains(EProcess.bound(cases: 68, mismatches: 0, alpha: 0.05)))
        #expect(EProcess.bound(cases: 0, mismatches: 0, alpha: 0.05) == 1)
        #expect(EProcess.bound(cases: 3, mismatches: 3, alpha: 0.05) == 1)
        #expect(EProcess(limit: 0.001).logEvidence(cases: 0, mismatches: 0).magnitude < 1e-12)
        #expect(EProcess(limit: 0.001).casesNeeded(mismatches: 500, alpha: 0.05) < 2_000_000)
        #expect(EProcess(limit: 0.0001).logEvidence(cases: 1_000_000_000, mismatches: 40_000).isFinite)
    }

    @Test("a look between mismatches is the look after every case")
    func everyLook() {
        for seed in UInt64(0)..<30 {
            var (one, other) = (Campaign(seed: seed, rate: 0.02, limit: 0.02), Campaign(seed: seed, rate: 0.02, limit: 0.02))
            #expect(one.opens(alpha: 0.3, within: 3000) == other.opensAfterEveryLook(alpha: 0.3, within: 3000), "seed \(seed)")
        }
    }

    @Test("20,000 campaigns with a look after every case open wrongly in at most 5 %", arguments: [0.001, 0.0012, 0.002])
    func campaigns(rate: Double) {
        var needed = Campaign.Needed(limit: 0.001, alpha: 0.05)
        let wrong = (0..<20_000).count { number in
            var campaign = Campaign(seed: UInt64(number), rate: rate, limit: 0.001)
            return campaign.opens(&needed, within: 40_000)
        }
        #expect(wrong <= 1000, "\(wrong) of 20,000 at a true rate of \(rate)")
        #expect(rate > 0.001 || wrong > 700, "\(wrong): the campaigns test something")
    }

    @Test("a bound that is right once, looked at after every case, opens too often: the campaigns would find it")
    func mutantOfLooking() {
        // 2,995 clean cases in a row at any time: the binomial bound, taken for one that may be looked at.
        let wrong = (0..<20_000).count { number in
            var campaign = Campaign(seed: UInt64(number), rate: 0.001, limit: 0.001)
            return campaign.hasCleanRun(of: 2995, within: 40_000)
        }
        #expect(wrong > 1000)
    }

    @Test("campaigns of up to ten bad builds stay within 5 %; a fresh 5 % for every build does not", arguments: [3, 5, 10])
    func builds(count: Int) {
        func wrong(_ level: (Int) -> Double) -> Int {
            var needed = (1...count).map { Campaign.Needed(limit: 0.001, alpha: level($0)) }
            return (0..<4000).count { number in
                needed.indices.contains { build in
                    var campaign = Campaign(seed: UInt64(number * 16 + build), rate: 0.001, limit: 0.001)
                    return campaign.opens(&needed[build], within: 40_000)
                }
            }
        }
        #expect(wrong { LevelOfBuilds().level(ofBuild: $0) } <= 200)
        #expect(wrong { _ in 0.05 } > 400)
    }
}

/// One campaign of cases that mismatch by chance.
struct Campaign {
    /// Cases needed by number of mismatches, computed once.
    struct Needed {
        let process: EProcess
        let alpha: Double
        private var known: [Int] = []

        init(limit: Double, alpha: Double) {
            process = EProcess(limit: limit)
            self.alpha = alpha
        }

        mutating func cases(mismatches: Int) -> Int {
            while known.count <= mismatches { known.append(process.casesNeeded(mismatches: known.count, alpha: alpha)) }
            return known[mismatches]
        }
    }

    private var random: SeededRandom
    private let rate: Double
    private let process: EProcess

    init(seed: UInt64, rate: Double, limit: Double) {
        random = SeededRandom(seed: seed, label: "campaigns")
        self.rate = rate
        process = EProcess(limit: limit)
    }

    private mutating func isMismatch() -> Bool { Double.random(in: 0..<1, using: &random) < rate }

    /// Cases up to and with the next mismatch, as the chance of the rate has it.
    private mutating func gap() -> Int {
        1 + Int((log(1 - Double.random(in: 0..<1, using: &random)) / log(1 - rate)).rounded(.down))
    }

    /// Evidence grows with every clean case, so the best look between two mismatches is the one before the second.
    mutating func opens(_ needed: inout Needed, within horizon: Int) -> Bool {
        var (cases, mismatches) = (0, 0)
        while cases < horizon {
            cases += gap()
            if min(cases - 1, horizon) >= needed.cases(mismatches: mismatches) { return true }
            mismatches += 1
        }
        return false
    }

    mutating func hasCleanRun(of length: Int, within horizon: Int) -> Bool {
        var cases = 0
        while cases < horizon {
            let gap = gap()
            if gap > length, cases + length <= horizon { return true }
            cases += gap
        }
        return false
    }

    /// Case by case, with the looks that can open it only.
    mutating func opens(alpha: Double, within horizon: Int) -> Bool {
        var (cases, mismatches) = (0, 0)
        while cases < horizon {
            let isMismatch = isMismatch()
            if isMismatch, cases >= process.casesNeeded(mismatches: mismatches, alpha: alpha) { return true }
            cases += 1
            mismatches += isMismatch ? 1 : 0
        }
        return cases >= process.casesNeeded(mismatches: mismatches, alpha: alpha)
    }

    mutating func opensAfterEveryLook(alpha: Double, within horizon: Int) -> Bool {
        var mismatches = 0
        for cases in 1...horizon {
            mismatches += isMismatch() ? 1 : 0
            if process.isOpen(cases: cases, mismatches: mismatches, alpha: alpha) { return true }
        }
        return false
    }
}
