import ArgumentParser
import DurableWorkflow
import Events
import FoundationEssentials
import HybridRouter
import SQLiteStorage

/// A verb that a live run carries out on its own engine, when it is asked to beside it.
protocol CarriedOutBeside: ParsableCommand {}

/// What operators ask of a process that runs live: the words of a command, left in the database, carried out there, and answered there.
///
/// A request is taken away before it is carried out, so it is carried out once at most. Whoever gets no answer has to look.
struct Requests {
    private static let prefix = "request/"
    private static let answers = "answer/"
    /// How long somebody waits for an answer, and the age at which a request is not carried out any more.
    private static let patience = Duration.seconds(10)

    let store: any HandoffStore

    /// What a command has come to in the other process.
    private struct Answer: Codable {
        var code: Int32
        var output: String
        var error: String
    }

    // MARK: Who asks

    /// Lets the process that runs on `path` carry out this process's command, and prints what it printed. Throws `refusal` when what runs
    /// there takes no requests.
    static func ask(_ path: String, or refusal: DatabaseRefusal) async throws {
        let store = SQLiteHandoffStore(try LockstepDatabase(path: path, access: .beside(wait: patience)))
        guard try await store.value(LiveTime.setting) != nil else { throw refusal }
        let id = UUID().uuidString
        let request: JSONValue = [
            "arguments": .array(CommandLine.arguments.dropFirst().map { .string($0) }), "at": .string(Timestamp(Date()).description),
        ]
        try await store.set(prefix + id, to: request.canonicalText)
        guard let text = try await answer(to: id, in: store) else {
            try await store.set(prefix + id, to: nil)
            throw CommandFailure(
                .environment,
                "\(path): expected an answer of the process that runs on it within 10 s, found none; the request was"
                    + " withdrawn; look whether it was carried out before you repeat it")
        }
        let answer: Answer = try JSONValue(parsing: text).decoded()
        if !answer.output.isEmpty { Console.print(answer.output) }
        if !answer.error.isEmpty { Console.error(answer.error) }
        if let code = CommandFailure.Code(rawValue: answer.code) { throw CommandFailure(code, "") }
    }

    private static func answer(to id: String, in store: SQLiteHandoffStore) async throws -> String? {
        let clock = ContinuousClock()
        let end = clock.now + patience
        while clock.now < end {
            if let text = try await store.value(answers + id) {
                try await store.set(answers + id, to: nil)
                return text
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }

    // MARK: Who carries out

    /// Carries out what is asked for, until the task is cancelled. A database that fails ends the run by other ways.
    func serve(_ engine: any OwnEngine) async {
        // Answers that nobody has taken.
        for name in ((try? await store.values(prefix: Self.answers)) ?? [:]).keys { try? await store.set(name, to: nil) }
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
            for (name, text) in ((try? await store.values(prefix: Self.prefix)) ?? [:]).sorted(by: { $0.key < $1.key }) {
                try? await carryOut(text, id: String(name.dropFirst(Self.prefix.count)), engine)
            }
        }
    }

    private func carryOut(_ text: String, id: String, _ engine: any OwnEngine) async throws {
        try await store.set(Self.prefix + id, to: nil)
        try await store.flush()
        let request = try JSONValue(parsing: text)
        guard let at = request["at"]?.string.flatMap({ Timestamp($0) }), Timestamp(Date()) - at < Self.patience else { return }
        let arguments = (request["arguments"]?.array ?? []).compactMap(\.string)
        let sheet = ConsoleSheet()
        let code = await OperatorEngine.$running.withValue(engine) {
            await Console.$sheet.withValue(sheet) { await RootCommand.start(arguments, only: { $0 is any CarriedOutBeside }) }
        }
        let answer = Answer(code: code, output: sheet.output, error: sheet.error)
        try await store.set(Self.answers + id, to: try JSONValue(encoding: answer).canonicalText)
        try await store.flush()
    }
}
