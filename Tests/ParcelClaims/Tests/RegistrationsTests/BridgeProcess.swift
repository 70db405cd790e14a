import Foundation
import Lockstep
import Testing

/// The bridge in front of a service, as a process that takes deliveries on its standard input.
final class BridgeProcess {
    private let process = Process()
    private let input = Pipe()

    /// Starts it on the database of a folder and sends it `lines`. It runs until ``end()`` or ``kill()``.
    init(_ service: ReferenceService, _ lines: [String]) throws {
        process.executableURL = try Self.executable()
        process.arguments = ["run", "--events", "-", "--live", "--database", Self.database(service)]
        process.environment = [
            "REGISTRATIONS_SERVICE": service.url, "REGISTRATIONS_VETTING": service.folder + "/vetting", "SWIFT_BACKTRACE": "enable=no",
        ]
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: "/dev/null")
        try process.run()
        let writing = input.fileHandleForWriting
        let text = Data(lines.map { $0 + "\n" }.joined().utf8)
        // Who is killed reads no further, and a closed pipe is no failure of the test.
        signal(SIGPIPE, SIG_IGN)
        Thread.detachNewThread { try? writing.write(contentsOf: text) }
    }

    static func database(_ service: ReferenceService) -> String { service.folder + "/bridge.sqlite" }

    static func executable() throws -> URL {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let beside = CommandLine.arguments.first.map { URL(filePath: $0).deletingLastPathComponent().path }
        let places = [beside, package.path + "/.build/debug"].compactMap { $0 }.map { $0 + "/registrations-bridge" }
        return URL(filePath: try #require(places.first { FileManager.default.isExecutableFile(atPath: $0) }))
    }

    /// Runs a verb to its end; returns its exit code and what it printed.
    static func run(_ service: ReferenceService, _ arguments: [String]) throws -> (code: Int32, output: String) {
        let (process, output) = (Process(), Pipe())
        process.executableURL = try executable()
        process.arguments = arguments
        process.environment = ["REGISTRATIONS_SERVICE": service.url, "REGISTRATIONS_VETTING": service.folder + "/vetting"]
        (process.standardOutput, process.standardError) = (output, FileHandle.standardError)
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    var isRunning: Bool { process.isRunning }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Ends the input; returns the exit code.
    func end() throws -> Int32 {
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        return process.terminationStatus
    }
}

/// The deliveries of many registrations. Of every third one no carrier ever says a word: the service's cron job has to find out.
enum Deliveries {
    static let before = ["brand", "identity", "score", "usecase"]
    static let after = ["campaign", "provider", "registry", "carriers", "numbers"]

    static func lines(_ count: Int) -> [String] {
        let rounds = [[("submit", "registration.submit")], approvals(before), [("v", "vetting.completed")], approvals(after)]
        return rounds.flatMap { round in
            round.flatMap { id, kind in
                (1...count).compactMap { number -> String? in
                    if isSilent(number), kind.hasSuffix(".approved") { return nil }
                    let payload: JSONValue =
                        kind == "registration.submit"
                        ? ["name": "Example Ltd", "more": ["n": .integer(number)], "decided": .bool(isSilent(number))] : ["score": 77]
                    let body: JSONValue = [
                        "id": .string("R-\(number)-\(id)"), "kind": .string(kind), "registration": .string("R-\(number)"),
                        "payload": payload,
                    ]
                    return JSONValue.object(["source": "desk", "body": body]).canonicalText
                }
            }
        }
    }

    static func isSilent(_ number: Int) -> Bool { number % 3 == 0 }
    private static func approvals(_ words: [String]) -> [(String, String)] { words.map { ($0, $0 + ".approved") } }
}
