import Bridge
import Events
import HybridRouter
import Outcomes
import SQLiteStorage
import Synchronization

/// `lockstep-bench bridge --live`
struct LiveBench {
    let registrations: Int
    let runs: Int

    /// What the floor and we do a second, in each mode; then a party that takes 100 ms.
    func run() async throws {
        var ratios: [LiveMode: [Double]] = [:]
        var seconds: [LiveMode: [Double]] = [:]
        for number in 1...max(1, runs) {
            for mode in LiveMode.allCases {
                let (ours, floor) = try await once(mode, number)
                ratios[mode, default: []].append(floor / ours)
                seconds[mode, default: []].append(ours)
            }
        }
        let medians = ratios.mapValues { Measuring.quantile($0, 0.5) }
        let times = seconds.mapValues { Measuring.quantile($0, 0.5) }
        let legacy = times[.legacy] ?? 0
        Measuring.report(try await slowParties(.legacy, entities: 1000, lanes: 256, latency: .milliseconds(100)))
        Measuring.report(try await slowParties(.shadow, entities: 1000, lanes: 256, latency: .milliseconds(100)))
        Measuring.report([
            "benchmark": "bridge-live", "registrations": .integer(registrations), "lanes": 64,
            "medianRatio": Measuring.rounded(min(medians[.legacy] ?? 0, medians[.hybrid] ?? 0)),
            "legacyRatio": Measuring.rounded(medians[.legacy] ?? 0), "hybridRatio": Measuring.rounded(medians[.hybrid] ?? 0),
            "hybridToLegacy": Measuring.rounded(legacy / (times[.hybrid] ?? 1)),
            "shadowToLegacy": Measuring.rounded(legacy / (times[.shadow] ?? 1)),
        ])
    }

    private func once(_ mode: LiveMode, _ number: Int) async throws -> (ours: Double, floor: Double) {
        let writes = Guarded(RecordedWrites())
        _ = try await play(mode) { sql, expanded in writes.change { $0.add(sql, expanded) } }
        let recorded = writes.change { $0 }
        let (ours, counts) = try await play(mode, nil)
        let floor = try await BridgeBench.floor(recorded)
        var line: JSONValue = [
            "benchmark": "bridge-live", "run": .integer(number), "mode": .string(mode.rawValue),
            "registrations": .integer(registrations), "lanes": 64, "perSecond": Measuring.rounded(Double(registrations) / ours, 1),
            "floorPerSecond": Measuring.rounded(Double(registrations) / floor, 1), "ratio": Measuring.rounded(floor / ours),
            "statements": .integer(recorded.count), "commits": .integer(recorded.commits),
            "residentMiB": .integer(Measuring.residentBytes() / 1_048_576),
        ]
        for (verdict, count) in counts { line["shadow-\(verdict)"] = .integer(count) }
        Measuring.report(line)
        return (ours, floor)
    }

    /// Plays all registrations in 64 lanes against parties that answer at once; returns the seconds, and what a shadow has found.
    private func play(
        _ mode: LiveMode, _ observe: (@Sendable (String, () -> String) -> Void)?
    ) async throws -> (seconds: Double, shadow: [String: Int]) {
        let path = Measuring.freshPath("live")
        defer { for name in [path, path + SQLiteShadowBook.suffix] { Measuring.remove(name) } }
        let desk = try LiveDesk(path, mode, options: ServiceOptions(lanes: 64), parties: SlowParties(latency: .zero) { _ in })
        if let observe { desk.database.observe(observe) }
        let seconds = try await desk.during {
            try await Measuring.seconds {
                try await desk.play(0..<registrations, prefix: "C-")
            }
        }
        try await requireClosed(desk)
        return (seconds, try await desk.found())
    }

    private func requireClosed(_ desk: LiveDesk) async throws {
        let entities = try await desk.store.entities()
        var closed = 0
        for entity in entities where try await desk.store.snapshot(of: entity)?.record.isFinal == true { closed += 1 }
        guard closed == registrations else {
            throw Floor.Failure(message: "expected \(registrations.counted("closed claim")), found \(closed)")
        }
    }

    /// So many entities at once, each with one event at a time; every event is a call that takes `latency`. The floor is what so many
    /// lanes can do of such calls.
    private func slowParties(_ mode: LiveMode, entities: Int, lanes: Int, latency: Duration) async throws -> JSONValue {
        let path = Measuring.freshPath("live-slow")
        defer { for name in [path, path + SQLiteShadowBook.suffix] { Measuring.remove(name) } }
        let answers = Answers()
        let desk = try LiveDesk(
            path, mode, options: ServiceOptions(lanes: lanes), parties: SlowParties(latency: latency) { answers.note($0.entity) })
        let acknowledgements = Guarded<[(round: Int, seconds: Double)]>([])
        let rounds = 10
        let seconds = try await desk.during {
            try await Measuring.seconds {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<entities {
                        group.addTask {
                            for round in 1...rounds {
                                let took = try await Measuring.seconds { try await desk.send("C-\(number)", "work", round) }
                                acknowledgements.change { $0.append((round, took)) }
                                await answers.wait(for: EntityID("C-\(number)"))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
        let floor = Double(lanes) / Measuring.seconds(latency)
        let rate = Double(entities * rounds) / seconds
        let times = acknowledgements.change { $0.map(\.seconds) }
        // All entities begin at the same moment: one burst, which waits for itself.
        let later = acknowledgements.change { $0.filter { $0.round > 1 }.map(\.seconds) }
        return [
            "benchmark": "bridge-live-slow-parties", "mode": .string(mode.rawValue), "entities": .integer(entities),
            "lanes": .integer(lanes),
            "latencyMilliseconds": Measuring.rounded(Measuring.seconds(latency) * 1000, 0), "effects": .integer(entities * rounds),
            "effectsPerSecond": Measuring.rounded(rate, 1), "floorPerSecond": Measuring.rounded(floor, 1),
            "ratio": Measuring.rounded(rate / floor),
            "acknowledgedP50Milliseconds": Measuring.rounded(Measuring.quantile(times, 0.5) * 1000, 1),
            "acknowledgedP99Milliseconds": Measuring.rounded(Measuring.quantile(times, 0.99) * 1000, 1),
            "acknowledgedP99AfterTheFirstMilliseconds": Measuring.rounded(Measuring.quantile(later, 0.99) * 1000, 1),
        ]
    }
}

/// Tells who waits for an entity's next answer that it has come, before or after.
private final class Answers: Sendable {
    private enum Slot { case answered, waiting(CheckedContinuation<Void, Never>) }
    private let slots = Mutex<[EntityID: Slot]>([:])

    func note(_ entity: EntityID) {
        let waiting: CheckedContinuation<Void, Never>? = slots.withLock { slots in
            guard case .waiting(let continuation)? = slots.removeValue(forKey: entity) else {
                slots[entity] = .answered
                return nil
            }
            return continuation
        }
        waiting?.resume()
    }

    func wait(for entity: EntityID) async {
        await withCheckedContinuation { continuation in
            let isAnswered = slots.withLock { slots in
                if slots.removeValue(forKey: entity) != nil { return true }
                slots[entity] = .waiting(continuation)
                return false
            }
            if isAnswered { continuation.resume() }
        }
    }
}
