import Events
public import HybridRouter
public import Outcomes
public import ShadowComparator

extension [JournalEntry] {
    /// Where an entity was when time went on, by step: its wait points. What it only passed through in one moment is not among them.
    public func waits(stepOf: (String) -> StepNumber?) -> [StepNumber: Waiting] {
        var waits: [StepNumber: Waiting] = [:]
        var state: String?
        for (index, entry) in enumerated() {
            state = entry.move.stateAfter ?? state
            // The next step of the segment may wait where legacy has no state for it.
            if case .completed(let step, _, _) = entry.move, state.flatMap(stepOf) == step { state = nil }
            let next = index + 1 < count ? self[index + 1].at : nil
            guard next.map({ $0 > entry.at }) ?? true, let state, let step = stepOf(state) else { continue }
            waits[step, default: Waiting()].note(state, for: next.map { $0 - entry.at } ?? .zero)
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
