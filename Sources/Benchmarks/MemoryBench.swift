import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage

/// `lockstep-bench memory`
struct MemoryBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "Memory of workflows that are live in memory, and what is left of it after they have been evicted."
    )

    @Option(help: "Workflows that are live at once.") var workflows = 100_000
    @Option(help: "Rounds of start, signal, evict, replay and finish, to see whether anything stays.") var rounds = 10
    @Flag(help: "Give each an input of about 200 bytes.") var withPayload = false
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    private static let parked = WorkflowType("parked") { context, _ in
        _ = try await context.nextSignal(named: ["first"])
        _ = try await context.nextSignal(named: ["second"])
        return .null
    }

    func run() async throws {
        let path = Measuring.freshPath("memory")
        defer { Measuring.remove(path) }
        let database = try LockstepDatabase(path: path)
        // SQLite's page cache has a size of its own, which is not to be measured.
        _ = try database.setting("cache_size=-2000")
        let engine = EmbeddedEngine(
            store: SQLiteWorkflowStore(database), workflows: [Self.parked], activities: [],
            options: EngineOptions(maximumLive: workflows, isEager: true))
        try await park(engine, 0..<2000)
        engine.evictAll()
        let start = Self.settled()
        try await park(engine, workflows..<2 * workflows)
        let live = engine.liveCount
        let full = Measuring.residentBytes()
        let evicting = await Measuring.seconds { engine.evictAll() }
        let evicted = Self.settled()
        let growth = try await leak(engine)
        Measuring.report([
            "benchmark": "memory", "workflows": .integer(live), "startMB": Self.megabytes(start), "liveMB": Self.megabytes(full - start),
            "bytesEach": Measuring.rounded(Double(full - start) / Double(max(1, live)), 1), "evictSeconds": Measuring.rounded(evicting),
            "evictedMB": Self.megabytes(evicted), "evictedToStart": Measuring.rounded(Double(evicted) / Double(max(1, start))),
            "bytesLeftPerRun": Measuring.rounded(growth, 1),
        ])
    }

    private static func megabytes(_ bytes: Int) -> JSONValue { Measuring.rounded(Double(bytes) / 1_000_000, 1) }

    /// What is in use once the allocator has given back what is free.
    private static func settled() -> Int {
        #if canImport(Glibc)
            _ = trim(0)
        #endif
        return Measuring.residentBytes()
    }

    private func park(_ engine: EmbeddedEngine, _ numbers: Range<Int>) async throws {
        try await Measuring.inLanes(numbers) { [withPayload] number in
            try await engine.start(
                workflowID: "p\(number)", type: "parked", input: withPayload ? Registration.payload : .integer(number),
                options: WorkflowOptions(), at: SystemTime().now)
        }
    }

    private func signal(_ engine: EmbeddedEngine, _ numbers: Range<Int>, _ name: String) async throws {
        try await Measuring.inLanes(numbers) { number in
            try await engine.signal(
                workflowID: "p\(number)", signal: SignalMessage(id: name, name: name, payload: .null), at: SystemTime().now)
        }
    }

    /// Bytes that each run leaves behind that was started, signalled, evicted, replayed and finished.
    private func leak(_ engine: EmbeddedEngine) async throws -> Double {
        let size = 2000
        var before = 0
        for round in 0..<rounds {
            // The allocator finds its size in the first half.
            if round == rounds / 2 { before = Self.settled() }
            let numbers = (round + 1000) * 1_000_000..<(round + 1000) * 1_000_000 + size
            try await park(engine, numbers)
            engine.evictAll()
            try await signal(engine, numbers, "first")
            engine.evictAll()
            try await signal(engine, numbers, "second")
            engine.evictAll()
        }
        return Double(Self.settled() - before) / Double(max(1, (rounds - rounds / 2) * size))
    }
}

#if canImport(Glibc)
    /// Gives free memory back to the kernel: what is free is not yet returned.
    @_silgen_name("malloc_trim") private func trim(_ pad: Int) -> CInt
#endif
