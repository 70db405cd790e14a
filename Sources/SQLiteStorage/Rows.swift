import Events
import GRDB
import HybridRouter
import Outcomes

/// Rows of the schema as values. What cannot be read is an ``UnreadableRow``, which says where and what.
enum Rows {
    // MARK: Ownership and record

    static let ownershipColumns = "epoch, owner, step, passed, completions, pins"

    /// Reads the columns from `first` on, in the order of ``ownershipColumns``, with the sum behind them.
    static func ownership(_ entity: EntityID, _ row: SQLRow, first: Int32 = 0) throws -> Ownership {
        let (epoch, owner, step, passed) = (row.int(first), row.text(first + 1), row.text(first + 2), row.text(ifAny: first + 3))
        let (completions, pins) = (row.text(first + 4), row.text(first + 5))
        let reader = Reader("ownership", entity.rawValue)
        try Sum(.id(entity), .int(epoch), .text(owner), .text(step), .optional(passed), .text(completions), .text(pins))
            .check(row.sum(first + 6), table: "ownership", key: entity.rawValue)
        return Ownership(
            entity: entity, epoch: epoch, owner: try reader.choice("owner", owner), step: try reader.step("step", step),
            passed: try passed.map { try reader.step("passed", $0) }, completions: try reader.completions(completions),
            pins: try reader.pins(pins))
    }

    /// The values to bind for an ownership row but its entity, in the order of ``ownershipColumns``, with the sum behind them.
    static func values(_ ownership: Ownership) -> [SQLValue] {
        let values = columns(ownership)
        return values + [sum(of: values, ownership.entity).stored]
    }

    /// The sum of an ownership row.
    static func sum(_ ownership: Ownership) -> Int64 { sum(of: columns(ownership), ownership.entity).value }

    private static func columns(_ ownership: Ownership) -> [SQLValue] {
        [
            .int(ownership.epoch), .text(ownership.owner.rawValue), .text(ownership.step.description),
            .optional(ownership.passed?.description), .text(text(ownership.completions)), .text(text(ownership.pins)),
        ]
    }

    private static func sum(of values: [SQLValue], _ entity: EntityID) -> Sum {
        var sum = Sum(.id(entity))
        for value in values { sum.add(value) }
        return sum
    }

    /// `2=1 5.2=3`
    private static func text(_ completions: [StepNumber: Int]) -> String {
        guard !completions.isEmpty else { return "" }
        return completions.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    /// `5.2=recalled 6=durable`
    private static func text(_ pins: [StepNumber: Pin]) -> String {
        guard !pins.isEmpty else { return "" }
        return pins.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.rawValue)" }.joined(separator: " ")
    }

    static let recordColumns =
        "state, body, version, final, created_at, step_entered_at, last_event_at, last_swept_at, due_at, legacy_version, legacy_epoch,"
        + " segment_run, segment_activity"

    /// Reads the columns from `first` on, in the order of ``recordColumns``, with the sum behind them.
    static func record(_ entity: EntityID, _ row: SQLRow, first: Int32) throws -> StoredRecord {
        let record = unchecked(row, first: first)
        if let stored = row.sum(first + 13) { try sum(entity, record).check(stored, table: "record", key: entity.rawValue) }
        return record
    }

    /// The same without the sum, which need not be there.
    static func unchecked(_ row: SQLRow, first: Int32 = 0) -> StoredRecord {
        let mark = row.isNull(first + 9) ? nil : LegacyMark(version: row.int(first + 9), epoch: row.int(first + 10))
        let reached = row.isNull(first + 11) ? nil : SegmentMark(run: row.text(first + 11), activity: row.int(first + 12))
        return StoredRecord(
            state: row.text(first), body: RecordBody(text: row.text(first + 1)), version: row.int(first + 2),
            isFinal: row.integer(first + 3) == 1, createdAt: row.time(first + 4), stepEnteredAt: row.time(first + 5),
            lastEventAt: row.time(first + 6), lastSweptAt: row.time(first + 7), dueAt: row.time(ifAny: first + 8), mark: mark,
            reached: reached)
    }

