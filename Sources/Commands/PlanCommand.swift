import ArgumentParser
import Cutover
import Events
import HybridRouter
import Outcomes
import ShadowComparator

/// `lockstep plan`
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Checks plans, shows them beside the code, and says what a change of plan means.",
        discussion: """
            \(Program.name) plan lint my-plan.yaml
            \(Program.name) plan show my-plan.yaml
            \(Program.name) plan diff my-plan.yaml my-next-plan.yaml
            \(Program.name) plan diff my-followed-plan.yaml my-retired-plan.yaml --evidence evidence.jsonl
            """,
        subcommands: [Lint.self, Show.self, Diff.self])

    /// `lockstep plan lint`
    struct Lint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says everything that keeps a plan from being run with this program, and what is seldom meant.",
            discussion: """
                \(Program.name) plan lint my-plan.yaml --format json
                \(Program.name) plan lint my-retired-plan.yaml --evidence evidence.jsonl     # warns of gates that are closed
                Exit codes: 1 when a plan cannot be run, 2 when a file is no plan. Warnings change nothing.
                """)

        @Argument(help: ArgumentHelp("Plan files; without any, the program's own plan.", valueName: "file")) var files: [String] = []
        @OptionGroup var gates: GateOption
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func run() async throws {
            let app = try Program.app
            let process = app.processSteps
            var problems = 0
            for file in files.isEmpty ? [nil] : files.map(Optional.some) {
                let plan = try app.plan(file)
                let closed = try gates.weigh(plan)?.reasons.map { "plan \(plan.name), gate closed: \($0)" } ?? []
                let (found, warnings) = (plan.problems(for: process), plan.warnings(for: process) + closed)
                problems += found.count
                Console.print(format == .json ? Self.json(plan, found, warnings).canonicalText : Self.text(plan, found, warnings))
            }
            if problems > 0 { throw CommandFailure(.differences, "") }
        }

        private static func text(_ plan: MigrationPlan, _ problems: [String], _ warnings: [String]) -> String {
            let head = problems.isEmpty ? "\(plan.title): \(plan.steps.count.counted("step")), can be run" : "\(plan.title): cannot be run"
            return ([head] + problems.map { "problem: \($0)" } + warnings.map { "warning: \($0)" }).joined(separator: "\n")
        }

        private static func json(_ plan: MigrationPlan, _ problems: [String], _ warnings: [String]) -> JSONValue {
            [
                "plan": .string(plan.name), "version": .integer(plan.version), "problems": .array(problems.map { .string($0) }),
                "warnings": .array(warnings.map { .string($0) }),
            ]
        }
    }

    /// `lockstep plan show`
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a plan's steps: who runs each, and what code there is for it.",
            discussion: """
                \(Program.name) plan show my-plan.yaml --format json
                \(Program.name) plan show my-plan.yaml --evidence evidence.jsonl
                """)

        @Argument(help: ArgumentHelp("A plan file; without one, the program's own plan.", valueName: "file")) var file: String?
        @OptionGroup var gates: GateOption
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        private struct Row: Encodable {
            var step: String
            var title: String
            var stage: String
            /// `legacy` when legacy follows what durable does; nil when nobody does.
            var shadow: String?
            /// True when those past the step make up for it; nil when they do not.
            var retroactive: Bool?
            var legacy: Bool
            var durable: Bool
            /// Legacy can hand over after it.
            var boundary: Bool
            var announces: [String]
            /// Whether the gate is open, and why not; nil for a step that is not moved, and without evidence.
            var gate: JSONValue?

            var cells: [String] {
                let code = [legacy ? "legacy" : "", durable ? "durable" : ""].filter { !$0.isEmpty }.joined(separator: ", ")
                let standing = stage + (shadow.map { ", shadow \($0)" } ?? "") + (retroactive == true ? ", retroactive" : "")
                return [
                    step, title, standing, code, boundary ? "yes" : "", announces.isEmpty ? "" : "\(announces.count), see --format json",
                    gate.map { $0["isOpen"] == true ? "open" : "closed" } ?? "",
                ]
            }
        }

        func run() async throws {
            let app = try Program.app
            let plan = try app.plan(file)
            let process = app.processSteps
            let gates = try gates.weigh(plan)
            let rows = plan.steps.map { step in
                Row(
                    step: step.number.description, title: step.title, stage: step.stage.description,
                    shadow: step.isFollowed ? Owner.legacy.rawValue : nil, retroactive: step.isRetroactive ? true : nil,
                    legacy: process.legacy.contains(step.number),
                    durable: process.durable.contains(step.number),
                    boundary: process.boundaries.contains(step.number),
                    announces: step.announces.map(\.description) + step.rules.map(\.description) + step.survivors.map(\.description),
                    gate: gates?.steps.first { $0.step == step.number }?.gate)
            }
            guard format == .text else {
                let json: JSONValue = [
                    "plan": .string(plan.name), "version": .integer(plan.version), "interrupts": .string(plan.interrupts.rawValue),
                    "steps": try JSONValue(encoding: rows),
                ]
                return Console.print(json.canonicalText)
            }
            let head = ["step", "title", "stage", "code", "can stop after", "announces", gates == nil ? "" : "gate"]
            let answers = "what belongs to no step (cancel, override) is answered by \(plan.interrupts.rawValue)"
            Console.print("\(plan.title)\n\n" + Console.table([head] + rows.map(\.cells)) + "\n\n\(answers)")
        }
    }

    /// `lockstep plan diff`
    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what a later plan changes, step by step, and what that means for \(Program.nouns) on their way.",
            discussion: """
                \(Program.name) plan diff my-plan.yaml my-next-plan.yaml
                \(Program.name) plan diff my-followed-plan.yaml my-retired-plan.yaml --evidence evidence.jsonl
                With --evidence, a step that goes further up has its gate beside it, as the later plan has it. A step that is retired has a \
                closed gate as long as no evidence is given.
                Exit codes: 0 when nothing changes, 1 when something does.
                """)

        @Argument(help: ArgumentHelp("The earlier plan.", valueName: "file")) var before: String
        @Argument(help: ArgumentHelp("The later plan.", valueName: "file")) var after: String
        @OptionGroup var gates: GateOption
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func run() async throws {
            let app = try Program.app
            let (first, second) = (try app.plan(before), try app.plan(after))
            let changes = first.changes(to: second)
            let answers = first.changeOfAnswers(to: second)
            let gates = try gates.weigh(second)
            if format == .json {
                let json = changes.map { change -> JSONValue in
                    [
                        "step": .string(change.step.description), "before": change.before.map { .string($0.description) } ?? .null,
                        "after": change.after.map { .string($0.description) } ?? .null, "other": .array(change.other.map { .string($0) }),
                        "consequence": .string(change.consequence + gates.words(on: change)),
                        "gate": change.isForward ? gates?.steps.first { $0.step == change.step }?.gate ?? .null : .null,
                    ]
                }
                let interrupts = answers.map { words -> JSONValue in
                    [
                        "interrupts": .string(second.interrupts.rawValue), "before": .string(first.interrupts.rawValue),
                        "consequence": .string(words),
                    ]
                }
                Console.print(JSONValue.array(json + (interrupts.map { [$0] } ?? [])).canonicalText)
            } else {
                var rows = changes.map { [$0.step.description, $0.title, $0.consequence + gates.words(on: $0)] }
                if let answers { rows.append(["all", "interrupts", answers]) }
                Console.print(rows.isEmpty ? "no step changes" : Console.table([["step", "title", "change"]] + rows))
            }
            if !changes.isEmpty || answers != nil { throw CommandFailure(.differences, "") }
        }
    }
}
