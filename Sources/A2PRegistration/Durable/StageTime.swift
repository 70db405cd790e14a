import DurableWorkflow
import Events

// What time brings in a wait.

extension Stage {
    /// What is due when in a wait that began at `began`: a rule, or nil for a look, on the full hour as legacy's cron job comes by, so that
    /// an answer that comes before it counts on both sides. That goes for what was overdue when the wait began, too. A rule is due once;
    /// what a later look has passed over is not made up for.
    func dues(_ move: Move, since began: Timestamp) -> [(rule: Rule?, at: Timestamp)] {
        let earliest = began.roundedUpToHour
        let look = max((max(heardAt, checkedAt) + .hours(24)).roundedUpToHour, earliest)
        let once: [(Rule?, Timestamp)] = Self.rules(move).compactMap { rule in
            guard let moment = moment(rule), moment > checkedAt else { return nil }
            return (rule, max(moment, earliest))
        }
        switch move {
        case .party, .reviewer: return [(nil, look)] + once
        case .customerOrRegistry: return look > heardAt + .days(91) ? [] : [(nil, look)]
        case .nobody: return look > heardAt + .days(6) ? [] : [(nil, look)]
        case .colleague, .customer: return once
        }
    }

    private static func rules(_ move: Move) -> [Rule] {
        switch move {
        case .party: [.end, .expire]
        case .reviewer: [.remind, .end, .expire]
        case .colleague: [.expire]
        case .customer, .customerOrRegistry, .nobody: []
        }
    }

    /// When a rule is due.
    private func moment(_ rule: Rule) -> Timestamp? {
        let exact: Timestamp? =
            switch rule {
            case .remind: reminder
            case .end: end
            case .expire: context.entry.createdAt + .days(100)
            }
        return exact?.roundedUpToHour
    }

    /// Does what was due together with a look that has changed nothing.
    mutating func payOwed(_ move: Move, _ registration: inout Registration) async throws {
        let rules = owed.filter(Self.rules(move).contains)
        owed = []
        for rule in rules {
            switch rule {
            case .remind: try await perform(Self.remind, &registration)
            case .end: throw TimeIsUp.stage
            case .expire: throw TimeIsUp.registration
            }
        }
    }
}
