package import Events
import GRDB
import HybridRouter

/// What is left of a registration that was forgotten, and what went.
package struct Remains: Codable, Hashable, Sendable {
    /// The registration.
    package var registration: String
    /// The state in which it ended.
    package var state: String
    /// Deliveries of which ids, kinds and times are left.
    package var deliveries = 0
    /// Effects of which the keys are left.
    package var effects = 0
    /// Moves, without what others have written in them.
    package var moves = 0
    /// Workflow runs that went, with their histories.
    package var removedRuns = 0
    /// Dead letters about it that were emptied.
    package var emptiedLetters = 0
}

/// Erases what is personal of registrations that have ended. Which column comes to what: ``PersonalData``.
///
/// Rows that cannot be read are erased like all others: nothing here depends on what stands in them.
extension SQLiteHandoffStore {
    /// Why a registration cannot be forgotten yet; nil when it can.
    package func obstacle(toForgetting entity: EntityID) throws -> String? {
        try database.read { database in
            let known = try database.first(
                "SELECT r.state, r.final, o.owner, o.step FROM ownership o LEFT JOIN record r USING (entity) WHERE entity = ?",
                [.id(entity)]
            ) { ($0.text(0), $0.int(1) == 1, $0.text(2), $0.text(3)) }
            guard let (state, isFinal, owner, step) = known else { return "expected one that the database has, found none" }
            guard isFinal, owner == "legacy" else {
                return "expected one that has ended, found it in step \(step), state \(state), owned by \(owner)"
            }
            for (what, sql) in Self.unfinished {
                let count = try database.first(sql, [.id(entity)]) { $0.int(0) } ?? 0
                if count > 0 { return "expected one that has ended, found \(what): \(count)" }
            }
            return nil
        }
    }

    private static let unfinished = [
        (
            "deliveries that wait to be handled",
            "SELECT count(*) FROM inbox WHERE entity = ? AND \(Rows.isOpen)"
        ),
        ("messages that wait to be sent", "SELECT count(*) FROM outbox WHERE entity = ?"),
        ("effects of which nobody knows whether they were done", "SELECT count(*) FROM intention WHERE \(begins("key"))"),
        ("workflow runs that go on", "SELECT count(*) FROM workflow_run WHERE \(begins("workflow")) AND closed_at IS NULL"),
    ]

    /// True for texts that begin with the entity and a slash. A zero is the character after the slash, so an index finds them.
    private static func begins(_ column: String) -> String { "\(column) >= ?1 || '/' AND \(column) < ?1 || '0'" }

    /// Erases what is personal of `entity`, which has ended. `reduced` takes what is personal out of a record; nil when nothing may stay.
    package func forget(_ entity: EntityID, reduced: (String) -> String?) throws -> Remains {
        try database.write { database in
            var remains = Remains(registration: entity.rawValue, state: "")
            remains.state = try Self.reduceRecord(of: entity, reduced, in: database)
            let packed = try Self.reduceArchive(of: entity, in: database)
            remains.deliveries = try Self.emptyInbox(of: entity, in: database) + packed.deliveries
            remains.effects = try Self.emptyEffects(of: entity, in: database)
            remains.moves = try Self.reduceMoves(of: entity, in: database) + packed.moves
            remains.emptiedLetters = try Self.emptyLetters(about: entity, in: database)
            remains.removedRuns = try Self.removeRuns(of: entity, in: database)
            try database.run("DELETE FROM subject WHERE entity = ?", [.id(entity)])
            try database.run("UPDATE quarantine SET reason = ? WHERE entity = ?", [.text(Move.forgottenText), .id(entity)])
            try Self.set(Forgotten.setting(of: entity), to: "yes", in: database)
            return remains
        }
    }

    /// Empties all dead letters, whoever they are about; returns how many.
    package func emptyLetters() throws -> Int {
        try database.write { database in
            let numbers = try database.all("SELECT sequence FROM dead_letter WHERE body <> ''") { $0.int(0) }
            for number in numbers { try Self.emptyLetter(number, in: database) }
            return numbers.count
        }
    }

    private static func reduceRecord(of entity: EntityID, _ reduced: (String) -> String?, in database: Database) throws -> String {
        let found = try database.first(
            "SELECT \(Rows.recordColumns) FROM record WHERE entity = ?", [.id(entity)]
        ) { row in
            var record = Rows.unchecked(row)
            record.body = RecordBody(text: reduced(row.text(1)) ?? "{}")
            return record
        }
        guard let record = found else { return "" }
        let values = try Rows.values(entity, record)
        try database.run("UPDATE record SET body = ?, sum = ? WHERE entity = ?", [values[1], values[values.count - 1], .id(entity)])
        return record.state
    }

    private static func emptyInbox(of entity: EntityID, in database: Database) throws -> Int {
        let sql = "SELECT sequence, event_id, source, kind, received_at, occurred_at FROM inbox WHERE entity = ?"
        let rows = try database.all(sql, [.id(entity)]) { row in
            (row.int(0), Rows.eventSum(entity.rawValue, row.text(1), row.text(2), row.text(3), "{}", row.time(4), row.time(5)))
        }
        for (number, sum) in rows {
            try database.run("UPDATE inbox SET payload = '{}', sum = ? WHERE sequence = ?", [sum.stored, .int(number)])
        }
        return rows.count
    }

