import ArgumentParser
import DurableWorkflow
import Events
import HybridRouter
import Outcomes
import SQLiteStorage

/// `lockstep history`
struct History: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what happened to \(Program.nouns), who owned them, and what was performed on their behalf.",
        subcommands: [List.self, Show.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the \(Program.nouns) of a database.", discussion: "\(Program.name) history list --database work.sqlite")

        @Option(help: "The database file.") var database: String
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func run() async throws {
            let store = SQLiteHandoffStore(try LockstepDatabase(path: database, readOnly: true))
            var rows: [[String]] = [[Program.noun, "state", "owner", "epoch", "step"]]
            for entity in try await store.entities() {
                guard let snapshot = try await store.snapshot(of: entity) else { continue }
                let ownership = snapshot.ownership
                rows.append([
                    entity.rawValue, snapshot.record.state, ownership.owner.rawValue, String(ownership.epoch), ownership.step.description,
                ])
            }
            guard format == .json else { return Console.print(Console.table(rows)) }
            let names = rows[0]
            let objects = rows.dropFirst().map { row in
                JSONValue.object(Dictionary(zip(names, row.map { .string($0) }), uniquingKeysWith: { $1 }))
            }
            Console.print(JSONValue.array(objects).canonicalText)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one \(Program.noun): its journal, its effects, its workflows.",
            discussion: "\(Program.name) history show R-900001 --database work.sqlite")

        @Argument(help: ArgumentHelp("The \(Program.noun)'s id.", valueName: "id")) var registration: String
        @Option(help: "The database file.") var database: String
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func run() async throws {
            let database = try LockstepDatabase(path: database, readOnly: true)
            let store = SQLiteHandoffStore(database)
            let entity = EntityID(registration)
            guard let snapshot = try await store.snapshot(of: entity) else {
                throw CommandFailure(
                    .usage, "\(registration): expected \(Program.aNoun) of \(self.database), found none; see '\(Program.name) history list'"
                )
            }
            let journal = try await store.journal(of: entity)
            let ledger = try await store.ledger(of: entity)
            let histories = try await Self.histories(of: entity, journal, SQLiteWorkflowStore(database))
            guard format == .json else { return Console.print(text(snapshot, journal, ledger, histories)) }
            let object: JSONValue = [
                Program.noun: .string(registration), "state": .string(snapshot.record.state),
                "ownership": try JSONValue(encoding: snapshot.ownership), "journal": .array(journal.map(\.json)),
                "ledger": try JSONValue(encoding: ledger),
                "workflows": .object(
                    Dictionary(
                        try histories.map { ($0.name, try JSONValue(parsing: WorkflowHistory(events: $0.events).temporalJSON)) },
                        uniquingKeysWith: { $1 })),
            ]
            Console.print(object.canonicalText)
        }

        /// The histories of the entity's segments, oldest first. Of one that went on in new runs, the last run has the segment's own name.
        private static func histories(
            of entity: EntityID, _ journal: [JournalEntry], _ store: SQLiteWorkflowStore
        ) async throws -> [(name: String, events: [HistoryEvent])] {
            let runs = try await store.segmentRuns(of: entity, journal)
            let last = Dictionary(runs.map { ($0.workflowID, $0.key) }, uniquingKeysWith: { $1 })
            var histories: [(name: String, events: [HistoryEvent])] = []
            for run in runs {
                let name = run.workflowID + (last[run.workflowID] == run.key ? "" : " run \(run.runID)")
                histories.append((name, try await store.history(run.key)))
            }
            return histories
        }

        private func text(
            _ snapshot: EntitySnapshot, _ journal: [JournalEntry], _ ledger: [LedgerEntry],
            _ histories: [(name: String, events: [HistoryEvent])]
        ) -> String {
            let ownership = snapshot.ownership
            var lines = [
                "\(registration): \(snapshot.record.state), \(ownership.owner.rawValue), epoch \(ownership.epoch), step \(ownership.step)",
                "",
            ]
            lines.append(
                Console.table(
                    [["at", "owner", "epoch", "what", "detail"]]
                        + journal.map {
                            [$0.at.description, $0.owner.rawValue, String($0.epoch), $0.what, $0.detail]
                        }))
            lines += ["", "effects"]
            lines.append(
                Console.table(
                    [["at", "owner", "attempt", "key"]]
                        + ledger.map {
                            [$0.at.description, $0.owner.rawValue, String($0.attempt), $0.key.description]
                        }))
            for (name, events) in histories {
                lines += ["", "workflow \(name)"]
                lines.append(Console.table(events.map { [String($0.id), $0.at.description, $0.kind.name, summary($0)] }))
            }
            return lines.joined(separator: "\n")
        }

        private func summary(_ event: HistoryEvent) -> String { event.summary([.workflowType, .activityType, .timerID, .signalName]) }
    }
}
