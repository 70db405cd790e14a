import Events
import MigrationReport
import Outcomes
import ShadowComparator
import Testing

@Suite("The verdict")
struct ReportVerdictTests {
    private func verdict(
        matched: Int = 0, announced: Int = 0, mismatched: Int = 0, run: RunFigures? = nil, rules: [String] = ["vetting/*"]
    ) -> ReportVerdict {
        var summary = ComparisonSummary(comparator: Comparator(expectedFacts: rules))
        let expected = Difference(layer: .outcome, kind: .extra, path: "vetting/score", candidate: 1, rule: "vetting/*")
        let unexpected = Difference(layer: .outcome, kind: .missing, path: "status", control: "approved")
        for number in 0..<matched { summary.add(Comparison(entity: EntityID("A\(number)"), differences: [])) }
        for number in 0..<announced { summary.add(Comparison(entity: EntityID("B\(number)"), differences: [expected])) }
        for number in 0..<mismatched { summary.add(Comparison(entity: EntityID("C\(number)"), differences: [unexpected, expected])) }
        return Report(
            title: "t", generatedAt: .distantPast, plan: PlanProgress(SampleReport.plan), runs: run.map { [$0] } ?? [], comparison: summary
        ).verdict
    }

    @Test("is safe when every compared entity agrees")
    func safe() {
        let all = verdict(matched: 2995)
        #expect(all.isSafe)
        #expect(all.sentence == "Safe to move on: all 2,995 compared entities agree in outcome, state and effects.")
        #expect(all.notes.first == "No mismatch in 2,995 entities bounds the true mismatch rate at 0.11 % (95 % confidence).")
        let some = verdict(matched: 4, announced: 1)
        #expect(some.sentence == "Safe to move on: of 5 compared entities 4 agree and 1 differs only as the plan announces.")
    }

    @Test("is not safe with a single mismatch among thousands")
    func unsafe() {
        let verdict = verdict(matched: 2000, mismatched: 1)
        #expect(!verdict.isSafe)
        #expect(
            verdict.sentence
                == "Not safe to move on: 1 of 2,001 compared entities differs in a way that the plan does not announce.")
    }

    @Test("is not safe when nothing or not everything was compared")
    func incomplete() {
        #expect(!verdict().isSafe)
        let partly = verdict(matched: 5, run: RunFigures(mode: "hybrid", entities: 8))
        #expect(partly.sentence == "Not safe to move on: only 5 of 8 entities were compared.")
    }

    @Test("names what the reader should know besides")
    func notes() {
        let run = RunFigures(mode: "hybrid", entities: 1, handOffs: 3, handBacks: 1, deadLetters: ["failed": 1], late: 2)
        let notes = verdict(matched: 1, run: run).notes
        #expect(notes.contains("2 entities are with durable and not handed back yet."))
        #expect(notes.contains("1 message failed for good; see the dead letters."))
        #expect(notes.contains("2 events came after their step was finished."))
        #expect(notes.contains { $0.contains("vetting/* never occurred") })
    }

    @Test("counts by type what nobody reads, most frequent first, and not without end")
    func unread() {
        var run = RunFigures(mode: "hybrid", entities: 1)
        #expect(!verdict(matched: 1, run: run).notes.contains { $0.contains("nobody reads") })
        run.unread = ["tcr A": 2, "twilio b": 9, "tcr C": 1]
        #expect(verdict(matched: 1, run: run).notes.contains("12 events of 3 types that nobody reads: twilio b 9, tcr A 2, tcr C 1."))
        run.unread = Dictionary(uniqueKeysWithValues: (1...1000).map { ("tcr T\($0)", 1) })
        let note = verdict(matched: 1, run: run).notes.first { $0.contains("1,000 events of 1,000 types") }
        #expect(note?.hasSuffix(", and more.") == true)
        #expect(note?.split(separator: ",").count == 23)
    }
}
