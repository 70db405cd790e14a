/// What becomes of every column when a registration is forgotten. A test holds it against the schema: a new column has to be decided here.
package enum PersonalData {
    /// What becomes of what a column holds.
    package enum Fate: String, Sendable, CaseIterable {
        /// An id, a state, a code, a time or a number of our own: it stays.
        case kept
        /// What is from outside is taken out, the rest stays.
        case reduced
        /// It is emptied.
        case emptied
        /// Its row goes.
        case removed
    }

    /// The fate of each column, by table.
    package static let fates: [String: [String: Fate]] = [
        "grdb_migrations": ["identifier": .kept],
        "setting": ["name": .kept, "value": .removed, "sum": .kept],
        "ownership": all(.kept, "entity", "epoch", "owner", "step", "passed", "completions", "pins", "sum"),
        "record": [
            "entity": .kept, "state": .kept, "body": .reduced, "version": .kept, "final": .kept, "created_at": .kept,
            "step_entered_at": .kept, "last_event_at": .kept, "last_swept_at": .kept, "due_at": .kept, "legacy_version": .kept,
            "legacy_epoch": .kept, "segment_run": .kept, "segment_activity": .kept, "sum": .kept,
        ],
        "inbox": [
            "sequence": .kept, "entity": .kept, "event_id": .kept, "source": .kept, "kind": .kept, "payload": .emptied,
            "received_at": .kept, "occurred_at": .kept, "sum": .kept, "disposition": .kept, "epoch": .kept, "priority": .kept,
            "attempt": .kept, "visible_at": .kept, "place_sum": .kept,
        ],
        "outbox": all(.removed, "sequence", "entity", "epoch", "kind", "row", "segment", "sum"),
        "repetition": all(.kept, "source", "event_id"),
        "subject": all(.removed, "entity", "subject", "content", "calls", "sum"),
        "reference": all(.kept, "external", "entity", "sum"),
        "ledger": [
            "sequence": .kept, "key": .kept, "entity": .kept, "request": .emptied, "reply": .emptied, "owner": .kept, "epoch": .kept,
            "attempt": .kept, "at": .kept, "sum": .kept,
        ],
        "intention": all(.removed, "sequence", "key", "request", "owner", "epoch", "attempt", "at"),
        "reading": [
            "sequence": .kept, "entity": .kept, "operation": .kept, "request": .emptied, "reply": .emptied, "owner": .kept,
            "epoch": .kept, "at": .kept,
        ],
        "move": [
            "sequence": .kept, "entity": .kept, "at": .kept, "owner": .kept, "epoch": .kept, "moves": .reduced, "sum": .kept,
        ],
        "archive": ["entity": .kept, "moves": .reduced, "deliveries": .kept, "sum": .kept],
        "dead_letter": [
            "sequence": .kept, "event_id": .kept, "source": .kept, "reason": .kept, "detail": .emptied, "type": .emptied,
            "body": .emptied, "received_at": .kept,
        ],
        "unclaimed": all(.removed, "letter", "external", "event"),
        "quarantine": ["sequence": .kept, "kind": .kept, "key": .kept, "entity": .kept, "reason": .emptied, "since": .kept],
        "shadow_note": all(.removed, "sequence", "entity", "step", "visit", "follower", "path", "body"),
        "shadow_result": all(.removed, "sequence", "entity", "step", "visit", "follower", "at", "verdict", "body"),
        "shadow_count": all(.kept, "step", "follower", "path", "verdict", "visits", "answered", "unanswered"),
        "shadow_judged": all(.kept, "sequence", "id", "step", "version", "path", "way", "mismatch"),
        "counter": all(.kept, "name", "value"),
        "workflow_run": all(
            .removed, "key", "workflow", "run", "type", "queue", "status", "length", "bytes", "started_at", "closed_at", "problem", "more"),
        "workflow_history": all(.removed, "place", "events"),
        "workflow_due": all(.removed, "at", "run", "event", "kind", "workflow", "queue", "body"),
        "workflow_schedule": all(.kept, "id", "body"),
        "workflow_request": all(.removed, "scope", "id", "run"),
        "workflow_quarantine": all(
            .removed, "number", "at", "run", "event", "kind", "workflow", "queue", "body", "problem", "quarantined_at"),
    ]

    private static func all(_ fate: Fate, _ columns: String...) -> [String: Fate] {
        Dictionary(columns.map { ($0, fate) }, uniquingKeysWith: { $1 })
    }
}
