import A2PRegistration
import Events
import Foundation
import LegacyFixtures
import Outcomes
import Testing

/// `lockstep run --events` with deliveries that come in while it runs: as a real process, killed and told to stop.
@Suite struct LiveProcessTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "lockstep-live-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// The first lines of R-900001, for as many registrations: up to its brand's submission, then up to its vetting.
    private static func deliveries(_ count: Int) throws -> [[String]] {
        let recorded = try Lockstep.lines("happy-private-profit")
        let known = String(SyntheticIDs.brand("R-900001").dropFirst())
        return [0..<4, 4..<7].map { range in
            range.flatMap { index in
                (1...count).map { number in
                    let entity = EntityID("R-\(910_000 + number)")
                    let line = DeliveryLine(source: recorded[index].source, id: "edge-\(number)-\(index)", body: recorded[index].body)
                    return line.text.replacingOccurrences(of: "900001", with: String(910_000 + number))
                        .replacingOccurrences(of: known, with: String(SyntheticIDs.brand(entity).dropFirst()))
                }
            }
        }
    }

    /// Deliveries to a process, to its end.
    private func deliver(_ lines: [String], to database: String) throws -> LiveProcess {
        let process = try LiveProcess(database)
        try process.send(lines)
        let end = try process.end()
        #expect(end.code == 0, "\(end.error)")
        #expect(end.output.count { $0.hasPrefix("ACK ") } == lines.count)
        return process
    }

    private func outcomes(_ database: String) throws -> String { try String(contentsOfFile: database + ".outcomes", encoding: .utf8) }

    private func effects(_ database: String) throws -> [String] {
        let lines = try String(contentsOfFile: database + ".effects.jsonl", encoding: .utf8).split(separator: "\n")
        return try lines.map { try JSONValue(parsing: String($0))["key"]?.string ?? "" }.sorted()
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func aKilledProcessLosesNothingAndDoesNothingTwice(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let phases = try Self.deliveries(8)
        let (calm, killed) = ("\(folder)/calm.sqlite", "\(folder)/killed.sqlite")
        for lines in phases {
            _ = try deliver(lines, to: calm)
            for _ in 1...3 {
                let process = try LiveProcess(killed)
                try process.send(lines)
                // What was acknowledged before the kill is there afterwards; the producer sends all of it again.
                for _ in 0..<Int.random(in: 0..<lines.count, using: &random) { _ = try process.answer() }
                process.kill()
            }
            _ = try deliver(lines, to: killed)
        }
        #expect(try outcomes(killed) == outcomes(calm), "seed \(seed)")
        let performed = try effects(killed)
        #expect(try performed == effects(calm), "seed \(seed)")
        #expect(Set(performed).count == performed.count)
        #expect(performed.contains { $0.contains("/5.2/vetting.order/") }, "the durable step is part of it")
    }

    @Test(arguments: [("SIGTERM", SIGTERM), ("SIGINT", SIGINT)]) func aSignalEndsItInOrder(name: String, signal: Int32) throws {
        let database = "\(folder)/s.sqlite"
        let lines = try Self.deliveries(2)[0]
        let process = try LiveProcess(database)
        try process.send(lines)
        for _ in lines { #expect(try process.answer().hasPrefix("ACK ")) }
        let end = try process.stop(signal)
        #expect(end.code == 0)
        #expect(end.error.contains("stopped by \(name); what was acknowledged is kept"))
        let again = "go on with: lockstep run --events - --live --database \(database) --outcomes \(database).outcomes"
        #expect(end.error.contains(again), "\(end.error)")
        _ = try deliver(lines, to: database)
        #expect(try effects(database).filter { $0.hasSuffix("registry.submitBrand/1") }.count == 2)
    }

    /// The plan is changed between two runs; what is in the middle of its step is adopted beside the second.
    @Test func whatIsInTheMiddleOfAStepIsAdoptedBesideTheRun() throws {
        let database = "\(folder)/a.sqlite"
        let submit = try Self.deliveries(2)[0].filter { $0.contains("registration.submit") }
        _ = try deliver(submit, to: database)
        let plans = LegacyFixtures.folder + "/../Migrations/Plans/"
        let process = try LiveProcess(database, ["--plan", plans + "hybrid-2-5.2.yaml"])
        try process.send([try #require(submit.first)])
        #expect(try process.answer().hasPrefix("ACK "))
        func adopt(_ arguments: String...) throws -> Lockstep.Result {
            try Lockstep.run(["migrate", "adopt", "--database", database] + arguments)
        }
        let moved = try adopt("R-910001")
        #expect(moved.code == 0 && moved.output.contains("R-910001: moved to durable, epoch 2"), "\(moved.output)\(moved.error)")
        let other = try adopt("R-910002", "--plan", plans + "hybrid-5.2.yaml")
        #expect(other.code == 2 && other.error.contains("expected the very plan of the run"), "\(other.error)")
        #expect(try adopt("R-1").code == 3)
        #expect(try adopt("R-910001").code == 1, "it has moved already")
        #expect(try process.end().code == 0)
        let status = try Lockstep.run(["history", "show", "R-910001", "--database", database])
        #expect(status.output.contains("adopt"), "\(status.output)")
    }

    // MARK: Which kind a stream is of

    private func run(_ text: String, _ arguments: String...) throws -> Lockstep.Result {
        let path = "\(folder)/lines.jsonl"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try Lockstep.run(["run", "--events", "-", "--database", "\(folder)/k.sqlite"] + arguments, input: path)
    }

    @Test func theFirstDeliveryDecides() throws {
        let live = try Self.deliveries(1)[0].joined(separator: "\n")
        let recorded = try Lockstep.lines("happy-private-profit").map(\.text).joined(separator: "\n")
        let first = try run("no JSON\n" + live)
        #expect(first.code == 0)
        let acknowledged = first.output.split(separator: "\n").filter { $0.hasPrefix("ACK ") }
        #expect(acknowledged.count == 5)
        #expect(acknowledged[0].contains("dead-letter standard input:1 (byte 0)"))
        let refused = try run(recorded)
        #expect(refused.code == 2 && refused.error.contains("expected a database of recordings, found one that runs live"))
        #expect(try run(recorded, "--live").code == 0, "the deliveries come now, whatever their lines say")
    }

    @Test func aDatabaseOfRecordingsIsNotRunLive() throws {
        let recorded = try Lockstep.lines("happy-private-profit").map(\.text).joined(separator: "\n")
        #expect(try run(recorded).code == 0)
        let refused = try run(try Self.deliveries(1)[0].joined(separator: "\n"))
        #expect(refused.code == 2 && refused.error.contains("expected a database that runs live, found one of recordings"))
    }

    @Test(arguments: [
        ["--live", "--recorded"], ["--live", "--drain"], ["--drain"], ["--lanes", "0"],
    ]) func whatDoesNotFitIsRefused(arguments: [String]) throws {
        let path = "\(folder)/lines.jsonl"
        try Self.deliveries(1)[0].joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let result = try Lockstep.run(["run", "--events", "-", "--database", "\(folder)/r.sqlite"] + arguments, input: path)
        #expect(result.code == 2, "\(result.error)")
    }
}

/// `lockstep run --events - --live`, fed and listened to.
final class LiveProcess {
    private let process: Process
    private let (input, output, error) = (Pipe(), Pipe(), Pipe())

    init(_ database: String, _ arguments: [String] = []) throws {
        process = try Lockstep.process(
            ["run", "--events", "-", "--live", "--database", database, "--outcomes", database + ".outcomes"] + arguments)
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, error)
        try process.run()
    }

    func send(_ lines: [String]) throws {
        try input.fileHandleForWriting.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
    }

    /// The next line that it says.
    func answer() throws -> String {
        var answer: [UInt8] = []
        while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") { answer.append(byte) }
        return String(decoding: answer, as: UTF8.self)
    }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Ends its input; returns how it ended, and what it still said.
    func end() throws -> (code: Int32, output: [Substring], error: String) {
        try input.fileHandleForWriting.close()
        return try rest()
    }

    func stop(_ signal: Int32) throws -> (code: Int32, output: [Substring], error: String) {
        Foundation.kill(process.processIdentifier, signal)
        return try rest()
    }

    private func rest() throws -> (code: Int32, output: [Substring], error: String) {
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        let sentence = try error.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (
            process.terminationStatus, String(decoding: said, as: UTF8.self).split(separator: "\n"),
            String(decoding: sentence, as: UTF8.self)
        )
    }
}
