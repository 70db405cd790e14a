import ArgumentParser
import Events

/// `lockstep-bench`: prints JSON lines, each figure beside the floor that was measured in the same run.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lockstep-bench", abstract: "Measures the bridge and the durable engine beside bare SQLite.",
        subcommands: [
            BridgeBench.self, DurableBench.self, LatencyBench.self, ReplayBench.self, ParkedBench.self, MemoryBench.self, TimersBench.self,
            RateLimitBench.self, WaitingBench.self, SoakBench.self, CompareBench.self,
        ])
}
