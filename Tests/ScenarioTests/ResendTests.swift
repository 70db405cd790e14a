import Events
import Foundation
import Testing

/// A process that is killed again and again, by a producer that knows no position and sends everything again from its start: outcomes and
/// effects are those of an undisturbed run.
///
/// `LOCKSTEP_RESENT_REGISTRATIONS` and `LOCKSTEP_KILLS` make it larger, `LOCKSTEP_BINARY` names a release build, which is faster, as is a
/// `TMPDIR` in memory.
@Suite struct ResendTests {
    private let folder: String
    private static let registrations = setting("LOCKSTEP_RESENT_REGISTRATIONS") ?? 40
    private static let kills = setting("LOCKSTEP_KILLS") ?? 16

    private static func setting(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    init() throws {
        folder = NSTemporaryDirectory() + "lockstep-resend-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// The undisturbed run, and what it came to.
    private func calm() throws -> (stream: String, played: PlayedStream) {
        let trace = try WholeTrace(registrations: Self.registrations, seed: 23, in: folder)
        return ("\(folder)/calm.jsonl", try PlayedStream(trace.lines.map { MutatedLine($0) }, "\(folder)/calm"))
    }

    @Test func killedAndSentAgainFromTheStart() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (stream, calm) = try calm()
        try #require(calm.code == 0 && calm.outcomes.count == Self.registrations)
        let shaken = "\(folder)/shaken.sqlite"
        let size = Self.size(calm.database + ".effects.jsonl")
        var random = SeededRandom(seed: 29)
        var killed = 0
        for round in 0..<Self.kills {
            let share = (Double(round) + Double.random(in: 0..<1, using: &random)) / Double(Self.kills)
            // By what was acknowledged, or by what was performed: that goes on when the input has ended.
            let isKilled =
                round.isMultiple(of: 3)
                ? try kill(stream, shaken, whenPerformed: Int(share * Double(size)))
                : try kill(stream, shaken, whenAcknowledged: Int(share * Double(calm.acknowledged)))
            killed += isKilled ? 1 : 0
        }
        #expect(killed * 10 >= Self.kills * 9, "\(killed) of \(Self.kills) were alive when they were killed")
        let played = try PlayedStream(stream: stream, "\(folder)/shaken")
        #expect(played.code == 0, "\(played.error)")
        for (registration, outcome) in calm.outcomes {
            #expect(played.outcomes[registration] == outcome)
            #expect(played.effects[registration] == calm.effects[registration])
        }
        #expect(played.outcomes.count == calm.outcomes.count && played.effects.count == calm.effects.count)
        #expect(played.books.quarantined == 0)
        print("resent: \(calm.outcomes.count) registrations, \(calm.acknowledged) deliveries, \(killed) kills")
    }

    private static func size(_ path: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }

    /// Kills the run after so many acknowledgements; false when it was over before.
    private func kill(_ stream: String, _ database: String, whenAcknowledged count: Int) throws -> Bool {
        let process = try Lockstep.process(PlayedStream.arguments(stream, database))
        let output = Pipe()
        (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
        try process.run()
        var acknowledged = 0
        while acknowledged < count, let bytes = try output.fileHandleForReading.read(upToCount: 1 << 12), !bytes.isEmpty {
            acknowledged += bytes.count { $0 == UInt8(ascii: "\n") }
        }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal
    }

    /// Kills the run when its effects log has so many bytes; false when it was over before.
    private func kill(_ stream: String, _ database: String, whenPerformed bytes: Int) throws -> Bool {
        let process = try Lockstep.process(PlayedStream.arguments(stream, database))
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try process.run()
        while process.isRunning, Self.size(database + ".effects.jsonl") < bytes { sched_yield() }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal
    }
}
