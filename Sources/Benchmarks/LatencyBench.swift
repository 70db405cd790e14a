import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage

/// `lockstep-bench latency`
struct LatencyBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency", abstract: "From start to result at a share of the peak rate, beside the commits of bare SQLite.",
        discussion: """
            The peak is measured first, in the same run, with 256 at once. Then registrations are started at the given share of it, whether \
            or not those before them have ended. The floor of a registration is the time that bare SQLite takes for the transactions that it \
            was part of, one after another, without any wait.
            """)

    @Option(help: "The share of the peak rate at which registrations are started.") var share = 0.5
    @Option(help: "Registrations of the peak, and of the measurement.") var registrations = 4000
    @Option(help: "How often; the medians are printed last.") var runs = 3
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    func run() async throws {
        var p99s: [Double] = []
        for number in 1...max(1, runs) { p99s.append(try await once(number)) }
        Measuring.report([
            "benchmark": "latency", "share": Measuring.rounded(share),
            "medianP99Milliseconds": Measuring.rounded(Measuring.quantile(p99s, 0.5), 2),
        ])
    }

    private func once(_ number: Int) async throws -> Double {
        let peak = try await peak()
        let (groups, latencies) = try await steady(peak * share)
        let floor = try floor(groups)
        func milliseconds(_ values: [Double], _ share: Double) -> Double { Measuring.quantile(values, share) * 1000 }
        Measuring.report([
            "benchmark": "latency", "run": .integer(number), "peakPerSecond": Measuring.rounded(peak, 1),
            "startedPerSecond": Measuring.rounded(peak * share, 1), "registrations": .integer(latencies.count),
            "p50Milliseconds": Measuring.rounded(milliseconds(latencies, 0.5), 2),
            "p99Milliseconds": Measuring.rounded(milliseconds(latencies, 0.99), 2),
            "floorP50Milliseconds": Measuring.rounded(milliseconds(floor.registrations, 0.5), 2),
            "floorP99Milliseconds": Measuring.rounded(milliseconds(floor.registrations, 0.99), 2),
            "floorCommitP99Milliseconds": Measuring.rounded(milliseconds(floor.commits, 0.99), 2), "commits": .integer(groups.count),
        ])
        return milliseconds(latencies, 0.99)
    }

    private func peak() async throws -> Double {
        let path = Measuring.freshPath("latency-peak")
        defer { Measuring.remove(path) }
        let engine = Registrations(SQLiteWorkflowStore(try LockstepDatabase(path: path)))
        return Double(registrations) / (try await engine.run(registrations, concurrency: 256).seconds)
    }

    /// What was committed, and how long each registration took.
    private func steady(_ rate: Double) async throws -> ([[WorkflowChange]], [Double]) {
        let path = Measuring.freshPath("latency")
        defer { Measuring.remove(path) }
        let store = RecordingStore(SQLiteWorkflowStore(try LockstepDatabase(path: path)))
        let latencies = try await Registrations(store).run(registrations, perSecond: rate)
        return (store.recorded, latencies)
    }

    /// Bare SQLite doing the same: the time of each transaction, and of all those that a registration was part of.
    private func floor(_ groups: [[WorkflowChange]]) throws -> (commits: [Double], registrations: [Double]) {
        let path = Measuring.freshPath("latency-floor")
        defer { Measuring.remove(path) }
        _ = try LockstepDatabase(path: path)
        let floor = try Floor(path: path)
        defer { floor.close() }
        var commits: [Double] = []
        var registrations: [Int64: Double] = [:]
        for group in groups {
            let began = ContinuousClock.now
            try floor.write(group)
            commits.append(Measuring.seconds(ContinuousClock.now - began))
            for key in Set(group.flatMap(\.runs).map(\.run.key)) { registrations[key, default: 0] += commits[commits.count - 1] }
        }
        return (commits, Array(registrations.values))
    }
}
