public import Bridge
public import Cutover
import DurableWorkflow
public import Events
public import HybridRouter
public import LegacyStateMachine
import Outcomes

/// What a simulated run is about.
public struct SimulationOptions<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// The domain that runs.
    public var domain: Domain<State, Record>
    /// The plans; the first one at the start, another one after each change of plan.
    public var plans: [MigrationPlan]
    /// The seed of scheduler and faults.
    public var seed: UInt64
    /// What goes wrong, and how often.
    public var rates: FaultRates
    /// After so many steps of the scheduler nothing goes wrong any more; nil for never.
    public var quietAfter: Int?
    /// When what was accepted, and when the wall clock was wrong: of a run to be repeated.
    public var schedule: SimulatedSchedule?
    /// The entity whose journal is wanted.
    public var watched: EntityID?
    /// So long after the last thing that came from outside every entity must have come to rest (I6).
    public var longestLife = Duration.days(200)
    /// True to hold the process up when the schedule's run was busy, with what was due for everybody else.
    public var isHeldUp = false
    /// True to let the outside answer by itself: of the schedule only the machine's troubles count, not what came from outside and when.
    public var isAnswered = false
    /// True to do everything when the schedule's run did it: the cron job, and every attempt to handle an event. The schedule is about one.
    public var isPaced = false
    /// In what a run that ``isPaced`` may differ from the schedule's run.
    public var rules: Set<ReplayRule> = []
    /// True to let no sweep run while the entities of the schedule, which is about one, were the durable side's: then none looked at it.
    public var sweepsLegacyOnly = false
    /// What stands between the bridge and its ports, below the faults and above the checker: a known bug.
    public var ports = PortWrapper.none
    /// What stands below the checker: a bug of the storage itself.
    public var storage: @Sendable (any HandoffStore) -> any HandoffStore = { $0 }

    /// How many things may be under way at a time, each of which waits at its port calls until it is its turn. With one, each is over
    /// before the next begins.
    public var lanes = 1

    /// Decides everything that would be drawn from the seed; nil to draw it. Wants several lanes, and rates of ``Fault/crash`` and
    /// ``Fault/recall`` that are 0, or above it to have them among the decisions.
    package var steering: Steering?

    /// The run ends when it has broken so many laws.
    public var mostViolations = Int.max

    /// The schedule, when what came from outside is to be repeated.
    var repeated: SimulatedSchedule? { isAnswered ? nil : schedule }

    /// Options.
    public init(
        domain: Domain<State, Record>, plans: [MigrationPlan], seed: UInt64, rates: FaultRates, quietAfter: Int? = nil,
        schedule: SimulatedSchedule? = nil, watched: EntityID? = nil
    ) {
        self.domain = domain
        self.plans = plans
        self.seed = seed
        self.rates = rates
        self.quietAfter = quietAfter
        self.schedule = schedule
        self.watched = watched
    }
}

