import GRDB

/// Where a batch of events lies in the table of histories: all batches of a run beside each other, in one tree of whole rows.
enum HistoryPlace {
    /// A history has at most 51,200 events, so the numbers of a run's batches have room in 20 bits.
    private static let room: Int64 = 1 << 20

    /// The place of the batch of `run` that begins with event `first`.
    static func of(_ run: Int64, _ first: Int) -> SQLValue { .integer(run * room + Int64(first)) }

    /// The condition on a row of the run whose ``all(_:)`` are bound.
    static let isOfRun = "place >= ?1 AND place < ?2"

    /// The bounds of a run's places.
    static func all(_ run: Int64) -> [SQLValue] { [.integer(run * room), .integer((run + 1) * room)] }

    static func delete(_ run: Int64, in database: Database) throws {
        try database.run("DELETE FROM workflow_history WHERE \(isOfRun)", all(run))
    }
}
