import DurableWorkflow
public import Events
import HybridRouter
public import LegacyStateMachine
import Synchronization

/// Runs a bridge live: deliveries come in while it runs, on the system's time.
///
/// The events of one entity are handled one after the other, those of different entities at the same time, in so many lanes. While a call
/// to a party is under way its lane waits, no transaction is open, and everybody else goes on. The same transactions, fences and
/// quarantine hold as in a recorded run: it is the same pipeline, which a `TraceRunner` drives in virtual time.
///
/// A store that shares its commits among many callers is a ``GroupCommitStore``; an embedded engine's options have to be `isEager`.
public final class BridgeService<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// What it runs.
    public let bridge: EventBridge<State, Record>
    let worker: any EngineWorker
    let clock: any ServiceClock
    let options: ServiceOptions
    let ending = ServiceEnd()
    /// Requested when the shadow follows no more.
    let shadowRests = ServiceEnd()
    let admission: Admission
    let events: Lanes<EventClaim>
    let relays: Lanes<OutboxMessage>
    let timer: ServiceTimer
    let progress = Mutex(Progress())

    struct Progress {
        enum Phase { case new, starting, running, stopping, stopped }
        var phase = Phase.new
        var handled = 0
        var abandoned = 0
    }

    /// A service that runs `bridge` and its engine. `clock` is the one that the engine was made with.
    public init(
        _ bridge: EventBridge<State, Record>, options: ServiceOptions = ServiceOptions(), clock: any ServiceClock = RealTime()
    ) {
        self.bridge = bridge
        self.options = options
        self.clock = clock
        worker = bridge.engine.worker(activitySlots: options.lanes, longestSleep: options.longestSleep)
        let (pipeline, ending, timer) = (bridge.pipeline, ending, ServiceTimer(clock))
        let admission = Admission(limit: options.maximumWaiting) { pipeline.waitingCount }
        self.timer = timer
        self.admission = admission
        events = Lanes(limit: options.lanes) {
            if let claim = bridge.claim(at: clock.now) {
                admission.admit()
                return claim
            }
            if let next = pipeline.nextVisible { timer.set(next) { pipeline.live.ring() } }
            return nil
        } run: { claim in
            do {
                if let entity = bridge.redelivered { throw EntityInTwoLanes(entity: entity) }
                try await bridge.handle(claim, on: clock, backoff: options.backoff)
            } catch { ending.fail(error) }
        }
        relays = Lanes(limit: options.relays, take: pipeline.claimMessage) { message in
            do { try await bridge.send(message, on: clock, backoff: options.backoff) } catch { ending.fail(error) }
        }
    }

    /// Runs until ``shutdown()`` is called, or its task is cancelled, which leaves what is under way at once. It runs once.
    ///
    /// Throws what the database has failed with; what was acknowledged is kept, and the next process goes on.
    public func run() async throws {
        try begin()
        defer { progress.withLock { $0.phase = .stopped } }
        defer { bridge.pipeline.live.remove() }
        await withTaskGroup(of: Void.self) { group in
            do {
                try await takeUp()
                open()
                group.addTask { await self.work() }
            } catch { ending.fail(error) }
            for duty in duties { group.addTask { await self.perform(duty) } }
            if let shadow = bridge.shadow { follow(shadow) }
            await withTaskCancellationHandler {
                await ending.wait()
            } onCancel: {
                ending.request()
            }
            await windDown()
            group.cancelAll()
        }
        if let failure = ending.failure { throw failure }
    }

    private func begin() throws {
        let isNew = progress.withLock { progress in
            defer { if progress.phase == .new { progress.phase = .starting } }
            return progress.phase == .new
        }
        guard isNew else { throw ServiceStopped() }
    }

    private func work() async {
        do { try await worker.run() } catch { ending.fail(error) }
    }

    /// Takes up what an earlier process left. Nothing is begun before it is known what that one had begun.
    private func takeUp() async throws {
        try await bridge.load()
        try await bridge.strand(at: clock.now)
    }

    /// Lets the lanes begin, and deliveries in.
    private func open() {
        bridge.pipeline.live.install(clock: clock) { [events, relays] in
            events.fill()
            relays.fill()
        }
        progress.withLock { $0.phase = .running }
        admission.open()
        bridge.pipeline.live.ring()
    }

    /// Asks the service to stop: it takes no deliveries any more, lets what is under way end within the grace, and ends ``run()``.
    public func shutdown() { ending.request() }

    /// Stops the service because of something outside it that has failed; ``run()`` throws it.
    public func stop(after failure: any Error) { ending.fail(failure) }

    /// The time it runs on.
    public var now: Timestamp { clock.now }

    private func windDown() async {
        progress.withLock { $0.phase = .stopping }
        admission.end()
        events.stop()
        relays.stop()
        timer.stop()
        let deadline = clock.now + options.grace
        let isInOrder = ending.failure == nil && !Task.isCancelled
        if isInOrder { await finish() }
        if let shadow = bridge.shadow { await finish(shadow, until: isInOrder ? deadline : clock.now) }
        progress.withLock { $0.abandoned = events.busy + worker.busyCount }
        events.cancel()
        relays.cancel()
        worker.stop()
        if ending.failure == nil { do { try await bridge.store.flush() } catch { ending.fail(error) } }
    }

    /// Returns when nothing is under way, or after the grace. What never returns is not waited for, so nobody may be its parent.
    private func finish() async {
        let over = ServiceEnd()
        await withTaskCancellationHandler {
            await wait(until: clock.now + options.grace, or: over) { [events, relays, worker] in
                await events.waitUntilIdle()
                await worker.drain()
                await relays.waitUntilIdle()
            }
        } onCancel: {
            over.request()
        }
    }

    /// Returns when `work` has ended, at `deadline`, or when somebody requests `over`.
    func wait(until deadline: Timestamp, or over: ServiceEnd, for work: @escaping @Sendable () async -> Void) async {
        let work = Task {
            await work()
            over.request()
        }
        let limit = Task { [clock] in
            try? await clock.sleep(until: deadline)
            over.request()
        }
        await over.wait()
        work.cancel()
        limit.cancel()
    }
}
