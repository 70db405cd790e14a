import Events
import FoundationEssentials
import Outcomes
import ShadowComparator
import Testing

@Suite("The summary of a comparison")
struct ComparisonSummaryTests {
    private func summary(keeping limit: Int = 100) -> ComparisonSummary {
        let comparator = Comparator(announcements: [
            Announcement(step: "1", place: .fact("vetting/score")), Announcement(step: "1", place: .fact("unused")),
        ])
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
        #expect(summary().rules.map(\.rule) == ["vetting/score added", "unused added"])
        #expect(summary().rules.map(\.masked) == [1, 0])
        #expect(summary().rules.map(\.findings.isEmpty) == [true, false])
    }

    @Test("each layer has a verdict of its own")
    func layers() {
        let layers = Dictionary(uniqueKeysWithValues: summary().layers.map { ($0.layer, $0) })
        #expect(layers[.outcome]?.verdict == .mismatched)
        #expect(layers[.state]?.verdict == .matched)
        #expect(layers[.effects]?.verdict == .matched)
        #expect(layers[.outcome]?.differences == ["announced": 1, "unexplained": 5])
        #expect(layers[.outcome]?.entities == ["matched": 1, "expected": 1, "mismatched": 4])
    }

    @Test("names causes: the first effect that differs, else the first fact, with one example each")
    func causes() {
        let fee = LedgerEntry.entry("3", "billing.brandFee", request: ["amountCents": 400])
        let wrong = (1...3).map { Observation.sample("hybrid", entity: EntityID("R-\($0)"), ledger: [fee, fee]) }
        let failed = Observation.sample("hybrid", entity: "R-4", status: "failed", state: "FAILED")
        let summary = Comparator().compare(
            controls: (1...4).map {
                Observation.sample(entity: EntityID("R-\($0)"), ledger: $0 == 4 ? Observation.sample().ledger : [fee])
            },
            candidates: wrong + [failed])
        #expect(summary.causes.map(\.first) == ["billing.brandFee", "status"])
        #expect(summary.causes.map(\.step) == ["3", nil])
        #expect(summary.causes.map(\.entities) == [3, 1])
        #expect(summary.causes.map(\.example) == ["R-1", "R-4"])
        #expect(summary.causes.map(\.state) == [nil, "ACTIVE"])
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
