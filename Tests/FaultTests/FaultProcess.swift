import Foundation
import Testing

/// The executable `fault-worker` on a database, spoken to line by line.
final class FaultProcess {
    private let process = Process()
    private let (input, output) = (Pipe(), Pipe())
    private var buffer: [UInt8] = []
    private var start = 0

    init(_ database: String) throws {
        // A process that has ended must fail the test, not end it.
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = URL(filePath: try #require(Self.binary("fault-worker"), "build the product fault-worker first"))
        process.arguments = [database]
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        // The reader sees the end only when no writer is left.
        try output.fileHandleForWriting.close()
    }

    /// A product that was built beside the tests.
    static func binary(_ name: String) -> String? {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let built = CommandLine.arguments.first.map { URL(filePath: $0).deletingLastPathComponent().path }
        #if DEBUG
            let configuration = "debug"
        #else
            let configuration = "release"
        #endif
        return [built, "\(root)/.build/\(configuration)"].compactMap { $0 }.map { "\($0)/\(name)" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }

    /// Talks to a process on a thread of its own: who waits for a line must not keep a thread from tasks.
    static func talk<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }

    func send(_ line: String) throws { try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8)) }

    /// The next line; nil when the process has ended.
    func line() throws -> Answer? {
        while true {
            if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                return Answer(String(decoding: buffer[start..<end], as: UTF8.self))
            }
            buffer.removeSubrange(..<start)
            start = 0
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { return nil }
            buffer += data
        }
    }

    /// The answer to one line; what else is said meanwhile is passed to `other`.
    func ask(_ line: String, other: (Answer) -> Void = { _ in }) throws -> String {
        try send(line)
        while let answer = try self.line() {
            if answer.request == line { return answer.text }
            other(answer)
        }
        throw CocoaError(.fileReadUnknown, userInfo: [NSLocalizedDescriptionKey: "the process has ended before it answered \(line)"])
    }

    func kill() throws {
        Foundation.kill(process.processIdentifier, SIGKILL)
        try input.fileHandleForWriting.close()
    }

    /// Waits for the end after ``kill()``; false when it has ended otherwise.
    func wasKilled() -> Bool {
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL
    }

    /// Lets it end by itself.
    func close() throws {
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    }
}

/// What a line was answered.
struct Answer {
    let request: String
    let text: String

    init(_ line: String) {
        let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
        (request, text) = (parts.first ?? "", parts.count > 1 ? parts[1] : "")
    }

    /// The sentence of a failure.
    var failure: String? { text.hasPrefix("failed ") ? String(text.dropFirst(7)) : nil }
}
