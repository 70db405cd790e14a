import ArgumentParser
import Bridge
import Cutover
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import Outcomes

/// `lockstep demo`
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a folder with recordings, plans and a database in the middle of its work, to try everything else in.",
        discussion: """
            \(Program.name) demo
            \(Program.name) demo playground

            The folder has a trace of the program's own scenarios (trace.jsonl), the part of it that was played until two \
            \(Program.nouns) waited in durable steps (recording.jsonl), the database of that run (work.sqlite), deliveries without a time \
            for a live run (deliveries.jsonl), a plan, its next version, the version before that, in which a shadow follows, the one after \
            it, in which legacy does, and the one in which legacy's code of that step is gone (my-plan.yaml, my-next-plan.yaml, \
            my-shadow-plan.yaml, my-followed-plan.yaml, my-retired-plan.yaml), \(Program.nouns) that legacy has in mid-process (records.jsonl), and what a comparison has left as evidence (evidence.jsonl). Change into it, and \
            every example of '\(Program.name) help' can be pasted, in the order of its page.
            """)

    @Argument(help: "The folder to make; nothing may be in it.") var folder = "lockstep-demo"

    func run() async throws { try await run(Program.app) }

    private func run(_ app: some Application) async throws {
        let trace = try TraceFiles(try app.fixtureFolders().map { "\($0)/events.jsonl" })
        try makeFolder()
        let demonstration = Demonstration(app: app.typed, folder: folder, plan: try app.plan(nil))
        Console.progress("playing \(trace.count.counted("delivery", "deliveries")) until two \(Program.nouns) wait in durable steps")
        try await demonstration.play(trace)
        Console.progress("comparing what legacy alone and hybrid make of them")
        try await demonstration.compare()
        Console.endProgress()
        Console.print(
            """
            \(folder): a demonstration. Go on with:
              cd \(folder)
              \(Program.name) migrate status --database work.sqlite
              \(Program.name) compare trace.jsonl
              \(Program.name) help
            """)
    }

    private func makeFolder() throws {
        let inside = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        guard inside.isEmpty else {
            throw CommandFailure(.usage, "\(folder): expected a folder with nothing in it, or none, found files; name another")
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
}

/// What a demonstration's folder is filled with.
private struct Demonstration<State: MachineState, Record: Codable & Sendable> {
    let app: LockstepApp<State, Record>
    let folder: String
    let plan: MigrationPlan

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    private func write(_ lines: [String], to name: String) throws {
        let file = try OutputFile(path: path(name))
        for line in lines { try file.write(line + "\n") }
        try file.end()
    }

    /// The program's plan, and the same with that legacy step durable, on stage shadow, durable with legacy in its shadow, or retired, that
    /// can take over the most entities as they stand. Before legacy goes, durable code answers what belongs to no step.
    private func writePlans(_ snapshots: [EntitySnapshot]) throws {
        let text = try app.plan.source().text
        let lines = (text.last == "\n" ? text.dropLast() : text[...]).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
        try write(lines, to: "my-plan.yaml")
        let inside = Dictionary(grouping: snapshots, by: \.ownership.step).mapValues(\.count)
        let steps = plan.steps.filter { $0.stage == .legacy && app.domain.processSteps.takesOver.contains($0.number) }.map(\.number)
        let next = steps.max { inside[$0, default: 0] < inside[$1, default: 0] }
        let stages = ["next": "durable", "shadow": "shadow", "followed": "durable, shadow: legacy", "retired": "retired"]
        for (name, stage) in stages {
            let moved = lines.flatMap { line in
                if line == "version: \(plan.version)" {
                    let answering = name == "followed" || name == "retired" ? ["interrupts: durable"] : []
                    return ["version: \(plan.version + 1)"] + answering
                }
                guard let next, line.contains("step: \(next),") else { return [line] }
                return [line.replacing("stage: legacy", with: "stage: \(stage)")]
            }
            try write(moved, to: "my-\(name)-plan.yaml")
        }
    }

    /// Plays the trace until the first two entities by id are the durable side's, and writes what was played and what is there then.
    func play(_ trace: TraceFiles) async throws {
        let run = try AppRun(app, RunOptions(mode: .hybrid, plan: plan, database: path("work.sqlite")))
        var (rest, lines) = (trace, [TraceLine]())
        try await run.play(
            stream: {
                guard try await !isThere(run.store), let line = try rest.nextReceived() else { return nil }
                lines.append(line)
                return .line(line)
            }, acknowledge: { _, _ in })
        let played = lines.count
        while let line = try rest.nextReceived() { lines.append(line) }
        try write(lines.map(\.text), to: "trace.jsonl")
        try write(lines.prefix(played).map(\.text), to: "recording.jsonl")
        let live = lines.filter { !$0.lost && $0.source != .world }.prefix(20)
        try write(live.map { DeliveryLine(source: $0.source, body: $0.body).text }, to: "deliveries.jsonl")
        var snapshots: [EntitySnapshot] = []
        for entity in try await run.store.entities() {
            if let snapshot = try await run.store.snapshot(of: entity) { snapshots.append(snapshot) }
        }
        try writePlans(snapshots)
        try await writeRecords(snapshots, run.store)
    }

    private func isThere(_ store: any HandoffStore) async throws -> Bool {
        let durable = try await store.durableOwnerships(after: nil, limit: 2).map(\.entity)
        guard durable.count == 2 else { return false }
        return durable == Array(try await store.entities().prefix(2))
    }

    /// At most ten entities of legacy in mid-process, as `import` reads them.
    private func writeRecords(_ snapshots: [EntitySnapshot], _ store: any HandoffStore) async throws {
        var lines: [String] = []
        for snapshot in snapshots.filter({ $0.ownership.owner == .legacy && !$0.record.isFinal }).prefix(10) {
            lines.append(try await imported(snapshot, store).canonicalText)
        }
        try write(lines, to: "records.jsonl")
    }

    private func imported(_ snapshot: EntitySnapshot, _ store: any HandoffStore) async throws -> JSONValue {
        let (record, ownership) = (snapshot.record, snapshot.ownership)
        let effects = try await store.ledger(of: ownership.entity).map { entry -> JSONValue in
            [
                "step": .string(entry.key.step.description), "operation": .string(entry.key.operation),
                "ordinal": .integer(entry.key.ordinal), "visit": .integer(entry.key.visit), "request": entry.request,
                "reply": entry.reply, "at": .string(entry.at.description),
            ]
        }
        let completions = Dictionary(
            ownership.completions.map { ($0.key.description, JSONValue.integer($0.value)) }, uniquingKeysWith: { $1 })
        return [
            "entity": .string(ownership.entity.rawValue), "state": .string(record.state),
            "record": try JSONValue(parsing: record.body.text()), "createdAt": .string(record.createdAt.description),
            "stepEnteredAt": .string(record.stepEnteredAt.description),
            "lastEventAt": .string(record.lastEventAt.description), "step": .string(ownership.step.description),
            "completions": .object(completions), "effects": .array(effects),
        ]
    }

    /// Compares both paths over the trace, and leaves what that is evidence for.
    func compare() async throws {
        let comparison = try AppComparison(app, plan: plan, database: ":memory:")
        try await comparison.play(try TraceFiles([path("trace.jsonl")]))
        let now = Timestamp(Date())
        var recorder = try EvidenceRecorder(path: path("evidence.jsonl"), app: app, plan: plan, at: now)
        _ = try await comparison.summary(at: now) { recorder.add(try await comparison.hybrid.store.evidence(of: $0)) }
        _ = try recorder.append(app)
    }
}