    /// The values to bind for a record but its entity, in the order of ``recordColumns``, with the sum behind them.
    static func values(_ entity: EntityID, _ record: StoredRecord) throws -> [SQLValue] {
        let values: [SQLValue] = [
            .text(record.state), .text(try record.body.text()), .int(record.version), .integer(record.isFinal ? 1 : 0),
            .time(record.createdAt), .time(record.stepEnteredAt), .time(record.lastEventAt), .time(record.lastSweptAt), .time(record.dueAt),
        ]
        let mark: [SQLValue] = [.int(record.mark?.version), .int(record.mark?.epoch)]
        let reached: [SQLValue] = [.optional(record.reached?.run), .int(record.reached?.activity)]
        return values + mark + reached + [sum(entity, values, record).stored]
    }

    /// A record without marks has the sum that it had before there were marks.
    private static func sum(_ entity: EntityID, _ values: [SQLValue], _ record: StoredRecord) -> Sum {
        var sum = Sum(.id(entity))
        for value in values { sum.add(value) }
        if let mark = record.mark { for value in [SQLValue.int(mark.version), .int(mark.epoch)] { sum.add(value) } }
        if let reached = record.reached { for value in [SQLValue.text(reached.run), .int(reached.activity)] { sum.add(value) } }
        return sum
    }

    private static func sum(_ entity: EntityID, _ record: StoredRecord) throws -> Sum {
        sum(entity, Array(try values(entity, record).prefix(9)), record)
    }

    static func snapshot(_ entity: EntityID, in database: Database) throws -> EntitySnapshot? {
        let sql = """
            SELECT \(ownershipColumns), o.sum, \(recordColumns), r.sum FROM ownership o LEFT JOIN record r USING (entity) WHERE entity = ?
            """
        return try database.first(sql, [.id(entity)]) { row in
            guard !row.isNull(8) else {
                throw UnreadableRow(table: "record", key: entity.rawValue, problem: "expected a record beside the ownership, found none")
            }
            return EntitySnapshot(ownership: try ownership(entity, row), record: try record(entity, row, first: 7))
        }
    }

    // MARK: Inbox and outbox

    static let inboxColumns =
        "sequence, entity, event_id, source, kind, payload, received_at, occurred_at, sum, disposition, epoch, priority, attempt, visible_at, place_sum"

    /// True of a row that is still to be handled, in the words of the index `inbox_open`.
    static let isOpen = "disposition <> 'consumed' AND disposition <> 'late' AND disposition <> 'dead'"

    static func inboxRow(_ row: SQLRow) throws -> InboxRow {
        let sequence = row.int(0)
        let reader = Reader("inbox", String(sequence))
        let (entity, id, source, kind, payload) = (row.text(1), row.text(2), row.text(3), row.text(4), row.text(5))
        try eventSum(entity, id, source, kind, payload, row.time(6), row.time(7)).check(row.sum(8), table: "inbox", key: String(sequence))
        let disposition: Disposition = try reader.choice("disposition", row.text(9))
        let (priority, attempt, visibleAt) = (row.int(11), row.int(12), row.time(13))
        try placeSum(disposition, row.int(ifAny: 10), priority, attempt, visibleAt)
            .check(row.sum(14), table: "inbox", key: String(sequence))
        let event = Event(
            id: EventID(id), source: EventSource(source), entity: EntityID(entity), kind: EventKind(kind),
            payload: try reader.json("payload", payload), receivedAt: row.time(6), occurredAt: row.time(7))
        var stored = InboxRow(
            sequence: sequence, event: event, disposition: disposition, priority: priority, attempt: attempt, visibleAt: visibleAt)
        stored.epoch = row.int(ifAny: 10)
        return stored
    }

    static func eventSum(
        _ entity: String, _ id: String, _ source: String, _ kind: String, _ payload: String, _ received: Timestamp, _ occurred: Timestamp
    ) -> Sum {
        Sum(.text(entity), .text(id), .text(source), .text(kind), .text(payload), .time(received), .time(occurred))
    }

