extension MigrationPlan {
    /// A service does not let go of an entity that has come to a final state.
    func endProblems(_ step: PlannedStep, _ process: ProcessSteps) -> [String] {
        guard process.isService, step.stage.isMoved, let last = process.legacy.max(), step.number > last else { return [] }
        return [
            says(
                "expected a legacy machine in this process, since the step lies behind the machine's last one, \(last), found one that is a"
                    + " service; put the step before \(last), or on stage legacy", step: step.number)
        ]
    }

    /// What is made up for is a step that legacy never had, that durable runs, and whose code says where.
    func retroactiveProblems(_ step: PlannedStep, _ process: ProcessSteps) -> [String] {
        guard step.isRetroactive else { return [] }
        if !step.isAdded {
            return [
                says(
                    "expected 'retroactive' at a step that is added, found it at one that everybody has passed; remove it",
                    step: step.number)
            ]
        }
        if !step.stage.isMoved {
            return [
                says(
                    "expected 'retroactive' on stage canary, durable or retired, found it on stage \(step.stage), on which nobody runs an"
                        + " added step; remove it, or move the step", step: step.number)
            ]
        }
        if process.durable.contains(step.number), !process.madeUp.contains(step.number) {
            return [
                says(
                    "expected code that says where an entity that is past the step makes up for it, as 'retroactive' needs, found none;"
                        + " give the DurableStep 'madeUp(before:in:)', or remove 'retroactive'", step: step.number)
            ]
        }
        guard process.isService else { return [] }
        return [
            says(
                "expected a legacy machine in this process, since 'retroactive' takes entities from the middle of its steps, found one that"
                    + " is a service; remove it", step: step.number)
        ]
    }
}
