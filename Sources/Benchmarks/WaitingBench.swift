import ArgumentParser
import Bridge
import DurableWorkflow
import Events
import FoundationEssentials
import HybridRouter
import Outcomes
import SQLiteStorage

/// `lockstep-bench waiting`
struct WaitingBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waiting",
        abstract: "A live service on a database full of registrations that wait: its start, its memory, and new work beside an empty one.")

    @Option(help: "Registrations that wait with legacy.") var legacy = 1_000_000
    @Option(help: "Registrations that wait with the durable side.") var durable = 20_000
    @Option(help: "A file to fill and keep; one that is there is used as it is, so that the memory is that of the service alone.")
    var database: String?
    @Option(help: "New registrations to measure with.") var measured = 1500
    @Option(help: "How often, in turn with an empty database; the median of the ratios is printed last.") var runs = 3
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    func run() async throws {
        let path = database ?? Measuring.freshPath("waiting")
        defer { if database == nil { Measuring.remove(path) } }
        if !FileManager.default.fileExists(atPath: path) {
            try await fill(path)
            try await fillDurable(path)
        }
        let tag = String(SystemTime().now.milliseconds, radix: 36)
        var ratios: [Double] = []
        for number in 1...max(1, runs) {
            let empty = try await emptySpeed()
            Measuring.settleDisk()
            let full = try await speed(path, prefix: "r\(tag)-\(number)-")
            ratios.append(full.perSecond / empty)
            Measuring.report([
                "benchmark": "waiting", "run": .integer(number), "legacy": .integer(legacy), "durable": .integer(durable),
                "startSeconds": Measuring.rounded(full.start), "residentMiB": .integer(full.resident / 1_048_576),
                "perSecond": Measuring.rounded(full.perSecond, 1), "emptyPerSecond": Measuring.rounded(empty, 1),
                "ratio": Measuring.rounded(full.perSecond / empty),
            ])
        }
        Measuring.report([
            "benchmark": "waiting", "legacy": .integer(legacy), "durable": .integer(durable),
            "medianRatio": Measuring.rounded(Measuring.quantile(ratios, 0.5)),
        ])
    }

    /// New work a second in a service of its own; the seconds from its start to the end of its first piece of work, and its memory then.
    private func speed(_ path: String, prefix: String) async throws -> (start: Double, resident: Int, perSecond: Double) {
        let began = ContinuousClock.now
        let desk = try desk(path)
        return try await desk.during {
            try await desk.send("\(prefix)first", "work")
            try await desk.service.settled()
            let start = Measuring.seconds(began.duration(to: .now))
            let seconds = try await Measuring.seconds { try await desk.play(0..<measured, prefix: prefix) }
            return (start, Measuring.residentBytes(), Double(measured) / seconds)
        }
    }

    private func emptySpeed() async throws -> Double {
        let path = Measuring.freshPath("empty")
        defer { Measuring.remove(path) }
        return try await speed(path, prefix: "e-").perSecond
    }

    private func desk(_ path: String) throws -> LiveDesk {
        try LiveDesk(path, .hybrid, options: ServiceOptions(lanes: 64), parties: SlowParties(latency: .zero) { _ in })
    }

    /// Puts in registrations whose first event legacy has handled, without the service.
    private func fill(_ path: String) async throws {
        let store = SQLiteHandoffStore(try LockstepDatabase(path: path, durability: .grouped))
        let now = SystemTime().now
        let birth = Birth(step: "1", state: "open", body: RecordBody(Claim()))
        for first in stride(from: 0, to: legacy, by: 500) {
            let arrivals = (first..<min(legacy, first + 500)).map { number in
                Arrival.event(Claims.incoming("W-\(number)", "work", 1, at: now), birth: birth)
            }
            for case .accepted(_, let row) in try await store.accept(arrivals, at: now) {
                let handled = Move.ignored(RowReference(row.sequence, "work"), in: "open", reason: "it waits")
                _ = try await store.commit(EntityTransaction(entity: row.entity, epoch: 1, at: now, moves: [handled]))
            }
            try await store.flush()
        }
    }

    /// Puts in registrations that the durable side has, and that wait for a photo.
    private func fillDurable(_ path: String) async throws {
        let desk = try desk(path)
        try await desk.during {
            try await Measuring.inLanes(0..<durable) { number in
                try await desk.send("D-\(number)", "work")
                try await desk.send("D-\(number)", "check")
            }
            try await desk.service.settled()
        }
    }
}
