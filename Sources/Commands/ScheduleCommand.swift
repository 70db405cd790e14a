public import ArgumentParser
public import DurableWorkflow
import Events
import SQLiteStorage

/// `lockstep schedule`
struct ScheduleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Looks at schedules, which start workflows again and again, and changes them.",
        discussion: """
            \(Program.name) schedule create nightly --type report --cron '0 2 * * *' --database work.sqlite
            \(Program.name) schedule describe nightly --database work.sqlite --format json

            Times are in UTC. list and describe read beside a running process. The others are carried out by a live run that has the database; \
            a run of recordings has to end before, and the next process that runs on it goes on with what they have noted.
            """,
        subcommands: [
            Create.self, List.self, Describe.self, Update.self, Pause.self, Unpause.self, Trigger.self, Backfill.self, Delete.self,
        ])
}

/// Which schedule of which database.
struct ScheduleOptions: ParsableArguments {
    @Argument(help: "The schedule's id.") var schedule: String
    @Option(help: "The database file.") var database: String

    func change(_ body: (any OwnEngine) async throws -> Void) async throws {
        try await OperatorEngine.change(database, body)
    }
}

/// What a schedule does, as far as it is said.
struct ScheduleChanges: ParsableArguments {
    @Option(help: "A cron expression of five fields, or @hourly, @every 90s and the like; may be given several times.") var cron: [String] =
        []
    @OptionGroup var every: ScheduleInterval
    @Option(help: "The workflow's input as JSON.") var input: String?
    @Option(help: "The workflow's task queue.") var taskQueue: String?
    @Option(help: "When the last one is open: skip, bufferOne, bufferAll, cancelOther, terminateOther or allowAll.")
    var overlap: ScheduleOverlapPolicy?
    @Option(help: "A start that could not be made in time is made up for this long.") var catchUp: String?
    @Option(help: "A note that 'describe' shows.") var note: String?

    func apply(to schedule: inout Schedule) throws {
        if !cron.isEmpty { schedule.crons = cron }
        try every.apply(to: &schedule)
        if let input { schedule.input = try JSONValue(input, option: "--input") }
        if let taskQueue { schedule.taskQueue = taskQueue }
        if let overlap { schedule.overlapPolicy = overlap }
        if let catchUp { schedule.catchUpWindow = try CommandDuration(catchUp, option: "--catch-up").value }
        if let note { schedule.note = note }
        guard !schedule.crons.isEmpty || schedule.interval != nil else {
            throw CommandFailure(.usage, "expected --cron or --interval, found neither")
        }
    }
}

/// Starts that come at a fixed distance.
struct ScheduleInterval: ParsableArguments {
    @Option(help: "Starts every so long, counted from 1970: 45s, 90m, 12h, 7d.") var interval: String?
    @Option(help: "Added to every start of the interval.") var offset: String?

    func apply(to schedule: inout Schedule) throws {
        if let interval { schedule.interval = try CommandDuration(interval, option: "--interval").value }
        if let offset { schedule.offset = try CommandDuration(offset, option: "--offset").value }
    }
}

extension ScheduleOverlapPolicy: ExpressibleByArgument {}

extension ScheduleCommand {
    /// `lockstep schedule create`
    struct Create: AsyncParsableCommand, CarriedOutBeside {
        static let configuration = CommandConfiguration(
            abstract: "Creates a schedule.",
            discussion: """
                \(Program.name) schedule create weekly --type report --cron '0 2 * * MON' --input '{"kind":"full"}' --database work.sqlite
                \(Program.name) schedule create poll --type poll --interval 15m --overlap bufferOne --catch-up 1h --database work.sqlite
                """)

        @OptionGroup var which: ScheduleOptions
        @Option(help: "The workflow's type.") var type: String
        @OptionGroup var changes: ScheduleChanges
        @Flag(help: "It does nothing until it is unpaused.") var paused = false

        func run() async throws {
            var schedule = Schedule(workflowType: type, isPaused: paused)
            try changes.apply(to: &schedule)
            try await which.change { try await $0.createSchedule(which.schedule, schedule) }
        }
    }

