import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import MetricsEndpoint
import Testing

/// The code that Documentation.docc/DurableWorkflows.md quotes.
@Suite struct GuideTests {
    struct Order: Codable, Sendable, Equatable {
        var id: String
        var amount: Int
    }

    static let charge = Activity<Order, String>("charge") { context, order in
        "payment for \(order.id), attempt \(context.attempt)"
    }
    static let refund = Activity<Order, Nothing>("refund") { _, _ in Nothing() }

    static let approve = Signal<String>("approve")
    static let status = Query<Nothing, String>("status")
    static let change = Update<Int, Order>("change")

    static let purchase = Workflow<Order, String>("purchase") { context, order in
        var order = order
        var reviewer: String?
        context.onSignal(approve) { reviewer = $0 }
        context.onQuery(status) { _ in reviewer.map { "approved by \($0)" } ?? "waiting" }
        context.onUpdate(
            change, validate: { if $0 <= 0 { throw ApplicationError(type: "BadAmount", message: "expected more than 0") } },
            { amount in
                order.amount = amount
                return order
            })

        guard try await context.condition(timeout: .days(30), { reviewer != nil }) else {
            throw ApplicationError(type: "NotApproved", message: "nobody approved it in 30 days")
        }
        let payment = try await context.execute(
            charge, order,
            options: ActivityOptions(startToCloseTimeout: .seconds(30), retryPolicy: RetryPolicy(maximumAttempts: 5)))
        do {
            try await context.sleep(for: .days(14))
        } catch is CancellationError {
            try await context.withCancellationShield {
                _ = try await context.execute(refund, order, options: ActivityOptions(startToCloseTimeout: .seconds(30)))
            }
            throw CancellationError()
        }
        return payment
    }

    @Test func aPurchaseInVirtualTime() async throws {
        let scenario = WorkflowScenario(workflows: [Self.purchase.type], activities: [Self.charge.type, Self.refund.type])
        let engine = scenario.engine
        try await engine.start(
            workflowID: "o1", type: "purchase", input: ["id": "o1", "amount": 10], options: WorkflowOptions())
        try await scenario.run(until: scenario.clock.now)
        #expect(try await engine.query(workflowID: "o1", name: "status") == "waiting")
        _ = try await engine.update(workflowID: "o1", id: "c1", name: "change", input: 20)
        let signal = SignalMessage(id: "click-1", name: "approve", payload: "Robin")
        try await engine.signal(workflowID: "o1", signal: signal)
        try await scenario.run()
        #expect(try await scenario.result("o1") == "payment for o1, attempt 1")
    }

    @Test func inRealTime() async throws {
        let engine = EmbeddedEngine(
            store: InMemoryWorkflowStore(), workflows: [Self.purchase.type], activities: [Self.charge.type, Self.refund.type],
            options: EngineOptions(taskQueues: [TaskQueue("default", maximumActivitiesPerSecond: 50)], isEager: true))
        let worker = WorkflowWorker(engine: engine)
        let running = Task { try await worker.run() }
        let client = WorkflowClient(engine: engine)
        let handle = try await client.startWorkflow(Self.purchase, id: "o2", input: Order(id: "o2", amount: 5))
        #expect(try await handle.query(Self.status, Nothing()) == "waiting")
        #expect(try await handle.executeUpdate(Self.change, 7, id: "c1") == Order(id: "o2", amount: 7))
        await #expect(throws: Failure.self) { try await handle.executeUpdate(Self.change, 0, id: "c2") }
        try await handle.signal(Self.approve, "Robin", id: "click-1")
        while try await !handle.fetchHistory().events.contains(where: { $0.kind == .activityTaskCompleted }) {
            try await Task.sleep(for: .milliseconds(5))
        }
        try await handle.cancel()
        await #expect(throws: WorkflowFailed.self) { try await handle.result() }
        worker.stop()
        try await running.value
        #expect(try await handle.describe().run.status == .cancelled)
    }

    @Test func aRecordedHistoryIsATest() async throws {
        let scenario = WorkflowScenario(workflows: [Self.purchase.type], activities: [Self.charge.type, Self.refund.type])
        try await scenario.engine.start(
            workflowID: "o3", type: "purchase", input: ["id": "o3", "amount": 1], options: WorkflowOptions())
        try await scenario.run()
        let recorded = try await scenario.engine.history(workflowID: "o3").temporalJSON
        try WorkflowReplayer(workflows: [Self.purchase.type]).replay(WorkflowHistory(temporalJSON: recorded))
    }

    @Test func watching() async throws {
        let registry = PrometheusRegistry(help: EngineMetric.helpByName)
        let engine = EmbeddedEngine(
            store: InMemoryWorkflowStore(), workflows: [Self.purchase.type], activities: [Self.charge.type, Self.refund.type],
            options: EngineOptions(isEager: true, telemetry: Telemetry(metrics: registry)))
        let reporter = MetricsReporter(registry, to: MetricsDestination("127.0.0.1:0")) { engine.updateGauges() }
        try await reporter.run(onReady: { address in print("metrics at \(address)") }) {
            try await engine.start(
                workflowID: "o4", type: "purchase", input: ["id": "o4", "amount": 1], options: WorkflowOptions())
        }
        #expect(
            registry.text.contains(
                """
                temporal_workflow_task_execution_latency_count{namespace="default",task_queue="default",workflow_type="purchase"} 1
                """))
    }

    @Test func everyMetricIsInTheTable() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let guide = try String(contentsOf: root.appending(path: "Sources/Bridge/Documentation.docc/DurableWorkflows.md"), encoding: .utf8)
        for metric in EngineMetric.allCases {
            let row = "| `\(metric.rawValue)` | \(metric.kind.rawValue) | \(metric.labels.joined(separator: ", ")) | \(metric.help) |"
            #expect(guide.contains(row + "\n"), "the table of metrics lacks this row:\n\(row)")
        }
    }
}
