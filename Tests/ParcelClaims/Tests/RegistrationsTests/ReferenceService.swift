import Foundation
import Testing

/// What runs the reference service: one at a time, since each has a database server of its own.
@Suite(.serialized) struct LegacyServiceTests {}

/// The reference service: Python on a PostgreSQL server of its own, as a process that can be killed and frozen.
final class ReferenceService {
    /// The folder of the server's socket and of everything else of one test.
    let folder: String
    private var process: Process?
    private let options: [String]
    private(set) var port = 0

    private static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let root = package.deletingLastPathComponent().deletingLastPathComponent().path
    static let files = package.deletingLastPathComponent().appending(path: "LegacyService").path
    static let example = files + "/example.jsonl"

    init(_ options: String...) throws {
        // The path of a socket has at most 107 bytes.
        folder = "/tmp/lockstep-\(UInt32.random(in: 1...UInt32.max))"
        self.options = options
        try Self.run("/bin/bash", [Self.files + "/postgres.sh", "start", folder])
        try start()
    }

    deinit {
        kill(SIGKILL)
        _ = try? Self.run("/bin/bash", [Self.files + "/postgres.sh", "stop", folder])
        for path in [folder, folder + ".log"] { try? FileManager.default.removeItem(atPath: path) }
    }

    var url: String { "http://127.0.0.1:\(port)/lockstep/v1" }

    /// Starts it, on the same port as before; returns when it listens.
    func start() throws {
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments =
            [Self.files + "/service.py", "--database", "host=\(folder) user=tests dbname=postgres", "--port", String(port)] + options
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(line.split(separator: ":").last?.split(separator: "/").first.flatMap { Int($0) }, "the service said: \(line)")
    }

    /// Sends it a signal; after SIGKILL it is gone.
    func kill(_ signal: Int32) {
        guard let process else { return }
        Foundation.kill(process.processIdentifier, signal)
        if signal == SIGKILL {
            process.waitUntilExit()
            self.process = nil
        }
    }

    /// The lines that a query yields.
    func query(_ sql: String) throws -> [String] {
        let text = try Self.run("/usr/bin/psql", ["-h", folder, "-U", "tests", "-d", "postgres", "-AtX", "-c", sql])
        return text.split(separator: "\n").map(String.init)
    }

    @discardableResult
    static func run(_ path: String, _ arguments: [String]) throws -> String {
        // A file and no pipe: a server that is started would keep a pipe open, and nobody would see its end.
        let file = NSTemporaryDirectory() + "lockstep-output-\(UUID().uuidString)"
        _ = FileManager.default.createFile(atPath: file, contents: nil)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: file)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(path) \(arguments)")
        return try String(contentsOfFile: file, encoding: .utf8)
    }
}
