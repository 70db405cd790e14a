import Events
import Foundation
import Testing

/// What live workflows cost, and that nothing of them stays: `lockstep-bench memory` in a process of its own, whose memory nobody else
/// uses. The bounds are of release builds; a debug build looks for leaks among fewer.
///
/// What decides is what the allocator has given out. Resident memory is printed and decides nothing: the system gives pages and takes
/// them back when it likes.
@Suite struct MemoryTests {
    #if DEBUG
        private static let workflows = 4000
    #else
        private static let workflows = 100_000
    #endif

    @Test func whatIsEvictedLeavesNothing() async throws {
        let line = try await FaultProcess.talk { try Self.run("memory", "--workflows", "\(Self.workflows)", "--rounds", "20") }
        print("memory: \(line.canonicalText)")
        #expect(line["workflows"]?.integer == Self.workflows, "all of them were live at once")
        // What the allocator has given out, as a line through the rounds: nothing grows with the number of runs. The smallest thing that
        // a run could keep is a block of 32 bytes.
        #expect(try #require(Self.number(line["bytesLeftPerRun"])) < 24)
        #if !DEBUG
            #expect(try #require(Self.number(line["heapLiveMB"])) < 300)
            #expect(try #require(Self.number(line["heapEvictedToStart"])) < 1.1, "no table keeps its size")
        #endif
    }

    @Test func aBurstOfActivitiesLeavesNoTables() async throws {
        let line = try await FaultProcess.talk {
            try Self.run("memory", "--shape", "registration", "--workflows", "\(Self.workflows / 4)", "--rounds", "0")
        }
        print("memory: \(line.canonicalText)")
        #expect(line["workflows"]?.integer == Self.workflows / 4, "all of them were live at once")
        #if !DEBUG
            #expect(try #require(Self.number(line["heapEvictedToStart"])) < 1.2, "no table keeps its size")
        #endif
    }

    private static func number(_ value: JSONValue?) -> Double? {
        switch value {
        case .number(let number): number
        case .integer(let number): Double(number)
        default: nil
        }
    }

    private static func run(_ arguments: String...) throws -> JSONValue {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: try #require(FaultProcess.binary("lockstep-bench"), "build lockstep-bench first"))
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return try JSONValue(parsing: text)
    }
}
