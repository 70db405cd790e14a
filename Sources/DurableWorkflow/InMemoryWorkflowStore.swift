public import Events
import Synchronization

/// A store that lives as long as the process: for tests and simulations.
public final class InMemoryWorkflowStore: WorkflowStore {
    private struct Contents {
        var rows: [String: WorkflowRow] = [:]
        var histories: [String: [HistoryEvent]] = [:]
        var activities: [String: [PendingActivity]] = [:]
        var timers: [String: [PendingTimer]] = [:]
    }

    private let contents = Mutex(Contents())

    /// An empty store.
    public init() {}

    /// Required by ``WorkflowStore``, which says what it does.
    public func workflow(_ id: String) async throws -> WorkflowRow? { contents.withLock { $0.rows[id] } }

    /// Required by ``WorkflowStore``, which says what it does.
    public func workflows() async throws -> [WorkflowRow] { contents.withLock { $0.rows.values.sorted { $0.id < $1.id } } }

    /// Required by ``WorkflowStore``, which says what it does.
    public func history(of id: String) async throws -> [HistoryEvent] { contents.withLock { $0.histories[id] ?? [] } }

    /// Required by ``WorkflowStore``, which says what it does.
    public func commit(_ change: WorkflowChange) async throws {
        let id = change.row.id
        contents.withLock { contents in
            contents.rows[id] = change.row
            contents.histories[id, default: []] += change.append
            let ended = Set(change.endedActivities + change.activities.map(\.sequence))
            contents.activities[id, default: []].removeAll { ended.contains($0.sequence) }
            contents.activities[id, default: []] += change.activities
            contents.timers[id, default: []].removeAll { change.endedTimers.contains($0.sequence) }
            contents.timers[id, default: []] += change.timers
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func hasSignal(_ signalID: String, workflow id: String) async throws -> Bool {
        contents.withLock { contents in
            contents.histories[id, default: []].contains { $0.kind == .signalReceived && $0.attributes["id"]?.string == signalID }
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func ready() async throws -> [WorkflowRow] {
        contents.withLock { $0.rows.values.filter { $0.isReady && !$0.status.isClosed }.sorted { $0.id < $1.id } }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func dueActivities(at now: Timestamp) async throws -> [PendingActivity] {
        contents.withLock { contents in
            contents.activities.values.joined().filter { $0.dueAt <= now }
                .sorted { ($0.dueAt, $0.workflowID, $0.sequence) < ($1.dueAt, $1.workflowID, $1.sequence) }
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func dueTimers(at now: Timestamp) async throws -> [PendingTimer] {
        contents.withLock { contents in
            contents.timers.values.joined().filter { $0.fireAt <= now }
                .sorted { ($0.fireAt, $0.workflowID, $0.sequence) < ($1.fireAt, $1.workflowID, $1.sequence) }
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func nextDue() async throws -> Timestamp? {
        contents.withLock { contents in
            (contents.activities.values.joined().map(\.dueAt) + contents.timers.values.joined().map(\.fireAt)).min()
        }
    }
}