/// Router, legacy runtime, embedded engine and world in one thread, under a scheduler that draws every choice from a seed.
///
/// At each step one of the things that could happen now happens: a delivery, the handling of an event, a message to the engine, a
/// timer, a task, an activity, the sweep, an operator's move. When nothing can happen, time jumps to what comes next. The process
/// dies and starts again, its storage and its parties fail, as the rates say. With several lanes these things do not have to end before
/// the next begins: each waits at its port calls, and the scheduler draws which goes on.
public final class Simulation<State: MachineState, Record: Codable & Sendable> {
    let options: SimulationOptions<State, Record>
    let world: any SimulatedWorld
    let faults: FaultInjector
    let checker: InvariantChecker
    let recorder = RunRecorder()
    /// The moments of the run that this one follows; nil when it follows none.
    var pace: RecordedPace?
    let workflows = InMemoryWorkflowStore()
    var bridge: EventBridge<State, Record>
    var engine: any VirtualTime
    /// The process' clock, which is the engine's.
    let clock = VirtualClock()
    var random: SeededRandom
    /// What is under way in lanes, and what it is.
    let turns: Turns
    var moving: [Int: Moving] = [:]
    var run = SimulationRun()
    var worldNow = Timestamp.distantPast {
        didSet {
            clock.set(to: now)
            recorder.set(now: worldNow)
        }
    }
    var skew = Duration.zero { didSet { clock.set(to: now) } }
    var skewUntil: Timestamp?
    var haltedUntil: Timestamp?
    var hold: (until: Timestamp, withSweep: Bool)?
    /// Since when there has always been something to do.
    private var busySince: Timestamp?
    var jumps: [ClockJump]
    var stretches: [BusyStretch]
    private let unswept: [DurableStretch]
    var plan = 0
    private var happening = LineQueue()
    private var arriving = LineQueue()
    private var due: [TraceLine] = []
    var sweptAt = Timestamp.distantPast
    /// When something last came from outside.
    private var heardAt: Timestamp?
    /// Since how many steps time has stood still, and at which moment.
    var stillness = (steps: 0, at: Timestamp.distantPast)
    let recalls = RecallRequests()
    /// Whether the engine had something to do when it was asked last.
    let progress = EngineProgress()

    /// A run over `world`, which has its opening lines ready.
    public init(_ options: SimulationOptions<State, Record>, world: any SimulatedWorld) throws {
        self.options = options
        self.world = world
        checker = InvariantChecker(options.storage(InMemoryHandoffStore()), recorder: recorder)
        faults = FaultInjector(seed: options.seed, rates: options.rates, steering: options.steering)
        random = SeededRandom(seed: options.seed, label: "schedule")
        turns = Turns(seed: options.seed, steering: options.steering)
        jumps = options.schedule?.jumps ?? []
        stretches = options.isHeldUp ? options.schedule?.busy ?? [] : []
        pace = options.isPaced ? options.schedule.map { RecordedPace($0, under: options.rules) } : nil
        unswept = options.sweepsLegacyOnly ? options.schedule?.durable.values.flatMap { $0 } ?? [] : []
        for delivery in options.repeated?.accepted ?? [] { arriving.add(delivery.line, at: delivery.at) }
        (bridge, engine) = try Self.assemble(options, options.plans[0], checker, workflows, clock, world, faults, recalls, turns, recorder)
    }

    /// A new process: with nothing in memory.
    func assemble() throws {
        (bridge, engine) = try Self.assemble(
            options, options.plans[plan], checker, workflows, clock, world, faults, recalls, turns, recorder)
    }

    private static func assemble(
        _ options: SimulationOptions<State, Record>, _ plan: MigrationPlan, _ checker: InvariantChecker, _ workflows: InMemoryWorkflowStore,
        _ clock: VirtualClock, _ world: any SimulatedWorld, _ faults: FaultInjector, _ recalls: RecallRequests, _ turns: Turns,
        _ recorder: RunRecorder
    ) throws -> (EventBridge<State, Record>, any VirtualTime) {
        var made: (any VirtualTime)?
        let ports = options.ports
        let failing = PortWrapper.failing(faults, meanwhile: { await recalls.recall($0) }, turns: turns, recorder: recorder)
        let (store, effects) = (failing.handoffs(ports.handoffs(checker)), failing.effects(ports.effects(world)))
        let bridge = try EventBridge(domain: options.domain, plan: plan, store: store, effects: effects) { types, activities in
            // How long code takes is the machine's affair, and not the run's.
            // Few workflows are in memory, so that most things that arrive are replayed first.
            var engineOptions = EngineOptions(maximumLive: 16, uptime: { .zero })
            engineOptions.waiting = { await turns.wait($0) }
            let engine = EmbeddedEngine(
                store: failing.workflows(ports.workflows(workflows)), workflows: types, activities: activities, options: engineOptions,
                time: clock)
            made = engine
            return engine
        }
        guard let engine = made else { throw TraceError("the durable engine was not made") }
        recalls.set { entity, now in _ = try? await bridge.recall(entity, reason: "in the middle of a call", at: now) }
        return (bridge, engine)
    }

