import Events
import HybridRouter
import MigrationReport
import Outcomes
import Testing

@Suite("The tally of the audits")
struct JournalTallyTests {
    private static func entry(_ hour: Int, _ move: Move, _ owner: Owner = .legacy) -> JournalEntry {
        JournalEntry(entity: "R-1", at: .distantPast + .hours(hour), owner: owner, epoch: 1, move: move)
    }

    private static func handled(_ event: EventKind, _ from: String, _ to: String) -> Move {
        .handled(RowReference(1, event), from: from, to: to)
    }

    private func tally(_ journal: [JournalEntry]...) -> JournalTally {
        var tally = JournalTally(completing: ["DONE": "4"])
        for entity in journal { tally.add(entity) }
        return tally
    }

    private static let way = [
        entry(0, .born(step: "1", state: "NEW")),
        entry(0, handled("submit", "NEW", "NEW")),
        entry(2, handled("checked", "NEW", "CHECKED")),
        entry(2, .completed("1", visit: 1, used: [])),
        entry(2, handled("lockstep.continue", "CHECKED", "READY")),
        entry(2, .entered("2", state: "READY", used: [])),
        entry(2, .completed("2", visit: 1, used: [])),
        entry(2, .handedOff(["2.5"]), .durable),
        entry(3, .parked(RowReference(2, "noise"), until: nil), .durable),
        entry(3, .performed(EffectKey(entity: "R-1", step: "2.5", operation: "vetting.order")), .durable),
        entry(7, .completed("2.5", visit: 1, used: []), .durable),
        entry(7, .handedBack(to: "3")),
        entry(7, handled("lockstep.continue", "READY", "REVIEW")),
        entry(7, .entered("3", state: "REVIEW", used: [])),
        entry(8, .ignored(RowReference(3, "noise"), in: "REVIEW", reason: "no need")),
        entry(17, .completed("3", visit: 1, used: [])),
        entry(17, .entered("4", state: "DONE", used: [])),
        entry(17, handled("approved", "REVIEW", "DONE")),
        entry(30, .undefined(RowReference(4, "noise"), in: "DONE")),
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

    @Test("an interrupted segment is handed back without being completed; taking it up again is the same visit")
    func interrupted() {
        let interrupted =
            Array(Self.way[0..<8]) + [
                Self.entry(4, .interrupted("2.5", by: "registration.cancel", used: []), .durable), Self.entry(4, .handedBack(to: "2.5")),
            ]
        let again = interrupted + [Self.entry(5, .handedOff(["2.5"]), .durable)]
        let figures = tally(interrupted, Self.way).figures
        #expect(figures["2.5"] == StepFigures(entered: 2, completed: 1, handOffs: 2, handBacks: 2, meanHours: 3.5))
        #expect(figures["3"]?.entered == 1)
        #expect(tally(again).figures["2.5"]?.entered == 1)
    }

    @Test("steps in the middle of a segment are entered and completed like others")
    func segment() {
        let way = [
            Self.entry(0, .born(step: "1", state: "NEW")), Self.entry(1, .completed("1", visit: 1, used: [])),
            Self.entry(1, .handedOff(["2", "3"]), .durable), Self.entry(3, .completed("2", visit: 1, used: []), .durable),
            Self.entry(3, .wentOn(to: "3"), .durable), Self.entry(8, .completed("3", visit: 1, used: []), .durable),
            Self.entry(8, .handedBack(to: "4")),
        ]
        let figures = tally(way).figures
        #expect(figures["2"] == StepFigures(entered: 1, completed: 1, handOffs: 1, meanHours: 2))
        #expect(figures["3"] == StepFigures(entered: 1, completed: 1, handBacks: 1, meanHours: 5))
    }

    @Test("a step that the process comes to again is visited twice")
    func round() {
        let round = [
            Self.entry(1, .handedOff(["2"]), .durable), Self.entry(2, .completed("2", visit: 1, used: []), .durable),
            Self.entry(2, .handedBack(to: "3")), Self.entry(4, .handedOff(["2"]), .durable),
            Self.entry(6, .completed("2", visit: 2, used: []), .durable), Self.entry(6, .handedBack(to: "3")),
        ]
        #expect(tally(round).figures["2"] == StepFigures(entered: 2, completed: 2, handOffs: 2, handBacks: 2, meanHours: 1.5))
    }

    @Test("an empty audit counts nothing")
    func empty() { #expect(tally([]).figures.isEmpty) }
}
