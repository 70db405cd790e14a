import Events
import Outcomes
import ShadowComparator
import Testing

/// The search itself, over paths that are a few lines of code, judged by a search that remembers nothing.
@Suite struct ExplorerTests {
    @Test(arguments: [
        ExplorationBounds(events: 3, duplicates: 0, losses: 0, delays: 0, crashes: 0),
        ExplorationBounds(events: 3, duplicates: 2, losses: 1, delays: 0, crashes: 0),
        ExplorationBounds(events: 3, duplicates: 1, losses: 3, delays: 2, crashes: 0),
        ExplorationBounds(events: 3, duplicates: 1, losses: 1, delays: 1, crashes: 1),
        ExplorationBounds(events: 4, duplicates: 1, losses: 2, delays: 0, crashes: 2),
    ]) func coversEverySchedule(bounds: ExplorationBounds) async throws {
        let result = try await Self.explore(bounds, Toy(), Toy())
        let naive = try await Self.explore(bounds, Toy(isMerging: false), Toy(isMerging: false))
        #expect(result.covered == Self.count(bounds))
        #expect(naive.covered == result.covered)
        #expect(result.executed <= naive.executed)
        #expect(result.states <= naive.states)
        #expect(result.unexplained == 0)
        #expect(result.laws.values.allSatisfy { $0.broken.isEmpty })
    }

    @Test func theSameArgumentsGiveTheSameNumbers() async throws {
        let bounds = ExplorationBounds(events: 4, duplicates: 1, losses: 1, delays: 1, crashes: 1)
        #expect(try await Self.explore(bounds, Toy(), Toy()) == Self.explore(bounds, Toy(), Toy()))
    }

    @Test func findsWhatOneOrderShows() async throws {
        let bounds = ExplorationBounds(events: 4, duplicates: 0, losses: 0, delays: 0, crashes: 0)
        let result = try await Self.explore(bounds, Toy(), Toy(forgets: { $0 == [3, 2] }))
        #expect(result.unexplained == 1)
        let schedule = try #require(result.findings.first?.schedule)
        #expect(schedule.filter { $0.hasSuffix("arrives") }.prefix(2) == ["d3 arrives", "d2 arrives"])
    }

    @Test func saysWhichLawsDoNotHold() async throws {
        let bounds = ExplorationBounds(events: 2, duplicates: 1, losses: 1, delays: 0, crashes: 0)
        let result = try await Self.explore(bounds, Toy(looks: false), Toy(isOnce: false))
        #expect(result.laws["legacy: lost is found"]?.broken.keys.sorted() == ["d0", "d1"])
        #expect(result.laws["hybrid: lost is found"]?.broken.isEmpty == true)
        #expect(result.laws["hybrid: duplicate is once"]?.broken.keys.sorted() == ["d0", "d1"])
        #expect(result.laws["legacy: duplicate is once"]?.broken.isEmpty == true)
        #expect(result.unexplained > 0)
    }

    @Test func waitsForWhatIsAskedFor() async throws {
        let bounds = ExplorationBounds(events: 2, duplicates: 0, losses: 0, delays: 0, crashes: 0)
        let result = try await Self.explore(bounds, Toy(), Toy(asks: [1: 0]))
        // The second delivery answers what the first one leads to, and never happens before that.
        #expect(result.covered == 1)
        let never = try await Self.explore(bounds, Toy(), Toy(asks: [1: 1]))
        #expect(never.covered == 0)
        #expect(never.unanswerable > 0)
    }

    @Test func refusesToGoOnForEver() async throws {
        let bounds = ExplorationBounds(events: 4, duplicates: 2, losses: 1, delays: 1, crashes: 1)
        await #expect(throws: TooManyStates.self) { try await Self.explore(bounds, Toy(), Toy(), most: 100) }
    }

    private static func explore(
        _ bounds: ExplorationBounds, _ control: Toy, _ candidate: Toy, most: Int = 1_000_000
    ) async throws -> ExplorationResult {
        let deliveries = (0..<bounds.events).map { index in
            ExplorationWindow.Delivery(kind: "d\(index)", at: Timestamp(milliseconds: Int64(index) * 1000), arrives: true)
        }
        let window = ExplorationWindow(deliveries: deliveries, happened: 0)
        return try await Explorer(
            window, bounds: bounds, control: control, candidate: candidate, comparator: Comparator(), most: most
        ).run()
    }

