import DurableWorkflow
import Events
import Foundation
import SQLiteStorage
import Testing

/// Errors below SQLite, on the real store: every caller gets a sentence, nothing acknowledged is lost, and once the cause is gone
/// everything is finished, once.
@Suite struct DiskTests {
    private let path = NSTemporaryDirectory() + "lockstep-disk-\(UUID().uuidString).sqlite"

    private static let signals = ["brand", "review", "number"]

    /// `RLIMIT_FSIZE` makes writes fail as a quota does.
    @Test func aFileThatMayNotGrow() async throws {
        let acknowledged = try await FaultProcess.talk { try fillUp() }
        try await Books(path).check(acknowledged, seed: 0)
    }

    private func fillUp() throws -> [String: Set<String>] {
        let process = try FaultProcess(path)
        #expect(try process.line()?.text == "opened")
        var acknowledged: [String: Set<String>] = [:]
        var failures: [String] = []
        #expect(try process.ask("limit 3000000") == "limited")
        while failures.isEmpty, acknowledged.count < 2000 {
            let workflow = "w\(acknowledged.count)"
            acknowledged[workflow] = try start(workflow, process, &failures)
        }
        // Whoever asks now is told too.
        let refused = try process.ask("start late") { answer in failures += [answer.failure].compactMap { $0 } }
        for failure in failures + [refused.replacing("failed ", with: "", maxReplacements: 1)] {
            #expect(isSentence(failure), "\(failure)")
        }
        print("disk: \(acknowledged.count) workflows when a file could not grow; \(failures.first ?? "")")

        #expect(try process.ask("limit 0") == "limited")
        try reopen(process)
        for workflow in acknowledged.keys {
            acknowledged[workflow]?.formUnion(try start(workflow, process, &failures))
            #expect(acknowledged[workflow]?.count == 3)
        }
        for workflow in acknowledged.keys { #expect(try process.ask("wait \(workflow)") == Books.result(workflow)) }
        try process.close()
        return acknowledged
    }

    /// The kernel refuses SQLite's writes and syncs, most of them in the middle of a COMMIT, whose outcome is then unknown: after a sync
    /// that failed, the pages that say that it is committed are in the log, and whoever opens it after a crash may find them.
    @Test(arguments: DiskFault.all) private func aKernelThatRefuses(_ fault: DiskFault) async throws {
        let seed = ProcessInfo.processInfo.environment["LOCKSTEP_SEED"].flatMap(UInt64.init) ?? 1
        let path = path
        let run = try await FaultProcess.talk {
            var run = try RefusalRun(path, fault, seed: seed)
            while run.findings.struck < 30 { try run.round() }
            return try run.finish()
        }
        print("disk: \(fault), seed \(seed): \(run.figures)")
        #expect(run.problems.isEmpty, "\(fault), seed \(seed): \(run.problems.prefix(5))")
        try await Books(path).check(run.acknowledged, seed: seed)
    }

    private func isSentence(_ failure: String) -> Bool {
        failure.contains("\(path): expected a disk that reads and writes, found: disk I/O error (SQLite code ")
            && failure.contains("look at the disk, its quota and the system's log, then open it again")
    }

    /// Starts a registration and sends its signals; those that were acknowledged.
    private func start(_ workflow: String, _ process: FaultProcess, _ failures: inout [String]) throws -> Set<String> {
        var acknowledged: Set<String> = []
        var found: [String] = []
        for line in ["start \(workflow)"] + Self.signals.map({ "signal \(workflow) \($0) \(workflow)-\($0)" }) {
            let answer = Answer(try "\(line): " + process.ask(line) { found += [$0.failure].compactMap { $0 } })
            if let failure = answer.failure {
                found.append(failure)
            } else if line.hasPrefix("signal") {
                acknowledged.insert(String(line.split(separator: " ")[3]))
            }
        }
        failures += found
        return acknowledged
    }

    /// The last engine's tasks have to end before the database is free.
    private func reopen(_ process: FaultProcess) throws {
        for _ in 0..<200 {
            if try process.ask("open") == "opened" { return }
            usleep(10_000)
        }
        Issue.record("the database could not be opened again")
    }

    /// A database that may not have more pages is full in the middle of a transaction.
    @Test func aDatabaseThatIsFull() async throws {
        let pages = try Faulty(path)
        try await pages.start(0..<20)
        try pages.setMaximumPages(more: 3)
        let error = try await pages.runIntoFailure()
        #expect(error.code == 13 && !error.isOutcomeUnknown)
        #expect(
            error.description
                == "\(path): expected room for another write, found: database or disk is full (SQLite code 13); nothing of this write is"
                + " kept; make room, then open it again")
        try pages.setMaximumPages(more: 1_000_000)
        try await pages.finish()
    }

    /// Another connection holds the database longer than a writer waits.
    @Test func aDatabaseThatIsBusy() async throws {
        let busy = try Faulty(path)
        try await busy.start(0..<20)
        let other = try LockstepDatabase(path: path, access: .beside(wait: .seconds(30)))
        // On a thread of its own: a thread of the pool that waits for the pool may wait for ever.
        let letGo = DispatchSemaphore(value: 0)
        await withCheckedContinuation { held in
            Thread.detachNewThread {
                _ = try? other.write { _ in
                    held.resume()
                    letGo.wait()
                }
            }
        }
        let error = try await busy.runIntoFailure()
        letGo.signal()
        #expect(error.code == 5 && !error.isOutcomeUnknown)
        #expect(
            error.description
                == "\(path): expected no other connection that writes for so long, found: database is locked (SQLite code 5); nothing of"
                + " this write is kept; end the transaction that holds it, then open it again")
        try await busy.finish()
    }
}
