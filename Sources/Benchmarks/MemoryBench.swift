import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage

/// `lockstep-bench memory`
struct MemoryBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "Memory of workflows that are live in memory, and what is left of it after they have been evicted."
    )

    /// What the workflows do.
    enum Shape: String, ExpressibleByArgument, CaseIterable {
        /// It waits for two signals.
        case parked
        /// The workload of the other benchmarks, in its middle: four activities have run, three are to come.
        case registration
    }

    @Option(help: "Workflows that are live at once.") var workflows = 100_000
    @Option(help: "Rounds of start, signal, evict, replay and finish, to see whether anything stays.") var rounds = 20
    @Option(help: "What the workflows do: parked waits for a signal, registration has run four of seven activities.") var shape = Shape
        .parked
    @Flag(help: "Give each an input of about 200 bytes.") var withPayload = false
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    /// Workflows that are started and evicted before anything is measured. SQLite's page cache is full then, as it is for good in a process
    /// that works: 2 MB in blocks of a page, each of which holds on to two pages of memory. With fewer it would grow meanwhile, and
    /// what it takes would look like something that workflows leave behind.
    private static let warmUp = 10_000

    private static let parked = WorkflowType("parked") { context, _ in
        _ = try await context.nextSignal(named: ["first"])
        _ = try await context.nextSignal(named: ["second"])
        return .null
    }

    func run() async throws {
        Allocator.keepNothingSpare()
        let path = Measuring.freshPath("memory")
        defer { Measuring.remove(path) }
        let database = try LockstepDatabase(path: path)
        // SQLite's page cache has a size of its own, which is not to be measured.
        _ = try database.setting("cache_size=-2000")
        let engine = EmbeddedEngine(
            store: SQLiteWorkflowStore(database), workflows: [Self.parked, Registration.workflow], activities: Registration.activities(),
            options: EngineOptions(maximumLive: max(workflows, Self.warmUp), isEager: true))
        try await park(engine, 0..<Self.warmUp)
        engine.evictAll()
        let start = Allocator.settledBytes()
        let startHeap = Allocator.bytesInUse()
        try await park(engine, Self.warmUp..<Self.warmUp + workflows)
        let live = engine.liveCount
        let full = Measuring.residentBytes()
        let fullHeap = Allocator.bytesInUse()
        let evicting = await Measuring.seconds { engine.evictAll() }
        let evicted = Allocator.settledBytes()
        let evictedHeap = Allocator.bytesInUse()
        let growth = try await leak(engine)
        Measuring.report([
            "benchmark": "memory", "shape": .string(shape.rawValue), "workflows": .integer(live), "startMB": Self.megabytes(start),
            "liveMB": Self.megabytes(full - start), "heapLiveMB": Self.megabytes(fullHeap - startHeap),
            "bytesEach": Measuring.rounded(Double(full - start) / Double(max(1, live)), 1),
            "evictSeconds": Measuring.rounded(evicting), "evictedMB": Self.megabytes(evicted),
            "evictedToStart": Measuring.rounded(Double(evicted) / Double(max(1, start))),
            "heapEvictedToStart": Measuring.rounded(Double(evictedHeap) / Double(max(1, startHeap))),
            "bytesLeftPerRun": Measuring.rounded(growth, 1),
        ])
    }

    private static func megabytes(_ bytes: Int) -> JSONValue { Measuring.rounded(Double(bytes) / 1_000_000, 1) }

    // MARK: Filling

    /// Starts workflows and brings them to where they wait.
    private func park(_ engine: EmbeddedEngine, _ numbers: Range<Int>) async throws {
        try await start(engine, numbers, shape)
        guard shape == .registration else { return }
        try await signal(engine, numbers, "brand")
        let worker = WorkflowWorker(engine: engine)
        let working = Task { try await worker.run() }
        // Each waits for its second signal then.
        for number in numbers {
            while engine.awaited(by: "p\(number)")?.first?.signals != ["review"] { try await Task.sleep(for: .milliseconds(10)) }
        }
        worker.stop()
        try await working.value
    }

    private func start(_ engine: EmbeddedEngine, _ numbers: Range<Int>, _ shape: Shape) async throws {
        try await Measuring.inLanes(numbers) { [withPayload] number in
            try await engine.start(
                workflowID: "p\(number)", type: shape.rawValue,
                input: withPayload || shape == .registration ? Registration.payload : .integer(number),
                options: WorkflowOptions())
        }
    }

    private func signal(_ engine: EmbeddedEngine, _ numbers: Range<Int>, _ name: String) async throws {
        try await Measuring.inLanes(numbers) { number in
            try await engine.signal(
                workflowID: "p\(number)", signal: SignalMessage(id: name, name: name, payload: .null))
        }
    }

    // MARK: What stays

    /// Bytes that each run leaves behind that was started, signalled, evicted, replayed and finished.
    ///
    /// Caches find their size in the first half of the rounds. What stays is the slope of a line through what the allocator has given out
    /// after each round of the second half: what comes and goes cancels itself, a byte that each run keeps does not.
    private func leak(_ engine: EmbeddedEngine) async throws -> Double {
        let size = 2000
        var points: [(runs: Double, bytes: Double)] = []
        for round in 0..<rounds {
            let numbers = (round + 1000) * 1_000_000..<(round + 1000) * 1_000_000 + size
            try await start(engine, numbers, .parked)
            engine.evictAll()
            try await signal(engine, numbers, "first")
            engine.evictAll()
            try await signal(engine, numbers, "second")
            engine.evictAll()
            if round >= rounds / 2 { points.append((Double(round * size), Double(Allocator.bytesInUse()))) }
        }
        return Self.slope(points)
    }

    /// Of the line with the least squares.
    private static func slope(_ points: [(runs: Double, bytes: Double)]) -> Double {
        let count = Double(max(1, points.count))
        let runs = points.map(\.runs).reduce(0, +) / count
        let bytes = points.map(\.bytes).reduce(0, +) / count
        let spread = points.map { ($0.runs - runs) * ($0.runs - runs) }.reduce(0, +)
        return points.map { ($0.runs - runs) * ($0.bytes - bytes) }.reduce(0, +) / max(1, spread)
    }
}
