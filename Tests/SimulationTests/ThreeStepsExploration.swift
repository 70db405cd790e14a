import Bridge
import BridgeTesting
import Events
import HybridRouter
import Outcomes
import Synchronization

/// One entity of ``ThreeSteps`` on the real bridge, under schedules that are walked one after another instead of drawn.
///
/// The ordinary schedule: everything happens at the same moment and is delivered in its order, and what a delivery leads to is done before the
/// next one comes. A deviation is one event that is lost, late or comes twice, an interrupt, another thing first, a lane that waits before or after a
/// write, a recall, or a process that dies at a write.
struct ThreeStepsExploration {
    let shape: ThreeSteps.Shape
    var mutant: Mutant?
    /// Where the exploration begins.
    var first = ExploredSchedule()
    /// How many deviations more a schedule may have.
    var most = 3
    var order = ExploredSchedules.Order.drawn(seed: 1)

    /// What one schedule has come to.
    struct Explored {
        let schedule: ExploredSchedule
        /// The moves that were made; nil when the run has ended with an error.
        var trace: ModelTrace?
        /// The law that is broken; nil for none.
        var broken: String?
    }

    static let entity: EntityID = "T-1"

    /// Walks schedules until `visit` returns false or none is left; returns how many, and how many deviations the last one had.
    @discardableResult
    func explore(_ visit: (Explored) throws -> Bool) async throws -> (schedules: Int, deviations: Int) {
        var schedules = ExploredSchedules(from: first, most: most, order: order)
        var count = 0
        while let schedule = schedules.next() {
            let (explored, decisions) = await walk(schedule)
            count += 1
            // What breaks a law is not gone on with.
            if explored.broken == nil { schedules.ran(schedule, decisions) }
            guard try visit(explored) else { break }
        }
        return (count, schedules.level)
    }

    /// Walks one schedule.
    func walk(_ schedule: ExploredSchedule) async -> (explored: Explored, decisions: [Steering.Decision]) {
        let steering = Steering(schedule)
        var explored = Explored(schedule: schedule)
        do {
            let (run, journal) = try await play(steering)
            explored.trace = try ModelTrace(journal, shape)
            explored.broken =
                run.violations.first?.description
                ?? (run.results[Self.entity]?.outcome.status == "done" ? nil : "I6 \(Self.entity): it comes to no end")
        } catch { explored.broken = "the run ended: \(error)" }
        return (explored, steering.decisions)
    }

    private func play(_ steering: Steering) async throws -> (run: SimulationRun, journal: [JournalEntry]) {
        var options = SimulationOptions(
            domain: ThreeSteps.domain(shape), plans: [try ThreeSteps.plan(shape)], seed: 1, rates: FaultRates([.crash: 1, .recall: 1]),
            watched: Self.entity)
        let world = ThreeStepsWorld(Self.lines(shape, steering))
        options.steering = steering
        options.lanes = 4
        options.longestLife = .days(30)
        options.ports = mutant?.ports ?? .none
        options.storage = { [storage = mutant?.storage] base in
            let store = storage?(base) ?? base
            world.hideAcknowledged(in: store)
            return store
        }
        let run = try await Simulation(options, world: world).play()
        return (run, run.journal)
    }

    // MARK: What comes from outside

    /// What becomes of an event, in the order of the ways of its decision. A segment polls after a day; who has to poll for each event of a step, and
    /// for the one before, is at the end of it after three.
    enum Fate: Int, CaseIterable {
        case comes, aDayLate, threeDaysLate, lost, twice, aDayLateAgain

        fileprivate var arrival: Duration {
            switch self {
            case .aDayLate: .days(1)
            case .threeDaysLate: .days(3)
            default: .zero
            }
        }

        /// When it comes again, after it has happened; nil for never.
        fileprivate var again: Duration? {
            switch self {
            case .twice: .zero
            case .aDayLateAgain: .days(1)
            default: nil
            }
        }
    }

    /// The schedule in which this becomes of one event.
    static func schedule(_ fate: Fate, of event: Int) -> ExploredSchedule { ExploredSchedule([.init(event, way: fate.rawValue)]) }

    private static func lines(_ shape: ThreeSteps.Shape, _ steering: Steering) -> [TraceLine] {
        let now = ThreeStepsWorld.start
        let later = now + .days(1)
        var lines: [TraceLine] = []
        var again: [TraceLine] = []
        for number in 0..<ThreeSteps.count(shape) {
            let fate = Fate(rawValue: steering.decide(Fate.allCases.count)) ?? .comes
            let event = ThreeSteps.event(number)
            lines.append(line(event, at: now, arrives: now + fate.arrival, lost: fate == .lost))
            if let length = fate.again { again.append(line(event, at: now, arrives: now + length)) }
        }
        // None, after so many of the others, or a day later.
        let place = steering.decide(lines.count + 3)
        if place > 0 {
            let moment = place > lines.count + 1 ? later : now
            lines.insert(line(ThreeSteps.interrupt, at: moment, arrives: moment), at: min(place - 1, lines.count))
        }
        let birth = now + (.zero - .minutes(1))
        return [line(ThreeSteps.opened, at: birth, arrives: birth)] + lines + again
    }

    private static func line(_ kind: EventKind, at moment: Timestamp, arrives: Timestamp, lost: Bool = false) -> TraceLine {
        ThreeStepsWorld.line(entity, kind, at: moment, arrives: arrives, lost: lost)
    }
}