    /// How many schedules there are, counted one by one.
    private static func count(_ bounds: ExplorationBounds) -> UInt64 { Counting(bounds: bounds).schedules() }
}

/// Counts schedules by the words of the documentation, and remembers nothing.
private struct Counting {
    let bounds: ExplorationBounds
    var happened = 0
    var arrived: Set<Int> = []
    var duplicates = 0
    var delays = 0
    var crashes = 0

    func schedules() -> UInt64 {
        let underWay = (0..<happened).filter { !arrived.contains($0) }
        var count: UInt64 = happened == bounds.events && underWay.count <= bounds.losses ? 1 : 0
        for index in underWay { count += go { $0.arrived.insert(index) } }
        if happened < bounds.events { count += go { $0.happened += 1 } }
        if duplicates < bounds.duplicates { for _ in arrived { count += go { $0.duplicates += 1 } } }
        // A toy does something by itself half a second after it was last heard, and so between any two things that happen.
        if delays < bounds.delays, !underWay.isEmpty { count += go { $0.delays += 1 } }
        return count
    }

    /// The move without a death, and with one: every move of a toy is one piece of work.
    private func go(_ move: (inout Counting) -> Void) -> UInt64 {
        var next = self
        move(&next)
        let alive = next.schedules()
        guard crashes < bounds.crashes else { return alive }
        next.crashes += 1
        return alive + next.schedules()
    }
}

/// A path that notes what it has heard of, in whatever order, and looks for the rest at its end.
private final class Toy: ExploredPath {
    private struct State: Hashable {
        var heard: Set<Int> = []
        /// Deliveries that came again, where that counts.
        var again = 0
        var first: [Int] = []
        var hasForgotten = false
        /// Makes every way different, where nothing is merged.
        var way = 0
    }

    let start = 0
    private(set) var figures = ExplorationResult.Path()
    private var states: [State] = [State()]
    private var numbers: [State: Int] = [:]
    private let isMerging: Bool
    private let looks: Bool
    private let isOnce: Bool
    private let forgets: ([Int]) -> Bool
    /// What each delivery answers: the number of one that has to be heard before.
    private let asks: [Int: Int]

    init(
        isMerging: Bool = true, looks: Bool = true, isOnce: Bool = true, asks: [Int: Int] = [:],
        forgets: @escaping ([Int]) -> Bool = { _ in false }
    ) {
        (self.isMerging, self.looks, self.isOnce, self.asks, self.forgets) = (isMerging, looks, isOnce, asks, forgets)
    }

    func asks(for delivery: Int, from state: Int) async throws -> Timestamp? {
        guard let before = asks[delivery] else { return .distantPast }
        return states[state].heard.contains(before) ? .distantPast : nil
    }

    func nextDue(_ state: Int) -> Timestamp? { .distantPast }

    func step(_ state: Int, _ step: ExplorationStep) async throws -> (state: Int, work: Int) {
        var next = states[state]
        switch step.move {
        case .arrives(let index):
            next.heard.insert(index)
            if next.first.count < 2 { next.first.append(index) }
            if forgets(next.first) { next.hasForgotten = true } else if !forgets([3, 2]) { next.first = [] }
        case .repeats: if !isOnce { next.again += 1 }
        case .happens, .passes: break
        }
        if !isMerging { next.way = states.count }
        figures.steps += 1
        if let known = numbers[next] { return (known, 1) }
        states.append(next)
        numbers[next] = states.count - 1
        return (states.count - 1, 1)
    }

    func end(_ state: Int) async throws -> Observation {
        let known = states[state]
        let facts: [String: JSONValue] = [
            "heard": .integer(looks ? 0 : known.heard.count), "again": .integer(known.again), "forgotten": .bool(known.hasForgotten),
        ]
        return Observation(entity: "e", path: "toy", outcome: Outcome(status: "ok", state: "S", facts: facts), ledger: [])
    }
}
