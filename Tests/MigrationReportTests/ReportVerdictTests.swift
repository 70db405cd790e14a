import Cutover
import Events
import MigrationReport
import Outcomes
import ShadowComparator
import Testing

@Suite("The verdict")
struct ReportVerdictTests {
    private static let version = EvidenceVersion(build: "b", machine: "m", plan: SampleReport.plan)

    /// Evidence of so many clean cases of each of both moved steps, of a bug that is found, and of an exploration.
    static func evidence(cases: Int, mismatches: Int = 0, surviving: Bool = false, explored: Bool = true) -> EvidenceSummary {
        var log = EvidenceLog()
        log.add(.run(at: .distantPast, version: version))
        for number in 0..<cases {
            let steps: [StepNumber: String] = ["5.2": "EVP_REPORT_SCORE", "6": "content.approved"]
            log.add(.compared(EvidenceCase(id: "\(number)", steps: steps, paths: steps, isMismatch: number < mismatches)))
        }
        for step in ["5.2", "6"] as [StepNumber] {
            let bugs = ["a bug": ["effects"]].merging(surviving ? ["another": []] : [:]) { $1 }
            log.add(.mutants(MutantEvidence(at: .distantPast, version: version, step: step, bugs: bugs)))
            let found = ExplorationFigures(bounds: ExplorationBounds(events: 3), recordings: 2, executed: 10, covered: 1234)
            if explored { log.add(.explored(ExplorationEvidence(at: .distantPast, version: version, step: step, found: found))) }
        }
        return log.summary(of: SampleReport.plan, version: version, at: .distantPast)
    }

    private func verdict(
        matched: Int = 0, announced: Int = 0, mismatched: Int = 0, run: RunFigures? = nil,
        evidence: EvidenceSummary? = evidence(cases: 3792)
    ) -> ReportVerdict {
        let announcement = Announcement(step: "5.2", place: .fact("vetting/status"))
        var summary = ComparisonSummary(comparator: Comparator(announcements: [announcement]))
        let expected = Difference(layer: .outcome, kind: .extra, path: "vetting/score", candidate: 1, rule: "vetting/score added")
        let unexpected = Difference(layer: .outcome, kind: .missing, path: "status", control: "approved")
        for number in 0..<matched { summary.add(Comparison(entity: EntityID("A\(number)"), differences: [])) }
        for number in 0..<announced { summary.add(Comparison(entity: EntityID("B\(number)"), differences: [expected])) }
        for number in 0..<mismatched { summary.add(Comparison(entity: EntityID("C\(number)"), differences: [unexpected, expected])) }
        return Report(
            title: "t", generatedAt: .distantPast, plan: PlanProgress(SampleReport.plan), runs: run.map { [$0] } ?? [],
            comparison: summary, evidence: evidence
        ).verdict
    }

    @Test("is safe when nothing speaks against it and every moved step's gate is open")
    func safe() {
        let all = verdict(matched: 5, announced: 1)
        #expect(all.isSafe)
        #expect(all.sentence == "Safe to move on: at least 3,792 cases of every moved step exclude a mismatch rate of 0.10 %.")
        #expect(
            all.notes.contains { $0.hasPrefix("Step 5.2: 0 mismatches in 3,792 cases exclude a rate of 0.100 % in every kind of ending") })
    }

    @Test("is never safe without an open gate, however well everything agrees")
    func closed() {
        let few = verdict(matched: 5000, evidence: Self.evidence(cases: 68))
        #expect(few.sentence == "Not safe to move on: step 5.2 needs 3724 more clean cases that end with EVP_REPORT_SCORE.")
        #expect(few.reasons.count == 2)
        #expect(verdict(matched: 5000, evidence: Self.evidence(cases: 3791)).isSafe == false)
        #expect(verdict(matched: 5000, evidence: Self.evidence(cases: 3792, mismatches: 1)).isSafe == false)
        let none = verdict(matched: 5000, evidence: nil)
        #expect(none.sentence == "Not safe to move on: no evidence was given, so no gate is open.")
    }

    @Test("is never safe with a bug that survives, or where nothing was explored, and says what was tried")
    func tried() {
        let surviving = verdict(matched: 5, evidence: Self.evidence(cases: 3792, surviving: true))
        #expect(
            surviving.sentence
                == "Not safe to move on: step 5.2 has 1 bug that survives and that nobody has signed for, the first is 'another';"
                + " record what shows it, or sign for it in the plan, with 'survives'.")
        #expect(surviving.reasons.count == 2)
        let unexplored = verdict(matched: 5, evidence: Self.evidence(cases: 3792, explored: false))
        #expect(
            unexplored.sentence
                == "Not safe to move on: step 5.2 has no exploration; 'explore --evidence' makes one of recordings that enter it.")
        let notes = verdict(matched: 5).notes
        #expect(notes.contains("Step 5.2: 1 of 1 bug that was put in on purpose found."))
        #expect(notes.contains("Step 6: explored within 3 events, 1 duplicate, 1 loss, 1 delay, 1 crash, 1,234 schedules of 2 recordings."))
    }

    @Test("is not safe with a single mismatch among thousands")
    func unsafe() {
        let verdict = verdict(matched: 2000, mismatched: 1)
        #expect(!verdict.isSafe)
        #expect(
            verdict.sentence
                == "Not safe to move on: 1 of 2,001 compared entities differs in a way that nothing explains.")
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
        #expect(notes.contains("The announced difference 'vetting/status added' never occurred."))
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
