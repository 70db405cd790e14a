import Events
import Outcomes

// How moves read for people. Ids, states and codes only; no personal data.

extension JournalEntry {
    /// What happened, in a few words: the event's kind, `hand off`, `hand back`.
    public var what: String { move.what }
    /// More, for example `BRAND_VERIFIED -> BRAND_READY`.
    public var detail: String {
        switch move {
        case .handedOff(let steps): "steps \(Move.list(steps)) to segment \(entity)/\(epoch)"
        default: move.detail
        }
    }
}

extension Move {
    /// What happened, in a few words.
    public var what: String {
        switch self {
        case .born: "birth"
        case .imported: "import"
        case .swept: "sweep"
        case .continued: "continue"
        case .drawn: "canary"
        case .entered: "enter"
        case .completed: "complete"
        case .interrupted: "interrupt"
        case .handedOff: "hand off"
        case .adopted: "adopt"
        case .wentOn: "go on"
        case .handedBack: "hand back"
        case .recalled, .failed: "recall"
        case .performed: "effect"
        case .ended: "end"
        case .referenceRefused: "reference"
        case .quarantined, .released: "quarantine"
        case .noted(let what, _): what
        case .acted(let kind, _, _): kind.rawValue
        case .handOffAsked: "hand off"
        default: row?.kind.rawValue ?? ""
        }
    }

    /// More: states, steps, ids, codes.
    public var detail: String { row == nil ? ownDetail : rowDetail }

    private var rowDetail: String {
        switch self {
        case .imported(_, let steps, _): steps.isEmpty ? "before the end of its first step" : "after steps \(Self.list(steps))"
        case .handled(_, let from, let to): from == to ? "handled in \(to)" : "\(from) -> \(to)"
        case .exhausted(_, let from, let to, let reason): "\(from) -> \(to): all attempts failed: \(reason)"
        case .ignored(_, let state, let reason): "ignored in \(state): \(reason)"
        case .undefined(_, let state): "undefined in \(state)"
        case .retried(_, let attempt, let at, let reason): "attempt \(attempt - 1) failed, again at \(at): \(reason)"
        case .delegated(_, let reason): "queued by the legacy service: \(reason)"
        case .deadLettered(_, let reason): "dead letter: \(reason)"
        case .parked(_, let step): step.map { "parked until step \($0)" } ?? "parked"
        case .held: "held until the durable step waits again"
        case .signalled: "signalled"
        case .seen: "seen to"
        case .late(_, let step): "late: step \(step) is over"
        case .dropped(_, let step): "dropped: step \(step) is not due"
        case .rejected(_, let step): "rejected: step \(step) is not due"
        default: ""
        }
    }

    private var ownDetail: String {
        switch self {
        case .born(let step, let state), .entered(let step, let state, _): "step \(step) in \(state)"
        case .swept(let rule, let kind): "\(rule) sends \(kind)"
        case .acted(_, let from, let to): (from == to ? "by the legacy service in \(to)" : "\(from) -> \(to), by the legacy service itself")
        case .handOffAsked(let step): "asked for, before step \(step)"
        case .drawn(let step, let owner): "step \(step) for \(owner.rawValue)"
        case .completed(let step, let visit, _): "step \(step)" + (visit > 1 ? ", visit \(visit)" : "")
        case .interrupted(let step, let kind, _): "step \(step) by \(kind)"
        case .handedOff(let steps): "steps \(Self.list(steps))"
        case .adopted(let step, let state): "step \(step) from \(state)"
        case .wentOn(let step), .handedBack(let step): "to step \(step)"
        case .recalled(let step, let reason): "step \(step): \(reason)"
        case .failed(let step, let reason): "step \(step) failed: \(reason)"
        case .performed(let key): "performed \(key)"
        case .ended(let state): state
        case .referenceRefused(let external, let holder): "\(external) belongs to \(holder)"
        case .quarantined(let reason): reason
        case .released: "released"
        case .noted(_, let detail): detail
        default: ""
        }
    }

    static func list(_ steps: [StepNumber]) -> String { steps.map(\.description).joined(separator: ", ") }
}
