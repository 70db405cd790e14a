import Events
import Foundation
import Testing

/// `lockstep simulate` in processes of its own.
@Suite struct SimulateTests {
    /// Nothing in a run may depend on what else the machine does: a commit of unknown outcome once made the engine look at its store
    /// from another thread, which drew a fault of its own.
    @Test func theSameSeedGivesTheSameRunOnABusyMachine() async throws {
        let runs = try await withThrowingTaskGroup(of: Lockstep.Result.self) { group in
            for _ in 0..<6 { group.addTask { try await Self.simulate() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let digests = Set(runs.map { $0.json?["digest"]?.string ?? "none: \($0.error)" })
        #expect(digests.count == 1, "\(digests)")
        #expect(runs.allSatisfy { $0.code == 0 })
    }

    private static func simulate() async throws -> Lockstep.Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                let arguments = "simulate --seed 8 --entities 60 --faults all=0.02,ioError=0.02 --no-shrink --format json"
                continuation.resume(with: Swift.Result { try Lockstep.run(arguments.split(separator: " ").map(String.init)) })
            }
        }
    }
}
