package import Events

/// The named value that says that an entity was forgotten.
package enum Forgotten {
    /// Its name.
    package static func setting(of entity: EntityID) -> String { "forgotten/\(entity)" }
}

extension Move {
    /// What stands where a text was that is forgotten.
    package static let forgottenText = "forgotten"

    /// The move without what other parties and people have written: rows, steps, states, kinds and keys stay. The texts of the machine's
    /// own table stay, too.
    package var forgotten: Move {
        switch self {
        case .exhausted(let row, let from, let to, _): .exhausted(row, from: from, to: to, reason: Self.forgottenText)
        case .retried(let row, let attempt, let at, _): .retried(row, attempt: attempt, at: at, reason: Self.forgottenText)
        case .delegated(let row, _): .delegated(row, reason: Self.forgottenText)
        case .deadLettered(let row, _): .deadLettered(row, reason: Self.forgottenText)
        case .recalled(let step, _): .recalled(step, reason: Self.forgottenText)
        case .failed(let step, _): .failed(step, reason: Self.forgottenText)
        case .quarantined: .quarantined(reason: Self.forgottenText)
        case .noted(let what, _): .noted(what: what, detail: Self.forgottenText)
        case .born, .handled, .ignored, .undefined, .parked, .held, .signalled, .late, .dropped, .rejected, .swept, .continued, .drawn,
            .entered,
            .completed, .interrupted, .handedOff, .adopted, .wentOn, .handedBack, .performed, .ended, .referenceRefused, .released,
            .imported, .acted, .handOffAsked, .seen:
            self
        }
    }
}
