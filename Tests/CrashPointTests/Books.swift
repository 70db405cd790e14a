import A2PRegistration
import DurableWorkflow
import Events
import FoundationEssentials
import HybridRouter
import Outcomes
import SQLiteStorage

/// What a run has left behind of one registration.
struct Account {
    var ownership: Ownership
    var outcome: Outcome
    var journal: [JournalEntry]
    var rows: [InboxRow]
    var ledger: [LedgerEntry]
}

/// What a run has left behind: everything the laws of the hand-off speak of, and nothing that depends on the hour.
struct Books {
    var accounts: [EntityID: Account] = [:]
    var entities: [EntityID]
    var counters: [String: Int]
    var deadLetters: [String: Int]
    /// The segments that were started.
    var segments: [String]
    /// What waits to be routed, sent, swept or run.
    var open: [String]
    /// What the outside has done for us, from its own file.
    var performed: [LedgerEntry]

    /// Reads the books of the run on `database`.
    init(_ path: String) async throws {
        let database = try LockstepDatabase(path: path, readOnly: true)
        let store = SQLiteHandoffStore(database)
        let engine = SQLiteWorkflowStore(database)
        entities = try await store.entities()
        counters = try await store.counters()
        deadLetters = try await store.deadLetters()
        let runs = try await engine.runs(matching: WorkflowFilter(), before: nil, limit: .max)
        segments = runs.map(\.workflowID).sorted()
        let log = try String(contentsOfFile: path + ".effects.jsonl", encoding: .utf8)
        performed = try log.split(separator: "\n").map { try JSONValue(parsing: String($0)).decoded(as: LedgerEntry.self) }
        open = try await store.pendingRows().map { "row \($0.sequence) of \($0.entity) is pending" }
        open += try await store.pendingOutbox().map { "\($0.kind) of \($0.segmentID) is not sent" }
        open += runs.filter { !$0.status.isClosed }.map { "segment \($0.workflowID) is \($0.status)" }
        open += try await store.quarantined().map { "\($0.kind) \($0.key) of \($0.entity) is set aside: \($0.reason)" }
        if let due = try await engine.nextDue(after: nil) { open.append("the engine has something to do at \(due)") }
        if let due = try await store.nextDue() { open.append("the sweeper has something to do at \(due)") }
        for entity in entities { accounts[entity] = try await Self.account(entity, store) }
    }

    private static func account(_ entity: EntityID, _ store: SQLiteHandoffStore) async throws -> Account? {
        guard let snapshot = try await store.snapshot(of: entity), let state = RegistrationState(rawValue: snapshot.record.state) else {
            return nil
        }
        let ledger = try await store.ledger(of: entity)
        let registration = try snapshot.record.body.value(as: Registration.self)
        return Account(
            ownership: snapshot.ownership, outcome: registration.outcome(state, ledger), journal: try await store.journal(of: entity),
            rows: try await store.rows(of: entity), ledger: ledger)
    }
}
