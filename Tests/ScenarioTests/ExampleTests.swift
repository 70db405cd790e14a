import Events
import Foundation
import LegacyFixtures
import Testing

/// Every example of the help and of the documentation does what it says in the folder that `lockstep demo` makes.
@Suite struct ExampleTests {
    /// Examples that end otherwise than with 0, and why that is right.
    private static let others: [String: Int32] = [
        // One hundred cases open no gate.
        "lockstep evidence": 1,
        // Some bugs survive, see `Mutants`.
        "lockstep mutants trace.jsonl --side durable": 1, "lockstep mutants trace.jsonl --only": 1,
        "lockstep mutants recording.jsonl": 1,
        // Nothing is set aside.
        "lockstep migrate release": 3, "lockstep migrate settle": 3, "lockstep workflow quarantined --release": 2,
        // The two plans differ.
        "lockstep plan diff": 1,
        // Only a bridge of somebody's own has a service, and `RegistrationsTests` runs both.
        "lockstep legacy": 3, "lockstep import --from-service": 2,
    ]

    @Test func everyExampleCanBePasted() throws {
        let demo = try Folder()
        defer { demo.remove() }
        try demo.expect("lockstep demo demo", 0)
        let copy = demo.path + "/demo"
        let pages = try Self.help() + Self.documents()
        #expect(pages.flatMap(\.examples).count > 80)
        for page in pages {
            let folder = try Folder(copyOf: copy)
            defer { folder.remove() }
            for example in page.examples {
                let other = Self.others.first { example.hasPrefix($0.key) }?.value
                try folder.expect(example, other ?? 0, page.name)
            }
        }
    }

    /// A page of help without an example leaves its reader to guess.
    @Test func everyCommandHasAnExample() throws {
        let examples = try Self.help().flatMap(\.examples)
        for command in try Self.commands() where command.isLeaf {
            #expect(examples.contains { $0.hasPrefix(command.name) }, "\(command.name): expected an example, found none")
        }
    }

    // MARK: Where the examples are

    struct Page {
        let name: String
        var examples: [String]
    }

    struct Command {
        let name: String
        let discussion: String
        let isLeaf: Bool
    }

    /// A page for each verb: those of its own page and of the pages below it, in order.
    private static func help() throws -> [Page] {
        var pages: [Page] = []
        for command in try commands() {
            let verb = command.name.split(separator: " ").prefix(2).joined(separator: " ")
            let examples = command.discussion.split(separator: "\n").compactMap { example($0) }
            if pages.last?.name != verb { pages.append(Page(name: verb, examples: [])) }
            pages[pages.count - 1].examples += examples
        }
        return pages
    }

    private static func commands() throws -> [Command] {
        let help = try JSONValue(parsing: try Lockstep.run(["--experimental-dump-help"]).output)
        return commands(try #require(help["command"]), below: [])
    }

    private static func commands(_ json: JSONValue, below path: [String]) -> [Command] {
        let path = path + [json["commandName"]?.string ?? ""]
        let below = (json["subcommands"]?.array ?? []).filter { $0["commandName"]?.string != "help" }
        let own = Command(name: path.joined(separator: " "), discussion: json["discussion"]?.string ?? "", isLeaf: below.isEmpty)
        return [own] + below.flatMap { commands($0, below: path) }
    }

    private static func documents() throws -> [Page] {
        let root = URL(filePath: LegacyFixtures.folder).deletingLastPathComponent().path
        let docs = "\(root)/Sources/Bridge/Documentation.docc"
        let names = try FileManager.default.contentsOfDirectory(atPath: docs).filter { $0.hasSuffix(".md") }.sorted()
        return try (["\(root)/README.md"] + names.map { "\(docs)/\($0)" }).map { path in
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let name = path.split(separator: "/").last.map(String.init) ?? path
            return Page(name: name, examples: text.split(separator: "\n").compactMap { example($0) })
        }
    }

    /// The command of a line; what stands behind it is a remark.
    private static func example(_ line: Substring) -> String? {
        let text = line.drop { $0 == " " }
        guard text.hasPrefix("lockstep ") else { return nil }
        let command = text.range(of: "  ").map { text[..<$0.lowerBound] } ?? text
        return String(command)
    }
}

/// A folder in which commands are pasted.
private struct Folder {
    let path: String

    init(copyOf original: String? = nil) throws {
        path = NSTemporaryDirectory() + "lockstep-examples-\(UUID().uuidString)"
        if let original {
            try FileManager.default.copyItem(atPath: original, toPath: path)
        } else {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Runs a command in a shell, and says what it printed when it ends otherwise.
    func expect(_ command: String, _ code: Int32, _ page: String = "") throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command]
        process.currentDirectoryURL = URL(filePath: path)
        let binary = URL(filePath: try #require(Lockstep.binary)).deletingLastPathComponent().path
        var environment = ProcessInfo.processInfo.environment
        environment["PATH"] = "\(binary):\(environment["PATH"] ?? "")"
        environment["XDG_CACHE_HOME"] = path + "/cache"
        process.environment = environment
        let log = path + "/said.txt"
        try Data().write(to: URL(filePath: log))
        let said = try #require(FileHandle(forWritingAtPath: log))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = said
        process.standardError = said
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus != code else { return }
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        Issue.record("\(page): \(command): expected exit code \(code), found \(process.terminationStatus): \(text.suffix(600))")
    }
}
