import Cutover
import DurableWorkflow
import Events
import Synchronization

// What must hold for any bytes at all that are read as something else than deliveries.

extension FuzzProperties {
    /// A plan is read, or refused by a sentence.
    static func plans(_ input: [UInt8]) -> String? {
        let text = String(decoding: input, as: UTF8.self)
        do throws(PlanError) {
            let plan = try MigrationPlan(yaml: text, file: "plan.yaml")
            return plan.steps.isEmpty ? "a plan without steps" : nil
        } catch {
            return error.description.utf8.count > 10_000 ? "a sentence of \(error.description.utf8.count) bytes" : nil
        }
    }

    /// A history that can be read can be written and read again, and is taken over as a run, or refused.
    static func histories(_ input: [UInt8]) -> String? {
        guard let history = try? WorkflowHistory(temporalJSON: String(decoding: input, as: UTF8.self)) else { return nil }
        let text = history.temporalJSON
        guard let again = try? WorkflowHistory(temporalJSON: text) else { return "a history that cannot be read back" }
        guard again.temporalJSON == text else { return "a history that reads back differently" }
        return DrainedExecutor().run { await imported(history) }
    }

    private static func imported(_ history: WorkflowHistory) async -> String? {
        let engine = EmbeddedEngine(store: InMemoryWorkflowStore(), workflows: [], activities: [])
        do {
            let execution = try await engine.importRun(history, workflowID: history.workflowID.isEmpty ? "w" : nil, at: at)
            let kept = try await engine.history(workflowID: execution.workflowID)
            return kept.events.count < history.events.count ? "a run that lost events" : nil
        } catch is ImportRefused { return nil } catch is HistoryError { return nil } catch { return "an import met \(error)" }
    }

    /// A condition that can be read says yes or no of every run, each time the same.
    static func queries(_ input: [UInt8]) -> String? {
        guard let query = try? WorkflowQuery(String(decoding: input, as: UTF8.self)) else { return nil }
        guard let again = try? WorkflowQuery(query.description), again == query else { return "a condition that reads back differently" }
        return runs.contains { query.matches($0) != again.matches($0) } ? "a condition that wavers" : nil
    }

    private static let runs: [WorkflowRun] = {
        var closed = WorkflowRun(
            key: 1, workflowID: "order-1", runID: "r1", type: "order", taskQueue: "q", status: .completed, startedAt: at)
        closed.closedAt = at + .seconds(60)
        closed.searchAttributes = ["city": "Berlin", "count": 3, "share": .number(0.5), "tags": ["a", "b"], "open": true, "none": .null]
        return [closed, WorkflowRun(key: 2, workflowID: "é", runID: "", type: "", taskQueue: "", startedAt: at)]
    }()

    /// What comes again and again comes after now, and at the same moment however often one asks.
    static func crons(_ input: [UInt8]) -> String? {
        let text = String(decoding: input, as: UTF8.self)
        for dialect in [CronExpression.Dialect.workflow, .schedule] {
            guard let cron = try? CronExpression(text, dialect) else { continue }
            for moment in moments {
                guard let next = cron.next(after: moment, countedFrom: at) else { continue }
                if next <= moment { return "\(next) does not come after \(moment)" }
                if cron.next(after: Timestamp(milliseconds: next.milliseconds - 1), countedFrom: at) != next {
                    return "\(next) comes at another moment, too"
                }
            }
        }
        return nil
    }

    private static let moments = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "2026-03-29T00:59:59Z", "9999-12-31T23:59:59Z"]
        .compactMap { Timestamp($0) }
}

/// Runs what is asynchronous on the calling thread to its end: a fuzz target is a plain call.
private final class DrainedExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    func run(_ body: @escaping @Sendable () async -> String?) -> String? {
        let answer = Answer()
        Task(executorPreference: self) { await answer.set(body()) }
        while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { job.runSynchronously(on: asUnownedTaskExecutor()) }
        return answer.value ?? "it waits for somebody"
    }

    private final class Answer: Sendable {
        private let stored = Mutex<String??>(nil)
        var value: String?? { stored.withLock { $0 } }
        func set(_ value: String?) { stored.withLock { $0 = .some(value) } }
    }
}
