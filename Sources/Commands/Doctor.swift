import ArgumentParser
import Bridge
import Cutover
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import SQLiteStorage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// `lockstep doctor`
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks what a run needs: libraries, plan, clock, folders, disk, and a database's file, schema and content.",
        discussion: """
            \(Program.name) doctor
            \(Program.name) doctor --database work.sqlite --plan my-plan.yaml --format json

            Reads only, also beside a running process. Each line says what was found; a problem comes with one remedy. Exit code 3 when \
            there is one.
            """)

    @Option(help: "A database to look at, too.") var database: String?
    @Option(help: "A plan file; default: the program's own.") var plan: String?
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let app = try Program.app
        var findings = [Self.library(), planFinding(app), Self.clock(), Self.cache()]
        if let database { findings += await Examination(database, machine: app.machineDescription.name).findings() }
        Console.print(format == .json ? try JSONValue(encoding: findings).canonicalText : Self.text(findings))
        let problems = findings.count { $0.remedy != nil }
        guard problems == 0 else { throw CommandFailure(.environment, "problems found: \(problems)") }
    }

    private static func text(_ findings: [Finding]) -> String {
        let rows = findings.map { [$0.remedy == nil ? "ok" : "problem", $0.check, $0.found] }
        let remedies = findings.compactMap { finding in finding.remedy.map { "\(finding.check): \($0)" } }
        return Console.table([["", "check", "found"]] + rows) + (remedies.isEmpty ? "" : "\n\n" + remedies.joined(separator: "\n"))
    }

    private static func library() -> Finding {
        Finding("program", "\(Program.name), Lockstep \(LockstepVersion.current), SQLite \(LockstepDatabase.libraryVersion)")
    }

    private func planFinding(_ app: some Application) -> Finding {
        Finding("plan", remedy: "pass a plan of this machine with --plan") {
            let plan = try app.plan(plan)
            try plan.check(against: app.typed.domain.processSteps)
            return "\(plan.title), \(plan.steps.count.counted("step"))"
        }
    }

    private static func clock() -> Finding {
        let now = Timestamp(Date())
        let isPlausible = (1_735_689_600_000..<4_102_444_800_000).contains(now.milliseconds)  // 2025 to 2099
        return Finding("clock", now.description, remedy: isPlausible ? nil : "set the system's clock: timers and polls run by it")
    }

    private static func cache() -> Finding {
        Finding("cache folder", remedy: "pass --database to every run, or set XDG_CACHE_HOME") { try CacheFolder().path }
    }
}

/// What one check found, and what is to do about it; no remedy when all is well.
struct Finding: Encodable {
    let check: String
    let found: String
    let remedy: String?

    init(_ check: String, _ found: String, remedy: String? = nil) {
        self.check = check
        self.found = found
        self.remedy = remedy
    }

    /// What `body` finds; a problem with `remedy` when it throws.
    init(_ check: String, remedy: String, _ body: () throws -> String) {
        do { self.init(check, try body()) } catch { self.init(check, "\(error)", remedy: remedy) }
    }
}

/// A look at one database.
private struct Examination {
    let path: String
    let machine: String

    init(_ path: String, machine: String) {
        self.path = path
        self.machine = machine
    }

    /// The checks stop where the next one has nothing to look at.
    func findings() async -> [Finding] {
        var status = stat()
        guard stat(path, &status) == 0 else {
            return [Finding("database", "\(path): \(String(cString: strerror(errno)))", remedy: "check the path; a run makes the file")]
        }
        var findings = [file(status), changed(status), disk(status)]
        do {
            let database = try LockstepDatabase(path: path, access: .reader)
            findings.append(try integrity(database))
            findings += try await content(SQLiteHandoffStore(database))
        } catch {
            findings.append(Finding("database", "\(error)", remedy: "do what the sentence says, or take the database from a backup"))
        }
        return findings
    }

    private func file(_ status: stat) -> Finding {
        let mode = status.st_mode & 0o777
        let text = "\(path): \(status.st_size) bytes, mode \(String(mode, radix: 8))"
        if mode & 0o077 != 0 { return Finding("file", text, remedy: "chmod 600 \(path): it holds what customers have sent") }
        guard access(path, R_OK | W_OK) == 0 else { return Finding("file", text, remedy: "run as the file's owner: it cannot be written") }
        return Finding("file", text)
    }

    private func changed(_ status: stat) -> Finding {
        let changed = Timestamp(milliseconds: Int64(status.st_mtim.tv_sec) * 1000)
        let isBehind = Timestamp(Date()) + .minutes(1) < changed
        let remedy = "set the system's clock: it is behind the last change of the file"
        return Finding("last change", changed.description, remedy: isBehind ? remedy : nil)
    }

    private func disk(_ status: stat) -> Finding {
        var volume = statvfs()
        guard statvfs(path, &volume) == 0 else {
            return Finding("disk", String(cString: strerror(errno)), remedy: "look at the disk that holds \(path)")
        }
        let free = Int(volume.f_bavail) * Int(volume.f_frsize)
        let wanted = max(100 << 20, Int(status.st_size))
        let text = "\(free >> 20) MB free"
        return Finding("disk", text, remedy: free < wanted ? "make room: expected at least \(wanted >> 20) MB, the size of the file" : nil)
    }

    private func integrity(_ database: LockstepDatabase) throws -> Finding {
        let found = try database.setting("quick_check") ?? "nothing"
        let remedy = "take the database from a backup; what cannot be read is set aside when it is met"
        return Finding("content", "SQLite says \(found)", remedy: found == "ok" ? nil : remedy)
    }

    private func content(_ store: SQLiteHandoffStore) async throws -> [Finding] {
        let found = try await DatabaseIdentity.machine(of: store) ?? machine
        let census = try store.census()
        let aside = census.quarantined.values.reduce(0, +)
        let quarantine = "see '\(Program.name) migrate quarantine --database \(path)'"
        let resume = "'\(Program.name) migrate resume --database \(path)' ends it"
        return [
            Finding("machine", found, remedy: found == machine ? nil : "use the program of the machine \(found)"),
            Finding("set aside", "\(aside)", remedy: aside == 0 ? nil : quarantine),
            Finding(
                "migration", census.haltedSince.map { "halted since \($0)" } ?? "not halted", remedy: census.haltedSince.map { _ in resume }
            ),
        ]
    }
}

/// Which Lockstep this is.
enum LockstepVersion {
    static let current = "0.1.0"
}
