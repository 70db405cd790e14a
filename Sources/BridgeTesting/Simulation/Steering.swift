import Synchronization

/// Decides what a simulated run would draw otherwise. A run asks it whenever something can go on in more than one way, and gets the first
/// way, which is the ordinary one, unless this schedule deviates there. The same schedule gives the same run.
package final class Steering: Sendable {
    /// One time that a run has asked.
    package struct Decision: Hashable, Sendable {
        /// In how many ways it could go on, at least two.
        package var ways: Int
        /// True when the other ways are no deviations of their own: the second half of another one, for instance.
        package var isFree: Bool
    }

    private struct State {
        var next = 0
        var decisions: [Decision] = []
    }

    private let schedule: ExploredSchedule
    private let state = Mutex(State())

    /// A steering along a schedule.
    package init(_ schedule: ExploredSchedule) { self.schedule = schedule }

    /// What the run has asked so far.
    package var decisions: [Decision] { state.withLock { $0.decisions } }

    /// The way to go on, from 0; one of a single way is no decision.
    package func decide(_ ways: Int, isFree: Bool = false) -> Int {
        guard ways > 1 else { return 0 }
        return state.withLock { state in
            defer { state.decisions.append(Decision(ways: ways, isFree: isFree)) }
            guard state.next < schedule.deviations.count, schedule.deviations[state.next].decision == state.decisions.count else {
                return 0
            }
            state.next += 1
            return min(schedule.deviations[state.next - 1].way, ways - 1)
        }
    }
}

/// Where a run does not take the ordinary way.
package struct ExploredSchedule: Hashable, Sendable, CustomStringConvertible {
    /// A decision that has another end.
    package struct Deviation: Hashable, Sendable {
        /// The number of the decision in its run, from 0.
        package var decision: Int
        /// The way, from 1: the ordinary one is 0.
        package var way: Int

        /// A deviation.
        package init(_ decision: Int, way: Int) { (self.decision, self.way) = (decision, way) }
    }

    /// In the order of their decisions.
    package var deviations: [Deviation]

    /// The schedule with these deviations; without any, everything goes its ordinary way.
    package init(_ deviations: [Deviation] = []) { self.deviations = deviations }

    /// `12:1 40:2`: in the decision with this number, this way
    package var description: String {
        deviations.isEmpty ? "no deviation" : deviations.map { "\($0.decision):\($0.way)" }.joined(separator: " ")
    }
}
