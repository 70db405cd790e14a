import Bridge
import DurableWorkflow
import Events
import HybridRouter

/// Several things under way at a time, as in a live service: each lane does what a lane of `BridgeService` does.
extension Simulation {
    /// What a lane is about.
    enum Moving { case event, message, work, operation, sweep(hour: Timestamp, at: Timestamp) }

    var isSweeping: Bool { moving.values.contains { if case .sweep = $0 { true } else { false } } }

    /// Begins something in a lane, or lets a lane go on. What comes from outside needs none.
    func goOn(_ choice: Choice) async throws {
        switch choice {
        case .goOn(let lane): await turns.goOn(lane)
        case .handle: try await beginEvent()
        case .relay: await beginMessage()
        case .work: await beginWork()
        case .sweep: await beginSweep()
        case .deliver, .settle: try await surviving { try await make(choice) }
        }
        try await takeEnded()
    }

    private func begin(_ kind: Moving, _ body: @escaping @Sendable () async throws -> Void) async {
        await turns.begin({ moving[$0] = kind }, body)
    }

    private var hasRoom: Bool { turns.count < options.lanes }

    private func beginEvent() async throws {
        guard hasRoom, let claim = bridge.claim(at: now) else { return }
        run.events += 1
        if let entity = bridge.redelivered {
            checker.report(Violation(invariant: "I2", entity: entity, detail: "two lanes have had it at the same time"))
        }
        let (bridge, clock) = (bridge, SimulatedClock(clock: clock, turns: turns))
        await begin(.event) { try await bridge.handle(claim, on: clock, backoff: ServiceOptions().backoff(afterFailure:)) }
    }

    private func beginMessage() async {
        guard hasRoom, let message = bridge.claimMessage() else { return }
        let (bridge, clock) = (bridge, SimulatedClock(clock: clock, turns: turns))
        await begin(.message) { try await bridge.send(message, on: clock, backoff: ServiceOptions().backoff(afterFailure:)) }
    }

    private func beginWork() async {
        guard hasRoom else { return }
        if let steering = options.steering {
            let progress = progress
            return await begin(.work) { [engine] in
                if try await !engine.runNext(choose: { steering.decide($0) }) { progress.nothingDone() }
            }
        }
        let draw = Int.random(in: 0..<Int.max, using: &random)
        await begin(.work) { [engine] in _ = try await engine.runNext { draw % $0 } }
    }

    private func beginSweep() async {
        let hour = now.fullHour
        await begin(.sweep(hour: hour, at: worldNow)) { [bridge] in try await bridge.sweep(at: hour) }
    }

    /// What an operator does; with one lane it is over at once.
    func operate(_ body: @escaping @Sendable () async throws -> Void) async throws {
        guard options.lanes > 1 else { return try await surviving(body) }
        await begin(.operation, body)
        try await takeEnded()
    }

    /// What has ended, and what it has ended with.
    private func takeEnded() async throws {
        for (lane, result) in turns.takeEnded() {
            let kind = moving.removeValue(forKey: lane)
            try await surviving {
                try result.get()
                if case .sweep(let hour, let began) = kind { swept(hour, at: began) }
            }
        }
    }

    /// The process dies with all that is under way.
    func abandonLanes() async {
        guard turns.count > 0 else { return }
        _ = faults.crash()
        await turns.abandon()
        moving = [:]
    }
}
