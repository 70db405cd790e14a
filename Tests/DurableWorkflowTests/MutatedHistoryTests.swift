import DurableWorkflow
import Events
import Foundation
import Testing

/// Histories that were changed in many ways, judged here and by Temporal's official Replayer; `Temporal/mutants.py` changes them.
@Suite struct MutatedHistoryTests {
    /// Nil when the history replays here.
    private func refusal(of file: URL) -> String? {
        do {
            let history = try WorkflowHistory(temporalJSON: String(contentsOf: file, encoding: .utf8))
            try WorkflowReplayer(workflows: RecordingTests.all.map(\.type)).replay(history)
            return nil
        } catch { return "\(error)" }
    }

    private static let cancellation =
        "a cancellation: in Python it meets a wait that is over already, and is caught as ActivityError; in Swift neither"

    /// Why the two differ on a changed history; nil when nobody knows.
    private func reason(_ name: String, theirs: String, ours: String?) -> String? {
        guard let ours else {
            if name.hasPrefix("patch") || name.hasPrefix("deprecated") {
                return "a patch: its upsert may be missing here, as in histories of SDKs that did not write it"
            }
            return name.contains("-cancel") ? Self.cancellation : nil
        }
        if ours.contains("which event") { return "the id of a timer: there its end may name another than its start" }
        if ours.contains("expected the end of the recorded commands") {
            return "code that ends a task earlier: there commands are compared in order, whichever task they stand in"
        }
        if name.contains("-cancel") { return Self.cancellation }
        if name.contains("-exchanged") { return "a marker and the command beside it: there a marker may stand anywhere in its task" }
        return nil
    }

    @Test(.enabled(if: RecordingTests.python != nil, "Tests/run.sh installs the SDK and names it in TEMPORAL_PYTHON"))
    func bothReplayersAgree() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-mutants-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let theirs = try RecordingTests.ask(try #require(RecordingTests.python), "mutants.py", [folder.path])
        var differences: [String: [String]] = [:]
        for (name, answer) in theirs.sorted(by: { $0.key < $1.key }) {
            let refusal = refusal(of: folder.appending(path: "\(name).json"))
            guard (refusal == nil) != (answer == "ok") else { continue }
            let reason = reason(name, theirs: answer, ours: refusal) ?? "unknown"
            differences[reason, default: []].append("\(name): there \(answer.prefix(300)), here \(refusal?.prefix(300) ?? "ok")")
        }
        let agreement = 1 - Double(differences.values.joined().count) / Double(max(1, theirs.count))
        print("mutants: \(theirs.count), agreement \(agreement)")
        for (reason, names) in differences.sorted(by: { $0.key < $1.key }) {
            print("\(names.count) \(reason): \(names.map { $0.prefix { $0 != ":" } }.joined(separator: ", "))")
        }
        #expect(theirs.count >= 600)
        #expect(agreement >= 0.98)
        #expect(differences["unknown"] == nil, "\(differences["unknown"]?.joined(separator: "\n") ?? "")")
    }
}
