public import DurableWorkflow
public import Events
import FoundationEssentials
import GRDB

/// The embedded engine's runs on one SQLite database, the same one that holds ownership and inbox.
public struct SQLiteWorkflowStore: WorkflowStore {
    private let database: LockstepDatabase

    /// A store on `database`.
    public init(_ database: LockstepDatabase) { self.database = database }

    // MARK: Writing

    /// Required by ``WorkflowStore``, which says what it does.
    public func commit(_ changes: [WorkflowChange]) async throws {
        try database.write { database in
            for change in changes {
                for run in change.runs { try Self.write(run, in: database) }
                for item in change.due { try Self.insert(item, in: database) }
                for key in change.done { try Self.delete(key, in: database) }
                for schedule in change.schedules { try Self.write(schedule, in: database) }
                for id in change.deletedSchedules {
                    try database.cachedStatement(sql: "DELETE FROM workflow_schedule WHERE id = ?").execute(arguments: [id])
                }
            }
        }
    }

    private static func write(_ change: RunChange, in database: Database) throws {
        let run = change.run
        // A run begins with its first event.
        if change.first == 1 { try insert(run, in: database) } else { try update(run, in: database) }
        guard let batch = change.batch else { return }
        let statement = try database.cachedStatement(sql: "INSERT INTO workflow_history (run, first, events) VALUES (?, ?, ?)")
        try statement.execute(arguments: [run.key, change.first, Data(batch)])
    }

    private static func insert(_ run: WorkflowRun, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO workflow_run (key, workflow, run, type, queue, status, length, bytes, started_at, closed_at, problem, more)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try statement.execute(arguments: [
            run.key, run.workflowID, run.runID, run.type, run.taskQueue, run.status.rawValue, run.length, run.bytes,
            run.startedAt.milliseconds, run.closedAt?.milliseconds, run.problem, try More.text(run),
        ])
    }

