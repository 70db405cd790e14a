import DurableWorkflow
import Events
import Synchronization
import Testing

/// A machine whose wall clock is set while workflows sleep under a real worker.
@Suite struct ClockJumpTests {
    /// The two clocks of a machine, moved by hand, in milliseconds.
    private final class Machine: Sendable {
        private let state = Mutex((wall: Int64(1_772_442_000_000), uptime: Int64(5_000_000)))

        func time() -> SystemTime {
            SystemTime(wall: { self.state.withLock { $0.wall } }, uptime: { self.state.withLock { $0.uptime } })
        }

        /// Time passes.
        func pass(_ duration: Duration) {
            state.withLock { $0 = ($0.wall + duration.inMilliseconds, $0.uptime + duration.inMilliseconds) }
        }

        /// Somebody sets the wall clock.
        func set(by duration: Duration) { state.withLock { $0.wall += duration.inMilliseconds } }
    }

    private static let day = Duration.seconds(86_400)
    private static let hour = Duration.seconds(3600)

    private static let sleeper = WorkflowType("sleeper") { context, input in
        let began = context.now
        try await context.sleep(for: .seconds(input.integer ?? 0))
        return .integer(Int((context.now - began) / .milliseconds(1)))
    }

    /// An engine with a worker on a machine, and workflows that sleep for one to `count` hours.
    private struct Sleepers {
        let machine = Machine()
        let store = InMemoryWorkflowStore()
        let time: SystemTime
        let engine: EmbeddedEngine
        let worker: WorkflowWorker
        let running: Task<Void, any Error>

        init(_ count: Int) async throws {
            time = machine.time()
            let engine = EmbeddedEngine(
                store: store, workflows: [ClockJumpTests.sleeper], activities: [], options: EngineOptions(isEager: true),
                time: time)
            self.engine = engine
            // Short, so that a test need not wait for a minute to see what is seen after a minute.
            let worker = WorkflowWorker(engine: engine, longestSleep: .milliseconds(5))
            self.worker = worker
            running = Task { try await worker.run() }
            for hours in 1...count {
                try await engine.start(
                    workflowID: "w\(hours)", type: "sleeper", input: .integer(hours * 3600), options: WorkflowOptions())
            }
        }

        /// How long it slept, in engine time.
        func slept(_ hours: Int) async throws -> Duration {
            .milliseconds(try await engine.result(workflowID: "w\(hours)")?.json().integer ?? 0)
        }

        func isOpen(_ hours: Int) async throws -> Bool { try await store.run("w\(hours)")?.status == .running }

        func stop() async throws {
            worker.stop()
            try await running.value
            for run in try await store.runs() {
                #expect(try await store.history(run.key).count { $0.kind == .timerFired } <= 1, "\(run.workflowID) fired twice")
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func aJumpForwardFiresWhatIsDueAndNothingElse() async throws {
        let sleepers = try await Sleepers(30)
        sleepers.machine.set(by: Self.day)
        for hours in 1...24 { #expect(try await sleepers.slept(hours) >= Self.hour * hours) }
        for hours in 25...30 { #expect(try await sleepers.isOpen(hours), "its time has not come, however long the jump") }
        sleepers.machine.pass(Self.hour * 6)
        for hours in 25...30 { #expect(try await sleepers.slept(hours) == Self.day + Self.hour * 6) }
        try await sleepers.stop()
    }

    @Test(.timeLimit(.minutes(10))) func aJumpBackNeitherFreezesNorRepeats() async throws {
        let sleepers = try await Sleepers(3)
        sleepers.machine.pass(Self.hour)
        #expect(try await sleepers.slept(1) == Self.hour)
        sleepers.machine.set(by: .zero - Self.day)
        for hours in 2...3 { #expect(try await sleepers.isOpen(hours)) }
        for hours in 2...3 {
            sleepers.machine.pass(Self.hour)
            #expect(try await sleepers.slept(hours) == Self.hour * hours, "the time that has passed counts, the clock does not")
        }
        try await sleepers.stop()
    }

    @Test(.timeLimit(.minutes(10))) func jumpsToAndFroLoseNoTimer() async throws {
        let sleepers = try await Sleepers(72)
        var random = SeededRandom(seed: 7)
        for _ in 0..<72 {
            sleepers.machine.set(by: random.chance(0.5) ? Self.day : .zero - Self.day)
            sleepers.machine.pass(Self.hour)
            await Task.yield()
        }
        for hours in 1...72 { #expect(try await sleepers.slept(hours) >= Self.hour * hours) }
        try await sleepers.stop()
    }
}

extension Duration {
    fileprivate var inMilliseconds: Int64 { Int64(self / .milliseconds(1)) }
}
