import DurableWorkflow
import Events
import Glibc

/// The workload of the benchmarks: seven activities, three signals, one timer, payloads of about 200 bytes. Its result says what it has
/// seen, in order.
enum Load {
    static func input(_ id: String) -> JSONValue {
        [
            "id": .string(id), "company": "Example Holdings Limited", "ein": "00-0000000", "city": "Springfield", "state": "IL",
            "website": "https://example.com", "note": "a text that makes the payload about two hundred bytes", "seen": "",
        ]
    }

    static let workflow = WorkflowType("registration") { context, input in
        var last = input
        func see(_ signal: String) async throws {
            let id = try await context.nextSignal(named: [signal])?.payload.string ?? ""
            last = saw(id, last)
        }
        for step in ["a0", "a1"] { last = try await context.execute(step, input: last) }
        try await see("brand")
        for step in ["a2", "a3"] { last = try await context.execute(step, input: last) }
        try await see("review")
        last = try await context.execute("a4", input: last)
        try await context.sleep(for: .milliseconds(1))
        last = try await context.execute("a5", input: last)
        try await see("number")
        last = try await context.execute("a6", input: last)
        return last["seen"] ?? .null
    }

    /// Twelve words in four runs, of which each goes on in the next: what a run has seen goes along. Ids of words are sent again in any
    /// later run.
    static let chain = WorkflowType("chain") { context, input in
        var last = try await context.execute("a0", input: input)
        let first = last["words"]?.integer ?? 0
        for _ in 0..<3 {
            let id = try await context.nextSignal(named: names)?.payload.string ?? ""
            last = saw(id, last)
        }
        guard first + 3 < names.count else { return last["seen"] ?? .null }
        var object = last.object ?? [:]
        object["words"] = .integer(first + 3)
        throw try context.continueAsNew(JSONValue.object(object))
    }

    private static let names = Set((1...12).map { "word\($0)" })

    /// The type of a workflow, by its id.
    static func type(of id: String) -> WorkflowType { id.hasPrefix("c") ? chain : workflow }

    private static func saw(_ what: String, _ value: JSONValue) -> JSONValue {
        var object = value.object ?? [:]
        object["seen"] = .string((object["seen"]?.string ?? "") + " " + what)
        return .object(object)
    }

    /// Activities that note every attempt at the end of a file.
    static func activities(log: String) -> [ActivityType] {
        (0...6).map { index in
            ActivityType("a\(index)") { context, input in
                try append("\(context.workflowID) a\(index) \(context.attempt)\n", to: log)
                return saw("a\(index)", input)
            }
        }
    }

    private static func append(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT, 0o644)
        guard descriptor >= 0 else { throw ApplicationError(type: "Log", message: "cannot be opened") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
            throw ApplicationError(type: "Log", message: "cannot be written")
        }
    }
}
