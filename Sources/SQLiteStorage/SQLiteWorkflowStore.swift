public import DurableWorkflow
public import Events
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
                    try database.run("DELETE FROM workflow_schedule WHERE id = ?", [.text(id)])
                }
                for request in change.requests { try Self.write(request, in: database) }
                for item in change.quarantined { try Self.quarantine(item, in: database) }
                for key in change.released { try Self.release(key, in: database) }
            }
        }
    }

    private static func write(_ change: RunChange, in database: Database) throws {
        let run = change.run
        // A run begins with its first event.
        if change.first == 1 { try insert(run, in: database) } else { try update(run, in: database) }
        guard let batch = change.batch else { return }
        try database.run(
            "INSERT INTO workflow_history (place, events) VALUES (?, ?)", [HistoryPlace.of(run.key, change.first), .blob(batch)])
    }

    private static func insert(_ run: WorkflowRun, in database: Database) throws {
        try database.run(
            """
            INSERT INTO workflow_run (key, workflow, run, type, queue, status, length, bytes, started_at, closed_at, problem, more)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(run.key), .text(run.workflowID), .text(run.runID), .text(run.type), .text(run.taskQueue),
                .text(run.status.rawValue), .int(run.length), .int(run.bytes), .time(run.startedAt), .time(run.closedAt),
                .optional(run.problem), .optional(try More.text(run)),
            ])
    }

    private static func update(_ run: WorkflowRun, in database: Database) throws {
        try database.run(
            "UPDATE workflow_run SET status = ?, length = ?, bytes = ?, closed_at = ?, problem = ?, more = ? WHERE key = ?",
            [
                .text(run.status.rawValue), .int(run.length), .int(run.bytes), .time(run.closedAt), .optional(run.problem),
                .optional(try More.text(run)), .integer(run.key),
            ])
    }

    private static func insert(_ item: DueItem, in database: Database) throws {
        try database.run(
            "INSERT OR REPLACE INTO workflow_due (at, run, event, kind, workflow, queue, body) VALUES (?, ?, ?, ?, ?, ?, ?)", values(item))
    }

    private static func delete(_ key: DueItem.Key, in database: Database) throws {
        try database.run("DELETE FROM workflow_due WHERE at = ? AND run = ? AND event = ? AND kind = ?", values(key))
    }

    private static func write(_ schedule: ScheduleRecord, in database: Database) throws {
        try database.run(
            "INSERT OR REPLACE INTO workflow_schedule (id, body) VALUES (?, ?)",
            [.text(schedule.id), .text(try JSONValue(encoding: schedule).canonicalText)])
    }

    private static func write(_ request: TakenRequest, in database: Database) throws {
        try database.run(
            "INSERT OR REPLACE INTO workflow_request (scope, id, run) VALUES (?, ?, ?)",
            [.text(request.scope), .text(request.id), .integer(request.run)])
    }

    private static func quarantine(_ set: QuarantinedItem, in database: Database) throws {
        try database.run(
            """
            INSERT INTO workflow_quarantine (at, run, event, kind, workflow, queue, body, problem, quarantined_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, values(set.item) + [.text(set.problem), .time(set.at)])
    }

    private static func release(_ key: DueItem.Key, in database: Database) throws {
        try database.run("DELETE FROM workflow_quarantine WHERE at = ? AND run = ? AND event = ? AND kind = ?", values(key))
    }

    private static func values(_ key: DueItem.Key) -> [SQLValue] {
        [.time(key.at), .integer(key.run), .int(key.event), .text(key.kind.rawValue)]
    }

    private static func values(_ item: DueItem) -> [SQLValue] {
        values(item.key) + [.text(item.workflowID), .text(item.queue), .optional(item.body?.canonicalText)]
    }

    // MARK: Reading

    /// Required by ``WorkflowStore``, which says what it does.
    public func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun? {
        try database.readCommitted { database in
            try database.first(
                "SELECT \(Self.columns) FROM workflow_run WHERE workflow = ?1 AND (?2 IS NULL OR run = ?2) ORDER BY key DESC LIMIT 1",
                [.text(workflowID), .optional(runID)], Self.run)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func history(_ run: Int64) async throws -> [HistoryEvent] {
        try database.readCommitted { database in
            var events: [HistoryEvent] = []
            let sql = "SELECT first, events FROM workflow_history WHERE \(HistoryPlace.isOfRun) ORDER BY place"
            try database.each(sql, HistoryPlace.all(run)) { row in
                let first = row.int(0)
                try Self.reading("workflow_history", "run \(run), first \(first)", "events", "a batch of events") {
                    guard first == events.count + 1 else { throw HistoryGap(description: "event \(first) after \(events.count)") }
                    try EventCoding.decode(row.bytes(1), first: first, into: &events)
                }
            }
            return events
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func due(after key: DueItem.Key?, until moment: Timestamp, limit: Int) async throws -> [DueItem] {
        do { return try dueRows(after: key, until: moment, limit: limit) } catch is UnreadableRow {
            try setUnreadableAside(until: moment)
            return try dueRows(after: key, until: moment, limit: limit)
        }
    }

    private func dueRows(after key: DueItem.Key?, until moment: Timestamp, limit: Int) throws -> [DueItem] {
        try database.readCommitted { database in
            let statement = try database.cachedStatement(
                sql:
                    "SELECT * FROM workflow_due WHERE (at, run, event, kind) > (?, ?, ?, ?) AND at <= ? ORDER BY at, run, event, kind LIMIT ?"
            )
            return try Row.fetchAll(statement, arguments: Self.bound(key) + [moment.milliseconds, limit]).map(Self.item)
        }
    }

    /// Sets the due things aside that cannot be read: a text that no build knows, a body that is no JSON.
    private func setUnreadableAside(until moment: Timestamp) throws {
        let known = DueItem.Kind.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        let bad = "at <= ? AND (kind NOT IN (\(known)) OR body IS NOT NULL AND NOT json_valid(body))"
        try database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO workflow_quarantine (at, run, event, kind, workflow, queue, body, problem, quarantined_at)
                    SELECT at, run, event, kind, workflow, queue, body,
                        'workflow_due, row ' || workflow || ', run ' || run || ', event ' || event
                        || ', columns kind and body: expected a known kind and JSON, found kind ' || kind
                        || '; use the build that wrote it, or restore a backup', at
                    FROM workflow_due WHERE \(bad)
                    """, arguments: [moment.milliseconds])
            try database.execute(sql: "DELETE FROM workflow_due WHERE \(bad)", arguments: [moment.milliseconds])
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func nextDue(after key: DueItem.Key?) async throws -> Timestamp? {
        try database.readCommitted { database in
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
        try database.readCommitted { database in
            let sql = """
                SELECT max(
                    (SELECT coalesce(max(key), 0) FROM workflow_run),
                    (SELECT coalesce(max(json_extract(body, '$.number')), 0) FROM workflow_schedule WHERE json_valid(body)))
                """
            return try Int64.fetchOne(database, sql: sql) ?? 0
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func runs(matching filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] {
        try database.readCommitted { database in
            var found: [WorkflowRun] = []
            let sql = "SELECT \(Self.columns) FROM workflow_run WHERE key < ? ORDER BY key DESC"
            try database.each(sql, [.integer(key ?? .max)], until: { found.count >= limit }) { row in
                let run = try Self.run(row)
                if filter.matches(run) { found.append(run) }
            }
            return found
        }
    }

    /// All runs of a workflow that are kept, oldest first: a run that has become long is followed by another one.
    package func runs(of workflowID: String) async throws -> [WorkflowRun] {
        try database.readCommitted { database in
            try database.all("SELECT \(Self.columns) FROM workflow_run WHERE workflow = ? ORDER BY key", [.text(workflowID)], Self.run)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func count(matching filter: WorkflowFilter) async throws -> Int {
        guard filter != WorkflowFilter() else {
            return try database.readCommitted { try Int.fetchOne($0, sql: "SELECT count(*) FROM workflow_run") ?? 0 }
        }
        return try database.readCommitted { database in
            var count = 0
            try database.each("SELECT \(Self.columns) FROM workflow_run") { if filter.matches(try Self.run($0)) { count += 1 } }
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
                try HistoryPlace.delete(key, in: database)
                try database.run("DELETE FROM workflow_request WHERE run = ?", [.integer(key)])
                try database.run("DELETE FROM workflow_run WHERE key = ?", [.integer(key)])
            }
            return keys.count
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func schedules() async throws -> [ScheduleRecord] {
        try database.readCommitted { database in
            try Row.fetchAll(database, sql: "SELECT id, body FROM workflow_schedule ORDER BY id").map(Self.schedule)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func schedule(_ id: String) async throws -> ScheduleRecord? {
        try database.readCommitted { database in
            let statement = try database.cachedStatement(sql: "SELECT id, body FROM workflow_schedule WHERE id = ?")
            return try Row.fetchOne(statement, arguments: [id]).map(Self.schedule)
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func taker(of id: String, in scope: String) async throws -> Int64? {
        try database.readCommitted { database in
            let statement = try database.cachedStatement(sql: "SELECT run FROM workflow_request WHERE scope = ? AND id = ?")
            return try Int64.fetchOne(statement, arguments: [scope, id])
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func quarantined() async throws -> [QuarantinedItem] {
        try database.readCommitted { database in
            try Row.fetchAll(database, sql: "SELECT * FROM workflow_quarantine ORDER BY number").map { row in
                // What cannot be read is shown as far as it can be.
                let key = DueItem.Key(
                    at: Rows.time(row["at"]), run: row["run"], event: row["event"], kind: DueItem.Kind(rawValue: row["kind"]) ?? .task)
                let body = (row["body"] as String?).flatMap { try? JSONValue(parsing: $0) }
                return QuarantinedItem(
                    item: DueItem(key: key, workflowID: row["workflow"], queue: row["queue"], body: body), problem: row["problem"],
                    at: Rows.time(row["quarantined_at"]))
            }
        }
    }

    private static func schedule(_ row: Row) throws -> ScheduleRecord {
        try reading("workflow_schedule", row["id"], "body", "a schedule as JSON") {
            try JSONValue(parsing: row["body"] as String).decoded()
        }
    }

    /// Names the row that cannot be read; what is in it stays out of the sentence.
    private static func reading<Value>(
        _ table: String, _ key: String, _ column: String, _ expected: String, _ body: () throws -> Value
    ) throws -> Value {
        do { return try body() } catch let error as HistoryError {
            throw UnreadableRow(table: table, key: key, column: column, expected: expected, found: error.description)
        } catch let gap as HistoryGap {
            throw UnreadableRow(table: table, key: key, column: column, expected: expected, found: gap.description)
        } catch let error where error is JSONError || error is DecodingError {
            throw UnreadableRow(table: table, key: key, column: column, expected: expected, found: "something else")
        }
    }

    private static let columns = "key, workflow, run, type, queue, status, length, bytes, started_at, closed_at, problem, more"

    private static func run(_ row: SQLRow) throws -> WorkflowRun {
        let (key, workflow, text) = (row.integer(0), row.text(1), row.text(5))
        guard let status = WorkflowStatus(rawValue: text) else {
            throw UnreadableRow(
                table: "workflow_run", key: "\(key), workflow \(workflow)", column: "status",
                expected: "one of \(WorkflowStatus.allCases.map(\.rawValue).joined(separator: ", "))", found: text)
        }
        var run = WorkflowRun(
            key: key, workflowID: workflow, runID: row.text(2), type: row.text(3), taskQueue: row.text(4), status: status,
            startedAt: row.time(8))
        (run.length, run.bytes) = (row.int(6), row.int(7))
        (run.closedAt, run.problem) = (row.time(ifAny: 9), row.text(ifAny: 10))
        if let text = row.text(ifAny: 11) {
            try reading("workflow_run", "\(key), workflow \(workflow)", "more", "memo, search attributes and attempts as JSON") {
                try More.read(text, into: &run)
            }
        }
        return run
    }

    private static func item(_ row: Row) throws -> DueItem {
        let text: String = row["kind"]
        let name = "\(row["workflow"] as String), run \(row["run"] as Int64), event \(row["event"] as Int)"
        guard let kind = DueItem.Kind(rawValue: text) else {
            throw UnreadableRow(
                table: "workflow_due", key: name, column: "kind",
                expected: "one of \(DueItem.Kind.allCases.map(\.rawValue).joined(separator: ", "))", found: text)
        }
        let key = DueItem.Key(at: Rows.time(row["at"]), run: row["run"], event: row["event"], kind: kind)
        let body = try (row["body"] as String?).map { text in
            try reading("workflow_due", name, "body", "JSON") { try JSONValue(parsing: text) }
        }
        return DueItem(key: key, workflowID: row["workflow"], queue: row["queue"], body: body)
    }
}

/// A batch of events that does not follow the one before.
private struct HistoryGap: Error {
    let description: String
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