    /// `lockstep schedule update`
    struct Update: AsyncParsableCommand, CarriedOutBeside {
        static let configuration = CommandConfiguration(
            abstract: "Changes what is given, and leaves the rest as it is.",
            discussion: "\(Program.name) schedule update nightly --cron '0 3 * * *' --database work.sqlite")

        @OptionGroup var which: ScheduleOptions
        @Option(help: "The workflow's type.") var type: String?
        @OptionGroup var changes: ScheduleChanges

        func run() async throws {
            try await which.change { engine in
                try await engine.updateSchedule(which.schedule) { schedule in
                    if let type { schedule.workflowType = type }
                    try changes.apply(to: &schedule)
                }
            }
        }
    }

    /// `lockstep schedule pause`
    struct Pause: AsyncParsableCommand, CarriedOutBeside {
        static let configuration = CommandConfiguration(
            abstract: "Stops a schedule for now.",
            discussion: "\(Program.name) schedule pause nightly --note 'until the move is over' --database work.sqlite")

        @OptionGroup var which: ScheduleOptions
        @Option(help: "Why.") var note = ""

        func run() async throws { try await which.change { engine in try await engine.pauseSchedule(which.schedule, note: note) } }
    }

    /// `lockstep schedule unpause`
    struct Unpause: AsyncParsableCommand, CarriedOutBeside {
        static let configuration = CommandConfiguration(
            abstract: "Lets a paused schedule go on; starts that fell into the pause are not made up, see 'backfill'.",
            discussion: "\(Program.name) schedule unpause nightly --database work.sqlite")

        @OptionGroup var which: ScheduleOptions
        @Option(help: "Why.") var note = ""

        func run() async throws {
            try await which.change { engine in try await engine.resumeSchedule(which.schedule, note: note) }
        }
    }

    /// `lockstep schedule trigger`
    struct Trigger: AsyncParsableCommand, CarriedOutBeside {
        static let configuration = CommandConfiguration(
            abstract: "Starts the workflow now, paused or not.",
            discussion: "\(Program.name) schedule trigger nightly --overlap allowAll --database work.sqlite")

        @OptionGroup var which: ScheduleOptions
        @Option(help: "When the last one is open; default: what the schedule says.") var overlap: ScheduleOverlapPolicy?

        func run() async throws {
            try await which.change { engine in try await engine.triggerSchedule(which.schedule, overlap: overlap) }
        }
    }

    /// `lockstep schedule backfill`
    struct Backfill: AsyncParsableCommand, CarriedOutBeside {
        static let configuration = CommandConfiguration(
            abstract: "Makes the starts between two moments up; one that was made before is not made again.",
            discussion: """
                \(Program.name) schedule backfill nightly --from 2026-03-01T00:00:00Z --to 2026-03-08T00:00:00Z --overlap bufferAll \
                --database work.sqlite
                """)

        @OptionGroup var which: ScheduleOptions
        @Option(help: "The first moment.") var from: String
        @Option(help: "The last moment.") var to: String
        @Option(help: "When the last one is open; default: what the schedule says.") var overlap: ScheduleOverlapPolicy?

        func run() async throws {
            guard let start = Timestamp(from), let end = Timestamp(to), start <= end else {
                throw CommandFailure(
                    .usage, "--from, --to: expected two moments like 2026-03-01T00:00:00Z in order, found \(from) and \(to)")
            }
            try await which.change { engine in
                try await engine.backfillSchedule(which.schedule, from: start, to: end, overlap: overlap)
            }
        }
    }

    /// `lockstep schedule delete`
    struct Delete: AsyncParsableCommand, CarriedOutBeside {
        static let configuration = CommandConfiguration(
            abstract: "Deletes a schedule; workflows that it has started go on.",
            discussion: "\(Program.name) schedule delete nightly --database work.sqlite")

        @OptionGroup var which: ScheduleOptions

        func run() async throws { try await which.change { engine in try await engine.deleteSchedule(which.schedule) } }
    }
}
