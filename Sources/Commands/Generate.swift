import ArgumentParser
import Events

/// `lockstep generate`
struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Records a trace of many \(Program.nouns) against the simulated outside, in the same form as the fixtures.",
        discussion: """
            \(Program.name) generate --registrations 100 --seed 7 --output many.jsonl
            The same arguments give the same file, byte for byte.
            """)

    @Option(name: [.long, .customLong("entities")], help: "How many \(Program.nouns).")
    var registrations: Int

    @Option(help: "The seed; what happens to \(Program.aNoun) depends on it and on the \(Program.noun)'s id alone.")
    var seed: UInt64 = 1

    @Option(help: "The file to write.")
    var output: String

    func validate() throws {
        guard (1...10_000_000).contains(registrations) else {
            throw ValidationError("--registrations: expected 1 to 10000000, found \(registrations)")
        }
    }

    func run() async throws {
        let count = try await Program.app.simulation().write(registrations, seed: seed, to: output)
        Console.print("\(Program.counted(registrations)), \(count.counted("delivery", "deliveries")), seed \(seed): \(output)")
    }
}

extension AppSimulation {
    /// Writes the trace of the first `count` entities; returns how many deliveries it has.
    package func write(_ count: Int, seed: UInt64, to output: String) async throws -> Int {
        // Before the work: whoever cannot write the file learns it at once.
        let file = try OutputFile(path: output)
        let spool = try TraceSpool(beside: output)
        var deliveries = 0
        let meter = Progress()
        for first in stride(from: 1, through: count, by: 200) {
            let last = min(count, first + 199)
            let lines = try await record(first...last, seed: seed)
            try spool.add(lines)
            deliveries += lines.count
            meter.show("\(last) of \(Program.counted(count))", last, of: count)
        }
        try spool.merge { try file.write($0) }
        try file.end()
        Console.endProgress()
        return deliveries
    }
}
