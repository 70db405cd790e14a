import BridgeTesting
import Events

/// All schedules that begin as a given one and have up to so many deviations more, those with fewer first.
///
/// What follows a schedule is known when its run is over: that says what there was to decide.
struct ExploredSchedules {
    /// The order of those with equally many deviations, which matters to whoever stops early.
    enum Order {
        /// Drawn, so that there are some of every kind.
        case drawn(seed: UInt64)
        /// Those first whose last deviation comes soon after the one before: two things that have to do with each other.
        case near
    }

    private let most: Int
    private let order: Order
    private var levels: [[ExploredSchedule]]
    /// How many deviations more than the first schedule those have that come now.
    private(set) var level = 0

    init(from first: ExploredSchedule = ExploredSchedule(), most: Int, order: Order) {
        (self.most, self.order) = (most, order)
        levels = [[first]] + Array(repeating: [], count: most)
    }

    /// The next schedule; nil when there is none left.
    mutating func next() -> ExploredSchedule? {
        while levels[level].isEmpty {
            guard level < most else { return nil }
            level += 1
            arrange()
        }
        return levels[level].popLast()
    }

    /// Puts what comes now in its order, the first one last.
    private mutating func arrange() {
        switch order {
        case .near: levels[level].sort { ($0.distance, $0.description) > ($1.distance, $1.description) }
        case .drawn(let seed):
            var random = SeededRandom(seed: seed, label: "schedules")
            levels[level].shuffle(using: &random)
        }
    }

    /// Says what the run of the schedule that came last has asked.
    mutating func ran(_ schedule: ExploredSchedule, _ decisions: [Steering.Decision]) {
        let first = schedule.deviations.last.map { $0.decision + 1 } ?? 0
        for index in decisions.indices.dropFirst(first) {
            let level = level + (decisions[index].isFree ? 0 : 1)
            guard level <= most else { continue }
            levels[level] += (1..<decisions[index].ways).map { way in
                ExploredSchedule(schedule.deviations + [ExploredSchedule.Deviation(index, way: way)])
            }
        }
    }
}

extension ExploredSchedule {
    /// How many decisions lie between the last two deviations.
    fileprivate var distance: Int {
        let last = deviations.suffix(2).map(\.decision)
        return last.count == 2 ? last[1] - last[0] : 0
    }
}
