public import HybridRouter
public import Outcomes

extension [JournalEntry] {
    /// The legacy states in which an entity was when time went on, by their step and in order: its wait points. What it only passed through
    /// in one moment is not among them, and neither is staying where it is.
    public func waits(stepOf: (String) -> StepNumber?) -> [StepNumber: [String]] {
        var waits: [StepNumber: [String]] = [:]
        var state: String?
        for (index, entry) in enumerated() {
            state = entry.move.stateAfter ?? state
            guard index + 1 == count || self[index + 1].at > entry.at, let state, let step = stepOf(state) else { continue }
            if waits[step]?.last != state { waits[step, default: []].append(state) }
        }
        return waits
    }
}

extension Move {
    /// The state that the entity is in after it; nil when the move does not say.
    fileprivate var stateAfter: String? {
        switch self {
        case .born(_, let state), .entered(_, let state, _), .adopted(_, let state), .ended(let state): state
        case .handled(_, _, let to), .exhausted(_, _, let to, _), .acted(_, _, let to): to
        default: nil
        }
    }
}
