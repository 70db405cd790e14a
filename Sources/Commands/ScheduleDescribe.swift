import ArgumentParser
import DurableWorkflow
import Events
import SQLiteStorage

extension ScheduleCommand {
    /// `lockstep schedule list`
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists schedules.", discussion: "\(Program.name) schedule list --database work.sqlite")

        @Option(help: "The database file.") var database: String
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func run() async throws {
            let records = try await WorkflowFilterOptions.store(database).schedules()
            guard format == .text else { return Console.print(JSONValue.array(try records.map { try $0.json(upcoming: 1) }).canonicalText) }
            let rows = try records.map { record in
                [
                    record.id, record.schedule.workflowType, record.schedule.when, record.schedule.isPaused ? "paused" : "active",
                    try record.upcoming(1).first?.description ?? "", String(record.started),
                ]
            }
            Console.print(Console.table([["schedule", "type", "when", "state", "next", "started"]] + rows))
        }
    }

    /// `lockstep schedule describe`
    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what a schedule does, what it did last and what comes next.",
            discussion: "\(Program.name) schedule describe nightly --database work.sqlite --format json")

        @OptionGroup var which: ScheduleOptions
        @Option(help: "How many of the next starts to show.") var upcoming = 5
        @Option(help: "Output: text or json.") var format: OutputFormat = .text

        func run() async throws {
            let store = try WorkflowFilterOptions.store(which.database)
            let engine = Engines.operators(store, at: .distantPast)
            let record = try await engine.schedule(which.schedule)
            var json = try record.json(upcoming: upcoming)
            json["running"] = .array(
                try await engine.running(ofSchedule: record.id).map { run -> JSONValue in
                    ["workflow": .string(run.workflowID), "run": .string(run.runID), "startedAt": .string(run.startedAt.description)]
                })
            guard format == .text else { return Console.print(json.canonicalText) }
            Console.print(Console.properties(json))
        }
    }
}

extension Schedule {
    /// When it starts something, in words.
    fileprivate var when: String {
        (crons + [interval.map { "every \($0)\(offset == .zero ? "" : " and \(offset)")" }].compactMap { $0 }).joined(separator: "; ")
    }
}

extension ScheduleRecord {
    fileprivate func json(upcoming count: Int) throws -> JSONValue {
        let starts = (recent ?? []).map { start -> JSONValue in
            [
                "scheduledAt": .string(start.scheduledAt.description), "startedAt": .string(start.startedAt.description),
                "workflow": .string(start.execution.workflowID), "run": .string(start.execution.runID),
            ]
        }
        return [
            "schedule": .string(id), "type": .string(schedule.workflowType), "when": .string(schedule.when), "input": schedule.input,
            "taskQueue": .string(schedule.taskQueue), "overlap": .string(schedule.overlapPolicy.rawValue),
            "catchUpSeconds": .integer(Int(schedule.catchUpWindow.components.seconds)), "isPaused": .bool(schedule.isPaused),
            "note": .string(schedule.note), "next": .array(try upcoming(count).map { .string($0.description) }),
            "recent": .array(starts), "buffered": .array(buffered.map { .string($0.at.description) }), "started": .integer(started),
            "skippedByOverlap": .integer(skipped), "missed": .integer(missed), "heldBackByPause": .integer(heldBack),
            "failed": .integer(failed), "lastProblem": lastProblem.map { .string($0) } ?? .null,
        ]
    }
}
