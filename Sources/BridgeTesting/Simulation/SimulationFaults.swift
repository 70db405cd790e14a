import Bridge
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import Outcomes

/// What goes wrong inside the process and with its clock, and what operators do.
extension Simulation {
    func surviving(_ body: () async throws -> Void) async throws {
        do { try await body() } catch is SimulatedCrash {} catch let fault as StorageFault {
            if case .refused(let what) = fault { worldNow = worldNow + (what == .diskFull ? .seconds(30) : .seconds(1)) }
        }
        if faults.isDown { try await restart() }
    }

    /// A new process on the same storage, two seconds later; it may die while it starts.
    func restart() async throws {
        run.moves["restarts", default: 0] += 1
        await abandonLanes()
        worldNow = worldNow + .seconds(2)
        faults.restart()
        try assemble()
        while true {
            do {
                try await bridge.resume(at: now)
                return
            } catch is SimulatedCrash { faults.restart() } catch StorageFault.unknown { faults.restart() } catch StorageFault.refused {
                worldNow = worldNow + .seconds(30)
                faults.set(now: worldNow)
            }
            try assemble()
        }
    }

    func setClock() async throws {
        if let end = haltedUntil, end <= worldNow {
            haltedUntil = nil
            try await checker.set(MigrationHalted.setting, to: nil)
        }
        if let jump = jumps.first, jump.at <= worldNow, try await !sweepsFirst(jump) {
            jumps.removeFirst()
            setSkew(jump.skew)
            // Whoever follows another run does nothing between two jumps in which that did nothing.
            if pace != nil { try await setClock() }
        }
        while let stretch = stretches.first, stretch.at <= worldNow {
            stretches.removeFirst()
            holdUp(stretch)
        }
        if let end = skewUntil, end <= worldNow {
            skewUntil = nil
            setSkew(.zero)
        }
    }

    /// True when the run that this one follows had its cron job run at the moment of `jump`, before it.
    private func sweepsFirst(_ jump: ClockJump) async throws -> Bool {
        guard pace?.sweeps(at: worldNow, before: worldNow + jump.skew) == true, let sweep = try await nextSweep() else { return false }
        return sweep <= now
    }

    func setSkew(_ skew: Duration) {
        self.skew = skew
        sweptAt = min(sweptAt, now)
        run.schedule.jumps.append(ClockJump(at: worldNow, skew: skew))
    }

    /// What operators do, and what happens to the machine.
    func operate() async throws {
        guard options.steering == nil || candidate({ $0.owner == .durable }) != nil else { return }
        switch faults.strike(faults.onOperation) {
        case .clockJump where skewUntil == nil:
            setSkew(faults.duration(.zero ... .days(2)) - .days(1))
            if let longest = options.schedule?.busy.map(\.length).max(), options.isHeldUp {
                holdUp(BusyStretch(at: worldNow, length: longest))
            }
            skewUntil = worldNow + faults.duration(.minutes(10) ... .hours(6))
        case .planChange:
            plan = (plan + 1) % options.plans.count
            try await restart()
        case .halt where haltedUntil == nil:
            try await surviving { try await bridge.halt(at: now) }
            haltedUntil = worldNow + faults.duration(.minutes(10) ... .hours(12))
        case .recall:
            if let entity = candidate({ $0.owner == .durable }) {
                try await operate { [bridge, now] in try await bridge.recall(entity, at: now) }
            }
        case .adoption:
            let states = Set(options.domain.durableSteps.flatMap(\.adopts))
            if let entity = candidate({ $0.owner == .legacy && states.contains($0.state) }) {
                try await operate { [bridge, now] in try await bridge.adopt(entity, at: now) }
            }
        default: break
        }
    }

    /// One of the latest entities that `fits`, found in a few draws.
    func candidate(_ fits: (InvariantChecker.Known) -> Bool) -> EntityID? {
        let count = checker.count
        guard count > 0 else { return nil }
        for _ in 0..<40 {
            let entity = checker.entity(faults.index(count))
            if let known = checker.known(entity), fits(known) { return entity }
        }
        return nil
    }

    /// From here on nothing goes wrong any more.
    func quiet() async throws {
        faults.quiet()
        if haltedUntil != nil { try await checker.set(MigrationHalted.setting, to: nil) }
        haltedUntil = nil
        skewUntil = nil
        if skew != .zero { setSkew(.zero) }
    }
}
