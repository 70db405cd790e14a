import ArgumentParser
import Bridge
import Cutover
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import MigrationReport
import Outcomes
import SQLiteStorage
import ShadowComparator

/// `lockstep report`
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Runs legacy alone and hybrid over the same deliveries and writes the migration report.",
        discussion: """
            \(Program.name) report                          # all fixtures; the paths of the reports are printed
            \(Program.name) report trace.jsonl --output reports
            \(Program.name) report --audit R-900001         # with the history of that \(Program.noun)'s durable segments
            \(Program.name) report --evidence evidence.jsonl  # what compare, mutants and explore have left: without it no gate is open
            \(Program.name) report --of work.sqlite           # of a database as it stands, beside the process that runs on it
            Writes report.html (one file, no network), report.md and report.json.
            """)

    @OptionGroup var input: InputOptions

    @Option(help: ArgumentHelp("Report on this database as it stands; nothing is played into it.", valueName: "database"))
    var of: String?

    @Option(help: ArgumentHelp("The evidence file that the verdict follows from, see '\(Program.name) evidence'.", valueName: "file"))
    var evidence: String?

    @Option(help: "The folder to write to; default: the user's cache folder.")
    var output: String?

    @Option(
        help: ArgumentHelp(
            "One of the \(Program.nouns) whose durable segments are listed event by event; may be repeated.", valueName: "id"))
    var audit: [String] = []

    func run() async throws { try await run(Program.appWithLegacy) }

    func validate() throws {
        guard of == nil || (input.inputs.isEmpty && input.database == nil) else {
            throw ValidationError("--of reports on a database as it stands: give neither inputs nor --database with it")
        }
    }

    private func run(_ app: some Application) async throws {
        if let of { return try await report(on: of, app) }
        let inputs = try input.load()
        let database = try input.database ?? InputOptions.freshDatabase("report")
        let comparison = try AppComparison(app.typed, plan: try input.loadPlan(), database: database)
        let lines = inputs.lines
        var meter = PathProgress()
        try await comparison.play(lines) { meter.show($0, $1, of: lines.count, at: $2) }
        Console.endProgress()
        let audited = audit.map { EntityID($0) }
        let summary = try weigh(app)
        let report = try await comparison.report(app.typed, auditing: audited, evidence: summary, at: Timestamp(Date()))
        let folder = output ?? database.replacing(".sqlite", with: "")
        let paths = try Self.write(report, to: folder)
        let unexpected = try await comparison.legacy.unexpected(inputs.scenarios) + comparison.hybrid.unexpected(inputs.scenarios)
        if input.format == .json {
            Console.print(try JSONRenderer().render(report))
        } else {
            Console.print(text(report, paths, unexpected))
        }
        if report.comparison?.mismatched ?? 0 > 0 || !unexpected.isEmpty { throw CommandFailure(.differences, "") }
    }

    private func report(on database: String, _ app: some Application) async throws {
        let stored = try await StoredRun(app.typed, database: database, plan: try input.loadPlan())
        let meter = Progress()
        let report = try await stored.report(auditing: audit.map { EntityID($0) }, evidence: try weigh(app)) {
            meter.show("\($0) of \(Program.counted($1)) compared with legacy alone", $0, of: $1)
        }
        Console.endProgress()
        let paths = try Self.write(report, to: output ?? database.replacing(".sqlite", with: "") + "-report")
        Console.print(input.format == .json ? try JSONRenderer().render(report) : text(report, paths, []))
        if report.comparison?.mismatched ?? 0 > 0 { throw CommandFailure(.differences, "") }
    }

    /// What the evidence file says of the plan and this build; nil without one.
    private func weigh(_ app: some Application) throws -> EvidenceSummary? {
        guard let evidence else { return nil }
        return try EvidenceFile(path: evidence).existing().weigh(try input.loadPlan(), app)
    }

    private static func write(_ report: Report, to folder: String) throws -> [String] {
        let renderers: [any ReportRenderer] = [HTMLRenderer(), MarkdownRenderer(), JSONRenderer()]
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            return try renderers.map { renderer in
                let path = "\(folder)/report.\(renderer.fileExtension)"
                try Data(try renderer.render(report).utf8).write(to: URL(filePath: path))
                return path
            }
        } catch let error as CocoaError {
            throw CommandFailure(.environment, "\(RootCommand.sentence(of: error)); pass --output")
        }
    }

    private func text(_ report: Report, _ paths: [String], _ unexpected: [String]) -> String {
        var statuses: [String] = []
        for run in report.runs { statuses += run.outcomes.keys.filter { !statuses.contains($0) } }
        let head = ["outcome"] + report.runs.map(\.mode)
        let rows = statuses.sorted().map { status in [status] + report.runs.map { String($0.outcomes[status] ?? 0) } }
        var lines = [report.verdict.sentence, "", Console.table([head] + rows), ""]
        if let hybrid = report.runs.last { lines.append("hand offs \(hybrid.handOffs), hand backs \(hybrid.handBacks)") }
        if let unread = report.runs.last.flatMap({ UnreadEvents($0.unread).sentence }) { lines.append(unread) }
        if !unexpected.isEmpty { lines += ["", "not as recorded:"] + unexpected.map { "  " + $0 } }
        return (lines + [""] + paths).joined(separator: "\n")
    }
}

