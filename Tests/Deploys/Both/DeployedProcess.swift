public import DurableWorkflow
import Events
import FoundationEssentials
import SQLiteStorage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What every version of the deployment shares: activities, names, and a process that does what its standard input says, line by line,
/// each answered by one line once everything that follows from it is durable.
public enum Deployment {
    /// Goes on with the sequence.
    public static let next = Signal<Nothing>("next")
    /// Asks for the price.
    public static let price = Signal<Nothing>("price")
    /// Pays it.
    public static let pay = Signal<Nothing>("pay")

    /// A step of the sequence.
    public static let step = Activity<Int, Nothing>("step") { _, _ in Nothing() }
    /// The fee as it was.
    public static let flatFee = Activity<Nothing, String>("fee.flat") { _, _ in "flat" }
    /// The fee as it will be.
    public static let feeByKind = Activity<Nothing, String>("fee.byKind") { _, _ in "by kind" }
    /// One attempt takes so long at most.
    public static let options = ActivityOptions(startToCloseTimeout: .seconds(60))

    /// A sequence of so many steps, each followed by a signal.
    public static func sequence(_ count: Int) -> WorkflowType {
        Workflow<Nothing, Int>("sequence") { context, _ in
            for number in 1...count {
                _ = try await context.execute(step, number, options: options)
                _ = try await context.wait(for: next)
            }
            return count
        }.type
    }

    /// A fee that `choose` decides once the price is asked for; it is paid later.
    public static func fee(_ choose: @escaping @Sendable (WorkflowContext) async throws -> String) -> WorkflowType {
        Workflow<Nothing, String>("fee") { context, _ in
            _ = try await context.wait(for: price)
            let fee = try await choose(context)
            _ = try await context.wait(for: pay)
            return fee
        }.type
    }

    /// Runs on the database that the command line names until standard input ends. Every attempt of a step is a line of `DATABASE.steps`.
    public static func run(_ workflows: [WorkflowType]) async throws {
        guard CommandLine.arguments.count > 1 else { fatalError("expected a DATABASE, found none") }
        let path = CommandLine.arguments[1]
        let noted = ActivityType("step") { context, input in
            try append("\(context.workflowID) \(input.canonicalText)\n", to: path + ".steps")
            return .null
        }
        let store = SQLiteWorkflowStore(try LockstepDatabase(path: path))
        let engine = EmbeddedEngine(
            store: store, workflows: workflows, activities: [noted, flatFee.type, feeByKind.type], options: EngineOptions(isEager: true))
        _ = try await engine.runDue(at: SystemTime().now)
        while let line = readLine() {
            let answer = try await answer(line.split(separator: " ").map(String.init), engine, store)
            _ = try await engine.runDue(at: SystemTime().now)
            try write(answer.canonicalText + "\n")
        }
    }

    private static func answer(_ words: [String], _ engine: EmbeddedEngine, _ store: SQLiteWorkflowStore) async throws -> JSONValue {
        let now = SystemTime().now
        let replayer = WorkflowReplayer(workflows: engine.workflowTypes)
        switch words.first {
        case "start":
            try await engine.start(workflowID: words[1], type: words[2], input: .null, options: WorkflowOptions(), at: now)
            return "started"
        case "signal":
            let signal = SignalMessage(id: words[3], name: words[2], payload: .null)
            return .string("\(try await engine.signal(workflowID: words[1], signal: signal, at: now))")
        case "shadow": return try JSONValue(encoding: try await WorkflowShadow().run(replayer, on: store))
        case "patches": return try JSONValue(encoding: try await PatchReport(of: store, replayer))
        default:
            let run = try await store.run(words[1])
            let end = try await store.history(of: words[1]).last
            return [
                "status": .string(run?.status.rawValue ?? "none"), "problem": run?.problem.map { .string($0) } ?? .null,
                "result": try end?.payload(.result)?.json() ?? .null,
            ]
        }
    }

    private static func append(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT, 0o644)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
        defer { close(descriptor) }
        try write(text, to: descriptor)
    }

    private static func write(_ text: String, to descriptor: CInt = STDOUT_FILENO) throws {
        let bytes = Array(text.utf8)
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count else { throw CocoaError(.fileWriteUnknown) }
    }
}
