import A2PRegistration
import Events
import Foundation
import HybridRouter
import SQLiteStorage
import Testing

/// What a process made of a stream of recorded deliveries, played to its end.
struct PlayedStream {
    let database: String
    let code: Int32
    let error: String
    /// How many events were acknowledged.
    let acknowledged: Int
    /// The line of outcomes, by registration.
    let outcomes: [String: String]
    /// What was performed, in order, by registration.
    let effects: [String: [String]]
    let books: Books

    /// Ten minutes are a hang.
    private static let patience = 600

    init(_ lines: [MutatedLine], _ name: String) throws {
        var text = Data()
        for line in lines { text += Data(line.bytes) + Data([UInt8(ascii: "\n")]) }
        try text.write(to: URL(filePath: name + ".jsonl"))
        try self.init(stream: name + ".jsonl", name)
    }

    init(stream: String, _ name: String) throws {
        database = name + ".sqlite"
        let process = try Lockstep.process(Self.arguments(stream, database))
        let (output, error) = (name + ".out", name + ".err")
        for path in [output, error] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: error)
        try process.run()
        let watchdog = DispatchWorkItem { [id = process.processIdentifier] in kill(id, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Self.patience), execute: watchdog)
        process.waitUntilExit()
        watchdog.cancel()
        code = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
        self.error = try String(contentsOfFile: error, encoding: .utf8)
        acknowledged = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").count { $0.hasPrefix("ACK ") }
        outcomes = try Self.outcomes(database)
        effects = try Self.effects(database)
        books = try Books(database)
    }

    static func arguments(_ stream: String, _ database: String) -> [String] {
        [
            "run", "--events", stream, "--recorded", "--drain", "--format", "json", "--database", database, "--outcomes",
            database + ".outcomes",
        ]
    }

    static func outcomes(_ database: String) throws -> [String: String] {
        guard let text = try? String(contentsOfFile: database + ".outcomes", encoding: .utf8) else { return [:] }
        let lines = text.split(separator: "\n").map(String.init)
        return Dictionary(
            try lines.map { (try JSONValue(parsing: $0)["registration"]?.string ?? "", $0) }, uniquingKeysWith: { $1 })
    }

    /// Keys with request and reply.
    static func effects(_ database: String) throws -> [String: [String]] {
        let text = (try? String(contentsOfFile: database + ".effects.jsonl", encoding: .utf8)) ?? ""
        var effects: [String: [String]] = [:]
        for line in text.split(separator: "\n") {
            let effect = try JSONValue(parsing: String(line))
            let key = effect["key"]?.string ?? ""
            effects[String(key.prefix { $0 != "/" }), default: []].append(
                "\(key) \(effect["request"]?.canonicalText ?? "") \(effect["reply"]?.canonicalText ?? "")")
        }
        return effects
    }

    func execute(_ sql: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["sqlite3", database, sql]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    func remove() throws {
        let url = URL(filePath: database)
        let folder = url.deletingLastPathComponent().path
        let stem = url.deletingPathExtension().lastPathComponent + "."
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix(stem) {
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }
}

/// What a database says became of what was delivered, from its tables.
struct Books {
    /// Rows of deliveries, without what the machine sends itself, by what became of them.
    let rows: [String: Int]
    /// Deliveries that were seen before.
    let duplicates: Int
    /// Dead letters that never were rows.
    let letters: Int
    /// What was set aside.
    let quarantined: Int

    init(_ database: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "sqlite3", database,
            """
            SELECT 'row ' || disposition, count(*) FROM inbox WHERE source <> 'lockstep' AND event_id NOT LIKE 'sweep/%' GROUP BY 1
            UNION ALL SELECT name, value FROM counter WHERE name = 'duplicates'
            UNION ALL SELECT 'letters', count(*) FROM dead_letter WHERE reason NOT IN ('failed', 'early')
            UNION ALL SELECT 'quarantined', count(*) FROM quarantine
            """,
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        var found: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            let cells = line.split(separator: "|")
            if cells.count == 2 { found[String(cells[0])] = Int(cells[1]) }
        }
        rows = Dictionary(found.filter { $0.key.hasPrefix("row ") }.map { (String($0.key.dropFirst(4)), $0.value) }, uniquingKeysWith: +)
        duplicates = found["duplicates"] ?? 0
        letters = found["letters"] ?? -1
        quarantined = found["quarantined"] ?? -1
    }

    /// What does not add up: delivered = handled + duplicate + parked + late + dead, and nothing waits or is set aside.
    func problems(delivered: Int) -> [String] {
        var problems: [String] = []
        let kept = rows.values.reduce(0, +)
        if kept + duplicates + letters != delivered {
            problems.append("delivered \(delivered), found \(rows), \(duplicates) duplicates and \(letters) dead letters")
        }
        let open = rows.filter { !["consumed", "parked", "late", "dead"].contains($0.key) }
        if !open.isEmpty { problems.append("rows that nobody has decided: \(open)") }
        if quarantined != 0 { problems.append("set aside: \(quarantined)") }
        return problems
    }

    /// How many events, duplicates and dead letters come of a line of a stream.
    static func events(in bytes: [UInt8]) throws -> Int {
        guard bytes.count <= 1 << 20, let text = String(validating: bytes, as: UTF8.self), let line = try? TraceLine(parsing: text) else {
            return 1
        }
        if line.lost || line.source == .world { return 0 }
        guard let decoder = A2PDecoders.all.first(where: { $0.source == line.source }) else { return 1 }
        return decoder.decode(line.message).count
    }

    /// How many acknowledgements a line gets: one for each of its events.
    static func acknowledgements(of bytes: [UInt8]) -> Int { (try? events(in: bytes)) ?? 1 }
}
