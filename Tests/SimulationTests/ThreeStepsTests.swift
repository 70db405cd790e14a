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

    /// The process dies in a workflow task that has come to several wait points; the task is begun anew.
    @Test func noWaitPointIsEnteredAgainThatWasPassed() async throws {
        for seed in UInt64(1)...20 { #expect(try await Self.goingBack(seed) == [], "seed \(seed)") }
        let story = "a workflow task that is begun anew makes wait points true that were passed"
        let mutant = try #require(Mutant.model.first { $0.story == story })
        var found: [String] = []
        for seed in UInt64(1)...20 where found.isEmpty { found = try await Self.goingBack(seed, mutant) }
        #expect(!found.isEmpty, "\(mutant) survives")
    }

    /// The entities with a segment that has entered a wait point after a later one.
    private static func goingBack(_ seed: UInt64, _ mutant: Mutant? = nil) async throws -> [String] {
        let run = ThreeStepsRun(shape: .twoSteps, seed: seed, lanes: seed.isMultiple(of: 2) ? 16 : 1, mutant: mutant)
        return try await run.play().journals.filter { journal in
            var last = 0
            return journal.entries.contains { entry in
                guard case .entered(_, let name, _) = entry.move, entry.owner == .durable else {
                    if entry.move.newOwner != nil { last = 0 }
                    return false
                }
                let place = ThreeSteps.State.allCases.firstIndex { "\($0)" == name } ?? 0
                defer { last = place }
                return place < last
            }
        }.map(\.entity.rawValue)
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
