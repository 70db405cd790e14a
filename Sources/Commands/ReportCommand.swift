import ArgumentParser
import Bridge
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
            \(Program.name) report                          all fixtures; the paths of the reports are printed
            \(Program.name) report trace.jsonl --output reports
            \(Program.name) report --audit R-900001         with the history of that \(Program.noun)'s durable segments
            Writes report.html (one file, no network), report.md and report.json.
            """)

    @OptionGroup var input: InputOptions

    @Option(help: "The folder to write to; default: the user's cache folder.")
    var output: String?

    @Option(
        help: ArgumentHelp(
            "One of the \(Program.nouns) whose durable segments are listed event by event; may be repeated.", valueName: "id"))
    var audit: [String] = []

    func run() async throws { try await run(Program.app) }

    private func run(_ app: some Application) async throws {
        let inputs = try input.load()
        let database = try input.database ?? InputOptions.freshDatabase("report")
        let comparison = try AppComparison(app.typed, plan: try input.loadPlan(), database: database)
        let lines = inputs.lines
        try await comparison.play(lines) { Console.progress("\($0.rawValue): \($1) of \(lines.count) deliveries, \($2)") }
        Console.endProgress()
        let audited = audit.map { EntityID($0) }
        let report = try await comparison.report(app.typed, auditing: audited, at: Timestamp(Date()))
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
            throw CommandFailure(.environment, "\(folder): expected a folder that can be written: \(error); pass --output")
        }
    }

    private func text(_ report: Report, _ paths: [String], _ unexpected: [String]) -> String {
        var statuses: [String] = []
        for run in report.runs { statuses += run.outcomes.keys.filter { !statuses.contains($0) } }
        let head = ["outcome"] + report.runs.map(\.mode)
        let rows = statuses.sorted().map { status in [status] + report.runs.map { String($0.outcomes[status] ?? 0) } }
        var lines = [report.verdict.sentence, "", Console.table([head] + rows), ""]
        if let hybrid = report.runs.last { lines.append("hand offs \(hybrid.handOffs), hand backs \(hybrid.handBacks)") }
        if !unexpected.isEmpty { lines += ["", "not as recorded:"] + unexpected.map { "  " + $0 } }
        return (lines + [""] + paths).joined(separator: "\n")
    }
}

extension AppComparison {
    /// Everything the report shows, from both databases.
    func report(_ app: LockstepApp<State, Record>, auditing audited: [EntityID] = [], at now: Timestamp) async throws -> Report {
        let summary = try await summary()
        let completions = app.completions.map { ($0.key.rawValue, $0.value) }
        var tally = JournalTally(completing: Dictionary(completions, uniquingKeysWith: { $1 }))
        for entity in try await hybrid.store.entities() { tally.add(try await hybrid.store.journal(of: entity)) }
        var details: [MismatchDetail] = []
        for mismatch in summary.mismatches.prefix(25) {
            let control = Timeline(path: "legacy", journal: try await legacy.store.journal(of: mismatch.entity))
            let candidate = Timeline(path: "hybrid", journal: try await hybrid.store.journal(of: mismatch.entity))
            details.append(MismatchDetail(comparison: mismatch, control: control, candidate: candidate))
        }
        return Report(
            title: app.title, generatedAt: now, plan: PlanProgress(hybrid.options.plan, figures: tally.figures),
            runs: [try await legacy.figures(), try await hybrid.figures()], comparison: summary, mismatches: details,
            segments: try await segments(of: details.map(\.comparison.entity) + audited),
            matrix: Self.matrix(app.domain.machine.description, taken: tally.taken))
    }

    /// Throws when one of `entities` is not a registration of this run.
    private func segments(of entities: [EntityID]) async throws -> [SegmentAudit] {
        var segments: [SegmentAudit] = []
        for entity in entities {
            guard try await hybrid.store.snapshot(of: entity) != nil else {
                throw CommandFailure(.usage, "--audit \(entity.rawValue): expected \(Program.aNoun) of this run, found none; check the id")
            }
            segments += try await hybrid.audits(of: entity)
        }
        return segments
    }

    private static func matrix(_ description: MachineDescription, taken: [String: [String: Int]]) -> MatrixView {
        let kinds = Dictionary(description.matrix.map { ("\($0.state) \($0.event)", $0.kind) }, uniquingKeysWith: { $1 })
        return MatrixView(
            machine: description.name, states: description.states, events: description.events.map(\.rawValue), taken: taken
        ) { state, event in MatrixView.Kind(rawValue: kinds["\(state) \(event)"] ?? "") ?? .undefined }
    }
}

extension AppRun {
    /// The run's figures, from its database.
    func figures() async throws -> RunFigures {
        let outcomes = try await outcomes()
        return RunFigures(
            mode: options.mode.rawValue, entities: outcomes.count,
            outcomes: Dictionary(outcomes.values.map { ($0.status, 1) }, uniquingKeysWith: +), counters: try await store.counters(),
            deadLetters: try await store.deadLetters())
    }
}
