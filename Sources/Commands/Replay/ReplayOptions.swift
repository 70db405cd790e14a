import ArgumentParser
import Cutover
import Events

/// What `lockstep compare` is asked to show in full.
struct ReplayOptions: ParsableArguments {
    @Flag(help: "Play the inputs in memory, and show what both paths did, side by side.")
    var replay = false

    @Option(help: ArgumentHelp("With --replay: show this one alone.", valueName: "id"))
    var entity: String?

    @Flag(help: "With --replay: show also what does not differ.")
    var all = false

    func validate() throws {
        guard replay || (entity == nil && !all) else {
            throw ValidationError("--entity and --all say what a replay shows: give them with --replay")
        }
    }

    func replaying(_ plan: MigrationPlan, at now: Timestamp) -> Replaying {
        Replaying(plan: plan, moment: now, entity: entity.map { EntityID($0) }, wantsAll: all)
    }
}
