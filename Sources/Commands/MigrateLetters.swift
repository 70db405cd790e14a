import ArgumentParser
import Events
import SQLiteStorage

extension Migrate {
    /// `lockstep migrate letters`
    struct Letters: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists dead letters: deliveries that were kept because nobody could use them, and why.",
            discussion: """
                \(Program.name) migrate letters --database work.sqlite
                \(Program.name) migrate letters --database work.sqlite --reason unknown-entity --limit 10
                \(Program.name) migrate letters --database work.sqlite --before 100 --format json

                The latest comes first. What was expected and found is without personal data; the body, which may have some, stays in the \
                database. A delivery that is sent again once its cause is gone is a new one, unless its sender gives it the same id.
                """)

        @Option(help: "The database file.") var database: String
        @Option(help: "Those of one reason alone, as '\(Program.name) migrate status' names it.") var reason: String?
        @Option(help: "At most so many.") var limit = 50
        @Option(help: ArgumentHelp("Those that arrived before this one.", valueName: "number")) var before: Int?
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func validate() throws {
            guard (1...100_000).contains(limit) else { throw ValidationError("--limit: expected 1 to 100000, found \(limit)") }
            if let before, before < 1 { throw ValidationError("--before: expected the number of a letter, found \(before)") }
        }

        func run() async throws {
            let store = SQLiteHandoffStore(try LockstepDatabase(path: database, readOnly: true))
            let letters = try store.letters(before: before ?? .max, of: reason.map { DeadLetter.Reason($0) }, limit: limit)
            if format == .json { return Console.print(JSONValue.array(letters.map(\.json)).canonicalText) }
            guard let last = letters.last else { return Console.print("no dead letters\(reason.map { " of reason \($0)" } ?? "")") }
            let rows = letters.map(\.cells)
            Console.print(Console.table([["number", "at", "source", "reason", "id", "what was expected"]] + rows))
            if letters.count == limit { Console.print("\nbefore these: --before \(last.number)") }
        }
    }
}

extension ListedLetter {
    fileprivate var cells: [String] {
        [String(number), receivedAt.description, source.rawValue, reason.rawValue, id.rawValue, detail].map { Console.visible($0) }
    }

    fileprivate var json: JSONValue {
        var json: JSONValue = [
            "number": .integer(number), "id": .string(id.rawValue), "source": .string(source.rawValue), "reason": .string(reason.rawValue),
            "detail": .string(detail), "receivedAt": .string(receivedAt.description),
        ]
        if let type { json["type"] = .string(type) }
        return json
    }
}
