import Events
import Outcomes
import ShadowComparator
import Testing

@Suite("Effects that differ are found in the ledgers")
struct LocatedEffectTests {
    @Test("each difference is about the entries where it is located", arguments: 0..<200)
    func entries(seed: UInt64) {
        var random = SeededRandom(seed: seed, label: "located")
        let control = Observation.random(using: &random)
        for mutation in Mutation.allCases {
            guard let candidate = mutation.apply(to: control, using: &random) else { continue }
            let comparator = Comparator()
            let comparison = comparator.compare(control: control, candidate: candidate)
            let located = comparator.located(comparison, control: control, candidate: candidate)
            #expect(located.map(\.difference) == comparison.differences.filter { $0.layer == .effects })
            for effect in located { expect(effect, control, candidate) }
        }
    }

    private func expect(_ effect: LocatedEffect, _ control: Observation, _ candidate: Observation) {
        let entries = (effect.control.map { control.ledger[$0] }, effect.candidate.map { candidate.ledger[$0] })
        let difference = effect.difference
        #expect(entries.0 != nil || difference.kind == .extra)
        #expect(entries.1 != nil || difference.kind == .missing)
        for entry in [entries.0, entries.1].compactMap({ $0 }) {
            #expect("\(entry.key.step)/\(entry.key.operation)/\(entry.key.ordinal)" == difference.path)
        }
        guard difference.kind != .order else { return }
        #expect(entries.0?.request == difference.control && entries.1?.request == difference.candidate)
    }

    @Test("what a step owes is nowhere, and is left out")
    func owed() {
        let announcement = Announcement(step: "5", place: .effect("5", "vetting.order"), count: 1...1)
        let comparator = Comparator(announcements: [announcement])
        var candidate = Observation.sample("hybrid", ledger: [])
        candidate.visits = ["5": 1]
        let control = Observation.sample()
        let comparison = comparator.compare(control: control, candidate: candidate)
        #expect(comparison.differences.contains { $0.path == "5/vetting.order" })
        #expect(comparator.located(comparison, control: control, candidate: candidate).map(\.control) == [1, 0])
    }
}
