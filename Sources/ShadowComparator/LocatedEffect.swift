import Events
import Outcomes

/// An effect that differs, and where it stands in the ledgers of both paths.
public struct LocatedEffect: Hashable, Sendable {
    /// What differs.
    public var difference: Difference
    /// Its place in the control's ledger, from 0; nil when the control has not performed it.
    public var control: Int?
    /// Its place in the candidate's ledger, from 0; nil when the candidate has not performed it.
    public var candidate: Int?

    /// An effect that differs.
    public init(difference: Difference, control: Int?, candidate: Int?) {
        self.difference = difference
        self.control = control
        self.candidate = candidate
    }
}

extension Comparator {
    /// Where the effects stand that differ in `comparison`, which this comparator has made of these observations. In the order of its
    /// differences; an effect that a step owes stands nowhere and is left out.
    public func located(_ comparison: Comparison, control: Observation, candidate: Observation) -> [LocatedEffect] {
        let candidate = candidate.renamed(like: control)
        let effects = comparison.differences.filter { $0.layer == .effects }
        return zip(ledgers(control, candidate).found, effects).map { found, difference in
            LocatedEffect(difference: difference, control: found.control, candidate: found.candidate)
        }
    }

    func ledgers(_ control: Observation, _ candidate: Observation) -> EffectComparison {
        EffectComparison(control: control.ledger, candidate: candidate.ledger) { entry in
            announcements.contains { $0.change == .changed && $0.place == .effect(entry.key.step, entry.key.operation) }
        }
    }
}
