import Events
import FoundationEssentials

/// A scenario folder that is written.
struct ScenarioFolder {
    let lines: [TraceLine]
    let readme: String
    /// What legacy ends as; nil when nobody knows it yet.
    var outcome: JSONValue?

    /// Writes it; `option` is the one that named the place.
    func write(to path: String, _ option: String) throws {
        var files = ["events.jsonl": lines.map { $0.text + "\n" }.joined(), "README.md": readme]
        if let outcome { files["outcome.json"] = outcome.canonicalText + "\n" }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for (name, text) in files { try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)")) }
        } catch let error as CocoaError {
            throw CommandFailure(.environment, "\(RootCommand.sentence(of: error)); pass another to \(option)")
        }
    }
}
