import BridgeTesting
import Events
import HybridRouter
import Outcomes
import Testing

/// The process of the model, run by the real bridge under many schedules.
@Suite struct ThreeStepsTests {
    @Test(arguments: ThreeSteps.Shape.allCases) func everybodyComesToTheEnd(shape: ThreeSteps.Shape) async throws {
        for seed in UInt64(1)...4 {
            let found = try await ThreeStepsRun(shape: shape, seed: seed).play()
            #expect(found.violations.isEmpty, "seed \(seed): \(found.violations.prefix(3))")
            #expect(found.unfinished.isEmpty, "seed \(seed)")
        }
    }

    /// While a segment goes on from one step to the next, its epoch stays. What a lane has read before says no more where an event goes.
    @Test func nothingIsSetAsideThatThePresentStepWaitsFor() async throws {
        for seed in UInt64(1)...20 {
            for journal in try await ThreeStepsRun(shape: .twoSteps, seed: seed, lanes: 16).play().journals {
                let wrong = Self.setAside(journal.entries)
                #expect(wrong.isEmpty, "seed \(seed), \(journal.entity): \(wrong)")
            }
        }
    }

    private static let events: [StepNumber: Set<EventKind>] = ["2": ["e2", "e3"], "3": ["e4", "e5"]]

    /// The events of the segment's present step that are not told to it.
    private static func setAside(_ entries: [JournalEntry]) -> [Move] {
        var step: StepNumber?
        return entries.map(\.move).filter { move in
            switch move {
            case .handedOff(let steps): step = steps.first
            case .wentOn(let next): step = next
            case .handedBack, .recalled: step = nil
            case .held(let row), .parked(let row, _), .dropped(let row, _), .late(let row, _):
                return step.map { (events[$0] ?? []).contains(row.kind) } ?? false
            default: break
            }
            return false
        }
    }
}
