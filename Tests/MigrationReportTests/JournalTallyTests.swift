import Cutover
import Events
import HybridRouter
import MigrationReport
import Testing

@Suite("The tally of the audits")
struct JournalTallyTests {
    private static func entry(_ hour: Int, _ what: String, _ detail: String, _ owner: Owner = .legacy) -> JournalEntry {
        JournalEntry(entity: "R-1", at: .distantPast + .hours(hour), owner: owner, epoch: 1, what: what, detail: detail)
    }

    private func tally(_ journal: [JournalEntry]...) -> JournalTally {
        let steps: [StepNumber] = ["1", "2", "2.5", "3", "4"]
        let plan = MigrationPlan(
            name: "p", version: 1, steps: steps.map { PlannedStep(number: $0, title: "", stage: $0 == "2.5" ? .durable : .legacy) })
        var tally = JournalTally(
            plan: plan, stepOfState: ["NEW": "1", "CHECKED": "1", "READY": "2", "REVIEW": "3", "DONE": "4"],
            completing: ["CHECKED", "READY", "DONE"])
        for entity in journal { tally.add(entity) }
        return tally
    }

    private static let way = [
        entry(0, "submit", "handled in NEW"),
        entry(2, "checked", "NEW -> CHECKED"),
        entry(2, "lockstep.continue", "CHECKED -> READY"),
        entry(2, "hand off", "steps 2.5 to segment R-1/2", .durable),
        entry(3, "noise", "parked", .durable),
        entry(3, "report", "performed R-1/2.5/vetting.order/1", .durable),
        entry(7, "hand back", "completed 2.5"),
        entry(7, "lockstep.continue", "READY -> REVIEW"),
        entry(8, "noise", "ignored in REVIEW: no need"),
        entry(17, "approved", "REVIEW -> DONE"),
        entry(30, "noise", "undefined in DONE"),
    ]

    @Test("follows an entity through both owners")
    func follows() {
        let figures = tally(Self.way).figures
        #expect(figures["1"] == StepFigures(entered: 1, completed: 1, meanHours: 2))
        #expect(figures["2"] == StepFigures(entered: 1, completed: 1, meanHours: 0))
        #expect(figures["2.5"] == StepFigures(entered: 1, completed: 1, handOffs: 1, handBacks: 1, meanHours: 5))
        #expect(figures["3"] == StepFigures(entered: 1, completed: 1, meanHours: 10))
        #expect(figures["4"] == StepFigures(entered: 1, completed: 1, meanHours: 0))
    }

    @Test("counts the cells that were taken, not what durable did")
    func taken() {
        let taken = tally(Self.way, Self.way).taken
        #expect(taken["NEW"] == ["submit": 2, "checked": 2])
        #expect(taken["REVIEW"] == ["noise": 2, "approved": 2])
        #expect(taken["DONE"] == ["noise": 2])
        #expect(taken.count == 5)
    }

    @Test("an interrupted segment is handed back without being completed")
    func interrupted() {
        let interrupted = Array(Self.way[0..<4]) + [Self.entry(4, "hand back", "step 2.5 interrupted by registration.cancel")]
        let figures = tally(interrupted, Self.way).figures
        #expect(figures["2.5"] == StepFigures(entered: 2, completed: 1, handOffs: 2, handBacks: 2, meanHours: 3.5))
        #expect(figures["3"]?.entered == 1)
    }

    @Test("an empty audit counts nothing")
    func empty() { #expect(tally([]).figures.isEmpty) }
}
