import Events
import HybridRouter
import Outcomes
import Testing

@Suite struct MoveTests {
    private static let row = RowReference(7, "BRAND_ADD")

    /// One of each case, so that a new case has to be listed here: the switch below names them all.
    private static let all: [Move] = [
        .born(step: "1", state: "DRAFT"), .imported(row, completed: ["1", "2", "2"], passed: "2"),
        .imported(row, completed: [], passed: nil),
        .handled(row, from: "A", to: "B"), .exhausted(row, from: "A", to: "B", reason: "no answer"),
        .ignored(row, in: "A", reason: "late"), .undefined(row, in: "A"),
        .retried(row, attempt: 2, at: .init(milliseconds: 9), reason: "x"),
        .deadLettered(row, reason: "x"), .parked(row, until: nil), .parked(row, until: "5.2"), .signalled(row), .late(row, after: "2"),
        .dropped(row, before: "2"), .rejected(row, before: "2"), .swept(rule: "nudge", sends: "timer.nudge"), .continued,
        .drawn("5.2", .durable), .entered("5.2", state: "A", used: [1, 2]), .completed("5.2", visit: 2, used: [3]),
        .interrupted("5.2", by: "cancel", used: []), .handedOff(["5.2", "6"]), .adopted("2", state: "A"), .wentOn(to: "6"),
        .handedBack(to: "6"), .recalled("5.2", reason: "by an operator"), .failed("5.2", reason: "x"),
        .performed(EffectKey(entity: "R-1", step: "5.2", visit: 2, operation: "vetting.order")), .ended(state: "ACTIVE"),
        .referenceRefused("B1", holder: "R-2"), .quarantined(reason: "x"), .released, .noted(what: "hand off", detail: "old"),
    ]

    @Test(arguments: all) func isReadAsItWasWritten(move: Move) throws {
        #expect(try Move(json: try JSONValue(parsing: move.json.canonicalText)) == move)
        #expect(!move.what.isEmpty)
    }

    @Test func everyNameIsTestedOnce() { #expect(Set(Self.all.map(\.name)).count == 31) }

    @Test(arguments: [
        "{}", "{\"move\":\"flown\"}", "{\"move\":\"handled\"}", "{\"move\":\"handled\",\"row\":1,\"event\":\"x\",\"from\":\"A\"}",
        "{\"move\":\"drawn\",\"step\":\"5.x\",\"owner\":\"legacy\"}", "{\"move\":\"drawn\",\"step\":\"5\",\"owner\":\"nobody\"}", "[]",
    ]) func whatIsNoMoveIsRefusedWithASentence(text: String) throws {
        let json = try JSONValue(parsing: text)
        #expect { try Move(json: json) } throws: { "\($0)".contains("expected") }
    }
}

@Suite struct ConsequencesTests {
    private let legacy = Ownership(entity: "R-1", epoch: 1, owner: .legacy, step: "5", passed: "5", completions: ["5": 1])
    private let durable = Ownership(entity: "R-1", epoch: 2, owner: .durable, step: "5.2", passed: "5", completions: ["5": 1])

    private func open(_ sequence: Int, _ disposition: Disposition, epoch: Int? = nil) -> OpenRow {
        OpenRow(
            QueuedRow(sequence: sequence, entity: "R-1", priority: 1, attempt: 1, visibleAt: .distantPast), disposition, epoch: epoch)
    }

    private func consequences(_ moves: [Move], of ownership: Ownership, open: [OpenRow] = [])
        -> Consequences
    {
        let transaction = EntityTransaction(entity: "R-1", epoch: ownership.epoch, at: .init(milliseconds: 5), moves: moves)
        return Consequences(of: transaction, ownership, version: 3) { open }
    }

    @Test func whatWasHeldIsDecidedWhenTheSegmentWaitsAgain() {
        let held = consequences([.held(RowReference(1, "e"))], of: durable)
        #expect(held.rows.map(\.disposition) == [.parked] && held.rows.map(\.epoch) == [2])
        let rows = [open(1, .parked, epoch: 2), open(2, .parked), open(3, .parked, epoch: 1), open(4, .signalled, epoch: 2)]
        let entered = consequences([.entered("5.2", state: "S", used: [])], of: durable, open: rows)
        #expect(entered.requeued.map(\.sequence) == [1])
        #expect(consequences([.wentOn(to: "6")], of: durable, open: rows).requeued.map(\.sequence) == [1, 2, 3])
        #expect(consequences([.handedBack(to: "6")], of: durable, open: rows).requeued.map(\.sequence) == [1, 2, 3, 4])
    }

    @Test func aHandOffStartsTheNextEpochAndUnparks() {
        let found = consequences([.handedOff(["5.2"])], of: legacy, open: [open(1, .parked), open(2, .pending)])
        #expect(found.ownership.epoch == 2)
        #expect(found.ownership.owner == .durable)
        #expect(found.ownership.step == "5.2")
        #expect(found.outbox.map(\.kind) == [.start])
        #expect(found.outbox.map(\.epoch) == [2])
        #expect(found.requeued.map(\.sequence) == [1])
        #expect(found.counters == ["handOffs": 1])
    }

    @Test func aHandBackGivesBackWhatWasNotUsed() {
        let rows = [open(1, .signalled), open(2, .signalled), open(3, .parked)]
        let found = consequences(
            [.completed("5.2", visit: 1, used: [1]), .handedBack(to: "6"), .continued], of: durable, open: rows)
        #expect(
            found.ownership
                == Ownership(
                    entity: "R-1", epoch: 3, owner: .legacy, step: "6", passed: "5.2", completions: ["5": 1, "5.2": 1]))
        #expect(found.rows.map(\.sequence) == [1, 2, 3])
        #expect(found.rows.map(\.disposition) == [.consumed, .pending, .pending])
        #expect(found.appended.map(\.id) == ["continue/R-1/3/3"])
        #expect(found.outbox.isEmpty)
    }

    @Test func aRecallCancelsTheOldEpochAndKeepsTheStepForLegacy() {
        let found = consequences([.recalled("5.2", reason: "x"), .continued], of: durable, open: [open(1, .signalled)])
        #expect(found.ownership.pins == ["5.2": .recalled])
        #expect(found.ownership.epoch == 3)
        #expect(found.outbox.map(\.kind) == [.cancel])
        #expect(found.outbox.map(\.epoch) == [2])
        #expect(found.requeued.map(\.sequence) == [1])
    }

    @Test func aWaitPointConsumesWhatItUsedAndNothingElse() {
        let found = consequences(
            [.entered("5.2", state: "A", used: [1, 9])], of: durable, open: [open(1, .signalled), open(2, .signalled)])
        #expect(found.ownership == durable)
        #expect(found.rows.map(\.sequence) == [1])
    }

    @Test func goingRoundOpensTheStepAgain() {
        var ownership = legacy
        for move: Move in [.entered("4", state: "A", used: []), .completed("5", visit: 2, used: [])] {
            ownership = consequences([move], of: ownership).ownership
        }
        #expect(ownership.visit(of: "5") == 3)
        #expect(ownership.passed == "5")
    }
}