    /// Runs until nothing is left to do.
    public func play(progress: (Int, Timestamp) -> Void = { _, _ in }) async throws -> SimulationRun {
        while true {
            takeLines()
            if run.steps == options.quietAfter { try await quiet() }
            if runsInCircles() || checker.violations.count >= options.mostViolations { break }
            if try await step() {
                run.steps += 1
                if run.steps.isMultiple(of: 50_000) { progress(run.events, worldNow) }
            } else if let next = try await nextMoment(), !isOver(by: next) {
                worldNow = max(worldNow, next)
            } else if haltedUntil != nil || skew != .zero {
                try await quiet()
            } else {
                break
            }
        }
        return try await finish()
    }

    private func takeLines() {
        for line in world.takeLines() {
            run.schedule.lines.append(line)
            happening.add(line, at: min(line.occurredAt ?? line.receivedAt, line.receivedAt))
            if options.repeated == nil, !line.lost, line.source != .world { arriving.add(line, at: line.receivedAt) }
        }
    }

    var now: Timestamp { worldNow + skew }

    // MARK: One step

    enum Choice { case deliver, handle, relay, work, sweep, settle, goOn(lane: Int) }

    private func step() async throws -> Bool {
        while let line = happening.take(until: worldNow) {
            heardAt = worldNow
            try world.happen(line)
        }
        while let line = arriving.take(until: worldNow) { due.append(line) }
        try await setClock()
        let choices = try await choices()
        guard !choices.isEmpty else { return false }
        faults.set(now: worldNow)
        recalls.set(now: now)
        try await operate()
        let choice = choose(choices)
        if options.lanes > 1 { try await goOn(choice) } else { try await surviving { try await make(choice) } }
        noteOwners()
        return true
    }

    /// One thing, from its beginning to its end.
    func make(_ choice: Choice) async throws {
        switch choice {
        case .deliver: try await deliver()
        case .handle: if try await bridge.handleNext(at: now) { run.events += 1 }
        case .relay: _ = try await bridge.relayNext(at: now)
        case .work: _ = try await engine.runNext { count in Int.random(in: 0..<count, using: &random) }
        case .sweep: try await sweep()
        case .settle: try await settle()
        case .goOn: break
        }
    }

    private func choices() async throws -> [Choice] {
        var choices: [Choice] = turns.ready(at: now).map { .goOn(lane: $0) }
        if !due.isEmpty { choices.append(.deliver) }
        if !isHeldUp, let visible = bridge.nextVisible, visible <= now, try await pacedHandling() <= worldNow { choices.append(.handle) }
        if bridge.hasUnsent { choices.append(.relay) }
        if let next = try await engine.nextDue(), next <= now { choices.append(.work) }
        if choices.isEmpty || options.lanes > 1, !isSweeping, !isHeldUp || hold?.withSweep == false, let sweep = try await nextSweep(),
            sweep <= now
        {
            choices.append(.sweep)
        }
        if choices.isEmpty, !checker.unsettled.isEmpty { choices.append(.settle) }
        noteBusy(!choices.isEmpty)
        return choices
    }

    private func noteOwners() {
        for (entity, owner) in checker.takeMoved() {
            if owner == .durable {
                run.schedule.durable[entity, default: []].append(DurableStretch(from: worldNow))
            } else if let last = run.schedule.durable[entity]?.indices.last {
                run.schedule.durable[entity]?[last].until = worldNow
            }
        }
    }

    private func noteBusy(_ isBusy: Bool) {
        if isBusy {
            busySince = busySince ?? worldNow
        } else if let since = busySince {
            busySince = nil
            if worldNow > since { recorder.worked(BusyStretch(at: since, length: worldNow - since)) }
            if worldNow - since >= BusyStretch.shortest { run.schedule.busy.append(BusyStretch(at: since, length: worldNow - since)) }
        }
    }

