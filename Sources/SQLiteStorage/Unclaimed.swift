import Events
import GRDB
import HybridRouter

// Deliveries about somebody who is not known yet.

extension SQLiteHandoffStore {
    /// Keeps the letter of a delivery about nobody we know, so that an entity can claim it.
    func keepUnclaimed(_ incoming: IncomingEvent, in database: Database) throws -> Acceptance {
        let letter = DeadLetter.unknownEntity(incoming)
        let kept = try Self.keep(letter, in: database)
        guard database.changesCount > 0 else {
            try add(["duplicates": 1], in: database)
            return kept
        }
        let number = Int(database.lastInsertedRowID)
        let event = try JSONValue(encoding: EarlyDelivery(incoming)).canonicalText
        for name in Set(incoming.reference.names) {
            try database.run(
                "INSERT INTO unclaimed (letter, external, event) VALUES (?, ?, ?)", [.int(number), .text(name), .text(event)])
        }
        try database.run("DELETE FROM unclaimed WHERE letter <= ?", [.int(number - EarlyDelivery.most)])
        return kept
    }

    /// Gives the entity what came early under one of `names`; returns the rows.
    func claim(_ names: [String], for entity: EntityID, at now: Timestamp, in database: Database) throws -> [QueuedRow] {
        let letters = try names.flatMap { name in
            try database.all("SELECT letter FROM unclaimed WHERE external = ?", [.text(name)]) { $0.int(0) }
        }
        return try Set(letters).sorted().compactMap { try claim($0, for: entity, at: now, in: database) }
    }

    private func claim(_ number: Int, for entity: EntityID, at now: Timestamp, in database: Database) throws -> QueuedRow? {
        let sql = """
            SELECT event, event_id, source, body, received_at FROM unclaimed JOIN dead_letter ON sequence = letter WHERE letter = ? LIMIT 1
            """
        let found = try database.first(sql, [.int(number)]) { row in
            let letter = DeadLetter(
                id: EventID(row.text(1)), source: EventSource(row.text(2)), reason: .unknownEntity, detail: "", body: row.text(3),
                receivedAt: row.time(4))
            // What cannot be read stays a letter.
            return try? JSONValue(parsing: row.text(0)).decoded(as: EarlyDelivery.self).incoming(letter, for: entity)
        }
        try Self.abandon(number, in: database)
        guard let incoming = found ?? nil, EarlyDelivery.isOpen(incoming.receivedAt, at: now) else { return nil }
        try database.run("DELETE FROM dead_letter WHERE sequence = ?", [.int(number)])
        try add(["takenBack": 1], in: database)
        guard case .accepted(_, let row) = try insert(incoming, for: entity, in: database) else { return nil }
        return row
    }

    /// Takes back the letter of a delivery that came again and can be handled now; the first one counts as its duplicate.
    func supersede(_ incoming: IncomingEvent, in database: Database) throws {
        let number = try database.first(
            "SELECT sequence FROM dead_letter WHERE source = ? AND event_id = ?", [.id(incoming.source), .id(incoming.id)]
        ) { $0.int(0) }
        guard let number else { return }
        try database.run("DELETE FROM dead_letter WHERE sequence = ?", [.int(number)])
        try Self.abandon(number, in: database)
        try add(["duplicates": 1], in: database)
    }

    /// Lets nobody claim a letter any more.
    static func abandon(_ letter: Int, in database: Database) throws {
        try database.run("DELETE FROM unclaimed WHERE letter = ?", [.int(letter)])
    }
}
