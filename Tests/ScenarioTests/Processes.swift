import A2PRegistration
import BridgeTesting
import Events
import Foundation
import LegacyFixtures
import Outcomes
import SQLiteStorage
import Testing

/// The built command line, run as real processes.
enum Lockstep {
    static let binary: String? =
        ProcessInfo.processInfo.environment["LOCKSTEP_BINARY"]
        ?? {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
            let built = CommandLine.arguments.first.map { URL(filePath: $0).deletingLastPathComponent().path }
            return [built, "\(root)/.build/debug"].compactMap { $0 }.map { "\($0)/lockstep" }.first {
                FileManager.default.isExecutableFile(atPath: $0)
            }
        }()

    /// What a command came to.
    struct Result {
        var code: Int32
        var output: String
        var error: String
        var json: JSONValue? { try? JSONValue(parsing: output) }
    }

    static func process(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: try #require(binary, "build the product lockstep first"))
        process.arguments = arguments
        return process
    }

    /// Runs a command to its end; it reads the file `input`, if it is given one.
    static func run(_ arguments: [String], input: String? = nil) throws -> Result {
        let process = try process(arguments)
        let (output, error) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, error)
        process.standardInput = try input.map { try FileHandle(forReadingFrom: URL(filePath: $0)) } ?? FileHandle.nullDevice
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        let sentence = try error.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Result(
            code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            error: String(decoding: sentence, as: UTF8.self))
    }

    static func lines(_ fixture: String) throws -> [TraceLine] { try Scenario(folder: "\(LegacyFixtures.folder)/\(fixture)").lines }
}

/// `lockstep run --events -` that is fed line by line.
final class FedRun {
    private let process: Process
    private let (input, output) = (Pipe(), Pipe())

    /// Starts the process; `prefix` is a command that becomes it.
    init(_ database: String, _ arguments: String..., prefix: [String] = []) throws {
        process = try Lockstep.process(
            ["run", "--events", "-", "--drain", "--format", "json", "--database", database, "--outcomes", database + ".outcomes"]
                + arguments)
        if !prefix.isEmpty, let binary = process.executableURL {
            process.arguments = prefix + [binary.path] + (process.arguments ?? [])
            process.executableURL = URL(filePath: "/usr/bin/env")
        }
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
    }

    /// The process's id.
    var id: Int32 { process.processIdentifier }

    /// Sends lines, each after the one before it is durable. The work that the last one causes may still go on; that of the others
    /// is done.
    func feed(_ lines: some Sequence<TraceLine>) throws {
        for line in lines {
            try input.fileHandleForWriting.write(contentsOf: Data((line.text + "\n").utf8))
            #expect(try answer().hasPrefix("ACK "))
        }
    }

    private func answer() throws -> String {
        var answer: [UInt8] = []
        while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") { answer.append(byte) }
        return String(decoding: answer, as: UTF8.self)
    }

    /// Ends the stream; the process plays what is left.
    func end() throws {
        try input.fileHandleForWriting.close()
        _ = try output.fileHandleForReading.readToEnd()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    /// Sends a line that the process cannot take; returns how it ended and what it still said.
    func refused(_ line: TraceLine) throws -> (code: Int32, output: String) {
        try input.fileHandleForWriting.write(contentsOf: Data((line.text + "\n").utf8))
        let output = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    func kill() throws {
        Foundation.kill(process.processIdentifier, SIGKILL)
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}

/// A database file of one test.
enum TemporaryDatabase {
    static func path(_ name: String) -> String { NSTemporaryDirectory() + "lockstep-\(name)-\(UUID().uuidString).sqlite" }

    /// Removes it, with everything that lies beside it.
    static func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", "-lock", ".effects.jsonl"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
}
