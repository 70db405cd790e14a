import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage

/// `lockstep-bench parked`
struct ParkedBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parked", abstract: "Memory per workflow that waits, and the speed of new work beside an empty database.")

    @Option(help: "Workflows that wait.") var workflows = 1_000_000
    @Option(help: "New workflows to measure with.") var measured = 8000
    @Option(help: "How often, in turn with an empty database; the median of the ratios is printed last.") var runs = 3
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    private static let parked = WorkflowType("parked") { context, _ in
        _ = try await context.nextSignal(named: ["go"])
        return .null
    }

    func run() async throws {
        let path = Measuring.freshPath("parked")
        defer { Measuring.remove(path) }
        let registrations = try registrations(path)
        let (bytesEach, parkingPerSecond) = try await park(on: registrations.engine)
        var ratios: [Double] = []
        for number in 1...max(1, runs) {
            let empty = try await speedOfEmpty()
            let full = try await speed(registrations, prefix: "r\(number)-")
            ratios.append(full / empty)
            Measuring.report([
                "benchmark": "parked", "run": .integer(number), "workflows": .integer(workflows),
                "perSecond": Measuring.rounded(full, 1), "emptyPerSecond": Measuring.rounded(empty, 1),
                "ratio": Measuring.rounded(full / empty),
            ])
        }
        Measuring.report([
            "benchmark": "parked", "workflows": .integer(workflows), "bytesEach": Measuring.rounded(bytesEach, 1),
            "parkingPerSecond": Measuring.rounded(parkingPerSecond, 1),
            "medianRatio": Measuring.rounded(Measuring.quantile(ratios, 0.5)),
        ])
    }

    private func registrations(_ path: String) throws -> Registrations {
        Registrations(SQLiteWorkflowStore(try LockstepDatabase(path: path)), others: [Self.parked], maximumLive: 1000)
    }

    /// Parks the workflows; the bytes that each takes in memory, and how many were parked a second.
    private func park(on engine: EmbeddedEngine) async throws -> (bytesEach: Double, perSecond: Double) {
        let now = SystemTime().now
        // The first half fills SQLite's page cache, which has a fixed size; what the second half adds is the workflows' own.
        try await start(engine, 0..<workflows / 2, "p", at: now)
        engine.evictAll()
        let before = Measuring.residentBytes()
        let seconds = try await Measuring.seconds { try await start(engine, workflows / 2..<workflows, "q", at: now) }
        engine.evictAll()
        let half = Double(max(1, workflows - workflows / 2))
        return (Double(max(0, Measuring.residentBytes() - before)) / half, half / seconds)
    }

    /// New work a second on a database of its own. A few workflows are parked before it, so that its files have their first pages.
    private func speedOfEmpty() async throws -> Double {
        let path = Measuring.freshPath("empty")
        defer { Measuring.remove(path) }
        let registrations = try registrations(path)
        try await start(registrations.engine, 0..<2000, "p", at: SystemTime().now)
        registrations.engine.evictAll()
        return try await speed(registrations, prefix: "r")
    }

    private func speed(_ registrations: Registrations, prefix: String) async throws -> Double {
        // What the kernel still has to write of the work before is not to be paid by this.
        Measuring.settleDisk()
        return Double(measured) / (try await registrations.run(measured, concurrency: 64, prefix: prefix).seconds)
    }

    /// Starts many at once, so that they share commits.
    private func start(_ engine: EmbeddedEngine, _ numbers: Range<Int>, _ prefix: String, at now: Timestamp) async throws {
        try await Measuring.inLanes(numbers) { number in
            try await engine.start(
                workflowID: "\(prefix)\(number)", type: "parked", input: Registration.payload, options: WorkflowOptions(), at: now)
        }
    }
}
