import Events
import FoundationEssentials
import GRDB
import HybridRouter
import Outcomes

/// Rows of the schema as values. A text that is no JSON is a corrupt database and throws.
enum Rows {
    static func snapshot(_ entity: EntityID, in database: Database) throws -> EntitySnapshot? {
        let statement = try database.cachedStatement(
            sql: """
                SELECT epoch, owner, step, completed, state, body, version, final, created_at, step_entered_at, last_event_at,
                    last_swept_at, due_at, pins
                FROM ownership JOIN record USING (entity) WHERE entity = ?
                """)
        guard let row = try Row.fetchOne(statement, arguments: [entity.rawValue]) else { return nil }
        let completed: String = row[3]
        let ownership = Ownership(
            entity: entity, epoch: row[0], owner: Owner(rawValue: row[1]) ?? .legacy, step: StepNumber(stringLiteral: row[2]),
            completed: completed.split(separator: " ").map { StepNumber(stringLiteral: String($0)) }, pins: pins(row[13]))
        return EntitySnapshot(ownership: ownership, record: record(row))
    }

    /// `5.2=legacy 6=durable`
    static func text(_ pins: [StepNumber: Owner]) -> String {
        pins.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.rawValue)" }.joined(separator: " ")
    }

    static func pins(_ text: String) -> [StepNumber: Owner] {
        let pairs = text.split(separator: " ").compactMap { pin -> (StepNumber, Owner)? in
            let parts = pin.split(separator: "=").map(String.init)
            guard parts.count == 2, let owner = Owner(rawValue: parts[1]) else { return nil }
            return (StepNumber(stringLiteral: parts[0]), owner)
        }
        return Dictionary(pairs, uniquingKeysWith: { $1 })
    }

    private static func record(_ row: Row) -> StoredRecord {
        StoredRecord(
            state: row[4], body: RecordBody(text: row[5]), version: row[6], isFinal: row[7], createdAt: time(row[8]),
            stepEnteredAt: time(row[9]),
            lastEventAt: time(row[10]), lastSweptAt: time(row[11]), dueAt: (row[12] as Int64?).map(time))
    }

    static func inboxRow(_ row: Row) throws -> InboxRow {
        let event = Event(
            id: EventID(row["event_id"] as String), source: EventSource(row["source"] as String), entity: EntityID(row["entity"] as String),
            kind: EventKind(row["kind"] as String), payload: try JSONValue(parsing: row["payload"]),
            receivedAt: time(row["received_at"]), occurredAt: time(row["occurred_at"]))
        return InboxRow(
            sequence: row["sequence"], event: event, disposition: Disposition(rawValue: row["disposition"]) ?? .dead,
            priority: row["priority"], attempt: row["attempt"], visibleAt: time(row["visible_at"]))
    }

    static func queuedRow(_ row: Row) -> QueuedRow {
        QueuedRow(sequence: row[0], entity: EntityID(row[1] as String), priority: row[2], attempt: row[3], visibleAt: time(row[4]))
    }

    static func ledgerEntry(_ row: Row) throws -> LedgerEntry {
        let text: String = row["key"]
        guard let key = EffectKey(text) else {
            throw DatabaseRefusal(
                description: "ledger: expected a key entity/step/operation/ordinal, found \(text); the database is corrupt")
        }
        return LedgerEntry(
            key: key, request: try JSONValue(parsing: row["request"]), reply: try JSONValue(parsing: row["reply"]),
            owner: row["owner"], epoch: row["epoch"], attempt: row["attempt"], at: time(row["at"]))
    }

    static func outboxMessage(_ row: Row) throws -> OutboxMessage {
        OutboxMessage(
            sequence: row["sequence"], entity: EntityID(row["entity"] as String), epoch: row["epoch"],
            kind: OutboxMessage.Kind(rawValue: row["kind"]) ?? .cancel, payload: try JSONValue(parsing: row["payload"]))
    }

    static func journalEntry(_ row: Row) -> JournalEntry {
        JournalEntry(
            entity: EntityID(row["entity"] as String), at: time(row["at"]), owner: Owner(rawValue: row["owner"]) ?? .legacy,
            epoch: row["epoch"], what: row["what"], detail: row["detail"])
    }

    static func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }
}
