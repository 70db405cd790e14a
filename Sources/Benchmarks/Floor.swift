import DurableWorkflow
import Events
import GRDBSQLite

/// Bare SQLite through its C interface: the same rows, bytes and commits, with the same durability, and nothing else.
struct Floor {
    private let database: OpaquePointer
    private let begin: OpaquePointer
    private let commit: OpaquePointer
    private let insertRun: OpaquePointer
    private let updateRun: OpaquePointer
    private let insertHistory: OpaquePointer
    private let insertDue: OpaquePointer
    private let deleteDue: OpaquePointer

    struct Failure: Error {
        let message: String
    }

    /// Opens the database at `path`, which has the schema.
    init(path: String) throws {
        var handle: OpaquePointer?
        guard sqlite3_open(path, &handle) == SQLITE_OK, let handle else { throw Failure(message: "cannot open \(path)") }
        database = handle
        sqlite3_exec(
            handle, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536", nil, nil, nil
        )
        func prepare(_ sql: String) throws -> OpaquePointer {
            var statement: OpaquePointer?
            guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
                throw Failure(message: String(cString: sqlite3_errmsg(handle)))
            }
            return statement
        }
        begin = try prepare("BEGIN IMMEDIATE")
        commit = try prepare("COMMIT")
        insertRun = try prepare("INSERT INTO workflow_run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        updateRun = try prepare(
            "UPDATE workflow_run SET status = ?, length = ?, bytes = ?, closed_at = ?, problem = ?, more = ? WHERE key = ?")
        insertHistory = try prepare("INSERT INTO workflow_history VALUES (?, ?, ?)")
        insertDue = try prepare("INSERT OR REPLACE INTO workflow_due VALUES (?, ?, ?, ?, ?, ?, ?)")
        deleteDue = try prepare("DELETE FROM workflow_due WHERE at = ? AND run = ? AND event = ? AND kind = ?")
    }

    func close() {
        for statement in [begin, commit, insertRun, updateRun, insertHistory, insertDue, deleteDue] { sqlite3_finalize(statement) }
        sqlite3_close(database)
    }

    /// Writes one group in one transaction.
    func write(_ group: [WorkflowChange]) throws {
        try step(begin)
        for change in group {
            for run in change.runs { try write(run) }
            for item in change.due { try insert(item) }
            for key in change.done { try delete(key) }
        }
        try step(commit)
    }

    private func write(_ change: RunChange) throws {
        let run = change.run
        if change.first == 1 {
            sqlite3_bind_int64(insertRun, 1, run.key)
            for (index, text) in [run.workflowID, run.runID, run.type, run.taskQueue, run.status.rawValue].enumerated() {
                bind(insertRun, Int32(index + 2), text)
            }
            for (index, value) in [Int64(run.length), Int64(run.bytes), run.startedAt.milliseconds].enumerated() {
                sqlite3_bind_int64(insertRun, Int32(index + 7), value)
            }
            for index in 10...12 { sqlite3_bind_null(insertRun, Int32(index)) }
            try step(insertRun)
        } else {
            bind(updateRun, 1, run.status.rawValue)
            sqlite3_bind_int64(updateRun, 2, Int64(run.length))
            sqlite3_bind_int64(updateRun, 3, Int64(run.bytes))
            if let closedAt = run.closedAt {
                sqlite3_bind_int64(updateRun, 4, closedAt.milliseconds)
            } else {
                sqlite3_bind_null(updateRun, 4)
            }
            sqlite3_bind_null(updateRun, 5)
            sqlite3_bind_null(updateRun, 6)
            sqlite3_bind_int64(updateRun, 7, run.key)
            try step(updateRun)
        }
        guard let batch = change.batch else { return }
        sqlite3_bind_int64(insertHistory, 1, run.key)
        sqlite3_bind_int64(insertHistory, 2, Int64(change.first))
        _ = batch.withUnsafeBytes { sqlite3_bind_blob(insertHistory, 3, $0.baseAddress, Int32($0.count), Self.transient) }
        try step(insertHistory)
    }

    private func insert(_ item: DueItem) throws {
        bindKey(insertDue, item.key)
        bind(insertDue, 5, item.workflowID)
        bind(insertDue, 6, item.queue)
        sqlite3_bind_null(insertDue, 7)
        try step(insertDue)
    }

    private func delete(_ key: DueItem.Key) throws {
        bindKey(deleteDue, key)
        try step(deleteDue)
    }

    private func bindKey(_ statement: OpaquePointer, _ key: DueItem.Key) {
        sqlite3_bind_int64(statement, 1, key.at.milliseconds)
        sqlite3_bind_int64(statement, 2, key.run)
        sqlite3_bind_int64(statement, 3, Int64(key.event))
        bind(statement, 4, key.kind.rawValue)
    }

    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    private func bind(_ statement: OpaquePointer, _ index: Int32, _ text: String) {
        sqlite3_bind_text(statement, index, text, -1, Self.transient)
    }

    private func step(_ statement: OpaquePointer) throws {
        let result = sqlite3_step(statement)
        sqlite3_reset(statement)
        guard result == SQLITE_DONE else { throw Failure(message: String(cString: sqlite3_errmsg(database))) }
    }
}
