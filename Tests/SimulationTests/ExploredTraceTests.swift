import BridgeTesting
import Foundation
import Testing

/// The model of the hand-off and the explorer judge each other: whatever schedule is walked, the laws hold and the model has a run for it.
@Suite struct ExploredTraceTests {
    /// So many different traces of all shapes are judged; `LOCKSTEP_EXPLORED_TRACES` asks for another number.
    private static let wanted = ProcessInfo.processInfo.environment["LOCKSTEP_EXPLORED_TRACES"].flatMap { Int($0) } ?? 1000

    @Test(arguments: ThreeSteps.Shape.allCases) func theModelHasARunForEveryExploredTrace(shape: ThreeSteps.Shape) async throws {
        let wanted = Self.wanted / ThreeSteps.Shape.allCases.count
        var schedules: [ModelTrace: ExploredSchedule] = [:]
        var broken: [String] = []
        let walked = try await ThreeStepsExploration(shape: shape).explore { explored in
            if let law = explored.broken { broken.append("\(explored.schedule): \(law)") }
            if let trace = explored.trace, schedules[trace] == nil { schedules[trace] = explored.schedule }
            return schedules.count < wanted
        }
        #expect(schedules.count == wanted)
        #expect(broken.isEmpty, "\(broken.count) schedules break a law:\n\(broken.prefix(5).joined(separator: "\n"))")
        let rejected = try await ModelJudge(shape: shape).rejected(Set(schedules.keys))
        print(
            "explored traces: \(shape): \(walked.schedules) schedules of up to \(walked.deviations) deviations,",
            "\(schedules.count - rejected.count) of \(schedules.count) traces accepted")
        let texts = rejected.prefix(5).map { "\(schedules[$0.trace]?.description ?? ""): \($0)" }
        #expect(rejected.isEmpty, "\(rejected.count) rejected:\n\(texts.joined(separator: "\n"))")
    }

    /// The same schedule gives the same run: what it has asked, and what came of it.
    @Test(arguments: ThreeSteps.Shape.allCases) func aScheduleCanBeWalkedAgain(shape: ThreeSteps.Shape) async throws {
        let exploration = ThreeStepsExploration(shape: shape, most: 1)
        var schedules: [ExploredSchedule] = []
        try await exploration.explore { explored in
            schedules.append(explored.schedule)
            return schedules.count < 60
        }
        for schedule in schedules {
            let (once, again) = (await exploration.walk(schedule), await exploration.walk(schedule))
            #expect(once.explored.trace == again.explored.trace, "\(schedule)")
            #expect(once.decisions == again.decisions, "\(schedule)")
        }
    }
}
