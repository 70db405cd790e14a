import Events
import FoundationEssentials
import Outcomes
import ShadowComparator
import Testing

@Suite("Summaries of parts come to the summary of the whole")
struct SummaryMergeTests {
    private static let comparator = Comparator(announcements: [
        Announcement(step: "1", place: .fact("fact/new")), Announcement(step: "9", place: .effect("9", "new.effect"), count: 1...1),
        Announcement(step: "1", place: .fact("never")),
    ])

    /// Comparisons of entities in order of ids, some of which differ, and some of which waited in a step.
    private static func comparisons(_ random: inout SeededRandom) -> [Comparison] {
        (100..<160).map { number in
            var control = Observation.random(using: &random)
            control.entity = EntityID("R-\(number)")
            var candidate = control
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                guard candidate.ledger.count > 1, let mutation = Mutation.allCases.randomElement(using: &random) else { continue }
                candidate = mutation.apply(to: candidate, using: &random) ?? candidate
            }
            candidate.visits = Bool.random(using: &random) ? ["5": 1] : [:]
            (control.waits, candidate.waits) = (waits(&random), waits(&random))
            return comparator.compare(control: control, candidate: candidate)
        }
    }

    private static func waits(_ random: inout SeededRandom) -> [StepNumber: Waiting] {
        var waiting = Waiting()
        waiting.note("PENDING", for: random.duration(.zero ... .hours(30)))
        return ["5": waiting]
    }

    private func summary(_ comparisons: some Sequence<Comparison>, keeping limit: Int) -> ComparisonSummary {
        var summary = ComparisonSummary(comparator: Self.comparator, keeping: limit)
        for comparison in comparisons { summary.add(comparison) }
        return summary
    }

    @Test("wherever it is cut, and also from its JSON form", arguments: UInt64(0)..<40)
    func merged(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let comparisons = Self.comparisons(&random)
        let whole = summary(comparisons, keeping: 7)
        let cuts = [0, Int.random(in: 0...30, using: &random), Int.random(in: 30...60, using: &random), 60]
        var merged = ComparisonSummary(comparator: Self.comparator, keeping: 7)
        for (start, end) in zip(cuts, cuts.dropFirst()) {
            merged.merge(summary(comparisons[start..<end], keeping: 7))
            let data = try JSONEncoder().encode(merged)
            let read = try JSONDecoder().decode(ComparisonSummary.self, from: data)
            merged = ComparisonSummary(read, places: merged.places, comparator: Self.comparator)
        }
        // Of the mismatches that are kept the JSON form has no times.
        #expect(try JSONValue(encoding: merged) == JSONValue(encoding: whole))
        #expect(merged.places == whole.places)
        #expect(merged.slower == whole.slower)
        #expect(whole.mismatched > 7 && whole.matched > 0 && whole.expectedDifferences > 0)
    }

    @Test("has a size that does not grow with the entities")
    func bounded() {
        let most = ComparisonSummary.maximumPlaces
        let comparisons = (0..<2 * most).map { number in
            Comparator().compare(
                control: .sample(entity: EntityID("R-\(number)"), facts: [:]),
                candidate: .sample(entity: EntityID("R-\(number)"), facts: ["own/\(number)": 1]))
        }
        let summary = summary(comparisons, keeping: 7)
        #expect(summary.clusters.count == most + 1)
        #expect(summary.clusters.first { $0.path == "other places" }?.entities == most)
        #expect(summary.causes.count == most + 1)
        #expect(summary.causes.first { $0.first == "other causes" }?.entities == most)
        #expect(summary.mismatched == 2 * most)
    }
}