    private static func update(_ run: WorkflowRun, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "UPDATE workflow_run SET status = ?, length = ?, bytes = ?, closed_at = ?, problem = ?, more = ? WHERE key = ?")
        try statement.execute(arguments: [
            run.status.rawValue, run.length, run.bytes, run.closedAt?.milliseconds, run.problem, try More.text(run), run.key,
        ])
    }

    private static func insert(_ item: DueItem, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO workflow_due (at, run, event, kind, workflow, queue, body) VALUES (?, ?, ?, ?, ?, ?, ?)")
        try statement.execute(arguments: [
            item.key.at.milliseconds, item.key.run, item.key.event, item.key.kind.rawValue, item.workflowID, item.queue,
            item.body?.canonicalText,
        ])
    }

    private static func delete(_ key: DueItem.Key, in database: Database) throws {
        let statement = try database.cachedStatement(sql: "DELETE FROM workflow_due WHERE at = ? AND run = ? AND event = ? AND kind = ?")
        try statement.execute(arguments: [key.at.milliseconds, key.run, key.event, key.kind.rawValue])
    }

    private static func write(_ schedule: ScheduleRecord, in database: Database) throws {
        let statement = try database.cachedStatement(sql: "INSERT OR REPLACE INTO workflow_schedule (id, body) VALUES (?, ?)")
        try statement.execute(arguments: [schedule.id, try JSONValue(encoding: schedule).canonicalText])
    }

    // MARK: Reading

    /// Required by ``WorkflowStore``, which says what it does.
    public func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun? {
        try database.read { database in
            let current = "SELECT * FROM workflow_run WHERE workflow = ?1 AND ?2 IS NULL OR workflow = ?1 AND run = ?2"
            let statement = try database.cachedStatement(sql: current + " ORDER BY key DESC LIMIT 1")
            return try Row.fetchOne(statement, arguments: [workflowID, runID]).map(Self.run)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func history(_ run: Int64) async throws -> [HistoryEvent] {
        try database.read { database in
            let statement = try database.cachedStatement(sql: "SELECT first, events FROM workflow_history WHERE run = ? ORDER BY first")
            var events: [HistoryEvent] = []
            let rows = try Row.fetchCursor(statement, arguments: [run])
            while let row = try rows.next() { try EventCoding.decode([UInt8](row[1] as Data), first: row[0], into: &events) }
            return events
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func due(after key: DueItem.Key?, until moment: Timestamp, limit: Int) async throws -> [DueItem] {
        try database.read { database in
            let statement = try database.cachedStatement(
                sql:
                    "SELECT * FROM workflow_due WHERE (at, run, event, kind) > (?, ?, ?, ?) AND at <= ? ORDER BY at, run, event, kind LIMIT ?"
            )
            return try Row.fetchAll(statement, arguments: Self.bound(key) + [moment.milliseconds, limit]).map(Self.item)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func nextDue(after key: DueItem.Key?) async throws -> Timestamp? {
        try database.read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT at FROM workflow_due WHERE (at, run, event, kind) > (?, ?, ?, ?) ORDER BY at, run, event, kind LIMIT 1")
            return try Int64.fetchOne(statement, arguments: Self.bound(key)).map(Rows.time)
        }
    }

    private static func bound(_ key: DueItem.Key?) -> StatementArguments {
        [key?.at.milliseconds ?? .min, key?.run ?? 0, key?.event ?? 0, key?.kind.rawValue ?? ""]
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func highestKey() async throws -> Int64 {
        try database.read { database in
            let sql = """
                SELECT max(
                    (SELECT coalesce(max(key), 0) FROM workflow_run),
                    (SELECT coalesce(max(json_extract(body, '$.number')), 0) FROM workflow_schedule))
                """
            return try Int64.fetchOne(database, sql: sql) ?? 0
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func runs(matching filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] {
        try database.read { database in
            var found: [WorkflowRun] = []
            let rows = try Row.fetchCursor(
                database, sql: "SELECT * FROM workflow_run WHERE key < ? ORDER BY key DESC", arguments: [key ?? .max])
            while found.count < limit, let row = try rows.next() {
                let run = try Self.run(row)
                if filter.matches(run) { found.append(run) }
            }
            return found
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func count(matching filter: WorkflowFilter) async throws -> Int {
        guard filter != WorkflowFilter() else {
            return try database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM workflow_run") ?? 0 }
        }
        return try database.read { database in
            var count = 0
            let rows = try Row.fetchCursor(database, sql: "SELECT * FROM workflow_run")
            while let row = try rows.next() { if filter.matches(try Self.run(row)) { count += 1 } }
            return count
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func remove(closedBefore moment: Timestamp, limit: Int) async throws -> Int {
        try database.write { database in
            let keys = try Int64.fetchAll(
                database,
                sql: """
                    SELECT key FROM workflow_run WHERE closed_at < ? AND key NOT IN (SELECT run FROM workflow_due)
                    ORDER BY closed_at LIMIT ?
                    """,
                arguments: [moment.milliseconds, limit])
            for key in keys {
                try database.cachedStatement(sql: "DELETE FROM workflow_history WHERE run = ?").execute(arguments: [key])
                try database.cachedStatement(sql: "DELETE FROM workflow_run WHERE key = ?").execute(arguments: [key])
            }
            return keys.count
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func schedules() async throws -> [ScheduleRecord] {
        try database.read { database in
            try String.fetchAll(database, sql: "SELECT body FROM workflow_schedule ORDER BY id").map {
                try JSONValue(parsing: $0).decoded()
            }
        }
    }

    private static func run(_ row: Row) throws -> WorkflowRun {
        var run = WorkflowRun(
            key: row["key"], workflowID: row["workflow"], runID: row["run"], type: row["type"], taskQueue: row["queue"],
            status: WorkflowStatus(rawValue: row["status"]) ?? .blocked, startedAt: Rows.time(row["started_at"]))
        run.length = row["length"]
        run.bytes = row["bytes"]
        run.closedAt = (row["closed_at"] as Int64?).map(Rows.time)
        run.problem = row["problem"]
        if let text = row["more"] as String? { try More.read(text, into: &run) }
        return run
    }

    private static func item(_ row: Row) throws -> DueItem {
        let text: String = row["kind"]
        guard let kind = DueItem.Kind(rawValue: text) else {
            throw DatabaseRefusal(description: "workflow_due: expected a known kind, found \(text); use the build that wrote it")
        }
        let key = DueItem.Key(at: Rows.time(row["at"]), run: row["run"], event: row["event"], kind: kind)
        return DueItem(
            key: key, workflowID: row["workflow"], queue: row["queue"],
            body: try (row["body"] as String?).map { try JSONValue(parsing: $0) })
    }
}

/// The parts of a run that most runs do not have.
private struct More: Codable {
    var memo: [String: JSONValue]
    var searchAttributes: [String: JSONValue]
    var attempts: [ActivityAttempt]

    static func text(_ run: WorkflowRun) throws -> String? {
        if run.memo.isEmpty, run.searchAttributes.isEmpty, run.attempts.isEmpty { return nil }
        return try JSONValue(encoding: More(memo: run.memo, searchAttributes: run.searchAttributes, attempts: run.attempts)).canonicalText
    }

    static func read(_ text: String, into run: inout WorkflowRun) throws {
        let more: More = try JSONValue(parsing: text).decoded()
        (run.memo, run.searchAttributes, run.attempts) = (more.memo, more.searchAttributes, more.attempts)
    }
}
