import DurableWorkflow
import Events
import Synchronization

/// An engine with a worker, and clients that run registrations on it.
struct Registrations {
    let engine: EmbeddedEngine

    /// An engine on `store` that knows `others` too, and tells `telemetry` what it does.
    init(_ store: any WorkflowStore, others: [WorkflowType] = [], maximumLive: Int = 1000, telemetry: Telemetry = Telemetry()) {
        let made = Guarded<EmbeddedEngine?>(nil)
        let activities = Registration.activities { name, workflow, _ in
            guard let signal = Registration.signals[name], let engine = made.change({ $0 }) else { return }
            Task {
                try await engine.signal(
                    workflowID: workflow, signal: SignalMessage(id: signal, name: signal, payload: Registration.payload))
            }
        }
        engine = EmbeddedEngine(
            store: store, workflows: [Registration.workflow] + others, activities: activities,
            options: EngineOptions(maximumLive: maximumLive, isEager: true, telemetry: telemetry))
        let engine = engine
        made.change { $0 = engine }
    }

    /// Runs `count` registrations, so many at once, under ids that begin with `prefix`; the seconds it took, and how long each took.
    func run(_ count: Int, concurrency: Int, prefix: String = "r") async throws -> (seconds: Double, latencies: [Double]) {
        let worker = WorkflowWorker(engine: engine, activitySlots: 256)
        let running = Task { try await worker.run() }
        let latencies = Guarded<[Double]>([])
        let next = Guarded(0)
        let seconds = try await Measuring.seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<concurrency {
                    group.addTask {
                        while let number = Self.take(next, below: count) {
                            let took = try await Measuring.seconds { try await self.run("\(prefix)\(number)") }
                            latencies.change { $0.append(took) }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        worker.stop()
        try await running.value
        return (seconds, latencies.change { $0 })
    }

    /// Starts so many registrations a second, whether or not those before them have ended; how long each took from the moment at which it
    /// was to be started.
    func run(_ count: Int, perSecond rate: Double) async throws -> [Double] {
        let worker = WorkflowWorker(engine: engine, activitySlots: 256)
        let running = Task { try await worker.run() }
        let latencies = Guarded<[Double]>([])
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                let start = began + .seconds(Double(number) / rate)
                if start > .now { try await Task.sleep(until: start, tolerance: .zero) }
                group.addTask {
                    try await self.run("s\(number)")
                    latencies.change { $0.append(Measuring.seconds(ContinuousClock.now - start)) }
                }
            }
            try await group.waitForAll()
        }
        worker.stop()
        try await running.value
        return latencies.change { $0 }
    }

    private static func take(_ next: Guarded<Int>, below count: Int) -> Int? {
        next.change { number in
            defer { number += 1 }
            return number < count ? number : nil
        }
    }

    private func run(_ id: String) async throws {
        try await engine.start(
            workflowID: id, type: "registration", input: Registration.payload, options: WorkflowOptions())
        _ = try await engine.result(workflowID: id)
    }
}