    /// True while the process is at work on what is not simulated.
    private var isHeldUp: Bool { hold.map { $0.until > worldNow } ?? false }

    func holdUp(_ stretch: BusyStretch) {
        let length = faults.isHeads() ? stretch.length : faults.duration(.zero...stretch.length)
        let until = max(stretch.at + length, hold?.until ?? .distantPast)
        hold = (until, withSweep: faults.isHeads())
    }

    /// The cron job of the full hour that began last; a run that fails is made up for at once.
    private func sweep() async throws {
        let hour = now.fullHour
        try await bridge.sweep(at: hour)
        swept(hour, at: worldNow)
    }

    /// The cron job of `hour`, which began at `moment`, has ended.
    func swept(_ hour: Timestamp, at moment: Timestamp) {
        sweptAt = hour
        recorder.swept(hour, at: moment)
    }

    /// Before when the first row of the queue is not handled in a run that follows another one, by the world's time.
    private func pacedHandling() async throws -> Timestamp {
        guard let pace, let first = try await checker.pendingRows().min(by: { ($0.priority, $0.sequence) < ($1.priority, $1.sequence) }),
            let row = try await checker.row(first.sequence)
        else { return .distantPast }
        return pace.handling(of: row, skew: skew) ?? .distantPast
    }

    /// Somebody finds out what became of the effects that nobody knows the result of.
    private func settle() async throws {
        for key in checker.unsettled {
            _ = try await bridge.settle(key, reply: world.answer(key), at: now)
            checker.settled(key)
            run.moves["settled", default: 0] += 1
        }
    }

    func nextSweep() async throws -> Timestamp? {
        guard let due = try await checker.nextDue() else { return nil }
        let next = max(due, sweptAt + .milliseconds(1)).nextHour
        guard pace == nil else { return pace?.sweep(due: next, at: worldNow, skew: skew).map { $0 + skew } }
        guard let stretch = unswept.first(where: { $0.contains(worldNow) }) else { return next }
        return stretch.until.map { max(next, ($0 + skew).nextHour) }
    }

    private func nextMoment() async throws -> Timestamp? {
        let free = hold?.until ?? .distantPast
        let sweep = try await nextSweep().map { hold?.withSweep == false ? $0 : max($0, free + skew) }
        let paced = try await pacedHandling()
        let handling = bridge.nextVisible.map { max($0, max(free, paced) + skew) }
        let system = [handling, sweep, try await engine.nextDue(), turns.next].compactMap { $0 }.map {
            Timestamp(milliseconds: $0.milliseconds - skew.milliseconds)
        }
        let outside = [happening.next, arriving.next, skewUntil, haltedUntil, jumps.first?.at].compactMap { $0 }
        let isIdle = system.isEmpty && happening.next == nil && arriving.next == nil
        return isIdle ? nil : (system + outside).min().map { max($0, worldNow) }
    }

    /// True when nothing has come from outside for so long that every entity must have come to rest.
    private func isOver(by moment: Timestamp) -> Bool { heardAt.map { $0 + options.longestLife < moment } ?? false }

    /// Which of the deliveries that are due comes next.
    private func nextDelivery() -> Int {
        if let steering = options.steering { return steering.decide(due.count) }
        return due.count > 1 && faults.strikes(faults.onDelivery) ? faults.index(due.count) : 0
    }

    private func deliver() async throws {
        let index = nextDelivery()
        let line = due.remove(at: index)
        let before = checker.accepts
        defer { if checker.accepts > before { run.schedule.accepted.append((line, worldNow)) } }
        do { _ = try await bridge.receive([line.message(at: now)], at: now) } catch {
            // The sender has no answer: it will try again.
            arriving.add(line, at: worldNow + .minutes(1))
            throw error
        }
    }
}
