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
            guard words[..<index].allSatisfy({ importWords.contains($0) }) else { return nil }
            // One declaration alone: `import struct Module.Type`.
            let module = words.count > index + 2 && declarationWords.contains(words[index + 1]) ? words[index + 2] : words[index + 1]
            return module.split(separator: ".").first.map(String.init)
        }
    }

    private static let importWords: Set = ["public", "package", "internal", "private", "fileprivate", "@testable", "@_exported"]
    private static let declarationWords: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var", "actor"]

    /// The functions of more than one line with their lengths: all lines, and those of the body. They are found by the indentation of
    /// the declaration and its closing brace.
    static func functions(_ text: String) -> [(name: String, lines: Int, body: Int)] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var found: [(String, Int, Int)] = []
        for (index, line) in lines.enumerated() where line.contains("func ") || line.contains("init") {
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            guard !trimmed.hasPrefix("//"), !line.hasSuffix("}"), line.contains("func ") || isInitializer(trimmed) else { continue }
            guard let start = opening(line, at: index, lines), let end = closing(line, after: index, lines) else { continue }
            found.append((trimmed, end - index + 1, end - start - 1))
        }
        return found
    }

    private static func isInitializer(_ line: String) -> Bool { line.prefixMatch(of: /(@\w+ )*(\w+ )*init[?(<]/) != nil }

    /// Where the body begins of the declaration that begins with `line`; nil for one without, as protocols have them.
    private static func opening(_ line: String, at index: Int, _ lines: [String]) -> Int? {
        let indent = String(line.prefix { $0 == " " })
        let rest = lines[(index + 1)...].prefix { $0.hasPrefix(indent + " ") || $0.hasPrefix(indent + ")") }
        return lines[index...index + rest.count].firstIndex { $0.hasSuffix("{") }
    }

    /// Where the declaration that begins with `line` ends: the first brace as far indented as it is.
    private static func closing(_ line: String, after index: Int, _ lines: [String]) -> Int? {
        let brace = line.prefix { $0 == " " } + "}"
        return lines[index...].firstIndex { $0 == brace }
    }

    /// What a module promises to others: the heads of public functions, and public protocols as a whole.
    static func publicInterface(_ text: String) -> [String] {
        text.matches(of: /public (static )?func [^{]*/).map { String($0.output.0) }
            + text.matches(of: /public protocol [^{]*\{[\s\S]*?\n\}/).map { String($0.output) }
    }

    /// The stored members of each struct, class and actor that may be nil.
    static func optionalMembers(_ text: String) -> [String: [String]] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var found: [String: [String]] = [:]
        for (index, line) in lines.enumerated() where line.hasSuffix("{") && declaresType(line) {
            guard let type = line.prefixMatch(of: /(\s*)(?:@\w+ )*(?:\w+ )*(?:struct|class|actor) (\w+)/) else { continue }
            guard let end = closing(line, after: index, lines) else { continue }
            let indent = String(type.output.1) + "    "
            let members = (index + 1..<end).filter { lines[$0].hasPrefix(indent) && !lines[$0].dropFirst(indent.count).hasPrefix(" ") }
            found[String(type.output.2), default: []] += members.compactMap { optional(lines[$0], next: lines[$0 + 1]) }
        }
        return found
    }

    private static func declaresType(_ line: String) -> Bool { ["struct ", "class ", "actor "].contains { line.contains($0) } }

    /// The name of the member that `line` stores, if it may be nil; `next` tells a stored one with observers from a computed one.
    private static func optional(_ line: String, next: String) -> String? {
        let pattern = /\s*(?:@\w+(?:\(.*\))? )*((?:\w+(?:\(set\))? )*)(?:var|let) (\w+): ([^={]+?)\s*(=.*|\{.*)?/
        guard line.contains("?") || line.contains("Optional<"), let match = line.wholeMatch(of: pattern),
            !match.output.1.contains("static ")
        else { return nil }
        let isObserved = (match.output.4 ?? "").contains("didSet") || next.contains("didSet") || next.contains("willSet")
        if match.output.4?.hasPrefix("{") == true, !isObserved { return nil }
        return match.output.3.hasSuffix("?") || match.output.3.hasPrefix("Optional<") ? String(match.output.2) : nil
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

    /// Nouns in the plural behind a number that is put in, where only the number decides whether the plural is right.
    static func countedNouns(_ text: String) -> [String] {
        text.matches(of: /\\\((?:[^()"]*count|Text\.number\([^()"]*\)|[a-z][A-Za-z]*)\) (?:[a-z]+ )?([a-z]+s)\b(?!\/)/)
            .map { String($0.output.1) }.filter { !notCounted.contains($0) }
    }

    /// Verbs and the like that end in s, and measures of a limit.
    private static let notCounted: Set = ["is", "was", "has", "as", "its", "bytes", "this", "does", "declares", "draws", "needs"]

    /// Targets of Markdown links that point into the checkout.
    static func links(_ text: String) -> [String] {
        text.matches(of: /\]\(([^)#\s]+)(#[^)]*)?\)/).map { String($0.output.1) }.filter { !$0.contains("://") && !$0.hasPrefix("doc:") }
    }
}

enum Measure {
    /// The smallest of `values` that `share` of a hundred do not exceed; 0 for none.
    static func percentile(_ values: [Int], _ share: Int) -> Int {
        guard !values.isEmpty else { return 0 }
        return values.sorted()[max(0, (values.count * share + 99) / 100 - 1)]
    }
}
