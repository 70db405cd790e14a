import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage
import Synchronization

/// `lockstep-bench ratelimit`
struct RateLimitBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ratelimit", abstract: "Starts of a limited queue in any second, with many workers of one engine.")

    @Option(help: "Starts a second that the queue allows.") var limit = 20
    @Option(help: "Workers.") var workers = 20
    @Option(help: "How long to measure, in seconds.") var seconds = 10
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    func run() async throws {
        let path = Measuring.freshPath("ratelimit")
        defer { Measuring.remove(path) }
        let starts = Mutex<[Int64]>([])
        let time = SystemTime()
        let activity = ActivityType("call") { _, input in
            starts.withLock { $0.append(time.now.milliseconds) }
            return input
        }
        let count = limit * (seconds + 2)
        let workflow = WorkflowType("calls") { context, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    let options = ActivityOptions(startToCloseTimeout: .seconds(60), taskQueue: "limited")
                    group.addTask { _ = try await context.execute("call", input: .integer(number), options: options) }
                }
                try await group.waitForAll()
            }
            return .null
        }
        let options = EngineOptions(taskQueues: [TaskQueue("limited", maximumActivitiesPerSecond: Double(limit))], isEager: true)
        let engine = EmbeddedEngine(
            store: SQLiteWorkflowStore(try LockstepDatabase(path: path)), workflows: [workflow], activities: [activity], options: options,
            time: time)
        let all = (0..<workers).map { _ in WorkflowWorker(engine: engine) }
        let running = all.map { worker in Task { try await worker.run() } }
        try await engine.start(workflowID: "w", type: "calls", input: .null, options: WorkflowOptions())
        _ = try await engine.result(workflowID: "w")
        for worker in all { worker.stop() }
        for task in running { try await task.value }
        let times = starts.withLock { $0 }.sorted()
        let most = times.indices.map { first in times[first...].prefix { $0 < times[first] + 1000 }.count }.max() ?? 0
        let span = Double((times.last ?? 0) - (times.first ?? 0)) / 1000
        let used = Double(times.count - limit) / max(span, 0.001) / Double(limit)
        Measuring.report([
            "benchmark": "ratelimit", "limit": .integer(limit), "workers": .integer(workers), "starts": .integer(times.count),
            "mostInAnySecond": .integer(most), "used": Measuring.rounded(used),
        ])
    }
}
