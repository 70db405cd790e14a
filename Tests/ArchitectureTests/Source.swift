import Foundation

/// The checkout, as text.
struct Checkout {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// All files below `folder` that end in `suffix`, as paths from the root; build folders and dotfiles are left out.
    static func files(_ folder: String, _ suffix: String) -> [String] {
        let base = root.appending(path: folder).path
        let all = FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(suffix) && !$0.contains(".build") }.map { folder + "/" + $0 }.sorted()
    }

    static func text(_ path: String) throws -> String { try String(contentsOf: root.appending(path: path), encoding: .utf8) }
}

/// What a scanner sees in a Swift file. It knows nothing of strings that span lines, which the house does not use for code.
enum Scanner {
    /// The modules a file imports.
    static func imports(_ text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard let index = words.firstIndex(of: "import"), index <= 2, words.count > index + 1 else { return nil }
            let isImport = words[..<index].allSatisfy { ["public", "package", "internal", "@testable", "@_exported"].contains($0) }
            return isImport ? words[index + 1] : nil
        }
    }

    /// The functions of a file with their lengths in lines, by the indentation of the declaration and its closing brace.
    static func functions(_ text: String) -> [(name: String, lines: Int)] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var found: [(String, Int)] = []
        for (index, line) in lines.enumerated() where line.contains("func ") || line.trimmingCharacters(in: .whitespaces).hasPrefix("init(")
        {
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            guard !trimmed.hasPrefix("//") else { continue }
            let indent = String(line.prefix { $0 == " " })
            guard let end = lines[index...].firstIndex(where: { $0 == indent + "}" }), !line.hasSuffix("}") else { continue }
            found.append((trimmed, end - index + 1))
        }
        return found
    }

    /// The types a file declares.
    static func types(_ text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(whereSeparator: { " :<({".contains($0) }).map(String.init)
            guard let index = words.firstIndex(where: { ["struct", "class", "enum", "actor", "protocol"].contains($0) }),
                words.count > index + 1
            else { return nil }
            let isDeclaration = words[..<index].allSatisfy {
                ["public", "package", "private", "fileprivate", "final", "indirect"].contains($0)
            }
            return isDeclaration ? words[index + 1] : nil
        }
    }

    /// Targets of Markdown links that point into the checkout.
    static func links(_ text: String) -> [String] {
        text.matches(of: /\]\(([^)#\s]+)(#[^)]*)?\)/).map { String($0.output.1) }.filter { !$0.contains("://") && !$0.hasPrefix("doc:") }
    }
}
