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
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    private static let parked = WorkflowType("parked") { context, _ in
        _ = try await context.nextSignal(named: ["go"])
        return .null
    }

    func run() async throws {
        let empty = try await speed(Measuring.freshPath("empty"), parked: 0)
        let full = try await speed(Measuring.freshPath("parked"), parked: workflows)
        Measuring.report([
            "benchmark": "parked", "workflows": .integer(workflows), "bytesEach": Measuring.rounded(full.bytesEach, 1),
            "perSecond": Measuring.rounded(full.perSecond, 1), "emptyPerSecond": Measuring.rounded(empty.perSecond, 1),
            "ratio": Measuring.rounded(full.perSecond / empty.perSecond), "parkingPerSecond": Measuring.rounded(full.parkingPerSecond, 1),
        ])
    }

    private func speed(_ path: String, parked: Int) async throws -> (perSecond: Double, bytesEach: Double, parkingPerSecond: Double) {
        defer { Measuring.remove(path) }
        let registrations = Registrations(
            SQLiteWorkflowStore(try LockstepDatabase(path: path)), others: [Self.parked], maximumLive: 1000)
        let engine = registrations.engine
        let now = SystemTime().now
        // The first half fills SQLite's page cache, which has a fixed size; what the second half adds is the workflows' own.
        try await start(engine, 0..<max(2000, parked / 2), "p", at: now)
        engine.evictAll()
        let before = Measuring.residentBytes()
        let parking = try await Measuring.seconds { try await start(engine, parked / 2..<max(parked / 2, parked), "q", at: now) }
        engine.evictAll()
        let bytes = Double(max(0, Measuring.residentBytes() - before)) * 2
        // What the kernel still has to write of the parking is not to be paid by the new work.
        Measuring.settleDisk()
        let seconds = try await registrations.run(measured, concurrency: 64).seconds
        return (Double(measured) / seconds, parked == 0 ? 0 : bytes / Double(parked), parked == 0 ? 0 : Double(parked) / 2 / parking)
    }

    /// Starts many at once, so that they share commits.
    private func start(_ engine: EmbeddedEngine, _ numbers: Range<Int>, _ prefix: String, at now: Timestamp) async throws {
        try await Measuring.inLanes(numbers) { number in
            try await engine.start(
                workflowID: "\(prefix)\(number)", type: "parked", input: Registration.payload, options: WorkflowOptions(), at: now)
        }
    }
}
