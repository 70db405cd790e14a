import ArgumentParser
import Bridge
import Cutover
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import SQLiteStorage
import ShadowComparator

/// `lockstep compare`
struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the same deliveries through legacy alone and through hybrid, and compares outcomes, states and effects.",
        discussion: """
            \(Program.name) compare                        # all fixtures
            \(Program.name) compare trace.jsonl --format json
            \(Program.name) compare --of work.sqlite       # a database as it stands: legacy alone is played again, in memory, on what it accepted
            \(Program.name) compare trace.jsonl --database both.sqlite    # keeps both databases: both.sqlite.legacy and both.sqlite.hybrid
            \(Program.name) record --database both.sqlite.legacy --output legacy.jsonl
            \(Program.name) record --database both.sqlite.hybrid --output hybrid.jsonl
            \(Program.name) compare --recorded legacy.jsonl hybrid.jsonl    # plays nothing: millions of \(Program.nouns), on all cores
            \(Program.name) compare --recorded legacy.jsonl hybrid.jsonl --checkpoint done.json    # killed? the same command goes on
            \(Program.name) compare trace.jsonl --evidence evidence.jsonl     # adds what was compared to the evidence for a gate
            \(Program.name) compare trace.jsonl --strict
            \(Program.name) compare trace.jsonl --minimize scenarios     # a scenario of the fewest deliveries for each cause
            \(Program.name) compare --replay trace.jsonl --entity R-900002     # what both paths did, side by side

            Effects, states and outcomes have a verdict each. A difference is announced (by the plan, with its count and condition), \
            intended or ignored (somebody has signed for it), or unexplained: that is a mismatch and ends with exit code 1. Legacy alone \
            is played twice; what differs between the two is noise, and named.

            How long \(Program.nouns) wait in a step is compared over all of them: chance lengthens as often as it shortens, and a step \
            that takes longer more often than that ends with exit code 1. With --strict each input is compared by itself, each delay of more \
            than two hours counts, and each member of the record: for the tests of a step, see '\(Program.name) characterize'.
            """)

    @OptionGroup var input: InputOptions
    @OptionGroup var watch: WatchOptions

    @Option(help: "Seed of the simulated outside; recorded traces do not depend on it.")
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp("Compare what this database has come to with legacy alone; nothing is played into it.", valueName: "database"))
    var of: String?

    @Option(help: ArgumentHelp("Add what was compared to this file, see '\(Program.name) evidence'.", valueName: "file"))
    var evidence: String?

    @Option(
        help: ArgumentHelp("Write a scenario of the fewest deliveries for each cause of mismatches into this folder.", valueName: "folder"))
    var minimize: String?

    @Flag(help: "Compare two recordings, legacy's first, in order of ids. Nothing is played.")
    var recorded = false

    @Option(
        help: ArgumentHelp("With --recorded: keep in this file how far it is, and go on from there when it is there.", valueName: "file"))
    var checkpoint: String?

    @OptionGroup var showing: ReplayOptions

    @Flag(inversion: .prefixedNo, help: "Play legacy alone twice, and compare it with itself.")
    var noise = true

    @Flag(help: "Compare each member of the record, and the time of each in each step.")
    var strict = false

    func validate() throws {
        try validateRecorded()
        guard !strict || (of == nil && evidence == nil && minimize == nil && input.database == nil) else {
            throw ValidationError(
                "--strict compares each input by itself, in memory: give it without --of, --evidence, --minimize and --database")
        }
        guard !showing.replay || (of == nil && evidence == nil && minimize == nil && input.database == nil && !strict) else {
            throw ValidationError(
                "--replay plays its inputs in memory and shows both paths: give it without --of, --evidence, --minimize, --strict and --database"
            )
        }
        guard !showing.replay || !input.inputs.isEmpty else {
            throw ValidationError("--replay: expected a scenario folder or a trace file to play, found none")
        }
        guard of == nil || minimize == nil else {
            throw ValidationError("--minimize needs the deliveries as a trace: give it with inputs, not with --of")
        }
        guard of == nil || (input.inputs.isEmpty && input.database == nil) else {
            throw ValidationError("--of compares a database as it stands: give neither inputs nor --database with it")
        }
    }

    private func validateRecorded() throws {
        guard checkpoint == nil || recorded else { throw ValidationError("--checkpoint is for --recorded: give both, or neither") }
        guard recorded else { return }
        guard of == nil, evidence == nil, minimize == nil, input.database == nil, !strict, !showing.replay else {
            throw ValidationError(
                "--recorded plays nothing: give it without --of, --evidence, --minimize, --strict, --replay and --database")
        }
        guard input.inputs.count == 2 else {
            throw ValidationError("--recorded: expected two recordings, legacy's first, found \(input.inputs.count)")
        }
    }

    func run() async throws {
        if recorded { return try await compareRecorded() }
        try await run(Program.appWithLegacy)
    }

    private func run(_ app: some Application) async throws {
        if let of { return try await compare(of, app) }
        if strict { return try await compareStrictly(app) }
        if showing.replay { return try await replay(app) }
        let inputs = try input.load()
        let database = try input.database ?? InputOptions.freshDatabase("compare")
        let watching = try watch.watching()
        let comparison = try AppComparison(
            app.typed, plan: try input.loadPlan(), database: database, telemetry: watching.telemetry)
        let lines = inputs.lines
        try await watching.during(comparison.hybrid) {
            var meter = PathProgress()
            try await comparison.play(lines) { meter.show($0, $1, of: lines.count, at: $2) }
        }
        Console.endProgress()
        let noise = noise ? try await comparison.noise(app.typed, lines) : nil
        var recorder = try evidence.map {
            try EvidenceRecorder(path: $0, app: app, plan: comparison.hybrid.options.plan, at: Timestamp(Date()))
        }
        let now = Timestamp(Date())
        let summary = try await comparison.summary(at: now) { compared in
            recorder?.add(try await comparison.hybrid.store.evidence(of: compared))
        }
        let added = try recorder?.append(app)
        var written: [String] = []
        if let minimize {
            let minimizing = Minimizing(plan: comparison.hybrid.options.plan, folder: minimize, at: now)
            written = try await minimizing.write(summary.causes, of: inputs.lines, app)
        }
        let text = CompareText(summary: summary, noise: noise, evidence: added, scenarios: written)
        Console.print(input.format == .json ? try text.json.canonicalText : text.text(databases: database))
        try Self.requireSome(summary.compared)
        if summary.mismatched > 0 || !summary.slower.isEmpty || noise?.mismatched ?? 0 > 0 { throw CommandFailure(.differences, "") }
    }

    private func compareStrictly(_ app: some Application) async throws {
        let inputs = input.inputs.isEmpty ? try Program.app.fixtureFolders() : input.inputs
        let comparing = StrictComparing(plan: try input.loadPlan(), at: Timestamp(Date()))
        let meter = Progress()
        let (summary, failing) = try await comparing.run(inputs, app) {
            meter.show("\($0), \($1 + 1) of \(inputs.count.counted("input"))", $1, of: inputs.count)
        }
        Console.endProgress()
        let text = CompareText(summary: summary, failing: failing)
        Console.print(input.format == .json ? try text.json.canonicalText : text.text(databases: nil))
        try Self.requireSome(summary.compared)
        if summary.mismatched > 0 { throw CommandFailure(.differences, "") }
    }

    private func replay(_ app: some Application) async throws {
        let replaying = showing.replaying(try input.loadPlan(), at: Timestamp(Date()))
        let replay = try await replaying.run(try input.load().lines, app)
        let text = ReplayText(replay, isWhole: showing.all)
        Console.print(input.format == .json ? try text.json.canonicalText : text.text)
        try Self.requireSome(replay.compared)
        if replay.isMismatch { throw CommandFailure(.differences, "") }
    }

    /// Of nothing nobody knows whether it is the same.
    private static func requireSome(_ compared: Int) throws {
        guard compared == 0 else { return }
        throw CommandFailure(.differences, "expected \(Program.nouns) to compare, found none in what was given")
    }

    private func compareRecorded() async throws {
        let comparing = try RecordedComparing(
            input.inputs[0], input.inputs[1], plan: try input.loadPlan(), at: Timestamp(Date()), checkpoint: checkpoint)
        let meter = Progress()
        let found = try await comparing.run { compared, read, total in
            meter.show("\(Program.counted(compared)) compared, \(read * 100 / max(1, total)) %", read, of: total)
        }
        Console.endProgress()
        let text = CompareText(summary: found.comparison, recorded: found)
        Console.print(input.format == .json ? try text.json.canonicalText : text.text(databases: nil))
        if found.unreadable.all == 0 { try Self.requireSome(found.comparison.compared) }
        if !found.isSame { throw CommandFailure(.differences, "") }
    }

    private func compare(_ database: String, _ app: some Application) async throws {
        let plan = try input.loadPlan()
        let stored = try await StoredRun(app.typed, database: database, plan: plan)
        var recorder = try evidence.map { try EvidenceRecorder(path: $0, app: app, plan: plan, at: Timestamp(Date())) }
        let meter = Progress()
        let summary = try await stored.comparison(
            progress: { meter.show("\($0) of \(Program.counted($1))", $0, of: $1) }, evidence: { recorder?.add($0) })
        Console.endProgress()
        let text = CompareText(summary: summary.comparison, stored: summary, evidence: try recorder?.append(app))
        Console.print(input.format == .json ? try text.json.canonicalText : text.text(databases: nil))
        if summary.comparison.mismatched > 0 { throw CommandFailure(.differences, "") }
    }
}
