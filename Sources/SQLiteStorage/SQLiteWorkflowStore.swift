public import DurableWorkflow
public import Events
import GRDB

/// The embedded engine's runs on one SQLite database, the same one that holds ownership and inbox.
public struct SQLiteWorkflowStore: WorkflowStore {
    private let database: LockstepDatabase

    /// A store on `database`.
    public init(_ database: LockstepDatabase) { self.database = database }

    /// Required by ``WorkflowStore``, which says what it does.
    public func workflow(_ id: String) async throws -> WorkflowRow? {
        try database.read { database in
            let statement = try database.cachedStatement(sql: "SELECT * FROM workflow WHERE id = ?")
            return try Row.fetchOne(statement, arguments: [id]).map(Self.workflow)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func workflows() async throws -> [WorkflowRow] {
        try database.read { try Row.fetchAll($0, sql: "SELECT * FROM workflow ORDER BY id").map(Self.workflow) }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func ready(limit: Int) async throws -> [WorkflowRow] {
        try database.read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT * FROM workflow WHERE ready = 1 AND status IN ('running', 'blocked') ORDER BY id LIMIT ?")
            return try Row.fetchAll(statement, arguments: [limit]).map(Self.workflow)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func history(of id: String, after event: Int) async throws -> [HistoryEvent] {
        try database.read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT id, kind, at, attributes FROM workflow_event WHERE workflow = ? AND id > ? ORDER BY id")
            return try Row.fetchAll(statement, arguments: [id, event]).map(Self.event)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func hasSignal(_ signalID: String, workflow id: String) async throws -> Bool {
        try database.read { database in
            let statement = try database.cachedStatement(sql: "SELECT 1 FROM workflow_event WHERE workflow = ? AND signal = ?")
            return try Int.fetchOne(statement, arguments: [id, signalID]) != nil
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func dueActivities(at now: Timestamp, limit: Int) async throws -> [PendingActivity] {
        try database.read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT * FROM workflow_activity WHERE due_at <= ? ORDER BY due_at, workflow, sequence LIMIT ?")
            return try Row.fetchAll(statement, arguments: [now.milliseconds, limit]).map(Self.activity)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func dueTimers(at now: Timestamp, limit: Int) async throws -> [PendingTimer] {
        try database.read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT * FROM workflow_timer WHERE fire_at <= ? ORDER BY fire_at, workflow, sequence LIMIT ?")
            return try Row.fetchAll(statement, arguments: [now.milliseconds, limit]).map { row in
                PendingTimer(workflowID: row["workflow"], sequence: row["sequence"], fireAt: Rows.time(row["fire_at"]))
            }
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func nextDue() async throws -> Timestamp? {
        try database.read { database in
            let activity = try database.cachedStatement(sql: "SELECT min(due_at) FROM workflow_activity")
            let timer = try database.cachedStatement(sql: "SELECT min(fire_at) FROM workflow_timer")
            let moments = [try Int64.fetchOne(activity), try Int64.fetchOne(timer)]
            return moments.compactMap { $0 }.min().map { Timestamp(milliseconds: $0) }
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func commit(_ change: WorkflowChange) async throws {
        try database.write { database in
            try Self.write(change.row, in: database)
            for event in change.append { try Self.append(event, to: change.row.id, in: database) }
            for activity in change.activities { try Self.write(activity, in: database) }
            for timer in change.timers {
                try database.cachedStatement(sql: "INSERT INTO workflow_timer (workflow, sequence, fire_at) VALUES (?, ?, ?)")
                    .execute(arguments: [timer.workflowID, timer.sequence, timer.fireAt.milliseconds])
            }
            for sequence in change.endedActivities {
                try database.cachedStatement(sql: "DELETE FROM workflow_activity WHERE workflow = ? AND sequence = ?")
                    .execute(arguments: [change.row.id, sequence])
            }
            for sequence in change.endedTimers {
                try database.cachedStatement(sql: "DELETE FROM workflow_timer WHERE workflow = ? AND sequence = ?")
                    .execute(arguments: [change.row.id, sequence])
            }
        }
    }

    private static func write(_ row: WorkflowRow, in database: Database) throws {
        try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO workflow (id, run_id, type, status, ready, length, problem) VALUES (?, ?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [row.id, row.runID, row.type, row.status.rawValue, row.isReady, row.length, row.problem])
    }

    private static func append(_ event: HistoryEvent, to id: String, in database: Database) throws {
        let signal = event.kind == .signalReceived ? event.attributes["id"]?.string : nil
        try database.cachedStatement(
            sql: "INSERT INTO workflow_event (workflow, id, kind, at, attributes, signal) VALUES (?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [id, event.id, event.kind.rawValue, event.at.milliseconds, event.attributes.canonicalText, signal])
    }

    private static func write(_ activity: PendingActivity, in database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO workflow_activity (workflow, sequence, name, input, retry, attempt, due_at, last_failure)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            activity.workflowID, activity.sequence, activity.name, activity.input.canonicalText,
            try JSONValue(encoding: activity.retry).canonicalText, activity.attempt, activity.dueAt.milliseconds, activity.lastFailure,
        ])
    }

    private static func workflow(_ row: Row) -> WorkflowRow {
        WorkflowRow(
            id: row["id"], runID: row["run_id"], type: row["type"], status: WorkflowStatus(rawValue: row["status"]) ?? .blocked,
            isReady: row["ready"], length: row["length"], problem: row["problem"])
    }

    private static func event(_ row: Row) throws -> HistoryEvent {
        guard let kind = HistoryEvent.Kind(rawValue: row[1]) else {
            throw DatabaseRefusal(
                description: "workflow_event: expected a known kind, found \(row[1] as String); use the build that wrote it")
        }
        return HistoryEvent(id: row[0], kind: kind, at: Rows.time(row[2]), attributes: try JSONValue(parsing: row[3]))
    }

    private static func activity(_ row: Row) throws -> PendingActivity {
        PendingActivity(
            workflowID: row["workflow"], sequence: row["sequence"], name: row["name"], input: try JSONValue(parsing: row["input"]),
            retry: try JSONValue(parsing: row["retry"]).decoded(), attempt: row["attempt"], dueAt: Rows.time(row["due_at"]),
            lastFailure: row["last_failure"])
    }
}
