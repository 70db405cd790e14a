import CoreMetrics
import Events

/// A store whose commits are measured; everything else goes through.
struct MeteredStore: WorkflowStore {
    let store: any WorkflowStore
    let metrics: EngineMetrics
    let uptime: @Sendable () -> Duration

    func commit(_ changes: [WorkflowChange]) async throws {
        let began = uptime()
        try await store.commit(changes)
        metrics.commitLatency.record(uptime() - began)
        metrics.commitGroupSize.record(changes.count)
        metrics.commits.increment()
    }

    func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun? { try await store.run(workflowID, runID: runID) }
    func history(_ run: Int64) async throws -> [HistoryEvent] { try await store.history(run) }
    func nextDue(after key: DueItem.Key?) async throws -> Timestamp? { try await store.nextDue(after: key) }
    func highestKey() async throws -> Int64 { try await store.highestKey() }
    func count(matching filter: WorkflowFilter) async throws -> Int { try await store.count(matching: filter) }
    func schedules() async throws -> [ScheduleRecord] { try await store.schedules() }
    func schedule(_ id: String) async throws -> ScheduleRecord? { try await store.schedule(id) }
    func taker(of id: String, in scope: String) async throws -> Int64? { try await store.taker(of: id, in: scope) }
    func quarantined() async throws -> [QuarantinedItem] { try await store.quarantined() }

    func due(after key: DueItem.Key?, until moment: Timestamp, limit: Int) async throws -> [DueItem] {
        try await store.due(after: key, until: moment, limit: limit)
    }

    func runs(matching filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] {
        try await store.runs(matching: filter, before: key, limit: limit)
    }

    func remove(closedBefore moment: Timestamp, limit: Int) async throws -> Int {
        try await store.remove(closedBefore: moment, limit: limit)
    }
}
