import ArgumentParser
import Bridge
import Cutover
import Events
import HybridRouter
import Outcomes
import SQLiteStorage

extension Migrate {
    /// `lockstep migrate recall`
    struct Recall: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes \(Program.nouns) back from the durable side in the middle of their step.",
            discussion: """
                \(Program.name) migrate recall R-900001 R-900002 --database work.sqlite
                \(Program.name) migrate recall --step 5.2 --database work.sqlite

                One transaction each, beside a running process or while none runs. Legacy goes on from the wait point that the step \
                entered last; what was performed is in the ledger and is not performed again; the step stays legacy's for the \
                \(Program.noun). A live run takes it up within 250 ms, a recording with its next delivery.

                Exit codes: 1 when any was refused, 3 for an unknown id (then nothing was moved) or a database that cannot be written.
                """)

        @Argument(help: ArgumentHelp("The \(Program.nouns)' ids.", valueName: "id")) var registrations: [String] = []
        @Option(help: "All \(Program.nouns) that durable owns in this step.") var step: String?
        @OptionGroup var beside: BesideOptions

        func validate() throws {
            guard registrations.isEmpty != (step == nil) else { throw ValidationError("expected ids or --step, one of the two") }
            if let step, StepNumber(step) == nil { throw ValidationError("--step: expected a step number like 5.2, found '\(step)'") }
        }

        func run() async throws {
            let desk = try await beside.open()
            let chosen = try step.flatMap { StepNumber($0) }.map { try durable(in: $0, of: desk) }
            let entities = chosen ?? registrations.map { EntityID($0) }
            try await desk.requireKnown(entities)
            var report = MoveReport(format: beside.format, to: "legacy")
            try await report.move(entities) { try await desk.bridge.recall($0, reason: "by an operator", at: desk.now()) }
            if entities.isEmpty { report.say("durable owns no \(Program.noun) in step \(step ?? "")") }
            try report.end()
        }

        /// Those that durable owns in a step, which has to be one.
        private func durable(in step: StepNumber, of desk: OperatorDesk) throws -> [EntityID] {
            let entities = try desk.store.durableEntities(in: step)
            guard entities.isEmpty, desk.bridge.plan.planned(step) == nil else { return entities }
            let steps = desk.bridge.plan.steps.map(\.number.description).joined(separator: ", ")
            throw CommandFailure(.usage, "--step \(step): expected one of \(steps), found none such")
        }
    }

    /// `lockstep migrate adopt`
    struct Adopt: AsyncParsableCommand, CarriedOutBeside {
        static let configuration = CommandConfiguration(
            abstract: "Gives \(Program.nouns) that are inside a legacy step to the durable side, where they stand.",
            discussion: """
                \(Program.name) migrate adopt R-900005 --database work.sqlite --plan my-next-plan.yaml

                Only when a rehearsal on a copy finds the durable code waiting for the same events until the same moment; else the \
                \(Program.noun) moves at its next boundary, and the answer says why. The next '\(Program.name) run' with the same plan goes on with \
                what was adopted. A live run that has the database does it itself, by its own plan; a recording has to end before.

                Exit codes: 1 when any was refused, 2 for another plan than the run's, 3 for an unknown id (then nothing was moved).
                """)

        @Argument(help: ArgumentHelp("The \(Program.nouns)' ids.", valueName: "id")) var registrations: [String]
        @Option(help: "The database file.") var database: String
        @Option(help: "A plan file; default: the built-in plan in which step 5.2 is durable.") var plan: String?
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func run() async throws {
            if let running = RunningBridge.present { return try await adopt(in: running) }
            do { try await adopt(by: try await OperatorDesk(database, .alone, plan: try InputOptions.plan(plan))) } catch let refusal
                as DatabaseRefusal where refusal.isHeld
            {
                try await Requests.ask(database, or: refusal)
            }
        }

        private func adopt(by desk: OperatorDesk) async throws {
            try await desk.requireKnown(entities)
            try await desk.bridge.load()
            try await adopt(by: desk.bridge) { try await desk.now() }
        }

        /// By the run that was asked, whose plan it is.
        private func adopt(in running: RunningBridge) async throws {
            if let plan = try plan.map({ try InputOptions.plan($0) }), plan != running.bridge.plan {
                throw CommandFailure(
                    .usage,
                    "--plan \(plan.title): expected the very plan of the run, \(running.bridge.plan.title), found another"
                        + "\(plan.title == running.bridge.plan.title ? " of that name and version" : ""); end the run, and begin it again"
                        + " with the new plan")
            }
            try await OperatorDesk.requireKnown(entities, of: running.store, database)
            try await adopt(by: running.bridge) { running.now() }
        }

        private var entities: [EntityID] { registrations.map { EntityID($0) } }

        private func adopt(by bridge: any OperatorMoves, now: () async throws -> Timestamp) async throws {
            var report = MoveReport(format: format, to: "durable")
            try await report.move(entities) { try await bridge.adopt($0, at: now()) }
            try report.end()
        }
    }
}

/// What became of each move, said as it happens; as JSON when all are over.
private struct MoveReport {
    private struct Move: Codable {
        var registration: String
        var epoch: Int?
        var refused: String?
    }

    let format: OutputFormat
    let to: String
    private var moves: [Move] = []

    init(format: OutputFormat, to: String) {
        self.format = format
        self.to = to
    }

    /// Makes the moves one by one. An error of the environment ends them; what was moved before it is told all the same.
    mutating func move(_ entities: [EntityID], by one: (EntityID) async throws -> MoveResult) async throws {
        do {
            for entity in entities {
                switch try await one(entity) {
                case .moved(let epoch):
                    moves.append(Move(registration: entity.rawValue, epoch: epoch))
                    say("\(entity): moved to \(to), epoch \(epoch)")
                case .refused(let reason):
                    moves.append(Move(registration: entity.rawValue, refused: reason))
                    say("refused: \(reason)")
                }
            }
        } catch {
            try tell()
            throw error
        }
    }

    func say(_ text: String) { if format == .text { Console.print(text) } }

    /// Ends the command: with 1 when any was refused.
    func end() throws {
        try tell()
        if moves.contains(where: { $0.refused != nil }) { throw CommandFailure(.differences, "") }
    }

    private func tell() throws { if format == .json { Console.print(try JSONValue(encoding: moves).inTheWordsOfTheApp.canonicalText) } }
}
