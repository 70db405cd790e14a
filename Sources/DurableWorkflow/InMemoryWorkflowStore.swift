public import Events
import HeapModule
import Synchronization

/// A store that lives as long as the process: for tests and simulations. It keeps the same laws as the one on disk.
public final class InMemoryWorkflowStore: WorkflowStore {
    private struct Workflow {
        var row: WorkflowRow
        var history: [HistoryEvent] = []
        var signals: Set<String> = []
        var activities: [PendingActivity] = []
        var timers: [PendingTimer] = []
    }

    /// A moment at which something may be due; it is stale when its workflow no longer has it.
    private struct Due: Comparable {
        let at: Timestamp
        let workflow: String
        let sequence: Int
        static func < (left: Due, right: Due) -> Bool {
            (left.at, left.workflow, left.sequence) < (right.at, right.workflow, right.sequence)
        }
    }

    private struct Contents {
        var workflows: [String: Workflow] = [:]
        var ready: Set<String> = []
        var activities = Heap<Due>()
        var timers = Heap<Due>()

        func activity(_ due: Due) -> PendingActivity? {
            workflows[due.workflow]?.activities.first { $0.sequence == due.sequence && $0.dueAt == due.at }
        }

        func timer(_ due: Due) -> PendingTimer? {
            workflows[due.workflow]?.timers.first { $0.sequence == due.sequence && $0.fireAt == due.at }
        }

        /// The earliest moments, stale ones dropped.
        mutating func next() -> Timestamp? {
            while let first = activities.min, activity(first) == nil { activities.removeMin() }
            while let first = timers.min, timer(first) == nil { timers.removeMin() }
            return [activities.min?.at, timers.min?.at].compactMap { $0 }.min()
        }
    }

    private let contents = Mutex(Contents())

    /// An empty store.
    public init() {}

    /// Required by ``WorkflowStore``, which says what it does.
    public func workflow(_ id: String) async throws -> WorkflowRow? { contents.withLock { $0.workflows[id]?.row } }

    /// Required by ``WorkflowStore``, which says what it does.
    public func workflows() async throws -> [WorkflowRow] {
        contents.withLock { $0.workflows.values.map(\.row).sorted { $0.id < $1.id } }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func history(of id: String, after event: Int) async throws -> [HistoryEvent] {
        contents.withLock { Array($0.workflows[id]?.history.dropFirst(event) ?? []) }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func commit(_ change: WorkflowChange) async throws {
        let id = change.row.id
        contents.withLock { contents in
            var workflow = contents.workflows.removeValue(forKey: id) ?? Workflow(row: change.row)
            workflow.row = change.row
            workflow.history += change.append
            for event in change.append where event.kind == .signalReceived {
                if let signal = event.attributes["id"]?.string { workflow.signals.insert(signal) }
            }
            let ended = Set(change.endedActivities + change.activities.map(\.sequence))
            if !ended.isEmpty { workflow.activities.removeAll { ended.contains($0.sequence) } }
            workflow.activities += change.activities
            if !change.endedTimers.isEmpty { workflow.timers.removeAll { change.endedTimers.contains($0.sequence) } }
            workflow.timers += change.timers
            contents.workflows[id] = workflow
            for activity in change.activities {
                contents.activities.insert(Due(at: activity.dueAt, workflow: id, sequence: activity.sequence))
            }
            for timer in change.timers { contents.timers.insert(Due(at: timer.fireAt, workflow: id, sequence: timer.sequence)) }
            let isReady = change.row.isReady && !change.row.status.isClosed
            _ = isReady ? contents.ready.insert(id).memberAfterInsert : contents.ready.remove(id)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func hasSignal(_ signalID: String, workflow id: String) async throws -> Bool {
        contents.withLock { $0.workflows[id]?.signals.contains(signalID) ?? false }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func ready(limit: Int) async throws -> [WorkflowRow] {
        contents.withLock { contents in contents.ready.sorted().prefix(limit).compactMap { contents.workflows[$0]?.row } }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func dueActivities(at now: Timestamp, limit: Int) async throws -> [PendingActivity] {
        contents.withLock { contents in
            var due: [Due] = []
            while due.count < limit, contents.next() != nil, let first = contents.activities.min, first.at <= now {
                due.append(contents.activities.removeMin())
            }
            contents.activities.insert(contentsOf: due)
            return due.compactMap { contents.activity($0) }
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func dueTimers(at now: Timestamp, limit: Int) async throws -> [PendingTimer] {
        contents.withLock { contents in
            var due: [Due] = []
            while due.count < limit, contents.next() != nil, let first = contents.timers.min, first.at <= now {
                due.append(contents.timers.removeMin())
            }
            contents.timers.insert(contentsOf: due)
            return due.compactMap { contents.timer($0) }
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func nextDue() async throws -> Timestamp? { contents.withLock { $0.next() } }
}
