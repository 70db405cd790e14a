import ArgumentParser
import Bridge
import BridgeTesting
import Cutover
import Events
import FoundationEssentials
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// `lockstep characterize`
struct CharacterizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "characterize", abstract: "Makes tests of what the legacy machine does in a step, before anybody writes it anew.",
        discussion: """
            \(Program.name) characterize 2 trace.jsonl
            \(Program.name) characterize 2 trace.jsonl --output tests
            \(Program.name) compare --strict tests/2-*     # judges the durable step by them, once there is one
            \(Program.name) characterize 2 trace.jsonl --format json

            The legacy machine alone plays the recordings. The fewest of them that go through every cell of the step that any of them \
            goes through become scenario folders, with what legacy ends as; a recording in which one delivery is lost, late, repeated, too early \
            or the last helps where none goes. Then each of those cells gets the bugs that somebody makes who \
            writes it anew: the event is forgotten, leads nowhere or elsewhere, is not dropped any more, its work is not done or not written down. A bug \
            that the chosen recordings do not show gets one that does.

            The folders hold deliveries as they were recorded, with the personal data in them.

            Exit codes: 1 when a bug leaves a trace and no comparison shows it.
            """)

    @Argument(help: "The step of the legacy machine.")
    var step: String

    @Argument(help: "Scenario folders or trace files (.jsonl); without any, all recorded fixtures.")
    var inputs: [String] = []

    @Option(help: ArgumentHelp("Write the tests into this folder.", valueName: "folder"))
    var output: String?

    @Flag(inversion: .prefixedNo, help: "Change one delivery of a recording where no recording goes.")
    var variations = true

    @Option(help: "Output: text or json.")
    var format: OutputFormat = .text

    func run() async throws { try await run(Program.appWithLegacy) }

    private func run(_ app: some Application) async throws {
        let plan = try app.plan(nil)
        let number = try legacyStep(app)
        let files = output.map { CharacterizationFiles(folder: $0, step: number) }
        try files?.check()
        let exploration = try app.typed.exploration(of: number, plan, ExplorationBounds())
        let found = try await characterize(app.typed, plan, number, try await exploration.recordings(named: inputs))
        Console.endProgress()
        guard found.reaching > 0 else {
            throw CommandFailure(
                .differences, "step \(number): expected recordings that come to it, found none among \(found.recordings)")
        }
        try files?.write(found.tests)
        Console.print(format == .json ? try JSONValue(encoding: found).canonicalText : found.text(folder: output))
        if !found.trials.survivors.isEmpty { throw CommandFailure(.differences, "") }
    }

    private func legacyStep(_ app: some Application) throws -> StepNumber {
        let known = app.processSteps.legacy
        guard let number = StepNumber(step), known.contains(number) else {
            let steps = known.sorted().map(\.description).joined(separator: ", ")
            throw CommandFailure(.usage, "expected a step of the legacy machine, one of \(steps); found \(Console.visible(step))")
        }
        return number
    }

    private func characterize<State: MachineState, Record: Codable & Sendable>(
        _ app: LockstepApp<State, Record>, _ plan: MigrationPlan, _ number: StepNumber, _ recordings: [NamedRecording]
    ) async throws -> Characterization {
        var characterizing = Characterizing(
            LegacyPlayer(app: app, plan: plan), LegacyStep(domain: app.domain, number: number))
        var (meter, phase) = (Progress(), "")
        try await characterizing.run(recordings, varied: variations) { what, done, all in
            if what != phase { (meter, phase) = (Progress(), what) }
            meter.show("step \(number): \(what) \(done + 1) of \(all)", done, of: all)
        }
        return characterizing.found
    }
}
