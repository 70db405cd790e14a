public import Events
import GRDB
public import Outcomes
public import ShadowComparator

/// What a shadow has seen and found, in a database of its own: the owner's transactions never wait for it, and its disk errors are its own.
public struct SQLiteShadowBook: ShadowBook {
    /// What the file's name ends in, after that of the owner's database.
    public static let suffix = ".shadow"
    /// The most visits that are over and wait for their shadow; then one of the commonest path is dropped and counted.
    public static let mostWaiting = 1000
    /// The most results that are kept; then the oldest goes.
    public static let mostResults = 1000
    /// The most notes that are kept; then the oldest go, and their visits with them.
    public static let mostNotes = 1_000_000

    private let database: LockstepDatabase
    private let mostWaiting: Int
    private let mostNotes: Int

    /// A book in `database`.
    public init(_ database: LockstepDatabase) { self.init(database, mostWaiting: Self.mostWaiting) }

    package init(_ database: LockstepDatabase, mostWaiting: Int, mostNotes: Int = SQLiteShadowBook.mostNotes) {
        self.database = database
        self.mostWaiting = mostWaiting
        self.mostNotes = mostNotes
    }

    /// See ``ShadowBook``.
    public func add(_ notes: [ShadowNote]) async throws {
        try database.write { database in
            for note in notes where try !Self.isPassedOver(note, in: database) {
                if note.beginning != nil { try Self.removeNotes(of: note.visit.entity, in: database) }
                try database.run(
                    "INSERT INTO shadow_note (entity, step, visit, follower, path, body) VALUES (?, ?, ?, ?, ?, ?)",
                    Self.key(note.visit) + [
                        .optional(note.isLast ? note.path : nil), .text(try JSONValue(encoding: note).canonicalText),
                    ])
            }
            try dropTooMany(in: database)
            try database.run("DELETE FROM shadow_note WHERE sequence <= (SELECT max(sequence) FROM shadow_note) - ?", [.int(mostNotes)])
        }
    }

    /// A note that says nothing but that the record has another version, as the cron job leaves it, becomes part of the one before it.
    private static func isPassedOver(_ note: ShadowNote, in database: Database) throws -> Bool {
        guard note.saysNothing else { return false }
        try database.run(
            """
            UPDATE shadow_note SET body = json_set(body, '$.to', ?) WHERE json_extract(body, '$.to') = ?
                AND json_extract(body, '$.state') = ? AND sequence =
                (SELECT max(sequence) FROM shadow_note WHERE \(isOfVisit))
            """, [.int(note.to), .int(note.from), .text(note.state)] + key(note.visit))
        return database.changesCount > 0
    }

    /// Removes the notes of a visit that was not ended; one that is over stays until it is its turn.
    private static func removeNotes(of entity: EntityID, in database: Database) throws {
        try database.run(
            """
            DELETE FROM shadow_note AS n WHERE entity = ?1 AND NOT EXISTS (SELECT 1 FROM shadow_note l WHERE l.entity = ?1
                AND l.step = n.step AND l.visit = n.visit AND l.follower = n.follower AND l.path IS NOT NULL AND l.sequence >= n.sequence)
            """, [.id(entity)])
    }

    private func dropTooMany(in database: Database) throws {
        let waiting = try database.first("SELECT count(*) FROM shadow_note WHERE path IS NOT NULL", []) { $0.int(0) } ?? 0
        for _ in 0..<max(0, waiting - mostWaiting) {
            let commonest = """
                SELECT entity, step, visit, follower, path FROM shadow_note WHERE path IS NOT NULL AND (step, follower, path) =
                    (SELECT step, follower, path FROM shadow_note WHERE path IS NOT NULL GROUP BY 1, 2, 3
                    ORDER BY count(*) DESC, 1, 2, 3 LIMIT 1)
                ORDER BY sequence DESC LIMIT 1
                """
            guard let (visit, path) = try database.first(commonest, [], { (try Self.visit($0), $0.text(4)) }) else { return }
            var result = ShadowResult(visit: visit, at: .distantPast, path: path, verdict: .dropped)
            result.reason = "more than \(mostWaiting) visits waited"
            try Self.count(result, in: database)
            try Self.removeNotes(of: visit, in: database)
        }
    }

    /// See ``ShadowBook``.
    public func next() async throws -> ShadowVisit? {
        let sql = """
            SELECT n.entity, n.step, n.visit, n.follower FROM shadow_note n LEFT JOIN
                (SELECT step, follower, path, sum(visits) AS visits FROM shadow_count GROUP BY 1, 2, 3) c
                ON c.step = n.step AND c.follower = n.follower AND c.path = n.path
            WHERE n.path IS NOT NULL ORDER BY coalesce(c.visits, 0), n.sequence LIMIT 1
            """
        return try database.read { try $0.first(sql, [], Self.visit) }
    }

    private static func visit(_ row: SQLRow) throws -> ShadowVisit {
        guard let step = StepNumber(row.text(1)) else {
            throw Reader("shadow_note", row.text(0)).unreadable("step", "a step's number", row.text(1))
        }
        guard let follower = Owner(rawValue: row.text(3)) else {
            throw Reader("shadow_note", row.text(0)).unreadable("follower", "legacy or durable", row.text(3))
        }
        return ShadowVisit(entity: EntityID(row.text(0)), step: step, number: row.int(2), follower: follower)
    }

    /// See ``ShadowBook``.
    public func notes(of visit: ShadowVisit) async throws -> [ShadowNote] {
        let sql = "SELECT body FROM shadow_note WHERE \(Self.isOfVisit) AND \(Self.isOfFirst) ORDER BY sequence"
        return try database.read { try $0.all(sql, Self.key(visit) + Self.key(visit)) { try JSONValue(parsing: $0.text(0)).decoded() } }
    }

