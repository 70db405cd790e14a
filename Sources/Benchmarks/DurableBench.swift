import ArgumentParser
import DurableWorkflow
import Events
import MetricsEndpoint
import SQLiteStorage

/// `lockstep-bench durable`
struct DurableBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "durable", abstract: "Registrations a second at a given concurrency, beside bare SQLite doing the same commits.")

    @Option(help: "Registrations under way at once.") var concurrency = 64
    @Option(help: "Registrations in all.") var registrations = 4000
    @Option(help: "How often; the median of the ratios is printed last.") var runs = 3
    @Flag(help: "Record the engine's metrics.") var metrics = false
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    func run() async throws {
        var ratios: [Double] = []
        for number in 1...max(1, runs) { ratios.append(try await once(number)) }
        Measuring.report([
            "benchmark": "durable", "concurrency": .integer(concurrency), "medianRatio": Measuring.rounded(Measuring.quantile(ratios, 0.5)),
        ])
    }

    private func once(_ number: Int) async throws -> Double {
        let path = Measuring.freshPath("durable")
        defer { Measuring.remove(path) }
        let (groups, seconds, latencies) = try await ours(path)
        let floor = try await floor(groups)
        let adapter = try await adapter(groups)
        let ratio = floor / seconds
        let rows = groups.joined().reduce(0) { $0 + $1.runs.count * 2 + $1.due.count + $1.done.count }
        let bytes = groups.joined().flatMap(\.runs).reduce(0) { $0 + ($1.batch?.count ?? 0) }
        let events = groups.joined().flatMap(\.runs).filter { $0.run.status == .completed }.reduce(0) { $0 + $1.run.length }
        Measuring.report([
            "benchmark": "durable", "run": .integer(number), "concurrency": .integer(concurrency), "registrations": .integer(registrations),
            "perSecond": Measuring.rounded(Double(registrations) / seconds, 1),
            "floorPerSecond": Measuring.rounded(Double(registrations) / floor, 1), "ratio": Measuring.rounded(ratio),
            "storePerSecond": Measuring.rounded(Double(registrations) / adapter, 1),
            "p50Milliseconds": Measuring.rounded(Measuring.quantile(latencies, 0.5) * 1000, 2),
            "p99Milliseconds": Measuring.rounded(Measuring.quantile(latencies, 0.99) * 1000, 2), "commits": .integer(groups.count),
            "rows": .integer(rows), "historyBytes": .integer(bytes), "eventsEach": .integer(events / max(1, registrations)),
            "residentMiB": .integer(Measuring.residentBytes() / 1_048_576),
        ])
        return ratio
    }

    /// Our engine; what it committed, the time it took, and how long each registration took.
    private func ours(_ path: String) async throws -> ([[WorkflowChange]], Double, [Double]) {
        let store = RecordingStore(SQLiteWorkflowStore(try LockstepDatabase(path: path)))
        let telemetry = Telemetry(metrics: metrics ? PrometheusRegistry() : nil)
        let (seconds, latencies) = try await Registrations(store, telemetry: telemetry).run(registrations, concurrency: concurrency)
        return (store.recorded, seconds, latencies)
    }

    /// Bare SQLite doing the same; its seconds.
    private func floor(_ groups: [[WorkflowChange]]) async throws -> Double {
        let path = Measuring.freshPath("floor")
        defer { Measuring.remove(path) }
        _ = try LockstepDatabase(path: path)
        let floor = try Floor(path: path)
        defer { floor.close() }
        return try await Measuring.seconds { for group in groups { try floor.write(group) } }
    }

    /// Our store doing the same, without the engine; its seconds.
    private func adapter(_ groups: [[WorkflowChange]]) async throws -> Double {
        let path = Measuring.freshPath("store")
        defer { Measuring.remove(path) }
        let store = SQLiteWorkflowStore(try LockstepDatabase(path: path))
        return try await Measuring.seconds { for group in groups { try await store.commit(group) } }
    }
}
