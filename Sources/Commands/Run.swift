public import ArgumentParser
import Bridge
import BridgeTesting
import Events
import FoundationEssentials
import HybridRouter
import MigrationReport
import Outcomes
import SQLiteStorage
import ShadowComparator

/// What a run prints.
struct RunSummary: Codable {
    var mode: RunMode
    var entities: Int
    var outcomes: [String: Int]
    var handOffs: Int
    var handBacks: Int
    var deadLetters: Int
    var deadLettersByReason: [String: Int]
    /// Events of which nobody reads the type, by sender and type.
    var unread: [String: Int]
    var counters: [String: Int]
    var unexpected: [String]
    var durationSeconds: Double
    var database: String
    /// The plans that the database was run with, oldest first.
    var plans: [String]
    /// Visits that a shadow has followed on this database, by what they came to; none when nobody follows in any step.
    var shadow: [String: Int]?
    /// What went wrong with the shadow last.
    var shadowProblem: String?

    init<State, Record>(_ run: AppRun<State, Record>, unexpected: [String], seconds: Double) async throws {
        let statuses = try await run.bridge.statuses()
        let counters = try await run.store.counters()
        let dead = try await run.store.deadLetters()
        mode = run.options.mode
        entities = statuses.values.reduce(0, +)
        outcomes = statuses
        handOffs = counters["handOffs"] ?? 0
        handBacks = counters["handBacks"] ?? 0
        deadLetters = dead.values.reduce(0, +)
        deadLettersByReason = dead
        unread = try run.notes.unreadTypes()
        self.counters = counters
        self.unexpected = unexpected
        durationSeconds = (seconds * 1000).rounded() / 1000
        database = run.options.database
        plans = try await DatabaseIdentity.plans(of: run.store)
        shadowProblem = run.bridge.shadow?.problem
        shadow = try? await run.bridge.shadow?.book.allCounts().reduce(into: [:]) { all, counts in
            for (verdict, count) in counts.visits { all[verdict.rawValue, default: 0] += count }
        }
    }

    var text: String {
        let rows = [["outcome", Program.nouns]] + outcomes.sorted { $0.key < $1.key }.map { [$0.key, String($0.value)] }
        var lines = ["\(mode.rawValue): \(Program.counted(entities)) in \(durationSeconds) s", "", Console.table(rows), ""]
        lines.append("hand offs \(handOffs), hand backs \(handBacks), dead letters \(deadLetters)")
        if let unread = UnreadEvents(unread).sentence { lines.append(unread) }
        if let shadow { lines.append(shadowLine(shadow)) }
        lines.append("database \(database)")
        if plans.count > 1 { lines.append("plans, oldest first: \(plans.joined(separator: ", then "))") }
        if !unexpected.isEmpty { lines += ["", "not as recorded:"] + unexpected.map { "  " + Console.visible($0) } }
        return lines.joined(separator: "\n")
    }

    private func shadowLine(_ shadow: [String: Int]) -> String {
        let counts = ShadowResult.Verdict.allCases.map { verdict in
            "\(shadow[verdict.rawValue] ?? 0) \(verdict == .expected ? "explained" : verdict.rawValue)"
        }.joined(separator: ", ")
        let problem = shadowProblem.map { "; it had a problem: \($0)" } ?? ""
        return "shadow: \(counts); see '\(Program.name) shadow --database \(database)'\(problem)"
    }
}

