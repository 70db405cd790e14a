import BridgeTesting
import Foundation
import Testing

/// Each rule that the model cannot do without, the code cannot do without either: for every mutant of the model there is one of the code, and it is
/// refuted, too.
@Suite(.serialized) struct ModelMutantTests {
    /// A mutant of the model, and the bug of the code that leaves out the same.
    struct Pair: CustomTestStringConvertible, Sendable {
        let model: String
        let story: String
        var shape = ThreeSteps.Shape.replaced
        /// False for a bug of which the simulator has no occasion.
        var isSimulated = true
        /// With what the explorer begins, so that few deviations more show the bug.
        var first = ExploredSchedule()
        var testDescription: String { "\(model): \(story)" }
    }

    static let pairs = [
        Pair(model: "NO_EPOCH_CHECK", story: "no fence: a write counts under whatever epoch"),
        Pair(model: "ROUTE_AT_ACCEPT", story: "who gets an event is decided when it comes"),
        Pair(model: "NO_REQUEUE_AT_HAND_BACK", story: "events told to a segment stay its own after the hand back"),
        Pair(model: "NO_REQUEUE_AT_RECALL", story: "events told to a segment stay its own after the recall"),
        Pair(model: "NO_REQUEUE_AFTER_COMPLETE", story: "a row that comes again at once is not queued"),
        Pair(
            model: "NO_VERSION_AT_RECALL", story: "a recall writes back a record that somebody wrote meanwhile",
            first: ThreeStepsExploration.schedule(.aDayLate, of: 3)),
        Pair(
            model: "NO_VERSION_AT_SWEEP", story: "a sweep writes back a record that somebody wrote meanwhile", isSimulated: false,
            first: ThreeStepsExploration.schedule(.aDayLate, of: 0)),
        Pair(model: "SECOND_VISIT_HAS_FIRST_ID", story: "a second segment of an entity gets the id of its first", shape: .revisited),
        Pair(model: "NO_HOLD", story: "an event that comes while the segment is at work is dropped", shape: .twoSteps),
        Pair(
            model: "NO_RELEASE_AT_WAIT", story: "held events stay held when the segment waits or goes on", shape: .twoSteps,
            isSimulated: false),
        Pair(
            model: "NO_RELEASE_AT_HAND_BACK", story: "held events stay held when the segment hands back", shape: .twoSteps,
            isSimulated: false, first: ThreeStepsExploration.schedule(.threeDaysLate, of: 3)),
        Pair(
            model: "NO_VERSION_AT_WAITING", story: "an event is set aside for what a segment was before it went on", shape: .twoSteps),
    ]

    @Test func everyMutantOfTheModelHasOneOfTheCode() throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Model/check.sh")
        let lines = try String(contentsOf: script, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("check \"mutant ") }
        let refuted = lines.compactMap { $0.split(separator: "\"").dropFirst().first?.split(separator: " ").last.map(String.init) }
        #expect(refuted.sorted() == Self.pairs.map(\.model).sorted())
        let known = Set((Mutant.handOff + Mutant.model).map(\.story))
        #expect(Self.pairs.map(\.story).filter { !known.contains($0) } == [])
    }

    @Test(arguments: pairs.filter(\.isSimulated)) func theMutantOfTheCodeIsRefuted(pair: Pair) async throws {
        let mutant = try #require((Mutant.handOff + Mutant.model).first { $0.story == pair.story })
        for seed in UInt64(1)...20 {
            // A seed counts when nothing is found with it in the code as it is.
            guard let found = try await finding(mutant, pair.shape, seed),
                try await finding(nil, pair.shape, seed, isJudged: found.hasPrefix("model")) == nil
            else { continue }
            return print("mutant \(pair.model): seed \(seed): \(found.prefix(200))")
        }
        Issue.record("\(mutant) survives")
    }

    private static func run(_ mutant: Mutant?, _ shape: ThreeSteps.Shape, _ seed: UInt64) -> ThreeStepsRun {
        ThreeStepsRun(shape: shape, seed: seed, lanes: 16, mutant: mutant, recalls: 0.005)
    }

    /// A law that is broken, an entity that comes to no end, or a trace that the model has no run for.
    private func finding(_ mutant: Mutant?, _ shape: ThreeSteps.Shape, _ seed: UInt64, isJudged: Bool = true) async throws -> String? {
        let found: ThreeStepsRun.Found
        do { found = try await Self.run(mutant, shape, seed).play() } catch { return "the run ended: \(error)" }
        if let violation = found.violations.first { return "simulator: \(violation)" }
        if let entity = found.unfinished.first { return "simulator: \(entity) comes to no end" }
        guard isJudged else { return nil }
        var traces: Set<ModelTrace> = []
        do { for journal in found.journals { traces.insert(try ModelTrace(journal.entries, shape)) } } catch { return "\(error)" }
        let rejected = try await ModelJudge(shape: shape).rejected(traces)
        return rejected.first.map { "model: \($0)" }
    }

    // MARK: Explored

    /// The explorer walks up to so many schedules for each mutant.
    private static let mostSchedules = 1000

    @Test(arguments: pairs) func theExplorerRefutesTheMutantOfTheCode(pair: Pair) async throws {
        let mutant = try #require((Mutant.handOff + Mutant.model).first { $0.story == pair.story })
        let exploration = ThreeStepsExploration(shape: pair.shape, mutant: mutant, first: pair.first, order: .near)
        var count = 0
        var traces: [ModelTrace: ExploredSchedule] = [:]
        var broken: ThreeStepsExploration.Explored?
        let walked = try await exploration.explore { explored in
            count += 1
            if let trace = explored.trace, traces[trace] == nil { traces[trace] = explored.schedule }
            if explored.broken != nil { broken = explored }
            return broken == nil && count < Self.mostSchedules
        }
        var found = await isFoundWithoutBug(broken, pair.shape) ? nil : broken.map { "\($0.broken ?? ""), under \($0.schedule)" }
        if found == nil { found = try await Self.judged(traces, pair.shape) }
        print("explored mutant \(pair.model): \(walked.schedules) schedules: \(found?.prefix(200) ?? "survives")")
        #expect(found != nil, "\(mutant) survives \(walked.schedules) schedules")
    }

    /// True when the code as it is breaks a law under the same schedule.
    private func isFoundWithoutBug(_ broken: ThreeStepsExploration.Explored?, _ shape: ThreeSteps.Shape) async -> Bool {
        guard let broken else { return false }
        return await ThreeStepsExploration(shape: shape).walk(broken.schedule).explored.broken != nil
    }

    /// A trace that the model has no run for, where it has one for what the code as it is does under the same schedule.
    private static func judged(_ traces: [ModelTrace: ExploredSchedule], _ shape: ThreeSteps.Shape) async throws -> String? {
        let rejected = try await ModelJudge(shape: shape).rejected(Set(traces.keys))
        var unchanged: [ModelTrace: ModelJudge.Rejection] = [:]
        for rejection in rejected.prefix(50) {
            guard let schedule = traces[rejection.trace] else { continue }
            if let trace = await ThreeStepsExploration(shape: shape).walk(schedule).explored.trace { unchanged[trace] = rejection }
        }
        let wrong = Set(try await ModelJudge(shape: shape).rejected(Set(unchanged.keys)).map(\.trace))
        return unchanged.first { !wrong.contains($0.key) }.map { "model: \($0.value), under \(traces[$0.value.trace]?.description ?? "")" }
    }
}
