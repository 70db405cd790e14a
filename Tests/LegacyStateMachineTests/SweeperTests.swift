import Events
import LegacyStateMachine
import Outcomes
import Testing

private enum Door: String, MachineState {
    case OPEN, SHUT, LOCKED
}

@Suite struct SweeperTests {
    private let start = Timestamp(milliseconds: 1_772_442_000_000)
    private let sweeper = Sweeper<Door>(rules: [
        SweepRule("poll", in: [.OPEN], after: .hours(24), since: .lastEventOrSweep, until: .days(3), emits: "timer.repoll"),
        SweepRule("deadline", in: [.OPEN, .SHUT], after: .days(2), since: .stepEntered, emits: "timer.stage_deadline"),
    ])

    private var times: RecordTimes {
        RecordTimes(createdAt: start, stepEnteredAt: start, lastEventAt: start, lastSweptAt: .distantPast)
    }

    private func timer(_ rule: String, _ times: RecordTimes, in state: Door) -> Event {
        let payload = sweeper.rules.first { $0.timer.name == rule }?.timer.payload(state: state.rawValue, times) ?? [:]
        return Event(id: "t", source: .timer, entity: "E", kind: "timer.repoll", payload: payload, receivedAt: start)
    }

    @Test func aPollThatRepeatsHasAnEnd() {
        var times = times
        var polls = 0
        for hour in 1...400 {
            let now = start + .hours(hour)
            guard sweeper.due(for: times, in: .OPEN, at: now).contains(where: { $0.name == "poll" }) else { continue }
            polls += 1
            times.lastSweptAt = now
        }
        #expect((3...4).contains(polls))
    }

    @Test func aTimerActsInTheWaitItWasSentForAlone() {
        let sent = timer("poll", times, in: .OPEN)
        #expect(sweeper.reasonToIgnore(sent, in: .OPEN, times) == nil)
        #expect(sweeper.reasonToIgnore(sent, in: .LOCKED, times) == "sent for OPEN, the record has moved on")
        var later = times
        later.lastEventAt = start + .hours(1)
        #expect(sweeper.reasonToIgnore(sent, in: .OPEN, later) == "sent for an earlier wait in OPEN")
    }

    @Test func aDeadlineOfAStepOutlastsItsStates() {
        let sent = timer("deadline", times, in: .OPEN)
        var later = times
        later.lastEventAt = start + .hours(1)
        #expect(sweeper.reasonToIgnore(sent, in: .SHUT, later) == nil)
        later.stepEnteredAt = start + .hours(1)
        #expect(sweeper.reasonToIgnore(sent, in: .SHUT, later) != nil)
    }

    @Test func otherEventsAreNoTimers() {
        let event = Event(id: "e", source: "customer", entity: "E", kind: "k", payload: ["rule": "poll", "since": "x"], receivedAt: start)
        #expect(sweeper.reasonToIgnore(event, in: .LOCKED, times) == nil)
        let old = Event(id: "e", source: .timer, entity: "E", kind: "k", payload: ["rule": "poll"], receivedAt: start)
        #expect(sweeper.reasonToIgnore(old, in: .LOCKED, times) == nil, "a timer of an older build says no more than its rule")
    }

    @Test func noAttemptTraps() {
        let schedule = RetrySchedule(initial: .seconds(Int64.max), maximum: .days(1), maximumAttempts: 3)
        for attempt in [Int.min + 1, -1, 0, 1, 20, 64, Int.max] {
            #expect(schedule.delay(afterAttempt: attempt, entity: "E") <= .days(1))
            #expect(RetrySchedule().delay(afterAttempt: attempt, entity: "E") <= .seconds(30))
        }
    }
}