    /// See ``ShadowBook``.
    public func add(_ result: ShadowResult) async throws {
        try database.write { database in
            try Self.count(result, in: database)
            try Self.removeNotes(of: result.visit, in: database)
            if let judged = result.judged { try Self.keep(judged, in: database) }
            guard result.verdict != .matched, result.verdict != .added else { return }
            try database.run(
                "INSERT INTO shadow_result (entity, step, visit, follower, at, verdict, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                Self.key(result.visit) + [
                    .time(result.at), .text(result.verdict.rawValue), .text(try JSONValue(encoding: result).canonicalText),
                ])
            try database.run(
                "DELETE FROM shadow_result WHERE sequence <= (SELECT max(sequence) FROM shadow_result) - ?", [.int(Self.mostResults)])
        }
    }

    /// Who leaves a step before anything is told, and comes again, makes the same visit again: one that differs is never forgotten.
    private static func keep(_ visit: JudgedVisit, in database: Database) throws {
        try database.run(
            """
            INSERT INTO shadow_judged (id, step, version, path, way, mismatch) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (id, version) DO UPDATE SET mismatch = max(mismatch, excluded.mismatch)
            """,
            [
                .text(visit.id), .text(visit.step.description), .text(visit.version), .text(visit.path), .text(visit.way),
                .int(visit.isMismatch ? 1 : 0),
            ])
    }

    /// The visits that are cases of evidence, in the order in which they were followed.
    public func judged() async throws -> [JudgedVisit] {
        try database.read { database in
            try database.all("SELECT id, step, version, path, way, mismatch FROM shadow_judged ORDER BY sequence", []) { row in
                guard let step = StepNumber(row.text(1)) else {
                    throw Reader("shadow_judged", row.text(0)).unreadable("step", "a step's number", row.text(1))
                }
                return JudgedVisit(
                    id: row.text(0), step: step, version: row.text(2), path: row.text(3), way: row.text(4), isMismatch: row.int(5) != 0)
            }
        }
    }

    private static func count(_ result: ShadowResult, in database: Database) throws {
        try database.run(
            """
            INSERT INTO shadow_count (step, follower, path, verdict, visits, answered, unanswered) VALUES (?, ?, ?, ?, 1, ?, ?)
            ON CONFLICT DO UPDATE SET visits = visits + 1, answered = answered + excluded.answered,
                unanswered = unanswered + excluded.unanswered
            """,
            [
                .text(result.visit.step.description), .text(result.visit.follower.rawValue), .text(result.path),
                .text(result.verdict.rawValue), .int(result.answered), .int(result.unanswered),
            ])
    }

    private static func removeNotes(of visit: ShadowVisit, in database: Database) throws {
        try database.run("DELETE FROM shadow_note WHERE \(isOfVisit) AND \(isOfFirst)", key(visit) + key(visit))
    }

    private static let isOfVisit = "entity = ? AND step = ? AND visit = ? AND follower = ?"
    /// Who leaves a step before it is complete, and comes again, makes the visit of the same number again: each has notes of its own.
    private static let isOfFirst =
        "sequence <= ifnull((SELECT min(sequence) FROM shadow_note WHERE \(isOfVisit) AND path IS NOT NULL), sequence)"

    private static func key(_ visit: ShadowVisit) -> [SQLValue] {
        [.id(visit.entity), .text(visit.step.description), .int(visit.number), .text(visit.follower.rawValue)]
    }

    /// See ``ShadowBook``.
    public func counts(of follower: Owner) async throws -> [StepNumber: ShadowCounts] {
        try database.read { database in
            var counts: [StepNumber: ShadowCounts] = [:]
            let sums =
                "SELECT step, verdict, sum(visits), sum(answered), sum(unanswered) FROM shadow_count WHERE follower = ? GROUP BY 1, 2"
            try database.each(sums, [.text(follower.rawValue)]) {
                guard let step = StepNumber($0.text(0)), let verdict = ShadowResult.Verdict(rawValue: $0.text(1)) else { return }
                counts[step, default: ShadowCounts()].visits[verdict] = $0.int(2)
                counts[step]?.answered += $0.int(3)
                counts[step]?.unanswered += $0.int(4)
            }
            let open = "SELECT step, count(DISTINCT entity || '/' || visit) FROM shadow_note WHERE follower = ? GROUP BY 1"
            try database.each(open, [.text(follower.rawValue)]) {
                guard let step = StepNumber($0.text(0)) else { return }
                counts[step, default: ShadowCounts()].open = $0.int(1)
            }
            return counts
        }
    }

    /// See ``ShadowBook``.
    public func results(limit: Int) async throws -> [ShadowResult] {
        try database.read { database in
            try database.all("SELECT body FROM shadow_result ORDER BY sequence DESC LIMIT ?", [.int(limit)]) {
                try JSONValue(parsing: $0.text(0)).decoded()
            }
        }
    }

    /// See ``ShadowBook``.
    public func seal() async throws {
        try database.write { database in
            try database.run(
                """
                UPDATE shadow_note SET body = json_set(body, '$.segment.isSealed', json('true')) WHERE sequence IN
                    (SELECT max(sequence) FROM shadow_note WHERE follower = 'legacy' GROUP BY entity, step, visit)
                """, [])
        }
    }

    /// See ``ShadowBook``.
    public func flush() async throws { try database.flush() }

    /// See ``ShadowBook``.
    public func forget(_ entity: EntityID) async throws {
        try database.write { database in
            try database.run("DELETE FROM shadow_note WHERE entity = ?", [.id(entity)])
            try database.run("DELETE FROM shadow_result WHERE entity = ?", [.id(entity)])
        }
    }
}
