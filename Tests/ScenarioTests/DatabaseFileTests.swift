import Events
import Foundation
import HybridRouter
import LegacyFixtures
import Outcomes
import SQLiteStorage
import Testing

/// Whose file it is, and that it stays so: names, locks, permissions, other people's files, files that go away.
@Suite struct DatabaseFileTests {
    private let folder: String
    private let database: String
    private var files: FileManager { .default }

    init() throws {
        folder = NSTemporaryDirectory() + "lockstep-file-\(UUID().uuidString)"
        database = folder + "/work.sqlite"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func listing() throws -> [String: Data] {
        let names = try files.contentsOfDirectory(atPath: folder)
        return Dictionary(uniqueKeysWithValues: names.map { ($0, files.contents(atPath: "\(folder)/\($0)") ?? Data()) })
    }

    // MARK: One runner

    @Test(arguments: ["the same name", "a symbolic link", "a link to a link", "a hard link", "a removed lock", "another spelling"])
    func aSecondRunnerIsRefusedUnderEveryName(kind: String) async throws {
        let run = try FedRun(database)
        let lines = try Lockstep.lines("happy-private-profit")
        try run.feed(lines[..<1])
        var name = database
        switch kind {
        case "a symbolic link": name = try link("one.sqlite", to: database)
        case "a link to a link": name = try link("two.sqlite", to: try link("one.sqlite", to: database))
        case "a hard link":
            name = folder + "/hard.sqlite"
            try files.linkItem(atPath: database, toPath: name)
        case "a removed lock":
            for other in try files.contentsOfDirectory(atPath: folder) where other.contains("-lock") || other.contains("-turnstile") {
                try files.removeItem(atPath: "\(folder)/\(other)")
            }
        case "another spelling": name = folder + "/./../" + (folder.split(separator: "/").last ?? "") + "//work.sqlite"
        default: break
        }
        for _ in 0..<20 {
            let second = try Lockstep.run(["run", "--events", "/dev/null", "--database", name])
            #expect(second.code == 3)
            #expect(second.error.contains("expected no other runner, found process"), "\(second.error)")
        }
        try run.feed(lines[1..<2])
        try run.end()
    }

    private func link(_ name: String, to path: String) throws -> String {
        try files.createSymbolicLink(atPath: "\(folder)/\(name)", withDestinationPath: path)
        return "\(folder)/\(name)"
    }

    @Test func aLogBesideAnotherNameIsNotPassedBy() throws {
        let run = try FedRun(database)
        try run.feed(try Lockstep.lines("happy-private-profit")[..<2])
        try run.kill()
        #expect(files.fileExists(atPath: database + "-wal"))
        try files.linkItem(atPath: database, toPath: folder + "/hard.sqlite")
        let before = try listing()
        for verb in [["run", "--events", "/dev/null"], ["history", "list"], ["migrate", "halt"]] {
            let result = try Lockstep.run(verb + ["--database", folder + "/hard.sqlite"])
            #expect(result.code == 3)
            #expect(result.error.contains("found its log beside its other name \(database)"), "\(result.error)")
        }
        #expect(try listing() == before)
        #expect(try Lockstep.run(["history", "list", "--database", database]).output.contains("R-900001"))
    }

    /// Closing any descriptor of a file drops a process's POSIX locks on it, and SQLite's are such locks.
    @Test func aRefusedRunnerTakesNoLocksAway() throws {
        let runner = try LockstepDatabase(path: database, durability: .grouped)
        #expect(try sqliteLocks() == 1)
        for _ in 0..<3 { #expect(throws: DatabaseRefusal.self) { try LockstepDatabase(path: database) } }
        do { _ = try LockstepDatabase(path: database, readOnly: true) }
        do { _ = try LockstepDatabase(path: database, access: .beside(wait: .zero)) }
        #expect(try sqliteLocks() == 1)
        withExtendedLifetime(runner) {}
    }

    /// How many POSIX locks this process has on the bytes of the database that say that it is in use.
    private func sqliteLocks() throws -> Int {
        let inode = try #require(try files.attributesOfItem(atPath: database)[.systemFileNumber] as? Int)
        return try String(contentsOfFile: "/proc/locks", encoding: .utf8).split(separator: "\n").count { line in
            line.contains("POSIX") && line.contains(" READ \(getpid()) ") && line.contains(":\(inode) 1073741826 ")
        }
    }

    @Test func theLockGoesWithTheDatabase() throws {
        for _ in 0..<3 {
            let runner = try LockstepDatabase(path: database)
            #expect(throws: DatabaseRefusal.self) { try LockstepDatabase(path: database) }
            withExtendedLifetime(runner) {}
        }
        _ = try LockstepDatabase(path: database)
    }

    // MARK: For nobody else to read

    @Test func filesAreForTheirOwnerAlone() throws {
        let run = try FedRun(database)
        try run.feed(try Lockstep.lines("happy-private-profit")[..<4])
        let names = try files.contentsOfDirectory(atPath: folder)
        #expect(Set(names).isSuperset(of: ["work.sqlite", "work.sqlite-wal", "work.sqlite-shm", "work.sqlite.effects.jsonl"]))
        for name in names {
            let mode = try files.attributesOfItem(atPath: "\(folder)/\(name)")[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name) has mode \(String(mode ?? 0, radix: 8))")
        }
        try run.end()
    }

    // MARK: Other people's files

    private static let verbs = [
        ["run", "--events", "/dev/null"], ["run"], ["history", "list"], ["history", "show", "R-1"], ["migrate", "status"],
        ["migrate", "halt"], ["migrate", "recall", "R-1"], ["migrate", "adopt", "R-1"], ["workflow", "list"],
    ]

    private func sqlite(_ sql: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["sqlite3", database, sql]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    @Test(arguments: ["text", "one byte", "rollback", "wal", "marked", "grdb"]) func nothingIsAddedToWhatIsNotOurs(kind: String) throws {
        switch kind {
        case "text": try Data("a file of somebody\n".utf8).write(to: URL(filePath: database))
        case "one byte": try Data([1]).write(to: URL(filePath: database))
        case "rollback": try sqlite("CREATE TABLE setting (a); INSERT INTO setting VALUES (1)")
        case "wal": try sqlite("PRAGMA journal_mode=WAL; CREATE TABLE ownership (a)")
        case "marked": try sqlite("PRAGMA application_id=7; CREATE TABLE a (a)")
        default: try sqlite("CREATE TABLE grdb_migrations (identifier TEXT); INSERT INTO grdb_migrations VALUES ('v1')")
        }
        let before = try listing()
        for verb in Self.verbs {
            let result = try Lockstep.run(verb + ["--database", database])
            #expect(result.code == 3, "\(verb)")
            #expect(result.error.contains("nothing was written"), "\(verb): \(result.error)")
            #expect(result.error.split(separator: "\n").count == 1)
        }
        #expect(try listing() == before)
    }

    @Test func aDatabaseOfAnOlderBuildIsOurs() throws {
        try LockstepDatabase.make(path: database, upTo: "v003_pins")
        #expect(try Lockstep.run(["run", "--events", "/dev/null", "--database", database]).code == 0)
        #expect(try Lockstep.run(["history", "list", "--database", database]).code == 0)
    }

    @Test func aFolderIsNoDatabase() throws {
        let result = try Lockstep.run(["run", "--events", "/dev/null", "--database", folder])
        #expect(result.code == 3)
        #expect(result.error.contains("\(folder): expected"))
    }

    // MARK: Files that go away

    @Test(arguments: ["work.sqlite", "work.sqlite-wal", "work.sqlite-shm"], ["deleted", "moved", "replaced"])
    func whatIsWrittenIsInAFileThatIsFoundAgain(name: String, how: String) throws {
        let run = try FedRun(database)
        let lines = try Lockstep.lines("happy-private-profit")
        try run.feed(lines[..<3])
        let path = "\(folder)/\(name)"
        switch how {
        case "deleted": try files.removeItem(atPath: path)
        case "moved": try files.moveItem(atPath: path, toPath: path + ".away")
        default:
            try files.copyItem(atPath: path, toPath: path + ".copy")
            #expect(rename(path + ".copy", path) == 0)
        }
        let (code, output) = try run.refused(lines[3])
        #expect(code == 3)
        #expect(output.isEmpty, "nothing is acknowledged: \(output)")
    }

    // MARK: Read only

    /// A read-only copy in a folder in which nothing can be made: a mount for root, permissions for everybody else.
    private func readOnly(_ body: (_ prefix: [String]) throws -> Void) throws {
        guard getuid() != 0 else {
            return try body([
                "unshare", "-m", "--propagation", "private", "sh", "-c",
                "mount --bind \(folder) \(folder) && mount -o remount,ro,bind \(folder) && exec \"$0\" \"$@\"",
            ])
        }
        try files.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder)
        defer { try? files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder) }
        try body([])
    }

    private func run(_ prefix: [String], _ arguments: [String]) throws -> Lockstep.Result {
        let process = try Lockstep.process([])
        let binary = try #require(process.executableURL)
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = prefix + [binary.path] + arguments
        let (output, error) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (FileHandle.nullDevice, output, error)
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        let sentence = try error.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return .init(
            code: process.terminationStatus, output: String(decoding: text, as: UTF8.self), error: String(decoding: sentence, as: UTF8.self)
        )
    }

    @Test(.enabled(if: canBeReadOnly)) func aReadOnlyCopyCanBeLookedAt() throws {
        let trace = "\(LegacyFixtures.folder)/happy-private-profit"
        #expect(try Lockstep.run(["run", trace, "--database", database]).code == 0)
        let before = try listing()
        try readOnly { prefix in
            for verb in [["history", "list"], ["history", "show", "R-900001"], ["migrate", "status"]] {
                let result = try run(prefix, verb + ["--database", database])
                #expect(result.code == 0, "\(verb): \(result.error)")
                #expect(result.output.contains(verb[0] == "migrate" ? "1 registration:" : "R-900001"))
            }
            for verb in [["run", trace], ["migrate", "halt"], ["migrate", "recall", "R-900001"]] {
                let result = try run(prefix, verb + ["--database", database])
                #expect(result.code == 3, "\(verb)")
                #expect(result.error.contains("expected a file and a folder that can be written"), "\(verb): \(result.error)")
            }
        }
        #expect(try listing() == before)
    }

    static var canBeReadOnly: Bool {
        guard getuid() == 0 else { return true }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["unshare", "-m", "true"]
        process.standardError = FileHandle.nullDevice
        try? process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
