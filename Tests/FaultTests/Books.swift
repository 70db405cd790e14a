import DurableWorkflow
import Events
import Foundation
import SQLiteStorage
import Testing

/// What a database and its log of attempts say, once nobody runs on it.
struct Books {
    private let database: LockstepDatabase
    private let store: SQLiteWorkflowStore
    private let attempts: [Substring: Int]

    init(_ path: String) throws {
        database = try LockstepDatabase(path: path)
        store = SQLiteWorkflowStore(database)
        let log = try String(contentsOfFile: path + ".attempts", encoding: .utf8)
        attempts = Dictionary(
            log.split(separator: "\n").map { ($0.split(separator: " ").prefix(2).joined(separator: " ")[...], 1) }, uniquingKeysWith: +)
    }

    /// What a registration that has received every signal comes to.
    static func result(_ workflow: String) -> String {
        if workflow.hasPrefix("c") {
            let words = (1...12).map { "\($0 % 3 == 1 ? " a0" : "") \(workflow)-word\($0)" }
            return "\"\(words.joined())\""
        }
        return "\" a0 a1 \(workflow)-brand a2 a3 \(workflow)-review a4 a5 \(workflow)-number a6\""
    }

    /// The workflows and the signals that were acknowledged: each is there once, and has led to everything once.
    func check(_ acknowledged: [String: Set<String>], seed: UInt64) async throws {
        #expect(try database.setting("integrity_check") == "ok")
        let runs = Dictionary(grouping: try await store.runs(), by: \.workflowID)
        for (workflow, signals) in acknowledged {
            #expect(runs[workflow]?.count == (workflow.hasPrefix("c") ? 4 : 1), "seed \(seed): \(workflow)")
            if workflow.hasPrefix("c") { try await check(chain: workflow, runs[workflow] ?? [], signals, seed: seed) }
        }
        #expect(runs.count == acknowledged.count, "seed \(seed): nothing else")
        var more = 0
        for (workflow, signals) in acknowledged where !workflow.hasPrefix("c") {
            let run = try await store.run(workflow)
            #expect(run?.status == .completed, "seed \(seed): \(workflow), \(run?.problem ?? "")")
            let history = try await store.history(of: workflow)
            let kinds = Dictionary(history.map { ($0.kind, 1) }, uniquingKeysWith: +)
            #expect(kinds[.activityTaskScheduled] == 7 && kinds[.activityTaskCompleted] == 7, "seed \(seed): \(workflow)")
            #expect(kinds[.timerFired] == 1 && kinds[.workflowExecutionCompleted] == 1, "seed \(seed): \(workflow)")
            #expect(history.map(\.id) == Array(1...history.count), "seed \(seed): \(workflow)")
            let received = try history.filter { $0.kind == .workflowExecutionSignaled }.map { try $0.payload(.input)?.json().string ?? "" }
            #expect(received.count == 3 && Set(received) == signals, "seed \(seed): \(workflow), \(received)")
            #expect(try history.last?.payload(.result)?.json().canonicalText == Self.result(workflow), "seed \(seed)")
            for activity in 0..<7 {
                let count = attempts["\(workflow) a\(activity)"] ?? 0
                #expect(count >= 1, "seed \(seed): \(workflow) a\(activity) was recorded and never run")
                more += max(0, count - 1)
            }
        }
        #expect(try await store.nextDue(after: nil) == nil, "seed \(seed): nothing is left to do")
        print("books: \(acknowledged.count) workflows, \(more) attempts whose end was not recorded")
    }

    /// Every id stands once in the runs of a chain, and its word once in what the last one says.
    private func check(chain: String, _ runs: [WorkflowRun], _ acknowledged: Set<String>, seed: UInt64) async throws {
        var received: [String] = []
        for run in runs {
            let signals = try await store.history(run.key).filter { $0.kind == .workflowExecutionSignaled }
            received += signals.map { $0.fields.text(.requestID) }
        }
        let last = try await store.history(of: chain).last
        #expect(last?.kind == .workflowExecutionCompleted, "seed \(seed): \(chain)")
        #expect(try last?.payload(.result)?.json().canonicalText == Self.result(chain), "seed \(seed): \(chain)")
        #expect(Set(received) == acknowledged && acknowledged.count == 12, "seed \(seed): \(chain), \(received)")
    }
}