    private static func emptyEffects(of entity: EntityID, in database: Database) throws -> Int {
        let sql = "SELECT key, owner, epoch, attempt, at FROM ledger WHERE entity = ?"
        let rows = try database.all(sql, [.id(entity)]) { row in
            (row.text(0), Rows.ledgerSum(row.text(0), "{}", "{}", row.text(1), row.int(2), row.int(3), row.time(4)))
        }
        for (key, sum) in rows {
            try database.run("UPDATE ledger SET request = '{}', reply = '{}', sum = ? WHERE key = ?", [sum.stored, .text(key)])
        }
        try database.run("UPDATE reading SET request = '{}', reply = '{}' WHERE entity = ?", [.id(entity)])
        return rows.count
    }

    private static func reduceMoves(of entity: EntityID, in database: Database) throws -> Int {
        let rows = try database.all("SELECT \(Rows.moveColumns) FROM move WHERE entity = ?", [.id(entity)]) { row in
            (number: row.int(0), at: row.time(1), owner: row.text(2), epoch: row.int(3), moves: row.text(4))
        }
        for row in rows {
            let text = reduced(row.moves)
            let sum = Rows.moveSum(entity, row.at, row.owner, row.epoch, text)
            try database.run("UPDATE move SET moves = ?, sum = ? WHERE sequence = ?", [.text(text), sum.stored, .int(row.number)])
        }
        return rows.count
    }

    /// Packed moves of which a line cannot be read go as a whole. Returns what is left.
    private static func reduceArchive(of entity: EntityID, in database: Database) throws -> (moves: Int, deliveries: Int) {
        let sql = "SELECT moves, deliveries FROM archive WHERE entity = ?"
        let found = try database.first(sql, [.id(entity)]) { (moves: $0.text(0), deliveries: $0.text(1)) }
        guard let found else { return (0, 0) }
        var archive = Archive(moves: found.moves, deliveries: (try? JSONValue(parsing: found.deliveries).array) ?? [])
        let lines = (try? archive.lines(of: entity)) ?? []
        archive.moves = lines.map { Archive.Line(at: $0.at, owner: $0.owner, epoch: $0.epoch, moves: reduced($0.moves)).text }.joined()
        try archive.write(entity, in: database)
        return (lines.count, archive.deliveries.count)
    }

    /// Moves that this build cannot read become a note.
    private static func reduced(_ moves: String) -> String {
        let known = try? JSONValue(parsing: moves).array?.map { try Move(json: $0).forgotten }
        let rest = known ?? [.noted(what: "unreadable", detail: Move.forgottenText)]
        return JSONValue.array(rest.map(\.json)).canonicalText
    }

    private static func removeRuns(of entity: EntityID, in database: Database) throws -> Int {
        let runs = try database.all(
            "SELECT key FROM workflow_run WHERE workflow = ?1 OR \(begins("workflow"))", [.id(entity)]
        ) { $0.int(0) }
        for run in runs {
            try HistoryPlace.delete(Int64(run), in: database)
            for table in ["workflow_request", "workflow_due", "workflow_quarantine"] {
                try database.run("DELETE FROM \(table) WHERE run = ?", [.int(run)])
            }
            try database.run("DELETE FROM workflow_run WHERE key = ?", [.int(run)])
        }
        return runs.count
    }
}

// MARK: What is not the entity's by a column

extension SQLiteHandoffStore {
    /// Empties the dead letters that name the entity, and forgets what the outside was told in its name.
    private static func emptyLetters(about entity: EntityID, in database: Database) throws -> Int {
        let external = try database.all("SELECT external FROM reference WHERE entity = ?", [.id(entity)]) { $0.text(0) }
        let names = Set([entity.rawValue] + external).map { Array($0.utf8) }
        let world = "SELECT name, value FROM setting WHERE name >= 'world/' AND name < 'world0'"
        let told = try database.all(world) { ($0.text(0), $0.text(1)) }
        for (name, line) in told where mentions(line, names) { try database.run("DELETE FROM setting WHERE name = ?", [.text(name)]) }
        let letters = try database.all(
            """
            SELECT sequence, detail, body, EXISTS (
                SELECT 1 FROM inbox i WHERE i.source = d.source AND i.event_id = d.event_id AND i.entity = ?
            ) FROM dead_letter d
            """, [.id(entity)]
        ) { (number: $0.int(0), text: "\($0.text(1)) \($0.text(2))", isOwn: $0.int(3) == 1) }
        let about = letters.filter { $0.isOwn || mentions($0.text, names) }
        for letter in about { try emptyLetter(letter.number, in: database) }
        return about.count
    }

    private static func emptyLetter(_ number: Int, in database: Database) throws {
        try database.run(
            "UPDATE dead_letter SET detail = ?, type = NULL, body = '' WHERE sequence = ?", [.text(Move.forgottenText), .int(number)])
        try abandon(number, in: database)
    }

    /// True when one of `names` stands in `text` as a whole: `R-1` does not stand in `R-10`.
    static func mentions(_ text: String, _ names: [[UInt8]]) -> Bool {
        let bytes = Array(text.utf8)
        return names.contains { name in
            guard let first = name.first, bytes.count >= name.count else { return false }
            return (0...(bytes.count - name.count)).contains { start in
                bytes[start] == first && bytes[start..<(start + name.count)].elementsEqual(name)
                    && !(start > 0 && isPartOfID(bytes[start - 1]))
                    && !(start + name.count < bytes.count && isPartOfID(bytes[start + name.count]))
            }
        }
    }

    private static func isPartOfID(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "-")
    }
}
