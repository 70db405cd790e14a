import ArgumentParser
import Bridge
import CoreMetrics
import DurableWorkflow
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import Logging
import MetricsEndpoint
import Synchronization

/// How a command is watched while it runs.
struct WatchOptions: ParsableArguments {
    @Option(help: "Metrics for Prometheus: a file that is renewed every few seconds, or HOST:PORT that answers GET /metrics.")
    var metrics: String?

    @Option(help: "Log the durable engine to standard error from this level on: debug, info, warning, error.")
    var log: String?

    func validate() throws {
        guard let log, Logger.Level(rawValue: log) == nil else { return }
        throw ValidationError("--log: expected one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")), found \(log)")
    }

    /// Throws when the file for metrics holds something else.
    func watching() throws -> Watching {
        let destination = metrics.map(MetricsDestination.init)
        if case .file(let path)? = destination { try Self.requireMetrics(path) }
        return Watching(metrics: destination, log: log.flatMap { Logger.Level(rawValue: $0) })
    }

    /// A file of metrics is written anew every few seconds: it must not be one that holds something else.
    private static func requireMetrics(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        let found = try? ByteLines(path: path).next()
        guard let found else { return }
        let words = found.text?.split(separator: " ") ?? []
        guard words.count > 2, words[0] == "#", words[1] == "HELP" || words[1] == "TYPE" else {
            throw CommandFailure(
                .usage, "\(path): expected a file of metrics or none, found one that holds something else; name another with --metrics")
        }
    }
}

/// Where a run's metrics and logs go.
struct Watching {
    let telemetry: Telemetry
    private let metrics: (registry: PrometheusRegistry, to: MetricsDestination)?

    init(metrics destination: MetricsDestination?, log: Logger.Level?) {
        let registry = PrometheusRegistry(help: EngineMetric.helpByName)
        metrics = destination.map { (registry, $0) }
        var logger: Logger?
        if let log {
            logger = Logger(label: "lockstep", factory: { StreamLogHandler.standardError(label: $0) })
            logger?.logLevel = log
        }
        telemetry = Telemetry(metrics: destination.map { _ in registry } ?? NOOPMetricsHandler.instance, logger: logger)
    }

    /// Shows the metrics of a run while `body` goes on.
    func during<State: MachineState, Record: Codable & Sendable, Value>(
        _ run: AppRun<State, Record>, service: BridgeService<State, Record>? = nil, _ body: () async throws -> Value
    ) async throws -> Value {
        guard let metrics else { return try await body() }
        let router = RouterMetrics(metrics.registry)
        let reporter = MetricsReporter(metrics.registry, to: metrics.to) {
            run.engine.updateGauges()
            if let service { router.update(service.health) }
            router.update(try await run.store.counters(), deadLetters: try await run.store.deadLetters())
        }
        return try await reporter.run(onReady: { Console.error("\(Program.name): metrics at \($0)") }, body)
    }
}

/// The counters that the router keeps in the store, as metrics: `handOffs` is `lockstep_hand_offs_total`. They go on where the database
/// stands, so a restart does not set them back.
final class RouterMetrics: Sendable {
    private let factory: any MetricsFactory
    private let known = Mutex<[String: Int]>([:])

    init(_ factory: any MetricsFactory) { self.factory = factory }

    func update(_ counters: [String: Int], deadLetters: [String: Int]) {
        known.withLock { known in
            for (name, count) in counters {
                Counter(label: Self.name(name), factory: factory).increment(by: count - (known[name] ?? 0))
                known[name] = count
            }
        }
        for (reason, count) in deadLetters {
            Meter(label: "lockstep_dead_letters", dimensions: [("reason", reason)], factory: factory).set(count)
        }
    }

    /// How a service that runs live is.
    func update(_ health: ServiceHealth) {
        let figures = [
            "live": health.isLive ? 1 : 0, "ready": health.isReady ? 1 : 0, "busy_lanes": health.busyLanes,
            "busy_workers": health.busyWorkers, "busy_relays": health.busyRelays, "waiting_events": health.waitingEvents,
            "waiting_deliveries": health.waitingDeliveries, "set_aside": health.setAside,
        ]
        for (name, value) in figures { Meter(label: "lockstep_service_\(name)", factory: factory).set(value) }
    }

    static func name(_ counter: String) -> String {
        "lockstep_" + counter.map { $0.isUppercase ? "_\($0.lowercased())" : String($0) }.joined() + "_total"
    }
}