    /// What becomes of a row: priority, attempt and visibility count while it is pending.
    static func placeSum(
        _ disposition: Disposition, _ epoch: Int?, _ priority: Int, _ attempt: Int, _ visibleAt: Timestamp
    ) -> Sum {
        guard disposition == .pending else { return Sum(.text(disposition.rawValue), .int(epoch)) }
        return Sum(.text(disposition.rawValue), .int(epoch), .int(priority), .int(attempt), .time(visibleAt))
    }

    static let queuedColumns = "sequence, entity, priority, attempt, visible_at, disposition, epoch, place_sum"

    static func queuedRow(_ row: SQLRow) throws -> OpenRow {
        let queued = QueuedRow(
            sequence: row.int(0), entity: EntityID(row.text(1)), priority: row.int(2), attempt: row.int(3), visibleAt: row.time(4))
        let disposition: Disposition = try Reader("inbox", String(queued.sequence)).choice("disposition", row.text(5))
        try placeSum(disposition, row.int(ifAny: 6), queued.priority, queued.attempt, queued.visibleAt)
            .check(row.sum(7), table: "inbox", key: String(queued.sequence))
        return OpenRow(queued, disposition, epoch: row.int(ifAny: 6))
    }

    static let outboxColumns = "sequence, entity, epoch, kind, row, segment, sum"

    static func outboxMessage(_ row: SQLRow) throws -> OutboxMessage {
        let reader = Reader("outbox", String(row.int(0)))
        let (entity, epoch, kind, inbox, segment) = (row.text(1), row.int(2), row.text(3), row.int(ifAny: 4), row.text(ifAny: 5))
        try outboxSum(entity, epoch, kind, inbox, segment).check(row.sum(6), table: "outbox", key: String(row.int(0)))
        return OutboxMessage(
            sequence: row.int(0), entity: EntityID(entity), epoch: epoch, kind: try reader.choice("kind", kind), row: inbox,
            segment: try segment.map { try reader.json("segment", $0) })
    }

    static func outboxSum(_ entity: String, _ epoch: Int, _ kind: String, _ row: Int?, _ segment: String?) -> Sum {
        Sum(.text(entity), .int(epoch), .text(kind), .int(row), .optional(segment))
    }

    // MARK: Ledger and moves

    static let ledgerColumns = "key, request, reply, owner, epoch, attempt, at, sum"

    static func ledgerEntry(_ row: SQLRow) throws -> LedgerEntry {
        let (key, request, reply, owner) = try ledgerTexts(row)
        let reader = Reader("ledger", key)
        return LedgerEntry(
            key: try reader.key("key", key), request: try reader.json("request", request), reply: try reader.json("reply", reply),
            owner: try reader.choice("owner", owner), epoch: row.int(4), attempt: row.int(5), at: row.time(6))
    }

    /// When the call of a ledger row was performed, when its operation is one of these.
    static func time(_ row: SQLRow, ofCallOf operations: [String]) throws -> Timestamp? {
        guard let operation = EffectKey.operation(of: row.text(0)), operations.contains(where: { $0 == operation }) else { return nil }
        _ = try ledgerTexts(row)
        return row.time(6)
    }

    /// Key, request, reply and owner of a ledger row that fits its checksum.
    private static func ledgerTexts(_ row: SQLRow) throws -> (key: String, request: String, reply: String, owner: String) {
        let (key, request, reply, owner) = (row.text(0), row.text(1), row.text(2), row.text(3))
        try ledgerSum(key, request, reply, owner, row.int(4), row.int(5), row.time(6)).check(row.sum(7), table: "ledger", key: key)
        return (key, request, reply, owner)
    }

    static func ledgerSum(
        _ key: String, _ request: String, _ reply: String, _ owner: String, _ epoch: Int, _ attempt: Int, _ at: Timestamp
    ) -> Sum {
        Sum(.text(key), .text(request), .text(reply), .text(owner), .int(epoch), .int(attempt), .time(at))
    }

    static let moveColumns = "sequence, at, owner, epoch, moves, sum"

    static func journalEntries(of entity: EntityID, _ row: SQLRow) throws -> [JournalEntry] {
        let reader = Reader("move", String(row.int(0)))
        let (owner, epoch, text) = (row.text(2), row.int(3), row.text(4))
        try moveSum(entity, row.time(1), owner, epoch, text).check(row.sum(5), table: "move", key: String(row.int(0)))
        return try entries(text, of: entity, at: row.time(1), owner: owner, epoch: epoch, reader)
    }

