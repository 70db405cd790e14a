import ArgumentParser
import Bridge
import BridgeTesting
import Cutover
import Events
import FoundationEssentials
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// `lockstep explore`
struct Explore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes legacy alone and hybrid through every order, repetition, loss and delay of a step's deliveries, and compares.",
        discussion: """
            \(Program.name) explore trace.jsonl --entity R-900002
            \(Program.name) explore trace.jsonl --entity R-900002 --events 4 --duplicates 2 --losses 2 --delays 2 --crashes 0
            \(Program.name) explore trace.jsonl --entity R-900003 --events 2 --format json
            \(Program.name) explore trace.jsonl --entity R-900002 --evidence evidence.jsonl     # adds it to the evidence for a gate

            An exploration begins where a recording enters the step. The next deliveries then arrive in every order, again, never, and \
            after the next timer; the process dies after each piece of its work; the rest of the recording is played to its end. The order \
            in which things happen outside, and when, stays the recording's. Schedules that come to a state that is known are counted and \
            not walked again.

            Exit codes: 1 when an end differs and nothing explains it, or when a repetition changes something on the hybrid path alone.
            """)

    @Argument(help: "Scenario folders or trace files (.jsonl); without any, all recorded fixtures.")
    var inputs: [String] = []

    @Option(help: ArgumentHelp("Explore this one alone; default: each that is recorded, by itself.", valueName: "id"))
    var entity: String?

    @Option(help: "A plan file; default: the program's own.")
    var plan: String?

    @Option(help: "The step to explore; default: every durable one of the plan.")
    var step: String?

    @Option(name: [.customLong("events"), .customLong("depth")], help: "Deliveries that are explored, from the first in the step on.")
    var events = 3

    @Option(help: "Repetitions of deliveries in one schedule.")
    var duplicates = 1

    @Option(help: "Deliveries that never arrive in one schedule.")
    var losses = 1

    @Option(help: "How often time passes to the next timer while a delivery is under way.")
    var delays = 1

    @Option(help: "How often the process dies in one schedule.")
    var crashes = 1

    @Option(help: ArgumentHelp("Add what was found to this file, see '\(Program.name) evidence'.", valueName: "file"))
    var evidence: String?

    @Option(help: "Output: text or json.")
    var format: OutputFormat = .text

    func validate() throws {
        guard (1...ExplorationBounds.mostEvents).contains(events) else {
            throw ValidationError("--events: expected 1 to \(ExplorationBounds.mostEvents), found \(events)")
        }
        for (name, value) in [("duplicates", duplicates), ("losses", losses), ("delays", delays), ("crashes", crashes)]
        where !(0...100).contains(value) {
            throw ValidationError("--\(name): expected 0 to 100, found \(value)")
        }
    }

    func run() async throws { try await run(Program.appWithLegacy) }

    private func run(_ app: some Application) async throws {
        let clock = ContinuousClock()
        let began = clock.now
        let plan = try app.plan(plan)
        try plan.check(against: app.processSteps)
        let file = try evidence.map { try TrialEvidence(path: $0, app: app, plan: plan) }
        let bounds = ExplorationBounds(events: events, duplicates: duplicates, losses: losses, delays: delays, crashes: crashes)
        var text = ExploreText(bounds: bounds)
        let comparator = plan.comparator(at: Timestamp(Date()))
        let explorations = try plan.movedSteps(named: step).map { try app.typed.exploration(of: $0, plan, bounds) }
        let recordings = try await explorations.first?.recordings(named: inputs, of: entity) ?? []
        for exploration in explorations { text.steps.append(try await explore(exploration, recordings, comparator)) }
        Console.endProgress()
        text.seconds = began.duration(to: clock.now).roundedSeconds
        text.evidence = try file?.append(text.steps, app)
        Console.print(format == .json ? try text.json.canonicalText : text.text)
        if text.hasFindings { throw CommandFailure(.differences, "") }
    }

    private func explore<State: MachineState, Record: Codable & Sendable>(
        _ exploration: Exploration<State, Record>, _ recordings: [NamedRecording], _ comparator: Comparator
    ) async throws -> ExploreText.Step {
        let step = exploration.step
        var explored = ExploreText.Step(number: step, result: ExplorationResult(bounds: exploration.bounds))
        for (index, recording) in recordings.enumerated() {
            let place = "step \(step): \(recording.name), \(index + 1) of \(recordings.count)"
            Console.progress(place)
            let found: ExplorationResult?
            do {
                found = try await exploration.run(recording.lines, comparator: comparator) {
                    Console.progress("\(place): \($0.states.counted("joint state"))")
                }
            } catch let error as TooManyStates { throw CommandFailure(.usage, "\(recording.name): \(error)") } catch let error as TraceError
            {
                throw CommandFailure(.usage, "\(recording.name): \(error)")
            }
            explored.add(recording.name, found)
        }
        return explored
    }
}

extension LockstepApp {
    /// An exploration of one step. Throws when the outside of recordings cannot be copied.
    func exploration(
        of step: StepNumber, _ plan: MigrationPlan, _ bounds: ExplorationBounds
    ) throws -> Exploration<State, Record> {
        guard domain.service == nil else {
            throw CommandFailure(.usage, "expected a legacy machine in this process, found one that is a service: it cannot be copied")
        }
        guard recorded(MemoryJournal()) is any ForkableOutside else {
            throw CommandFailure(
                .usage, "expected an outside of recordings that can be copied, found one that cannot; make it a ForkableOutside")
        }
        let recorded = recorded
        return Exploration(domain: domain, plan: plan, step: step, bounds: bounds) {
            recorded(MemoryJournal()) as? any ForkableOutside ?? ScriptedOutside(journal: MemoryJournal())
        }
    }
}
