import Events
import Foundation
import Testing

/// Two binaries of different versions on one database: what was started by the first is finished by the second. Every step waits for an
/// answer, every process is killed.
@Suite struct DeployTests {
    private let database = NSTemporaryDirectory() + "lockstep-deploy-\(UUID().uuidString).sqlite"

    /// What the activities have done, in order.
    private func steps(of workflow: String) throws -> [Int] {
        let lines = try String(contentsOfFile: database + ".steps", encoding: .utf8).split(separator: "\n")
        return lines.filter { $0.hasPrefix("\(workflow) ") }.compactMap { Int($0.split(separator: " ")[1]) }
    }

    private func next(_ count: Int, _ workflow: String, _ process: Deployed, from first: Int = 1) throws {
        for number in first..<first + count {
            #expect(try process.ask("signal \(workflow) next \(workflow)-\(number)") == "delivered")
        }
    }

    /// The first version, killed with runs at every place that matters.
    private func runFirstVersion() throws {
        let first = try Deployed("deploy-v1", database)
        for workflow in ["seq-middle", "seq-last", "seq-done"] { _ = try first.ask("start \(workflow) sequence") }
        for workflow in ["fee-before", "fee-past", "fee-done"] { _ = try first.ask("start \(workflow) fee") }
        try next(3, "seq-middle", first)
        try next(9, "seq-last", first)
        try next(10, "seq-done", first)
        for workflow in ["fee-past", "fee-done"] { _ = try first.ask("signal \(workflow) price \(workflow)-1") }
        _ = try first.ask("signal fee-done pay fee-done-2")
        #expect(try first.ask("state seq-done")["result"] == 10)
        #expect(try first.ask("state fee-done")["result"] == "flat")
        #expect(try first.ask("state seq-last")["status"] == "running")
        try first.kill()
    }

    @Test func appendedStepsReachRunsThatWereStartedBefore() throws {
        try runFirstVersion()
        #expect(try steps(of: "seq-middle") == Array(1...4))
        #expect(try steps(of: "seq-last") == Array(1...10))
        let second = try Deployed("deploy-v2", database)
        #expect(try second.ask("shadow") == ["matching": 4, "replayed": 4, "problems": []])
        try next(3, "seq-last", second, from: 10)
        #expect(try second.ask("state seq-last")["result"] == 12)
        try next(4, "seq-middle", second, from: 4)
        try second.kill()
        let again = try Deployed("deploy-v2", database)
        try next(5, "seq-middle", again, from: 8)
        #expect(try again.ask("state seq-middle")["result"] == 12)
        #expect(try steps(of: "seq-middle") == Array(1...12), "each once, in order")
        #expect(try steps(of: "seq-last") == Array(1...12))
        #expect(try steps(of: "seq-done") == Array(1...10), "what had ended stays as it was")
        try again.kill()
    }

    @Test func aPatchedChangeReachesWhoHasNotPassedIt() throws {
        try runFirstVersion()
        let second = try Deployed("deploy-v2", database)
        _ = try second.ask("start fee-new fee")
        for workflow in ["fee-new", "fee-before"] { _ = try second.ask("signal \(workflow) price \(workflow)-1") }
        let patch = try #require(try second.ask("patches")["patches"]?.array?.first { $0["id"] == "fee-by-kind" })
        #expect(patch["before"]?.array?.compactMap { $0["workflow"]?.string } == ["fee-past"])
        #expect(patch["marked"]?.array?.compactMap { $0["workflow"]?.string }.sorted() == ["fee-before", "fee-new"])
        try second.kill()
        let again = try Deployed("deploy-v2", database)
        for workflow in ["fee-new", "fee-before", "fee-past"] { _ = try again.ask("signal \(workflow) pay \(workflow)-2") }
        #expect(try again.ask("state fee-past")["result"] == "flat", "past the point: the old branch")
        #expect(try again.ask("state fee-before")["result"] == "by kind", "it had not come to the point")
        #expect(try again.ask("state fee-new")["result"] == "by kind")
        try again.kill()
    }

    @Test func aChangeWithoutPatchBlocksAndTheRightCodeHeals() throws {
        try runFirstVersion()
        let wrong = try Deployed("deploy-v2", database, "--without-patch")
        let problem = try #require(try wrong.ask("shadow")["problems"]?.array?.first)
        #expect(problem["workflow"] == "fee-past" && problem["cause"] == "nonDeterminism", "seen before it does harm")
        _ = try wrong.ask("signal fee-past pay fee-past-2")
        let state = try wrong.ask("state fee-past")
        #expect(state["status"] == "blocked")
        let sentence = try #require(state["problem"]?.string)
        let event = try #require(problem["event"]?.integer)
        #expect(sentence.contains("workflow fee-past, run ") && sentence.contains(", event \(event): "))
        #expect(sentence.contains("expected activityTaskScheduled 1 fee.flat, found activityTaskScheduled 1 fee.byKind"))
        #expect(problem["expected"] == "activityTaskScheduled 1 fee.flat" && problem["found"] == "activityTaskScheduled 1 fee.byKind")
        try wrong.kill()
        let right = try Deployed("deploy-v2", database)
        #expect(try right.ask("state fee-past") == ["status": "completed", "problem": .null, "result": "flat"])
        try right.kill()
    }
}

/// A version of the deployment as a process, asked line by line.
private final class Deployed {
    private let process = Process()
    private let (input, output) = (Pipe(), Pipe())

    init(_ version: String, _ arguments: String...) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let built = CommandLine.arguments.first.map { URL(filePath: $0).deletingLastPathComponent().path }
        let binary = [built, "\(root)/.build/debug"].compactMap { $0 }.map { "\($0)/\(version)" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        process.executableURL = URL(filePath: try #require(binary, "build the product \(version) first"))
        process.arguments = arguments
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
    }

    func ask(_ line: String) throws -> JSONValue {
        try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
        var answer: [UInt8] = []
        while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") { answer.append(byte) }
        return try JSONValue(parsing: String(decoding: answer, as: UTF8.self))
    }

    func kill() throws {
        Foundation.kill(process.processIdentifier, SIGKILL)
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
    }
}
