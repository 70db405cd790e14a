import ArgumentParser
import BridgeTesting
import Cutover
import Events
import FoundationEssentials
import LegacyStateMachine
import Outcomes

/// What `lockstep mutants` is asked for.
struct MutantOptions: ParsableArguments {
    @Argument(help: "Scenario folders or trace files (.jsonl); without any, all recorded fixtures.")
    var inputs: [String] = []

    @Option(help: "Only bugs of this step, in its code and in its cells.")
    var step: String?

    @Option(help: "Only bugs on this side: legacy, handOff or durable.")
    var side: Mutant.Side?

    @Option(help: ArgumentHelp("Only bugs in whose description this occurs.", valueName: "text"))
    var only: String?

    @Option(help: "Explore so many recordings for each step; 0 to explore nothing.")
    var explored = 3

    @Option(help: "Simulate so many seeds for bugs of the hand-off; 0 to simulate nothing.")
    var seeds = 3

    func validate() throws {
        for (name, value) in [("explored", explored), ("seeds", seeds)] where !(0...1000).contains(value) {
            throw ValidationError("--\(name): expected 0 to 1000, found \(value)")
        }
    }

    func wants<State, Record>(_ mutated: MutatedDomain<State, Record>) -> Bool {
        let mutant = mutated.mutant
        return side ?? mutant.side == mutant.side && (only.map(mutant.description.contains) ?? true)
    }
}

extension Mutant.Side: ExpressibleByArgument {}

/// `lockstep mutants`
struct MutantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants", abstract: "Puts known bugs into a migration on purpose, and says who finds them.",
        discussion: """
            \(Program.name) mutants trace.jsonl --side durable --only "never called"
            \(Program.name) mutants trace.jsonl --side handOff --only parked --seeds 0
            \(Program.name) mutants trace.jsonl --only "called twice" --explored 0 --format json
            \(Program.name) mutants recording.jsonl --seeds 1 --evidence evidence.jsonl     # adds the score to the evidence for a gate

            A comparison that finds nothing proves as much as it would have found. Bugs are put into the durable steps (a call is never \
            made, made twice or with another content; a member of the record is not written back; another end), into the hand-off \
            (those of other people's migrations), and into each cell of the legacy table that a moved step replaces. The recordings are \
            then compared, explored and, where the program has a simulation, simulated, until one of them finds the bug.

            Half of the bugs of the hand-off need an operator or a fault: without a simulation they are tried with --side handOff alone.
            A bug that survives is one that the recordings meet and nothing compares: exit code 1. Cells of the table that no recording \
            comes to are listed apart. A gate whose step has a survivor stays closed, unless the plan says who answers for it ('survives').
            """)

    @OptionGroup var options: MutantOptions

    @Option(help: "A plan file; default: the program's own.")
    var plan: String?

    @Option(help: ArgumentHelp("Add the score to this file, see '\(Program.name) evidence'.", valueName: "file"))
    var evidence: String?

    @Option(help: "Output: text or json.")
    var format: OutputFormat = .text

    func validate() throws {
        guard evidence == nil || (options.step == nil && options.side == nil && options.only == nil && options.seeds > 0) else {
            throw ValidationError(
                "--evidence keeps the score of all bugs: give it without --step, --side and --only, and with --seeds of 1 or more")
        }
    }

    func run() async throws { try await run(Program.appWithLegacy) }

    private func run(_ app: some Application) async throws {
        let clock = ContinuousClock()
        let began = clock.now
        let plan = try app.plan(plan)
        try plan.check(against: app.processSteps)
        let trials = MutantTrials(app.typed, plan, try InputOptions.load(options.inputs).lines, options, at: Timestamp(Date()))
        let file = try evidence.map { try TrialEvidence(path: $0, app: app, plan: plan) }
        Console.progress("playing the recordings without a bug")
        let mutants = try await trials.mutants()
        guard !mutants.isEmpty else {
            throw CommandFailure(.usage, "expected bugs to put in, found none that --step, --side and --only leave")
        }
        var score = MutantScore()
        let meter = Progress()
        for (index, mutated) in mutants.enumerated() {
            meter.show("\(index + 1) of \(mutants.count.counted("bug")): \(mutated.mutant)", index, of: mutants.count)
            score.mutants.append(try await trials.trial(of: mutated))
        }
        Console.endProgress()
        score.secondsElapsed = began.duration(to: clock.now).roundedSeconds
        let weighed = try file?.append(score.mutants, app)
        try print(score, weighed)
        if !score.mutants.survivors.isEmpty { throw CommandFailure(.differences, "") }
    }

    private func print(_ score: MutantScore, _ weighed: EvidenceSummary?) throws {
        var json = try JSONValue(encoding: score)
        if let weighed { json["evidence"] = try EvidenceText.json(weighed) }
        let text = [score.text] + (weighed.map { ["", EvidenceText.text($0)] } ?? [])
        Console.print(format == .json ? json.canonicalText : text.joined(separator: "\n"))
    }
}