/// `lockstep run`
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs deliveries through the legacy machine alone or in hybrid mode: live, or as they were recorded.",
        discussion: """
            \(Program.name) run                                   # all fixtures, hybrid
            \(Program.name) run --mode legacy trace.jsonl
            \(Program.name) run trace.jsonl --database work.sqlite   # killed? the same command goes on where it stopped
            \(Program.name) run --events - --database live.sqlite < deliveries.jsonl     # live: prints ACK <event id> once each is durable
            \(Program.name) run --events - --lanes 256 --live < deliveries.jsonl         # so many \(Program.nouns) at the same time
            \(Program.name) run --events recording.jsonl                         # lines with "receivedAt": virtual time
            \(Program.name) run --events recording.jsonl --drain                 # the same, then plays time on until nothing is left to do
            \(Program.name) run --metrics metrics.prom            # for Prometheus, renewed every few seconds and at the end
            \(Program.name) run --metrics 127.0.0.1:9464          # the same at http://127.0.0.1:9464/metrics while it runs

            The first line of --events decides: with "receivedAt" it is a recording, which is played in virtual time; without it is \
            {"source": …, "id"?: …, "headers"?: …, "body": …}, a delivery that is received now. --live and --recorded decide without \
            looking. A live run ends when its input has ended and nothing is left that can be done now, and at SIGINT or SIGTERM; the \
            same command goes on. A database is live or of recordings, never both.

            A line of a file that cannot be read is refused with its place before anything is played. In a stream it becomes a dead \
            letter, is acknowledged as one, and the next line is read.

            A sender whose secret is known, by --secrets or by LOCKSTEP_SECRET_ and its name in the environment, has to sign what it sends \
            live: hand over "headers", "url", and the raw body as a text. What is not signed, or not rightly, is a dead letter. A \
            recording has no signatures.

            A database knows its machine, mode, plan and input. Another plan may take over while there is something to play; another \
            mode or machine is refused.
            """)

    @OptionGroup var input: InputOptions
    @OptionGroup var watch: WatchOptions

    @Option(help: "legacy or hybrid.")
    var mode: RunMode = .hybrid

    @Option(help: "Read deliveries line by line from this file, - for standard input, and acknowledge each.")
    var events: String?

    @Option(help: "Append one JSON line per performed effect to this file; default: beside the database.")
    var effectsLog: String?

    @Option(help: "Write one JSON line per \(Program.noun) with its outcome to this file.")
    var outcomes: String?

    @Option(help: "Seed of the simulated outside; recorded traces do not depend on it.")
    var seed: UInt64 = 1

    @Flag(help: "With --events: at the end of input, play time on until nothing is left to do. Without it, what waits goes on waiting.")
    var drain = false

    @Flag(help: "With --events: the deliveries come in now, whatever their lines say.")
    var live = false

    @Flag(help: "With --events: the lines are a recording, which is played in virtual time.")
    var recorded = false

    @Option(
        help: ArgumentHelp(
            "Live: the senders' secrets by source, as a JSON object in a file that its owner alone can read.", valueName: "file"))
    var secrets: String?

    @Option(help: "Live: how many \(Program.nouns) are handled at the same time. (default: 64)")
    var lanes: Int?

    @Option(help: "Live: pack what has been over for so long, for example 90d; see 'compact'. Default: everything is kept.")
    var retention: String?

    func validate() throws {
        guard !live || !recorded else { throw ValidationError("give --live or --recorded, not both") }
        guard events != nil || !(live || recorded) else { throw ValidationError("--live and --recorded belong to --events") }
        guard !live || !drain else { throw ValidationError(Self.noDrain) }
        if let lanes, !(1...4096).contains(lanes) { throw ValidationError("--lanes: expected 1 to 4096, found \(lanes)") }
        for (name, isGiven) in [("--lanes", lanes != nil), ("--retention", retention != nil)] where isGiven {
            guard events != nil, !recorded else { throw ValidationError(name + " belongs to a live run of --events") }
        }
        guard events == nil || input.inputs.isEmpty else { throw ValidationError("give --events or inputs, not both") }
        guard events != nil || !drain else { throw ValidationError("--drain belongs to --events; inputs are always played to the end") }
    }

    func run() async throws { try await run(Program.app) }

    private func run(_ app: some Application) async throws {
        try outcomes.map(OutputFile.check)
        let database = try input.database ?? InputOptions.freshDatabase(mode.rawValue)
        let watching = try watch.watching()
        var options = RunOptions(mode: mode, plan: try input.loadPlan(), database: database, effectsLog: effectsLog)
        options.telemetry = watching.telemetry
        options.secrets = try SenderSecrets.read(file: secrets)
        let inputs = events == nil ? try input.load() : nil
        let stream = try events.map { try LineStream(path: $0) }
        let start = Date()
        if let stream, try await isLive(stream, app, options) {
            guard !drain else { throw CommandFailure(.usage, Self.noDrain) }
            return try await runLive(app, stream, options, watching, since: start)
        }
        let run = try AppRun(app.typed, options)
        try await watching.during(run) { try await play(run, inputs, stream) }
        try await conclude(run, inputs?.scenarios ?? [], since: start)
    }

    private static let noDrain = "--drain plays virtual time on: a live run has none; leave it out, or give --recorded"

    /// Writes what came of it.
    func conclude<State, Record>(_ run: AppRun<State, Record>, _ scenarios: [Scenario], since start: Date) async throws {
        let unexpected = try await run.unexpected(scenarios)
        if let outcomes { try await run.writeOutcomes(to: outcomes) }
        let summary = try await RunSummary(run, unexpected: unexpected, seconds: Date().timeIntervalSince(start))
        Console.print(input.format == .json ? try JSONValue(encoding: summary).canonicalText : summary.text)
        if !unexpected.isEmpty { throw CommandFailure(.differences, "\(unexpected.count.counted("fact is", "facts are")) not as recorded") }
    }

    /// Plays the inputs, or the stream.
    private func play<State, Record>(_ run: AppRun<State, Record>, _ inputs: Inputs?, _ stream: LineStream?) async throws {
        if let lines = inputs?.lines {
            let meter = Progress()
            try await run.play(
                lines,
                progress: { meter.show("\($0) of \(lines.count.counted("delivery", "deliveries")), \($1)", $0, of: lines.count) })
            Console.endProgress()
        } else if let stream {
            try await run.play(
                stream: { try await stream.next() }, drains: drain,
                acknowledge: Self.acknowledge)
        }
    }

    static func acknowledge(_ ids: [String], _ unreadable: DeadLetter?) {
        guard let unreadable else { return ids.forEach { Console.print("ACK \(Console.visible($0))") } }
        Console.print(Console.visible(unreadable.acknowledgement))
    }
}

extension RunMode: ExpressibleByArgument {}

extension AppRun {
    /// Writes `{"registration", "status", "state", "facts"}` lines in order of ids.
    func writeOutcomes(to path: String) async throws {
        let file = try OutputFile(path: path)
        for entity in try await store.entities().sorted() {
            guard let outcome = try await bridge.outcome(of: entity) else { continue }
            var line = try JSONValue(encoding: outcome)
            line[Program.noun] = .string(entity.rawValue)
            try file.write(line.canonicalText + "\n")
        }
        try file.end()
    }

    /// One sentence per scenario that did not end exactly as its `outcome.json` says.
    func unexpected(_ scenarios: [Scenario]) async throws -> [String] {
        var sentences: [String] = []
        for scenario in scenarios {
            for (entity, expected) in (options.mode == .legacy ? scenario.legacy : scenario.hybrid) ?? [:] {
                guard let outcome = try await bridge.outcome(of: entity) else {
                    sentences.append("\(scenario.name): expected \(entity) to end as \(expected.status), found no such \(Program.noun)")
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

extension EventBridge {
    /// How many entities came to what.
    func statuses() async throws -> [String: Int] {
        var statuses: [String: Int] = [:]
        for entity in try await store.entities() {
            if let outcome = try await outcome(of: entity) { statuses[outcome.status, default: 0] += 1 }
        }
        return statuses
    }
}
