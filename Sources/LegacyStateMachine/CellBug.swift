package import Events

/// A bug of one cell of a legacy table, as somebody makes it who writes the step anew.
package enum CellBug: Hashable, Sendable, CaseIterable {
    /// Nobody has thought of the event.
    case forgotten
    /// The work is done, and leads nowhere else.
    case leadsNowhere
    /// The work is done, and leads to another of the states that it may lead to.
    case leadsElsewhere
    /// What the work writes to the record is lost.
    case writesNothing
    /// The work is not done.
    case doesNothing
    /// When all attempts are used up, the entity stays where it is.
    case givesUp
    /// The event is no longer dropped, but handled as in another state of the step.
    case handled
}

extension Machine {
    /// The cells that a row handles, in the order of rows.
    package var handled: [(state: State, event: EventKind)] { transitions.flatMap { row in row.from.map { ($0, row.event) } } }

    /// The same table with a bug in the cell of `state` and `event`; nil where that bug cannot be made.
    package func bent(_ bug: CellBug, on event: EventKind, in state: State) -> Machine? {
        let place = Place(state: state, event: event)
        var machine = self
        switch (bug, rows[place]) {
        case (.handled, nil):
            guard let row = neighbour(of: state, handling: event) else { return nil }
            machine.rows[place] = row
        case (.handled, _), (_, nil): return nil
        case (.forgotten, _): machine.rows[place] = nil
        case (_, let row?):
            guard let row = row.bent(bug, in: state) else { return nil }
            machine.rows[place] = row
        }
        return machine
    }

    /// What the first state of the same step that handles `event` does on it.
    private func neighbour(of state: State, handling event: EventKind) -> Transition<State, Record>? {
        guard let step = steps[state] else { return nil }
        return transitions.first { $0.event == event && $0.from.contains { steps[$0] == step } }
    }
}

extension Transition {
    /// The row with a bug, for `state` alone.
    fileprivate func bent(_ bug: CellBug, in state: State) -> Transition? {
        let others = to.filter { $0 != state }
        switch bug {
        case .leadsNowhere: return others.isEmpty ? nil : bent { _, _ in state }
        case .leadsElsewhere: return others.isEmpty ? nil : bent { _, right in others.first { $0 != right } ?? right }
        case .writesNothing:
            return with { record, state, event, context in
                var written = record
                return try await action(&written, state, event, context)
            }
        case .doesNothing:
            guard to.count < 2 else { return nil }
            return with { _, state, _, _ in to.first ?? state }
        case .givesUp:
            guard exhausted != nil else { return nil }
            return Transition(from: [state], on: event, to: to, note, action: action)
        case .forgotten, .handled: return nil
        }
    }

    /// The same work, but `target` says where it leads, when it should lead to its second argument.
    private func bent(_ target: @escaping @Sendable (State, State) -> State) -> Transition {
        with { record, state, event, context in target(state, try await action(&record, state, event, context)) }
    }

    private func with(_ action: @escaping Action) -> Transition {
        Transition(from: from, on: event, to: to, note, exhausted: exhausted, action: action)
    }
}
