public import Events
import Outcomes

extension MigrationPlan {
    /// The plan with every step that exists as durable code at random on stage legacy or durable, as often drawn anew as `steps` refuses what
    /// was drawn; the plan itself when that is always.
    public func mixed(_ random: inout SeededRandom, name: String, for steps: ProcessSteps) -> MigrationPlan {
        for _ in 0..<100 {
            var drawn = self
            drawn.name = name
            for index in drawn.steps.indices where steps.durable.contains(drawn.steps[index].number) {
                drawn.steps[index].stage = random.chance(0.5) ? .durable : .legacy
            }
            if (try? drawn.check(against: steps)) != nil { return drawn }
        }
        return self
    }
}
