public import Events
import GRDB
public import HybridRouter
public import Outcomes

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
    /// What is set aside, by kind.
    public var quarantined: [Quarantined.Kind: Int] = [:]
    /// The moment of the halt that holds; nil when the migration goes on.
    public var haltedSince: String?

    /// How many entities durable owns.
    public var durable: Int { steps.values.reduce(0) { $0 + $1.durable } }
}

extension SQLiteHandoffStore {
    /// Who else runs on the database now, in words; nil when nobody does.
    public var otherRunner: String? { database.otherRunner }

    /// Counts everything in one read, beside a running process too.
    public func census() throws -> Census {
        try database.readTogether { database in
            var census = Census()
            try Self.countEntities(&census, in: database)
            try Self.countPins(&census, in: database)
            let open = try Self.pairs(
                "SELECT disposition, count(*) FROM inbox WHERE \(Rows.isOpen) GROUP BY disposition",
                in: database)
            for disposition in [Disposition.pending, .signalled, .parked] { census.open[disposition] = open[disposition.rawValue] ?? 0 }
            census.unsent = try database.first("SELECT count(*) FROM outbox") { $0.int(0) } ?? 0
            census.deadLetters = try Self.pairs("SELECT reason, count(*) FROM dead_letter GROUP BY reason", in: database)
            for (kind, count) in try Self.pairs("SELECT kind, count(*) FROM quarantine GROUP BY kind", in: database) {
                if let kind = Quarantined.Kind(rawValue: kind) { census.quarantined[kind] = count }
            }
            census.haltedSince = try database.first("SELECT value FROM setting WHERE name = ?", [.text(MigrationHalted.setting)]) {
                $0.text(0)
            }
            return census
        }
    }

    private static func countEntities(_ census: inout Census, in database: Database) throws {
        let sql = "SELECT step, owner, final, count(*) FROM ownership JOIN record USING (entity) GROUP BY step, owner, final"
        try database.each(sql) { row in
            guard let step = StepNumber(row.text(0)), let owner = Owner(rawValue: row.text(1)) else { return }
            let count = row.int(3)
            switch (owner, row.int(2) == 1) {
            case (.durable, _): census.steps[step, default: StepCensus()].durable += count
            case (.legacy, true): census.steps[step, default: StepCensus()].ended += count
            case (.legacy, false): census.steps[step, default: StepCensus()].legacy += count
            }
        }
    }

    private static func countPins(_ census: inout Census, in database: Database) throws {
        try database.each("SELECT pins, count(*) FROM ownership WHERE pins <> '' GROUP BY pins") { row in
            guard let pins = try? Reader("ownership", "").pins(row.text(0)) else { return }
            for (step, pin) in pins {
                switch pin {
                case .durable: census.steps[step, default: StepCensus()].drawnDurable += row.int(1)
                case .legacy: census.steps[step, default: StepCensus()].drawnLegacy += row.int(1)
                case .recalled: census.steps[step, default: StepCensus()].recalled += row.int(1)
                }
            }
        }
    }

    /// How many events of which type nobody reads, by sender and type, for example `tcr BRAND_FEEDBACK`.
    public func unreadTypes() throws -> [String: Int] {
        let sql = """
            SELECT source || ' ' || type, count(*) FROM dead_letter
            WHERE type IS NOT NULL AND reason IN (?, ?) GROUP BY source, type
            """
        let reasons: [DeadLetter.Reason] = [.unmapped, .unknownType]
        return try database.read { database in
            Dictionary(
                try database.all(sql, reasons.map { .id($0) }) { ($0.text(0), $0.int(1)) }, uniquingKeysWith: +)
        }
    }

    /// How many entities legacy has in the middle of their life, and the first of them. One that was just born is nobody's yet.
    public func unfinishedWithLegacy() throws -> (count: Int, first: EntityID?) {
        let sql = """
            SELECT count(*), min(entity) FROM ownership JOIN record USING (entity)
            WHERE owner = 'legacy' AND final = 0 AND (epoch > 1 OR version > 1)
            """
        return try database.read { database in
            let found = try database.first(sql) { ($0.int(0), $0.int(0) == 0 ? nil : EntityID($0.text(1))) }
            return found ?? (0, nil)
        }
    }

    /// The entities that durable owns in `step`, in order.
    public func durableEntities(in step: StepNumber) throws -> [EntityID] {
        try database.read { database in
            let sql = "SELECT entity FROM ownership WHERE owner = 'durable' AND step = ? ORDER BY entity"
            return try database.all(sql, [.text(step.description)]) { EntityID($0.text(0)) }
        }
    }
}
