import Foundation

/// The statements that stand in Swift sources, each as the parts between its interpolations.
enum StatementTexts {
    /// Every text of the storage module that is a statement on rows, with the file it stands in.
    static func all() throws -> [(file: String, parts: [String])] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/SQLiteStorage")
        let files = try FileManager.default.contentsOfDirectory(atPath: root.path).filter { $0.hasSuffix(".swift") && $0 != elsewhere }
            .sorted()
        return try files.flatMap { file in
            try texts(in: String(contentsOf: root.appending(path: file), encoding: .utf8)).filter(isStatement).map { (file, $0) }
        }
    }

    /// What asks a file whose it is, on a connection of its own, before it is opened.
    private static let elsewhere = "DatabaseOwner.swift"

    private static func isStatement(_ parts: [String]) -> Bool {
        let words = parts[0].split(separator: " ")
        return ["SELECT", "INSERT", "UPDATE", "DELETE"].contains(words.first ?? "") && words.count + parts.count > 2
    }

    /// True when `sql` can have come from a text of these parts.
    static func matches(_ parts: [String], _ sql: String) -> Bool {
        var rest = sql[...]
        for (index, part) in parts.enumerated() where !part.isEmpty {
            guard let range = rest.firstRange(of: part), index > 0 || range.lowerBound == sql.startIndex else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }

    /// Every run of spaces and line ends as one space.
    static func plain(_ text: some StringProtocol) -> String {
        text.split { $0 == " " || $0.isNewline }.joined(separator: " ")
    }

    /// The texts in a Swift file, of one line or several, split where a value is put in.
    static func texts(in source: String) -> [[String]] {
        let source = Array(source.replacing(/(?m)^\s*\/\/.*$/, with: ""))
        var found: [[String]] = []
        var place = 0
        while let start = source[place...].firstIndex(of: "\"") {
            let quote = source[start...].starts(with: "\"\"\"") ? 3 : 1
            place = start + quote
            found.append(text(in: source, from: &place, quote))
        }
        return found
    }

    private static func text(in source: [Character], from place: inout Int, _ quote: Int) -> [String] {
        var parts = [""]
        let end = [Character](repeating: "\"", count: quote)
        while place < source.count, !source[place...].starts(with: end) {
            if source[place...].starts(with: "\\(") {
                skipValue(source, &place)
                parts.append("")
            } else {
                // What stands behind a backslash is part of the text.
                if source[place] == "\\", place + 1 < source.count { place += 1 }
                parts[parts.count - 1].append(source[place])
                place += 1
            }
        }
        place += quote
        return parts.map(plain)
    }

    /// Goes behind the brace that closes the value.
    private static func skipValue(_ source: [Character], _ place: inout Int) {
        var depth = 0
        repeat {
            place += 1
            guard place < source.count else { return }
            depth += source[place] == "(" ? 1 : source[place] == ")" ? -1 : 0
        } while depth > 0
        place += 1
    }
}
