import GRDB

extension LockstepDatabase {
    /// How many rows each of these tables has. It reads all of them: for a look at a database, and not for a service.
    package func rowCounts(of tables: [String]) throws -> [String: Int] {
        try read { database in
            try Dictionary(
                tables.map { ($0, try database.first("SELECT COUNT(*) FROM \($0)", []) { $0.int(0) } ?? 0) }, uniquingKeysWith: { $1 })
        }
    }
}
