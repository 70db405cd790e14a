public import Events
import GRDB
public import HybridRouter

/// What is packed of an entity: the row of the table `archive`.
struct Archive {
    /// Lines of `at owner epoch moves`, oldest first.
    var moves = ""
    /// Names of deliveries, a JSON array of pairs.
    var deliveries: [JSONValue] = []

    static func of(_ entity: EntityID, in database: Database) throws -> Archive? {
        try database.first("SELECT moves, deliveries, sum FROM archive WHERE entity = ?", [.id(entity)]) { row in
            let (moves, deliveries) = (row.text(0), row.text(1))
            try sum(entity, moves, deliveries).check(row.sum(2), table: "archive", key: entity.rawValue)
            let names = try Reader("archive", entity.rawValue).json("deliveries", deliveries)
            return Archive(moves: moves, deliveries: names.array ?? [])
        }
    }

    func write(_ entity: EntityID, in database: Database) throws {
        let names = JSONValue.array(deliveries).canonicalText
        try database.run(
            "INSERT OR REPLACE INTO archive (entity, moves, deliveries, sum) VALUES (?, ?, ?, ?)",
            [.id(entity), .text(moves), .text(names), Self.sum(entity, moves, names).stored])
    }

    private static func sum(_ entity: EntityID, _ moves: String, _ deliveries: String) -> Sum {
        Sum(.id(entity), .text(moves), .text(deliveries))
    }

    mutating func add(_ name: DeliveryName) { deliveries.append(Self.pair(name)) }

    func contains(_ name: DeliveryName) -> Bool { deliveries.contains(Self.pair(name)) }

    private static func pair(_ name: DeliveryName) -> JSONValue { [.string(name.source.rawValue), .string(name.id.rawValue)] }

    var names: Set<DeliveryName> {
        Set(
            deliveries.compactMap { pair in
                guard let source = pair.array?.first?.string, let id = pair.array?.last?.string else { return nil }
                return DeliveryName(EventSource(source), EventID(id))
            })
    }

    /// One transaction's moves.
    struct Line {
        let at: Timestamp
        let owner: String
        let epoch: Int
        var moves: String
        /// Canonical JSON has no line feed.
        var text: String { "\(at.milliseconds) \(owner) \(epoch) \(moves)\n" }
    }

    func lines(of entity: EntityID) throws -> [Line] {
        try moves.split(separator: "\n").map { text in
            let words = text.split(separator: " ", maxSplits: 3)
            guard words.count == 4, let at = Int64(words[0]), let epoch = Int(words[2]) else {
                throw Reader("archive", entity.rawValue).unreadable("moves", "lines of time, owner, epoch and moves", "another line")
            }
            return Line(at: Timestamp(milliseconds: at), owner: String(words[1]), epoch: epoch, moves: String(words[3]))
        }
    }

    func journal(of entity: EntityID) throws -> [JournalEntry] {
        let reader = Reader("archive", entity.rawValue)
        return try lines(of: entity).flatMap { line in
            try Rows.entries(line.moves, of: entity, at: line.at, owner: line.owner, epoch: line.epoch, reader)
        }
    }
}

extension SQLiteHandoffStore {
    /// See ``OwnershipStore``.
    public func compactedDeliveries(of entity: EntityID) async throws -> Set<DeliveryName> {
        try database.read { try Archive.of(entity, in: $0)?.names ?? [] }
    }

    /// See ``OwnershipStore``. Moves are looked at in the order in which they were written, so nothing but what is old is read. What
    /// cannot be read stays where it is.
    public func compact(before moment: Timestamp, after place: Int, limit: Int) async throws -> Compaction {
        try database.write { database in
            let sql = "SELECT sequence, entity, at FROM move WHERE sequence > ? ORDER BY sequence LIMIT ?"
            let oldest = try database.all(sql, [.int(place), .int(limit)]) { row in
                (sequence: row.int(0), entity: EntityID(row.text(1)), at: row.time(2))
            }
            let old = oldest.prefix { $0.at < moment }
            var compaction = Compaction()
            for entity in Set(old.map(\.entity)).sorted() where try Self.isAtRest(entity, in: database) {
                do { compaction.add(try Self.pack(entity, before: moment, in: database)) } catch is HybridRouter.UnreadableRow {}
            }
            compaction.next = old.count == limit ? old.last?.sequence : nil
            return compaction
        }
    }

    /// True when nothing of the entity waits or is set aside. What a segment has been told and has not used waits; of the rest it knows
    /// from its own history.
    private static func isAtRest(_ entity: EntityID, in database: Database) throws -> Bool {
        let sql = """
            SELECT 1 FROM ownership WHERE entity = ?1
                AND NOT EXISTS (SELECT 1 FROM inbox WHERE entity = ?1 AND \(Rows.isOpen))
                AND NOT EXISTS (SELECT 1 FROM quarantine WHERE entity = ?1)
            """
        return try database.first(sql, [.id(entity)]) { _ in true } ?? false
    }

    /// Everything is read before anything is written: what cannot be read leaves the entity as it is.
    private static func pack(_ entity: EntityID, before moment: Timestamp, in database: Database) throws -> Compaction {
        var archive = try Archive.of(entity, in: database) ?? Archive()
        let moves = try database.all("SELECT \(Rows.moveColumns) FROM move WHERE entity = ? ORDER BY sequence", [.id(entity)]) { row in
            _ = try Rows.journalEntries(of: entity, row)
            return (row.int(0), Archive.Line(at: row.time(1), owner: row.text(2), epoch: row.int(3), moves: row.text(4)))
        }.prefix { $0.1.at < moment }
        let events = try handled(entity, before: moment, in: database)
        archive.moves += moves.map(\.1.text).joined()
        for event in events where event.isNamed { archive.add(event.name) }
        try archive.write(entity, in: database)
        for (sequence, _) in moves { try database.run("DELETE FROM move WHERE sequence = ?", [.int(sequence)]) }
        for event in events { try database.run("DELETE FROM inbox WHERE sequence = ?", [.int(event.sequence)]) }
        try database.run("DELETE FROM reading WHERE entity = ? AND at < ?", [.id(entity), .time(moment)])
        var compaction = Compaction()
        (compaction.entities, compaction.transactions) = (1, moves.count)
        (compaction.events, compaction.reads) = (events.count, database.changesCount)
        return compaction
    }

    /// The entity's events that were handled and came before `moment`. Only one that came from elsewhere can come again: the bridge gives
    /// each of its own another name. The last row of the table stays, so that no number is given twice.
    private static func handled(
        _ entity: EntityID, before moment: Timestamp, in database: Database
    ) throws -> [(sequence: Int, name: DeliveryName, isNamed: Bool)] {
        let sql = """
            SELECT sequence, source, event_id FROM inbox
            WHERE entity = ? AND disposition IN ('consumed', 'late', 'dead') AND received_at < ?
                AND sequence < (SELECT max(sequence) FROM inbox)
            ORDER BY sequence
            """
        return try database.all(sql, [.id(entity), .time(moment)]) { row in
            let name = DeliveryName(EventSource(row.text(1)), EventID(row.text(2)))
            return (row.int(0), name, canComeAgain(name))
        }
    }

    private static func canComeAgain(_ name: DeliveryName) -> Bool {
        let id = name.id.rawValue
        return name.source == .lockstep ? id.hasPrefix("import/") : !id.hasPrefix("sweep/")
    }
}
