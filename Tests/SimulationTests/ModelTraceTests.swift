import BridgeTesting
import Foundation
import Testing

/// The model of the hand-off and the real code judge each other: what the code does, the model has a run for.
@Suite struct ModelTraceTests {
    /// So many different traces of all shapes are judged; `LOCKSTEP_MODEL_TRACES` asks for another number.
    private static let wanted = ProcessInfo.processInfo.environment["LOCKSTEP_MODEL_TRACES"].flatMap { Int($0) } ?? 1200

    /// Different traces of simulated runs of the real code, with one lane and with many.
    private static func traces(_ shape: ThreeSteps.Shape, _ count: Int) async throws -> Set<ModelTrace> {
        var traces: Set<ModelTrace> = []
        var seed: UInt64 = 1
        while traces.count < count {
            let run = ThreeStepsRun(shape: shape, seed: seed, lanes: seed.isMultiple(of: 2) ? 16 : 1)
            for journal in try await run.play().journals where traces.count < count {
                traces.insert(try ModelTrace(journal.entries, shape))
            }
            seed += 1
        }
        return traces
    }

    private static func text(_ rejected: [ModelJudge.Rejection]) -> String {
        "\(rejected.count) rejected:\n" + rejected.prefix(5).map(\.description).joined(separator: "\n")
    }

    @Test(arguments: ThreeSteps.Shape.allCases) func theModelHasARunForEveryTrace(shape: ThreeSteps.Shape) async throws {
        let traces = try await Self.traces(shape, Self.wanted / ThreeSteps.Shape.allCases.count)
        let rejected = try await ModelJudge(shape: shape).rejected(traces)
        print("model traces: \(shape): \(traces.count - rejected.count) of \(traces.count) accepted")
        #expect(rejected.isEmpty, "\(Self.text(rejected))")
    }

    /// What is in the wrong order is rejected: the model's runs are not just any moves.
    @Test(arguments: ThreeSteps.Shape.allCases) func theModelRejectsMovesInTheWrongOrder(shape: ThreeSteps.Shape) async throws {
        let traces = try await Self.traces(shape, 60)
        let wrong = Set(traces.compactMap { $0.swapped(.handedOff) } + traces.compactMap { $0.swapped(.handedBack) })
        try #require(wrong.count > 20)
        let rejected = try await ModelJudge(shape: shape).rejected(wrong)
        #expect(rejected.count == wrong.count)
    }
}

extension ModelTrace {
    /// The same moves, with the first of `kind` before the one that came before it; nil when there is none.
    fileprivate func swapped(_ kind: ModelMove.Kind) -> ModelTrace? {
        guard let index = moves.firstIndex(where: { $0.kind == kind }), index > 0 else { return nil }
        var moves = moves
        moves.swapAt(index, index - 1)
        return ModelTrace(moves)
    }
}
