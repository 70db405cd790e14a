import Events
import Outcomes
import ShadowComparator
import Testing

/// The time in a step, over all entities and of one; and the members of a record.
@Suite struct StrictTests {
    private func observation(
        _ waits: KeyValuePairs<String, Int>, record: [String: JSONValue]? = nil, visits: [StepNumber: Int] = ["1": 1]
    ) -> Observation {
        var observation = Observation.sample()
        var waiting = Waiting()
        for (state, hours) in waits { waiting.note(state, for: .hours(hours)) }
        observation.waits = ["1": waiting]
        observation.record = record
        observation.visits = visits
        return observation
    }

    private func places(_ comparator: Comparator, _ control: Observation, _ candidate: Observation) -> [String] {
        comparator.compare(control: control, candidate: candidate).differences.map(\.path)
    }

    /// Whether a step counts as slower in which so many waited a day longer, and so many a day less.
    private func isSlower(_ longer: Int, _ shorter: Int, _ announcements: [Announcement] = []) -> Bool {
        let comparator = Comparator(announcements: announcements)
        var summary = ComparisonSummary(comparator: comparator)
        for index in 0..<(longer + shorter + 50) {
            let control = observation(["A": 48])
            let candidate = observation(["A": index < longer ? 72 : index < longer + shorter ? 24 : 49])
            summary.add(comparator.compare(control: control, candidate: candidate))
        }
        #expect(summary.times.map(\.longer) == [longer] && summary.times.map(\.shorter) == [shorter])
        #expect(summary.times.map(\.compared) == [longer + shorter + 50] && summary.mismatched == 0)
        return !summary.slower.isEmpty
    }

    @Test func aStepIsSlowerWhenChanceDoesNotExplainIt() {
        #expect(!isSlower(0, 0) && !isSlower(13, 0) && isSlower(14, 0))
        #expect(!isSlower(30, 20) && !isSlower(0, 200) && isSlower(60, 20))
    }

    @Test func aPlanMayAnnounceThatAStepTakesLonger() {
        #expect(!isSlower(30, 0, [Announcement(step: "1", place: .fact("time/1"), change: .changed)]))
        #expect(isSlower(30, 0, [Announcement(step: "1", place: .fact("time/2"), change: .changed)]))
    }

    /// The two paths try again at other moments, so that one of them may pass through a state in which the other waits for seconds.
    @Test func aShortStayOfOnePathIsNoDifference() {
        func paths(_ control: KeyValuePairs<String, Int>, _ candidate: KeyValuePairs<String, Int>, strict: Bool = false) -> [String] {
            var observations: [Observation] = []
            for stays in [control, candidate] {
                var waiting = Waiting()
                for (state, seconds) in stays { waiting.note(state, for: .seconds(seconds)) }
                var observation = observation([:])
                observation.waits = ["1": waiting]
                observations.append(observation)
            }
            return places(Comparator(strict: strict), observations[0], observations[1])
        }
        #expect(paths(["A": 60, "B": 9], ["A": 60]) == [])
        #expect(paths(["A": 60], ["A": 60, "B": 9]) == [])
        #expect(paths(["A": 60, "B": 9, "A": 60], ["A": 120]) == [])
        #expect(paths(["A": 5], [:]) == [])
        #expect(paths(["A": 5], ["A": 60]) == [])
        #expect(paths(["A": 60, "B": 10], ["A": 60]) == ["waits/1"])
        #expect(paths(["A": 60], ["B": 60]) == ["waits/1"])
        #expect(paths(["A": 60, "B": 60], ["B": 60, "A": 60]) == ["waits/1"])
        #expect(paths(["A": 60, "B": 9], ["A": 60], strict: true) == ["waits/1"])
    }

    /// Looks fall on the full hour, so an hour or two are no difference, and less time never is.
    @Test func eachDelayCountsInAStrictComparison() {
        let (strict, control) = (Comparator(strict: true), observation(["A": 10, "B": 20]))
        #expect(places(strict, control, observation(["A": 11, "B": 21])) == [])
        #expect(places(strict, control, observation(["A": 10, "B": 23])) == ["time/1"])
        #expect(places(strict, control, observation(["A": 1, "B": 2])) == [])
        // Sooner in B, and so longer there.
        #expect(places(strict, control, observation(["A": 1, "B": 29])) == [])
        // Later in B, though not in what follows.
        #expect(places(strict, control, observation(["A": 14, "B": 16])) == ["time/1"])
        #expect(places(Comparator(), control, observation(["A": 10, "B": 90])) == [])
        // What the candidate has not completed on its own is not compared.
        #expect(places(strict, control, observation(["A": 10, "B": 90], visits: [:])) == [])
    }

    @Test func membersOfTheRecordCountInAStrictComparison() {
        let strict = Comparator(strict: true)
        let control = observation(
            [:], record: ["score": 60, "at": "2026-03-02T09:00:00.000Z", "rows": [["at": "2026-03-02T09:00:00.000Z"]]])
        let later = observation([:], record: ["score": 60, "at": "2026-03-02T10:59:00.000Z", "rows": [["at": "2026-03-02T08:00:00.000Z"]]])
        #expect(places(strict, control, later) == [])
        let other = observation([:], record: ["score": 61, "at": "2026-03-02T12:00:00.000Z", "rows": [], "new": true])
        #expect(places(strict, control, other) == ["record/at", "record/new", "record/rows", "record/score"])
        #expect(places(Comparator(), observation([:]), observation([:])) == [])
        let announced = Comparator(
            announcements: ["at", "rows", "score"].map { Announcement(step: "1", place: .fact("record/\($0)"), change: .changed) },
            strict: true)
        #expect(announced.compare(control: control, candidate: other).differences.filter { !$0.expected }.map(\.path) == ["record/new"])
    }
}
