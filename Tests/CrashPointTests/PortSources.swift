import Foundation

/// The ports' protocols as they stand in the sources.
enum PortSources {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    /// The methods of `port`, in order, as `Port.name(label:label:)`.
    static func methods(of port: String) throws -> [String] {
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        for file in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            guard let start = text.range(of: "public protocol \(port): "),
                let end = text.range(of: "\n}", range: start.upperBound..<text.endIndex)
            else { continue }
            return methods(in: text[start.upperBound..<end.lowerBound]).map { "\(port).\($0)" }
        }
        return []
    }

    /// The methods that `body` declares and that wait for somebody, as `name(label:label:)`.
    static func methods(in body: some StringProtocol) -> [String] {
        let declarations = String(body).components(separatedBy: "\n").filter { !$0.contains("///") }.joined(separator: "\n")
        return declarations.components(separatedBy: "func ").dropFirst().compactMap { declaration in
            guard let open = declaration.firstIndex(of: "("), declaration.contains(" async") else { return nil }
            let labels = parameters(declaration[declaration.index(after: open)...]).map { parameter in
                (parameter.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? "").trimmingSuffix(":") + ":"
            }
            return "\(declaration[..<open])(\(labels.joined()))"
        }
    }

    /// The parameters between an opening parenthesis, which `text` comes after, and its closing one.
    private static func parameters(_ text: Substring) -> [Substring] {
        var depth = 1
        var parameters: [Substring] = []
        var start = text.startIndex
        for index in text.indices {
            if "([<".contains(text[index]) { depth += 1 }
            if ")]>".contains(text[index]), !text[..<index].hasSuffix("-") { depth -= 1 }
            guard depth == 0 || (depth == 1 && text[index] == ",") else { continue }
            if start < index { parameters.append(text[start..<index]) }
            start = text.index(after: index)
            if depth == 0 { break }
        }
        return parameters
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }
}
