import Events
import ShadowComparator

extension MigrationPlan {
    /// An intended difference that cannot be: legacy does not drop that event there, or has no state of that name.
    func partingProblems(_ step: PlannedStep, _ process: ProcessSteps) -> [String] {
        step.rules.flatMap { rule -> [String] in
            guard case .parting(let parting) = rule.scope else { return [] }
            return problems(of: parting, process).map { says("\(rule.purpose.rawValue) difference, \($0)", step: step.number) }
        }
    }

    private func problems(of parting: Parting, _ process: ProcessSteps) -> [String] {
        let unknown = Set(parting.ends.flatMap { [$0.key] + $0.value } + [parting.state]).subtracting(process.unhandled.keys).sorted()
        guard unknown.isEmpty else {
            return [
                "expected states of the machine \(process.machine), found \(unknown.joined(separator: ", ")); correct 'in' and 'ends',"
                    + " see 'machine'"
            ]
        }
        guard process.unhandled[parting.state]?.contains(parting.event) != true else { return [] }
        return [
            "expected an event that the machine \(process.machine) drops in \(parting.state), found \(parting.event), which it handles"
                + " there or does not know; correct 'event', see 'machine --matrix'"
        ]
    }
}
