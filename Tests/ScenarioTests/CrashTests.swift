import Events
import Foundation
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// Real processes, killed at moments that a seed chooses by the number of effects performed so far.
@Suite struct CrashTests {
    private static let binary: String? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let built = CommandLine.arguments.first.map { URL(filePath: $0).deletingLastPathComponent().path }
        return [built, "\(root)/.build/debug"].compactMap { $0 }.map { "\($0)/lockstep" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()

    private func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.binary, "build the product lockstep first"))
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func run(_ database: String) throws -> Process {
        try start(["run", "--mode", "hybrid", "--format", "json", "--database", database, "--outcomes", database + ".outcomes"])
    }

    private func effects(_ database: String) -> Int {
        let data = (try? Data(contentsOf: URL(filePath: database + ".effects.jsonl"))) ?? Data()
        return data.count { $0 == UInt8(ascii: "\n") }
    }

    /// Keys with request and reply, by entity, in the order performed.
    private func ledgers(_ database: String) async throws -> [EntityID: [String]] {
        let store = SQLiteHandoffStore(try LockstepDatabase(path: database, readOnly: true))
        var ledgers: [EntityID: [String]] = [:]
        for entity in try await store.entities() {
            ledgers[entity] = try await store.ledger(of: entity).map {
                "\($0.key) \($0.request.canonicalText) \($0.reply.canonicalText) \($0.owner) \($0.epoch)"
            }
        }
        return ledgers
    }

    @Test func twentyKillsChangeNothing() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-crash-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let calm = folder + "/calm.sqlite"
        let shaken = folder + "/shaken.sqlite"
        let undisturbed = try run(calm)
        undisturbed.waitUntilExit()
        #expect(undisturbed.terminationStatus == 0)
        let total = effects(calm)
        #expect(total > 500)

        let seed = ProcessInfo.processInfo.environment["LOCKSTEP_SEED"].flatMap { UInt64($0) } ?? UInt64(Date().timeIntervalSince1970)
        print("crash test: LOCKSTEP_SEED=\(seed)")
        var random = SeededRandom(seed: seed)
        var kills = 0
        for round in 1...20 {
            let target = total * (round - 1) / 20 + Int.random(in: 0...(total / 20), using: &random)
            let process = try run(shaken)
            while process.isRunning, effects(shaken) < target { await Task.yield() }
            if process.isRunning {
                kill(process.processIdentifier, SIGKILL)
                kills += 1
            }
            process.waitUntilExit()
        }
        #expect(kills >= 15)
        let last = try run(shaken)
        last.waitUntilExit()
        #expect(last.terminationStatus == 0)
        #expect(
            try String(contentsOfFile: shaken + ".outcomes", encoding: .utf8) == String(contentsOfFile: calm + ".outcomes", encoding: .utf8)
        )
        #expect(try await ledgers(shaken) == ledgers(calm))
        #expect(effects(shaken) == total)
        try FileManager.default.removeItem(atPath: folder)
    }

    /// Feeds lines to a process and kills it after `count` acknowledgements; returns how many lines were acknowledged.
    private func feed(_ lines: ArraySlice<Substring>, to database: String, killAfter count: Int) throws -> Int {
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.binary))
        process.arguments = [
            "run", "--events", "-", "--drain", "--format", "json", "--database", database, "--outcomes", database + ".outcomes",
        ]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        var acknowledged = 0
        for line in lines {
            try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
            var answer: [UInt8] = []
            while answer.last != UInt8(ascii: "\n"), let byte = try output.fileHandleForReading.read(upToCount: 1)?.first {
                answer.append(byte)
            }
            #expect(String(decoding: answer, as: UTF8.self).hasPrefix("ACK "))
            acknowledged += 1
            if acknowledged == count {
                kill(process.processIdentifier, SIGKILL)
                break
            }
        }
        try input.fileHandleForWriting.close()
        _ = try output.fileHandleForReading.readToEnd()
        process.waitUntilExit()
        return acknowledged
    }

    @Test(arguments: ["m10-stale-rejection", "vetting-failed-appeal-scored", "happy-sole-proprietor"])
    func nothingAcknowledgedIsLost(name: String) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let text = try String(contentsOfFile: "\(folder)/LegacyFixtures/\(name)/events.jsonl", encoding: .utf8)
        let lines = text.split(separator: "\n")
        let calm = NSTemporaryDirectory() + "lockstep-feed-\(UUID().uuidString).sqlite"
        let shaken = NSTemporaryDirectory() + "lockstep-feed-\(UUID().uuidString).sqlite"
        #expect(try feed(lines[...], to: calm, killAfter: .max) == lines.count)
        var position = 0
        while position < lines.count { position += try feed(lines[position...], to: shaken, killAfter: 3) }
        _ = try feed([], to: shaken, killAfter: .max)
        #expect(
            try String(contentsOfFile: shaken + ".outcomes", encoding: .utf8) == String(contentsOfFile: calm + ".outcomes", encoding: .utf8)
        )
        #expect(effects(shaken) == effects(calm))
    }

    /// A producer that knows no position sends everything again from its start.
    @Test func killedAndSentAgainFromTheStart() throws {
        let fixtures = ["m10-stale-rejection", "vetting-failed-appeal-scored", "happy-sole-proprietor", "happy-non-profit"]
        let lines = try fixtures.flatMap { try Lockstep.lines($0) }.sorted { $0.receivedAt < $1.receivedAt }
        let text = lines.map { Substring($0.text) }
        let calm = NSTemporaryDirectory() + "lockstep-resend-\(UUID().uuidString).sqlite"
        let shaken = NSTemporaryDirectory() + "lockstep-resend-\(UUID().uuidString).sqlite"
        _ = try feed(text[...], to: calm, killAfter: .max)
        var random = SeededRandom(seed: 17)
        for _ in 0..<25 { _ = try feed(text[...], to: shaken, killAfter: Int.random(in: 1...text.count, using: &random)) }
        _ = try feed(text[...], to: shaken, killAfter: .max)
        #expect(
            try String(contentsOfFile: shaken + ".outcomes", encoding: .utf8) == String(contentsOfFile: calm + ".outcomes", encoding: .utf8)
        )
        #expect(effects(shaken) == effects(calm))
    }

    @Test func aSecondProcessIsRefusedInOneSentence() async throws {
        let path = NSTemporaryDirectory() + "lockstep-lock-\(UUID().uuidString).sqlite"
        let held = try LockstepDatabase(path: path)
        let second = try start(["run", "--database", path])
        second.waitUntilExit()
        #expect(second.terminationStatus == 3)
        withExtendedLifetime(held) {}
    }

    @Test func everyLineOfAStreamIsAcknowledgedOnce() async throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let events = "\(folder)/LegacyFixtures/happy-private-profit/events.jsonl"
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.binary))
        process.arguments = [
            "run", "--events", events, "--format", "json", "--database",
            NSTemporaryDirectory() + "lockstep-ack-\(UUID().uuidString).sqlite",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let acknowledged = text.split(separator: "\n").filter { $0.hasPrefix("ACK ") }
        let lines = try String(contentsOfFile: events, encoding: .utf8).split(separator: "\n")
        #expect(acknowledged.count == lines.count)
        #expect(Set(acknowledged).count == lines.count)
    }
}
