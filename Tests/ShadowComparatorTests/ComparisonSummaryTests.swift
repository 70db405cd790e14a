import Events
import FoundationEssentials
import Outcomes
import ShadowComparator
import Testing

@Suite("The summary of a comparison")
struct ComparisonSummaryTests {
    private func summary(keeping limit: Int = 100) -> ComparisonSummary {
        let comparator = Comparator(expectedFacts: ["vetting/*", "unused/*"])
        let controls = (1...4).map { Observation.sample(entity: EntityID("R-\($0)")) } + [.sample(entity: "R-6")]
        let candidates: [Observation] = [
            .sample("hybrid", entity: "R-1"),
            .sample("hybrid", entity: "R-2", facts: ["carrier/10017": "APPROVED", "fee/brandFee": "1 x 4.00 USD", "vetting/score": 70]),
            .sample("hybrid", entity: "R-3", facts: ["carrier/10017": "APPROVED", "fee/brandFee": "2 x 4.00 USD"]),
            .sample("hybrid", entity: "R-4", facts: ["carrier/10017": "REJECTED", "fee/brandFee": "2 x 4.00 USD"]),
            .sample("hybrid", entity: "R-5"),
        ]
        return comparator.compare(controls: controls, candidates: candidates, keeping: limit)
    }

    @Test("counts entities by verdict, also those that one path does not know")
    func counts() {
        let summary = summary()
        #expect(summary.compared == 6)
        #expect(summary.matched == 1)
        #expect(summary.expectedDifferences == 1)
        #expect(summary.mismatched == 4)
        #expect(summary.mismatches.map(\.entity) == ["R-3", "R-4", "R-5", "R-6"])
        #expect(summary.mismatches.flatMap(\.differences).filter { $0.path == "entity" }.map(\.kind) == [.extra, .missing])
    }

    @Test("clusters by layer and path, unexpected and frequent ones first")
    func clusters() {
        let clusters = summary().clusters
        #expect(clusters.map(\.path) == ["entity", "fee/brandFee", "carrier/10017", "vetting/score"])
        #expect(clusters.map(\.entities) == [2, 2, 1, 1])
        #expect(clusters.map(\.unexpected) == [2, 2, 1, 0])
        #expect(clusters.map(\.example) == ["R-5", "R-3", "R-4", "R-2"])
    }

    @Test("counts what each rule masked, also nothing")
    func rules() {
        #expect(summary().rules == [.init(glob: "vetting/*", masked: 1), .init(glob: "unused/*", masked: 0)])
    }

    @Test("keeps no more mismatches than asked for, and still counts them")
    func limit() {
        let summary = summary(keeping: 1)
        #expect(summary.mismatches.count == 1)
        #expect(summary.mismatched == 4)
    }

    @Test("survives JSON")
    func codable() throws {
        let summary = summary()
        let data = try JSONEncoder().encode(summary)
        #expect(try JSONDecoder().decode(ComparisonSummary.self, from: data) == summary)
    }
}
