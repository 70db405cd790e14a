import A2PRegistration
import ArgumentParser
import Cutover
import Events
import Migrations

/// `lockstep generate`
struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Records a trace of many registrations against the simulated outside, in the same form as the fixtures.",
        discussion: """
            lockstep generate --registrations 10000 --seed 7 --output trace.jsonl
            The same arguments give the same file, byte for byte.
            """)

    @Option(help: "How many registrations.")
    var registrations: Int

    @Option(help: "The seed; what happens to a registration depends on it and on the registration's id alone.")
    var seed: UInt64 = 1

    @Option(help: "The file to write.")
    var output: String

    private static let groupSize = 200

    func validate() throws {
        guard (1...10_000_000).contains(registrations) else {
            throw ValidationError("--registrations: expected 1 to 10000000, found \(registrations)")
        }
    }

    func run() async throws {
        let count = try await Self.write(registrations, seed: seed, to: output)
        Console.print("\(registrations) registrations, \(count) deliveries, seed \(seed): \(output)")
    }

    /// Writes the trace; returns how many deliveries it has.
    static func write(_ registrations: Int, seed: UInt64, to output: String) async throws -> Int {
        let plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        // Before the work: whoever cannot write the file learns it at once.
        let file = try OutputFile(path: output)
        let spool = try TraceSpool(beside: output)
        var count = 0
        for first in stride(from: 1, through: registrations, by: groupSize) {
            let lines = try await record(first...min(registrations, first + groupSize - 1), plan, seed)
            try spool.add(lines)
            count += lines.count
            Console.progress("\(min(registrations, first + groupSize - 1)) of \(registrations) registrations")
        }
        try spool.merge { try file.write($0) }
        try file.end()
        Console.endProgress()
        return count
    }

    /// Runs some registrations in hybrid mode against the simulator and returns what was delivered.
    private static func record(_ numbers: ClosedRange<Int>, _ plan: MigrationPlan, _ seed: UInt64) async throws -> [TraceLine] {
        let simulator = Simulator(seed: seed)
        let start = Timestamp(milliseconds: 1_772_442_000_000)  // 2026-03-02T09:00:00Z
        for number in numbers {
            let digits = String(number)
            let id = EntityID("R-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits)
            simulator.open(id, at: start + .milliseconds(Int64(number) * 36_000))
        }
        let run = try A2PRun(.init(mode: .hybrid, plan: plan, database: ":memory:", simulator: simulator))
        let opening = simulator.takeLines().sorted { $0.receivedAt < $1.receivedAt }
        try await run.play(opening)
        return simulator.trace
    }
}
