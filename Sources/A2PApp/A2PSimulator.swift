import A2PRegistration
import BridgeTesting
import Commands
import Cutover
import Events
import Migrations

/// The simulated outside of the built-in domain, for `generate` and `simulate`.
struct A2PSimulator: AppSimulation {
    /// Runs the registrations in hybrid mode against the simulator and returns what was delivered.
    func record(_ numbers: ClosedRange<Int>, seed: UInt64) async throws -> [TraceLine] {
        let simulator = Simulator(seed: seed)
        let start = Timestamp(milliseconds: 1_772_442_000_000)  // 2026-03-02T09:00:00Z
        for number in numbers {
            let digits = String(number)
            let id = EntityID("R-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits)
            simulator.open(id, at: start + .milliseconds(Int64(number) * 36_000))
        }
        let plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        let run = try A2PRun(.init(mode: .hybrid, plan: plan, database: ":memory:", simulator: simulator))
        let opening = simulator.takeLines().sorted { $0.receivedAt < $1.receivedAt }
        try await run.play(opening)
        return simulator.trace
    }

    func run(_ settings: SimulationSettings, progress: (Int, Timestamp) -> Void) async throws -> (run: SimulationRun, seconds: Double) {
        try await A2PSimulation(settings).run(progress: progress)
    }

    func entity(_ number: Int) -> EntityID { EntityID("R-\(number)") }
}
