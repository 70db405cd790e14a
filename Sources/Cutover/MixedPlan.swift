import Events
import Outcomes

extension MigrationPlan {
    /// So many plans in which chance, by `seed`, says of every step that exists as durable code whether it is on stage legacy or durable.
    public func mixes(_ count: Int, seed: UInt64, for steps: ProcessSteps) -> [MigrationPlan] {
        var random = SeededRandom(seed: seed, label: "mixes")
        return (0..<count).map { mixed(&random, name: "mix-\($0 + 1)", for: steps) }
    }

    /// One of them, as often drawn anew as `steps` refuses what was drawn; the plan itself when that is always.
    private func mixed(_ random: inout SeededRandom, name: String, for steps: ProcessSteps) -> MigrationPlan {
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
