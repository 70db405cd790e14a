import A2PRegistration
public import ArgumentParser
import Events
import FoundationEssentials
import HybridRouter
import Outcomes
import SQLiteStorage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a run prints.
struct RunSummary: Codable {
    var mode: RunMode
    var entities: Int
    var outcomes: [String: Int]
    var handOffs: Int
    var handBacks: Int
    var deadLetters: Int
    var deadLettersByReason: [String: Int]
    var counters: [String: Int]
    var unexpected: [String]
    var durationSeconds: Double
    var database: String

    init(_ run: A2PRun, unexpected: [String], seconds: Double) async throws {
        let outcomes = try await run.outcomes()
        let counters = try await run.store.counters()
        let dead = try await run.store.deadLetters()
        mode = run.options.mode
        entities = outcomes.count
        self.outcomes = Dictionary(outcomes.values.map { ($0.status, 1) }, uniquingKeysWith: +)
        handOffs = counters["handOffs"] ?? 0
        handBacks = counters["handBacks"] ?? 0
        deadLetters = dead.values.reduce(0, +)
        deadLettersByReason = dead
        self.counters = counters
        self.unexpected = unexpected
        durationSeconds = (seconds * 1000).rounded() / 1000
        database = run.options.database
    }

    var text: String {
        let rows = [["outcome", "registrations"]] + outcomes.sorted { $0.key < $1.key }.map { [$0.key, String($0.value)] }
        var lines = ["\(mode.rawValue): \(entities) registrations in \(durationSeconds) s", "", Console.table(rows), ""]
        lines.append("hand offs \(handOffs), hand backs \(handBacks), dead letters \(deadLetters)")
        lines.append("database \(database)")
        if !unexpected.isEmpty { lines += ["", "not as recorded:"] + unexpected.map { "  " + $0 } }
        return lines.joined(separator: "\n")
    }
}

/// `lockstep run`
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs recorded deliveries through the legacy machine alone or in hybrid mode.",
        discussion: """
            lockstep run                                   all fixtures, hybrid
            lockstep run --mode legacy LegacyFixtures/m01-exact-duplicate
            lockstep run trace.jsonl --database work.sqlite   killed? the same command goes on where it stopped
            producer | lockstep run --events -             prints ACK <event id> once each is durable
            lockstep run --metrics metrics.prom            for Prometheus, renewed every few seconds and at the end
            lockstep run --metrics 127.0.0.1:9464          the same at http://127.0.0.1:9464/metrics while it runs
            """)

    @OptionGroup var input: InputOptions
    @OptionGroup var watch: WatchOptions

    @Option(help: "legacy or hybrid.")
    var mode: RunMode = .hybrid

    @Option(help: "Read deliveries line by line from this file, - for standard input, and acknowledge each.")
    var events: String?

    @Option(help: "Append one JSON line per performed effect to this file; default: beside the database.")
    var effectsLog: String?

    @Option(help: "Write one JSON line per registration with its outcome to this file.")
    var outcomes: String?

    @Option(help: "Seed of the simulated outside; recorded traces do not depend on it.")
    var seed: UInt64 = 1

    func run() async throws {
        guard events == nil || input.inputs.isEmpty else { throw ValidationError("give --events or inputs, not both") }
        let database = try input.database ?? InputOptions.freshDatabase(mode.rawValue)
        let watching = watch.watching()
        var options = A2PRun.Options(mode: mode, plan: try input.loadPlan(), database: database, effectsLog: effectsLog)
        options.telemetry = watching.telemetry
        let inputs = events == nil ? try input.load() : nil
        let start = Date()
        let run = try A2PRun(options)
        try await watching.during(run) { try await play(run, inputs) }
        let unexpected = try await run.unexpected(inputs?.scenarios ?? [])
        if let outcomes { try await run.writeOutcomes(to: outcomes) }
        let summary = try await RunSummary(run, unexpected: unexpected, seconds: Date().timeIntervalSince(start))
        Console.print(input.format == .json ? try JSONValue(encoding: summary).canonicalText : summary.text)
        if !unexpected.isEmpty { throw CommandFailure(.differences, "\(unexpected.count) facts are not as recorded") }
    }

    /// Plays the inputs, or the stream when there are none.
    private func play(_ run: A2PRun, _ inputs: Inputs?) async throws {
        try await run.notePlan()
        if let inputs {
            let lines = inputs.lines
            try await run.play(lines, progress: { Console.progress("\($0) of \(lines.count) deliveries, \($1)") })
            Console.endProgress()
        } else {
            let lines = try LineReader(path: events ?? "-")
            try await run.play(stream: { try lines.next() }, acknowledge: { ids in ids.forEach { Console.print("ACK \($0)") } })
        }
    }
}

extension RunMode: ExpressibleByArgument {}

extension A2PRun {
    /// Writes `{"registration", "status", "state", "facts"}` lines in order of ids.
    func writeOutcomes(to path: String) async throws {
        let lines = try await outcomes().sorted { $0.key < $1.key }.map { entity, outcome in
            var line = try JSONValue(encoding: outcome)
            line["registration"] = .string(entity.rawValue)
            return line.canonicalText + "\n"
        }
        do { try Data(lines.joined().utf8).write(to: URL(filePath: path)) } catch {
            throw CommandFailure(.environment, "\(path): expected a file that can be written: \(error)")
        }
    }

    /// One sentence per scenario that did not end exactly as its `outcome.json` says.
    func unexpected(_ scenarios: [Scenario]) async throws -> [String] {
        let found = try await outcomes()
        var sentences: [String] = []
        for scenario in scenarios {
            for (entity, expected) in (options.mode == .legacy ? scenario.legacy : scenario.hybrid) ?? [:] {
                guard let outcome = found[entity] else {
                    sentences.append("\(scenario.name): expected \(entity) to end as \(expected.status), found no such registration")
                    continue
                }
                let paths = Set(expected.allFacts.keys).union(outcome.allFacts.keys).sorted()
                for path in paths where expected.allFacts[path] != outcome.allFacts[path] {
                    sentences.append(
                        "\(scenario.name): \(entity) \(path): expected \(expected.allFacts[path]?.canonicalText ?? "nothing"),"
                            + " found \(outcome.allFacts[path]?.canonicalText ?? "nothing")")
                }
            }
        }
        return sentences
    }
}

/// Lines of a trace, one by one, from a file or standard input.
final class LineReader {
    private let path: String
    private let handle: UnsafeMutablePointer<FILE>
    private var number = 0

    init(path: String) throws {
        self.path = path == "-" ? "standard input" : path
        guard let handle = path == "-" ? fdopen(STDIN_FILENO, "r") : fopen(path, "r") else {
            throw CommandFailure(.usage, "\(path): expected a file that can be read, found none")
        }
        self.handle = handle
    }

    func next() throws -> TraceLine? {
        var buffer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(buffer) }
        let count = getline(&buffer, &capacity, handle)
        guard count > 0, let buffer else { return nil }
        number += 1
        let text = String(decoding: UnsafeRawBufferPointer(start: buffer, count: count), as: UTF8.self)
        do { return try TraceLine(parsing: text) } catch { throw TraceError("\(path):\(number): \(error)") }
    }
}