extension AppComparison {
    /// Everything the report shows, from both databases.
    func report(
        _ app: LockstepApp<State, Record>, auditing audited: [EntityID] = [], evidence: EvidenceSummary? = nil, at now: Timestamp
    ) async throws -> Report {
        let summary = try await summary(at: now)
        let tally = try await JournalTally(of: hybrid.store, app)
        var details: [MismatchDetail] = []
        for mismatch in summary.mismatches.prefix(25) {
            let control = Timeline(path: "legacy", journal: try await legacy.store.journal(of: mismatch.entity))
            let candidate = Timeline(path: "hybrid", journal: try await hybrid.store.journal(of: mismatch.entity))
            details.append(MismatchDetail(comparison: mismatch, control: control, candidate: candidate))
        }
        return Report(
            title: app.title, generatedAt: now, plan: PlanProgress(hybrid.options.plan, figures: tally.figures),
            runs: [try await legacy.bridge.figures(of: "legacy"), try await hybrid.bridge.figures(of: "hybrid")], comparison: summary,
            mismatches: details,
            segments: try await SegmentAudit.all(of: details.map(\.comparison.entity) + audited, hybrid.store, hybrid.database),
            matrix: MatrixView(app.domain.machineDescription, taken: tally.taken),
            costs: try app.stepCosts(of: hybrid.options.plan.steps.map(\.number)), evidence: evidence)
    }
}

extension JournalTally {
    /// The tally of all entities of a store.
    init<State, Record>(of store: any HandoffStore, _ app: LockstepApp<State, Record>) async throws {
        let completions = app.completions.map { ($0.key.rawValue, $0.value) }
        self.init(completing: Dictionary(completions, uniquingKeysWith: { $1 }))
        for entity in try await store.entities() { add(try await store.journal(of: entity)) }
    }
}

extension MatrixView {
    /// The machine's matrix with what was taken of it.
    init(_ description: MachineDescription, taken: [String: [String: Int]]) {
        let kinds = Dictionary(description.matrix.map { ("\($0.state) \($0.event)", $0.kind) }, uniquingKeysWith: { $1 })
        self.init(
            machine: description.name, states: description.states, events: description.events.map(\.rawValue), taken: taken
        ) { state, event in MatrixView.Kind(rawValue: kinds["\(state) \(event)"] ?? "") ?? .undefined }
    }
}

extension EventBridge {
    /// The figures of its store, under the name of a mode.
    func figures(of mode: String) async throws -> RunFigures {
        let outcomes = try await statuses()
        return RunFigures(
            mode: mode, entities: outcomes.values.reduce(0, +), outcomes: outcomes, counters: try await store.counters(),
            deadLetters: try await store.deadLetters())
    }
}
