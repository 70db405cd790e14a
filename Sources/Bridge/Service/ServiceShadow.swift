import DurableWorkflow
import Events

// What follows the owner while a service runs.

extension BridgeService {
    /// Follows until the service stops, on a thread of its own and in its share of a processor: after each piece of work it rests for as long
    /// as that demands. Nobody waits for it: code that never returns keeps the shadow from going on, and nothing else.
    func follow(_ shadow: ShadowDesk) {
        let share = min(1, options.shadowShare)
        Task(executorPreference: ThreadExecutor(label: "lockstep.shadow")) {
            defer { self.shadowRests.request() }
            guard share > 0 else { return }
            while !self.ending.isRequested {
                let began = ContinuousClock.now
                let didWork = await shadow.work()
                await self.rest(for: didWork ? began.duration(to: .now) * (1 / share - 1) : .milliseconds(100))
            }
        }
    }

    /// Rests, but not longer than the service runs.
    private func rest(for time: Duration) async {
        let end = ContinuousClock.now + time
        while !ending.isRequested, ContinuousClock.now < end {
            try? await Task.sleep(until: min(end, .now + .milliseconds(100)), clock: .continuous)
        }
    }

    /// Keeps what has come, and follows what is over, until `deadline`. What is left then waits in its book for the next process.
    func finish(_ shadow: ShadowDesk, until deadline: Timestamp) async {
        await wait(until: deadline + .seconds(1), or: ServiceEnd()) { [shadowRests, clock] in
            await shadowRests.wait()
            await withTaskExecutorPreference(ThreadExecutor(label: "lockstep.shadow")) {
                while clock.now < deadline, await shadow.work() {}
                await shadow.keepAll()
                await shadow.seal()
            }
        }
    }
}
