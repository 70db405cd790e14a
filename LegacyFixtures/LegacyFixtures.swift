import FoundationEssentials

/// The recorded scenarios: one folder each, with `events.jsonl`, `outcome.json` and a `README.md`.
public enum LegacyFixtures {
    /// The folder of this checkout that holds them. A copied binary finds them only while the checkout is where it was built.
    public static let folder: String = {
        let file = #filePath
        return String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
    }()

    /// The folders' names, sorted.
    public static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { name in
            FileManager.default.fileExists(atPath: "\(folder)/\(name)/events.jsonl")
        }.sorted()
    }
}
