import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage
import Synchronization

/// `lockstep-bench timers`
struct TimersBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "timers", abstract: "How late timers fire with many pending and others at work.")

    @Option(help: "Timers that are pending and not due.") var pending = 1_000_000
    @Option(help: "Timers that fall due while it is measured.") var due = 2000
    @Option(help: "Registrations under way at once, as load.") var concurrency = 8
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    func run() async throws {
        let path = Measuring.freshPath("timers")
        defer { Measuring.remove(path) }
        let store = SQLiteWorkflowStore(try LockstepDatabase(path: path))
        try await fill(store)
        let time = SystemTime()
        let lateness = Mutex<[Double]>([])
        let sleeper = WorkflowType("sleep") { context, input in
            let wake = context.now + .milliseconds(input.integer ?? 0)
            try await context.sleep(for: .milliseconds(input.integer ?? 0))
            if !context.isReplaying { lateness.withLock { $0.append(Double((time.now - wake).milliseconds)) } }
            return .null
        }
        let engine = EmbeddedEngine(
            store: store, workflows: [sleeper, Registration.workflow], activities: Registration.activities(),
            options: EngineOptions(isEager: true), time: time)
        let worker = WorkflowWorker(engine: engine, activitySlots: 64)
        let running = Task { try await worker.run() }
        var random = SeededRandom(seed: 7)
        for number in 0..<due {
            try await engine.start(
                workflowID: "t\(number)", type: "sleep", input: .integer(Int.random(in: 1000...6000, using: &random)),
                options: WorkflowOptions())
        }
        let load = loadInBackground(engine)
        while lateness.withLock({ $0.count }) < due { try await Task.sleep(for: .milliseconds(50)) }
        load.cancel()
        let done = (try? await load.value) ?? 0
        worker.stop()
        try await running.value
        let late = lateness.withLock { $0 }
        Measuring.report([
            "benchmark": "timers", "pending": .integer(pending), "due": .integer(due), "registrationsMeanwhile": .integer(done),
            "p50Milliseconds": Measuring.rounded(Measuring.quantile(late, 0.5), 1),
            "p99Milliseconds": Measuring.rounded(Measuring.quantile(late, 0.99), 1),
            "maximumMilliseconds": Measuring.rounded(late.max() ?? 0, 1),
            "residentMiB": .integer(Measuring.residentBytes() / 1_048_576),
        ])
    }

    /// Timers of workflows that sleep for a hundred days, written as the engine writes them.
    private func fill(_ store: SQLiteWorkflowStore) async throws {
        let far = SystemTime().now + .days(100)
        for start in stride(from: 0, to: pending, by: 10_000) {
            var change = WorkflowChange()
            change.due = (start..<min(start + 10_000, pending)).map { number in
                let key = DueItem.Key(
                    at: far + .milliseconds(number), run: Int64(1_000_000_000 + number), event: 5, kind: .timer)
                return DueItem(key: key, workflowID: "parked\(number)")
            }
            try await store.commit([change])
        }
    }

    private func loadInBackground(_ engine: EmbeddedEngine) -> Task<Int, any Error> {
        let clients = concurrency
        return Task {
            let done = Guarded(0)
            await withTaskGroup(of: Void.self) { group in
                for client in 0..<clients {
                    group.addTask {
                        var number = 0
                        while !Task.isCancelled {
                            number += 1
                            let id = "r\(client)-\(number)"
                            do {
                                try await engine.start(
                                    workflowID: id, type: "registration", input: Registration.payload, options: WorkflowOptions())
                                for signal in ["brand", "review", "number"] {
                                    try await engine.signal(
                                        workflowID: id, signal: SignalMessage(id: signal, name: signal, payload: Registration.payload))
                                }
                                _ = try await engine.result(workflowID: id)
                                done.change { $0 += 1 }
                            } catch { return }
                        }
                    }
                }
            }
            return done.change { $0 }
        }
    }
}
