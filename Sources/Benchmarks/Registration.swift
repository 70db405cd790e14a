import DurableWorkflow
import Events
import Synchronization

/// The workload of the peers' benchmarks: seven activities, three signals, one timer of 1 ms, payloads of about 200 bytes.
struct Registration {
    static let payload: JSONValue = [
        "company": "Example Holdings Limited", "ein": "00-0000000", "city": "Springfield", "state": "IL", "vertical": "TECHNOLOGY",
        "website": "https://example.com", "note": "a text that makes the payload about two hundred bytes",
    ]

    static let workflow = WorkflowType("registration") { context, input in
        var last = input
        for step in ["a0", "a1"] { last = try await context.execute(step, input: last) }
        _ = try await context.nextSignal(named: ["brand"], timeout: nil)
        for step in ["a2", "a3"] { last = try await context.execute(step, input: last) }
        _ = try await context.nextSignal(named: ["review"], timeout: nil)
        last = try await context.execute("a4", input: last)
        try await context.sleep(for: .milliseconds(1))
        last = try await context.execute("a5", input: last)
        _ = try await context.nextSignal(named: ["number"], timeout: nil)
        return try await context.execute("a6", input: last)
    }

    /// The signal that comes after each of these activities.
    static let signals = ["a1": "brand", "a3": "review", "a5": "number"]

    /// Activities that return at once; `then` is told what has run for whom.
    static func activities(then: @escaping @Sendable (String, String, Timestamp) -> Void = { _, _, _ in }) -> [ActivityType] {
        (0...6).map { index in
            let name = "a\(index)"
            return ActivityType(name) { context, input in
                then(name, context.workflowID, context.now)
                return input
            }
        }
    }
}

/// Passes everything on and remembers what was committed, so that the floor can do the same.
final class RecordingStore: WorkflowStore {
    private let base: any WorkflowStore
    private let groups = Mutex<[[WorkflowChange]]>([])

    init(_ base: any WorkflowStore) { self.base = base }

    var recorded: [[WorkflowChange]] { groups.withLock { $0 } }

    func commit(_ changes: [WorkflowChange]) async throws {
        groups.withLock { $0.append(changes) }
        try await base.commit(changes)
    }
    func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun? { try await base.run(workflowID, runID: runID) }
    func history(_ run: Int64) async throws -> [HistoryEvent] { try await base.history(run) }
    func due(after key: DueItem.Key?, until moment: Timestamp, limit: Int) async throws -> [DueItem] {
        try await base.due(after: key, until: moment, limit: limit)
    }
    func nextDue(after key: DueItem.Key?) async throws -> Timestamp? { try await base.nextDue(after: key) }
    func highestKey() async throws -> Int64 { try await base.highestKey() }
    func runs(matching filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] {
        try await base.runs(matching: filter, before: key, limit: limit)
    }
    func count(matching filter: WorkflowFilter) async throws -> Int { try await base.count(matching: filter) }
    func remove(closedBefore moment: Timestamp, limit: Int) async throws -> Int {
        try await base.remove(closedBefore: moment, limit: limit)
    }
    func schedules() async throws -> [ScheduleRecord] { try await base.schedules() }
    func schedule(_ id: String) async throws -> ScheduleRecord? { try await base.schedule(id) }
    func taker(of id: String, in scope: String) async throws -> Int64? { try await base.taker(of: id, in: scope) }
    func quarantined() async throws -> [QuarantinedItem] { try await base.quarantined() }
}
