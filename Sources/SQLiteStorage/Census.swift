public import Events
import FoundationEssentials
import GRDB
public import HybridRouter

/// How many entities stand in a step, and what is pinned to entities about it.
public struct StepCensus: Codable, Hashable, Sendable {
    /// Entities in the step that legacy owns.
    public var legacy = 0
    /// Entities in the step that durable owns.
    public var durable = 0
    /// Entities that have ended in the step: nothing leaves their state.
    public var ended = 0
    /// Entities for which a canary has drawn durable, wherever they stand.
    public var drawnDurable = 0
    /// Entities for which a canary has drawn legacy, wherever they stand.
    public var drawnLegacy = 0
    /// Entities that were recalled in the step, or whose segment failed there: it stays legacy's for them.
    public var recalled = 0

    /// An empty step.
    public init() {}
}

/// Where all entities of a database stand and what waits, counted at one moment.
public struct Census: Hashable, Sendable {
    /// By the step that the entity is in, or that a pin is about.
    public var steps: [StepNumber: StepCensus] = [:]
    /// Inbox rows that wait: pending, signalled, parked.
    public var open: [Disposition: Int] = [:]
    /// Messages to the engine that were not sent yet.
    public var unsent = 0
    /// Dead letters by reason.
    public var deadLetters: [String: Int] = [:]
    /// The moment of the halt that holds; nil when the migration goes on.
    public var haltedSince: String?

    /// How many entities durable owns.
    public var durable: Int { steps.values.reduce(0) { $0 + $1.durable } }
}

extension SQLiteHandoffStore {
    /// Counts everything in one read, beside a running process too.
    public func census() throws -> Census {
        try database.readTogether { database in
            var census = Census()
            try Self.countEntities(&census, in: database)
            try Self.countPins(&census, in: database)
            let open = try Self.pairs(
                "SELECT disposition, count(*) FROM inbox WHERE disposition IN ('pending', 'signalled', 'parked') GROUP BY disposition",
                in: database)
            for disposition in [Disposition.pending, .signalled, .parked] { census.open[disposition] = open[disposition.rawValue] ?? 0 }
            census.unsent = try Int.fetchOne(database, sql: "SELECT count(*) FROM outbox WHERE done = 0") ?? 0
            census.deadLetters = try Self.pairs("SELECT reason, count(*) FROM dead_letter GROUP BY reason", in: database)
            census.haltedSince = try String.fetchOne(
                database, sql: "SELECT value FROM setting WHERE name = ?", arguments: [MigrationHalted.setting])
            return census
        }
    }

    private static func countEntities(_ census: inout Census, in database: Database) throws {
        let sql = "SELECT step, owner, final, count(*) FROM ownership JOIN record USING (entity) GROUP BY step, owner, final"
        for row in try Row.fetchAll(database, sql: sql) {
            let step = StepNumber(stringLiteral: row[0])
            let count: Int = row[3]
            switch (Owner(rawValue: row[1]), row[2] as Bool) {
            case (.durable, _): census.steps[step, default: StepCensus()].durable += count
            case (_, true): census.steps[step, default: StepCensus()].ended += count
            case (_, false): census.steps[step, default: StepCensus()].legacy += count
            }
        }
    }

    private static func countPins(_ census: inout Census, in database: Database) throws {
        for row in try Row.fetchAll(database, sql: "SELECT pins, count(*) FROM ownership WHERE pins <> '' GROUP BY pins") {
            for (step, owner) in Rows.pins(row[0]) {
                switch owner {
                case .durable: census.steps[step, default: StepCensus()].drawnDurable += row[1]
                case .legacy: census.steps[step, default: StepCensus()].drawnLegacy += row[1]
                }
            }
        }
        for (_, step) in try recalls(in: database) {
            census.steps[step, default: StepCensus()].drawnLegacy -= 1
            census.steps[step, default: StepCensus()].recalled += 1
        }
    }

    /// The entities and steps of which a recall is the reason that legacy has them.
    private static func recalls(in database: Database) throws -> [(EntityID, StepNumber)] {
        let sql = """
            SELECT journal.*, pins FROM ownership JOIN journal USING (entity)
            WHERE pins LIKE '%=legacy%' AND what = 'recall' ORDER BY journal.sequence
            """
        var steps: [EntityID: Set<StepNumber>] = [:]
        for row in try Row.fetchAll(database, sql: sql) {
            let entry = Rows.journalEntry(row)
            guard let step = entry.recalledStep, Rows.pins(row["pins"])[step] == .legacy else { continue }
            steps[entry.entity, default: []].insert(step)
        }
        return steps.flatMap { entity, steps in steps.map { (entity, $0) } }
    }

    /// The entities that durable owns in `step`, in order.
    public func durableEntities(in step: StepNumber) throws -> [EntityID] {
        try database.read { database in
            let sql = "SELECT entity FROM ownership WHERE owner = 'durable' AND step = ? ORDER BY entity"
            return try String.fetchAll(database, sql: sql, arguments: [step.description]).map { EntityID($0) }
        }
    }
}