    static func entries(
        _ text: String, of entity: EntityID, at now: Timestamp, owner: String, epoch: Int, _ reader: Reader
    ) throws -> [JournalEntry] {
        let moves = try (try reader.json("moves", text).array ?? []).map { json in
            do { return try Move(json: json) } catch { throw reader.unreadable("moves", "a move that this build knows", "\(error)") }
        }
        return JournalEntry.entries(moves, of: entity, at: now, owner: try reader.choice("owner", owner), epoch: epoch)
    }

    static func moveSum(_ entity: EntityID, _ at: Timestamp, _ owner: String, _ epoch: Int, _ moves: String) -> Sum {
        Sum(.id(entity), .time(at), .text(owner), .int(epoch), .text(moves))
    }

    static func read(_ row: SQLRow, of entity: EntityID) throws -> RecordedRead {
        let reader = Reader("reading", entity.rawValue)
        return RecordedRead(
            entity: entity, operation: row.text(0), request: try reader.json("request", row.text(1)),
            reply: try reader.json("reply", row.text(2)), owner: try reader.choice("owner", row.text(3)), epoch: row.int(4), at: row.time(5)
        )
    }

    static func intention(_ row: SQLRow) throws -> EffectCall {
        let reader = Reader("intention", row.text(0))
        return EffectCall(
            key: try reader.key("key", row.text(0)), request: try reader.json("request", row.text(1)),
            owner: try reader.choice("owner", row.text(2)), epoch: row.int(3), attempt: row.int(4), at: row.time(5))
    }

    static func quarantined(_ row: SQLRow) throws -> Quarantined {
        Quarantined(
            try Reader("quarantine", row.text(1)).choice("kind", row.text(0)), key: row.text(1), entity: EntityID(row.text(2)),
            reason: row.text(3), since: row.time(4))
    }

    static func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }
}

/// Reads the columns of one row; what is wrong is said with table, key, column, expected and found.
struct Reader {
    let table: String
    let key: String

    init(_ table: String, _ key: String) {
        self.table = table
        self.key = key
    }

    func unreadable(_ column: String, _ expected: String, _ found: String) -> UnreadableRow {
        UnreadableRow(table: table, key: key, problem: "column \(column): expected \(expected), found \(found)")
    }

    func choice<Value: RawRepresentable & CaseIterable>(_ column: String, _ text: String) throws -> Value where Value.RawValue == String {
        if let value = Value(rawValue: text) { return value }
        throw unreadable(column, Value.allCases.map(\.rawValue).joined(separator: " or "), text.isEmpty ? "nothing" : "another word")
    }

    func step(_ column: String, _ text: String) throws -> StepNumber {
        guard let step = StepNumber(text) else { throw unreadable(column, "a step number like 5.2", "something else") }
        return step
    }

    func key(_ column: String, _ text: String) throws -> EffectKey {
        guard let key = EffectKey(text) else { throw unreadable(column, "a key entity/step/operation/ordinal", "something else") }
        return key
    }

    func json(_ column: String, _ text: String) throws -> JSONValue {
        do { return try JSONValue(parsing: text) } catch { throw unreadable(column, "JSON", "another text: \(error)") }
    }

    func completions(_ text: String) throws -> [StepNumber: Int] {
        try pairs(text, "completions", "step=count") { Int($0) }
    }

    func pins(_ text: String) throws -> [StepNumber: Pin] {
        try pairs(text, "pins", "step=legacy, step=durable or step=recalled") { Pin(rawValue: $0) }
    }

    private func pairs<Value>(_ text: String, _ column: String, _ expected: String, _ read: (String) -> Value?) throws -> [StepNumber:
        Value]
    {
        guard !text.isEmpty else { return [:] }
        var values: [StepNumber: Value] = [:]
        for pair in text.split(separator: " ") {
            let parts = pair.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, let step = StepNumber(parts[0]), let value = read(parts[1]) else {
                throw unreadable(column, expected, "something else")
            }
            values[step] = value
        }
        return values
    }
}
