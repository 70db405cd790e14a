import Events
import Foundation
import Testing

/// A call of the kernel that fails, and what a caller reads then.
struct DiskFault: CustomTestStringConvertible, CustomStringConvertible, Sendable {
    let operation: String
    let error: Int32
    let found: String

    static let all = [
        DiskFault(
            operation: "write", error: ENOSPC, found: "expected room for another write, found: database or disk is full (SQLite code 13)"),
        DiskFault(operation: "write", error: EIO, found: "expected a disk that reads and writes, found: disk I/O error (SQLite code 778)"),
        DiskFault(operation: "sync", error: EIO, found: "expected a disk that reads and writes, found: disk I/O error (SQLite code 1034)"),
    ]

    var description: String { "\(operation) fails with \(String(cString: strerror(error)))" }
    var testDescription: String { description }
}

/// Registrations on a disk that fails now and then. After a failure the database is opened again, or the process dies first.
struct RefusalRun {
    private static let signals = ["brand", "review", "number"]

    /// What came of it.
    struct Findings: Sendable {
        fileprivate(set) var acknowledged: [String: Set<String>] = [:]
        fileprivate(set) var problems: [String] = []
        /// Calls of the kernel that failed.
        fileprivate(set) var struck = 0
        fileprivate var failures = 0
        fileprivate var unknown = 0
        fileprivate var kills = 0

        var figures: String {
            "\(struck) calls failed, \(failures) answers said so, \(unknown) of them that the outcome is unknown; \(kills) kills;"
                + " \(acknowledged.count) workflows"
        }
    }

    private let database: String
    private let fault: DiskFault
    private var random: SeededRandom
    private var process: FaultProcess
    private(set) var findings = Findings()

    init(_ database: String, _ fault: DiskFault, seed: UInt64) throws {
        self.database = database
        self.fault = fault
        random = SeededRandom(seed: seed)
        process = try FaultProcess(database)
    }

    /// Runs a registration while calls fail; whatever is not acknowledged is asked again.
    mutating func round() throws {
        let workflow = "w\(findings.acknowledged.count)"
        findings.acknowledged[workflow] = []
        let (after, times) = (Int.random(in: 0...40, using: &random), Int.random(in: 1...3, using: &random))
        _ = try process.ask("fail \(fault.operation) \(after) \(times) \(fault.error)")
        try insist("start \(workflow)")
        for signal in Self.signals {
            try insist("signal \(workflow) \(signal) \(workflow)-\(signal)")
            findings.acknowledged[workflow]?.insert("\(workflow)-\(signal)")
        }
        let result = try insist("wait \(workflow)")
        if result != Books.result(workflow) { findings.problems.append("\(workflow): expected \(Books.result(workflow)), found \(result)") }
        try disarm()
    }

    /// Asks until it is answered.
    @discardableResult private mutating func insist(_ line: String) throws -> String {
        for _ in 0..<50 {
            let answer = Answer("\(line): " + (try process.ask(line) { _ in }))
            guard let failure = answer.failure else { return answer.text }
            note(failure)
            try recover()
        }
        throw CocoaError(.fileWriteUnknown, userInfo: [NSLocalizedDescriptionKey: "\(line) is still refused"])
    }

    private mutating func note(_ failure: String) {
        findings.failures += 1
        if failure.contains("whether the last write is kept is known once it has been opened again") { findings.unknown += 1 }
        let isSentence = failure.hasPrefix("\(database): \(fault.found)") && failure.hasSuffix(", then open it again")
        if !isSentence { findings.problems.append(failure) }
    }

    /// A new engine in the same process, or in the next one.
    private mutating func recover() throws {
        if random.chance(0.3) {
            try disarm()
            try process.kill()
            while try process.line() != nil {}
            if !process.wasKilled() { findings.problems.append("the process ended by itself") }
            findings.kills += 1
            process = try FaultProcess(database)
            return
        }
        var answer = ""
        for _ in 0..<200 {
            answer = try process.ask("open")
            if answer == "opened" { return }
            usleep(10_000)
        }
        findings.problems.append("the database could not be opened again: \(answer)")
    }

    /// Counts what has failed and lets nothing fail any more.
    private mutating func disarm() throws {
        findings.struck += Int(try process.ask("fail \(fault.operation) 0 0 0")) ?? 0
    }

    mutating func finish() throws -> Findings {
        try process.close()
        return findings
    }
}
