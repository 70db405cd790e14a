import A2PApp
import ArgumentParser
import Commands
import Events
import SQLiteStorage

/// `lockstep-bench bridge`
struct BridgeBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bridge",
        abstract: "Recorded registrations a second, legacy alone and hybrid, beside bare SQLite doing the same rows, bytes and commits.",
        discussion: """
            lockstep-bench bridge --registrations 2000 --runs 3
            lockstep-bench bridge --plan all-durable              every step durable, beside legacy alone
            lockstep-bench bridge --live --registrations 2000     deliveries through a service in 64 lanes, then 256 calls of 100 ms at once

            A trace is generated once, and played once a mode to record the writes; then each run plays it once a mode for the \
            time. The floor prepares every statement once and binds the same values again, in the same transactions, with the same \
            durability. The last line has the medians: medianRatio is the smaller of both modes'.
            """)

    @Option(help: "Registrations in the trace.") var registrations = 2000
    @Option(help: "The seed of the trace.") var seed: UInt64 = 7
    @Option(help: "How often; medians are printed last.") var runs = 3
    @Option(help: "The plan of mode hybrid: hybrid-5.2, hybrid-2-5.2, all-durable, retired, or a file.") var plan = "hybrid-5.2"
    @Flag(help: "Deliver to a service that runs, instead of playing a trace.") var live = false

    func run() async throws {
        if live { return try await LiveBench(registrations: registrations, runs: runs).run() }
        let trace = Measuring.freshPath("trace")
        defer { Measuring.remove(trace) }
        try await RecordedRun.generate(registrations, seed: seed, to: trace)
        var writes: [RunMode: RecordedWrites] = [:]
        for mode in RunMode.allCases { writes[mode] = try await recorded(mode, trace) }
        var ratios: [RunMode: [Double]] = [:]
        var seconds: [RunMode: [Double]] = [:]
        for number in 1...max(1, runs) {
            for mode in RunMode.allCases {
                let (ours, floor) = try await once(mode, trace, writes[mode] ?? RecordedWrites(), number)
                ratios[mode, default: []].append(floor / ours)
                seconds[mode, default: []].append(ours)
            }
        }
        let medians = ratios.mapValues { Measuring.quantile($0, 0.5) }
        let times = seconds.mapValues { Measuring.quantile($0, 0.5) }
        Measuring.report([
            "benchmark": "bridge", "plan": .string(plan), "registrations": .integer(registrations),
            "medianRatio": Measuring.rounded(medians.values.min() ?? 0), "legacyRatio": Measuring.rounded(medians[.legacy] ?? 0),
            "hybridRatio": Measuring.rounded(medians[.hybrid] ?? 0),
            "hybridToLegacy": Measuring.rounded((times[.legacy] ?? 0) / (times[.hybrid] ?? 1)),
        ])
    }

    private func once(
        _ mode: RunMode, _ trace: String, _ writes: RecordedWrites, _ number: Int
    ) async throws -> (ours: Double, floor: Double) {
        let path = Measuring.freshPath("bridge")
        defer { Measuring.remove(path) }
        let run = try RecordedRun(mode, trace: trace, database: path, plan: plan)
        let ours = try await Measuring.seconds { try await run.play() }
        let floor = try await Self.floor(writes)
        Measuring.report([
            "benchmark": "bridge", "run": .integer(number), "mode": .string(mode.rawValue), "registrations": .integer(registrations),
            "perSecond": Measuring.rounded(Double(registrations) / ours, 1),
            "floorPerSecond": Measuring.rounded(Double(registrations) / floor, 1), "ratio": Measuring.rounded(floor / ours),
            "statements": .integer(writes.count), "commits": .integer(writes.commits),
            "residentMiB": .integer(Measuring.residentBytes() / 1_048_576),
        ])
        return (ours, floor)
    }

    private func recorded(_ mode: RunMode, _ trace: String) async throws -> RecordedWrites {
        let path = Measuring.freshPath("recorded")
        defer { Measuring.remove(path) }
        let run = try RecordedRun(mode, trace: trace, database: path, plan: plan)
        let writes = Guarded(RecordedWrites())
        run.onWrite { sql, expanded in writes.change { $0.add(sql, expanded) } }
        try await run.play()
        return writes.change { $0 }
    }

    /// Bare SQLite doing the same; its seconds.
    static func floor(_ writes: RecordedWrites) async throws -> Double {
        let path = Measuring.freshPath("floor")
        defer { Measuring.remove(path) }
        _ = try LockstepDatabase(path: path)
        let replay = try WriteReplay(path: path, writes)
        defer { replay.close() }
        return try await Measuring.seconds { try replay.run() }
    }
}
