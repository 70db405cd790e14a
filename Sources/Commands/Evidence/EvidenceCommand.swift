import ArgumentParser
import Cutover
import Events
import Outcomes

/// `lockstep evidence`
struct EvidenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence",
        abstract: "Says for every moved step what was compared and tried, what that proves, and what is still missing.",
        discussion: """
            \(Program.name) compare trace.jsonl --evidence evidence.jsonl     # adds what was compared
            \(Program.name) explore trace.jsonl --entity R-900002 --evidence evidence.jsonl     # adds what schedules came to
            \(Program.name) evidence evidence.jsonl
            \(Program.name) evidence evidence.jsonl --plan my-plan.yaml --format json
            \(Program.name) evidence evidence.jsonl --plan my-retired-plan.yaml

            A gate is open when a rate of mismatches of --limit or more is excluded at level --alpha, for every kind of ending of the \
            step; when every bug that '\(Program.name) mutants --evidence' has put in was found, or is signed for in the plan \
            ('survives'); and when '\(Program.name) explore --evidence' has found nothing unexplained. The gate of a step on stage retired also demands \
            that legacy has followed durable there ('shadow: legacy'), and excludes the same rate for those visits. You may look as often as you \
            like; every further build of a step is judged at half the level of the one before. Evidence of another build, table, plan \
            or rule does not count.
            Exit codes: 1 when a gate is closed, 2 for a file that is no evidence.
            """)

    @Argument(help: ArgumentHelp("The evidence file.", valueName: "file")) var file: String
    @Option(help: "A plan file; default: the program's own.") var plan: String?
    @OptionGroup var terms: TermsOptions
    @Option(help: "Output: text or json.") var format: OutputFormat = .text

    func run() async throws {
        let plan = try InputOptions.plan(plan)
        let summary = try weigh(plan, try Program.app)
        Console.print(format == .json ? try EvidenceText.json(summary).canonicalText : EvidenceText.text(summary))
        if !summary.isOpen { throw CommandFailure(.differences, "") }
    }

    private func weigh(_ plan: MigrationPlan, _ app: some Application) throws -> EvidenceSummary {
        try EvidenceFile(path: file).existing().weigh(plan, app, terms.terms)
    }
}

/// What a gate demands.
struct TermsOptions: ParsableArguments {
    @Option(help: "The rate of mismatches that a gate has to exclude.") var limit: Double = 0.001
    @Option(help: "The level over all builds of a step.") var alpha: Double = 0.05

    var terms: GateTerms { GateTerms(limit: limit, alpha: alpha) }

    func validate() throws {
        guard limit > 0, limit < 1 else { throw ValidationError("--limit: expected a rate above 0 and below 1, found \(limit)") }
        guard alpha > 0, alpha < 1 else { throw ValidationError("--alpha: expected a level above 0 and below 1, found \(alpha)") }
    }
}
