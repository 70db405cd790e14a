public import Events
import HybridRouter
public import Outcomes
import Synchronization

/// When a run did what, and which answers failed: a run that follows it does the same at the same moments and gets the same answers.
public struct RunRecording: Sendable {
    /// When the cron job ran, in order.
    public var sweeps: [RecordedSweep] = []
    /// When there was always something to do, however short, in order.
    public var busy: [BusyStretch] = []
    /// What was done for each entity.
    public var entities: [EntityID: EntityRecording] = [:]

    /// A recording of nothing.
    public init() {}
}

/// One run of the cron job.
public struct RecordedSweep: Hashable, Sendable {
    /// The full hour that it was for, by the process' clock.
    public var hour: Timestamp
    /// When it ran, by the world's time.
    public var at: Timestamp
}

/// What was done for one entity.
public struct EntityRecording: Sendable {
    /// When an attempt to handle an event was made, by the world's time; only those that were not made at the moment of its arrival.
    public var attempts: [EventAttempt: Timestamp] = [:]
    /// When a durable step ran again after it had used an event, by the world's time: the engine's store had refused what it did first. What
    /// the step decides counts from the later moment.
    public var uses: [EventAttempt: Timestamp] = [:]
    /// When a durable step said where it waits, in order, by the world's time.
    public var waits: [Timestamp] = []
    /// When legacy took it back in the middle of a step, and the step did not say when it had looked, in order, by the world's time.
    public var recalls: [Timestamp] = []
    /// When a party was asked something, in order, by the world's time.
    public var calls: [Timestamp] = []
    /// When the cron job sent it a timer, in order, by the world's time.
    public var looks: [RecordedSweep] = []
    /// The answers that failed, in order.
    public var failures: [InjectedFailure] = []

    /// A recording of nothing.
    public init() {}
}

/// One attempt to handle an event.
public struct EventAttempt: Hashable, Sendable {
    /// The event's id; of a message from one step to the next its kind and moment, since its id says how often the entity changed hands.
    public var event: String
    /// From 1.
    public var attempt: Int

    init(_ event: Event, attempt: Int) {
        self.event = event.source == .lockstep ? "\(event.kind) \(event.receivedAt)" : event.id.rawValue
        self.attempt = attempt
    }
}

/// An answer that was taken from a caller: the fault stands between the caller and the party.
public struct InjectedFailure: Hashable, Sendable {
    /// What was asked.
    public enum Kind: Hashable, Sendable {
        /// A call, which the party had performed before its answer was lost, or not.
        case call(isPerformed: Bool)
        /// What became of a call.
        case lookUp
        /// A read.
        case read
    }

    /// What was asked.
    public var kind: Kind
    /// The key of a call or look-up; nil for a read.
    public var key: EffectKey?
    /// The read's operation and request; nil for a call.
    public var query: ReadQuery?
    /// What was answered.
    public var error: EffectError
    /// When, by the world's time.
    public var at: Timestamp

    /// A failure.
    public init(kind: Kind, key: EffectKey?, query: ReadQuery?, error: EffectError, at: Timestamp) {
        (self.kind, self.key, self.query, self.error, self.at) = (kind, key, query, error, at)
    }
}

/// Writes down what a run does.
final class RunRecorder: Sendable {
    private struct State {
        var recording = RunRecording()
        var now = Timestamp.distantPast
        var told: [EntityID: Told] = [:]
    }

    /// Where a durable step has said last that it waits, and what it used on the way.
    private struct Told {
        let state: String
        let used: [EventAttempt]
    }

    private let state = Mutex(State())

    var recording: RunRecording { state.withLock { $0.recording } }

    /// The world's time.
    func set(now: Timestamp) { state.withLock { $0.now = now } }

    func swept(_ hour: Timestamp, at moment: Timestamp) {
        state.withLock { $0.recording.sweeps.append(RecordedSweep(hour: hour, at: moment)) }
    }

    /// The process had something to do all the time.
    func worked(_ stretch: BusyStretch) { state.withLock { $0.recording.busy.append(stretch) } }

    /// The cron job has sent `entity` a timer.
    func looked(at entity: EntityID, for hour: Timestamp) {
        state.withLock { state in
            let look = RecordedSweep(hour: hour, at: state.now)
            state.recording.entities[entity, default: EntityRecording()].looks.append(look)
        }
    }

    /// A party is asked something.
    func asked(for entity: EntityID) {
        state.withLock { state in
            guard state.recording.entities[entity]?.calls.last != state.now else { return }
            state.recording.entities[entity, default: EntityRecording()].calls.append(state.now)
        }
    }

    func failed(_ call: EffectKey, _ kind: InjectedFailure.Kind, _ error: EffectError) {
        add(call.entity) { InjectedFailure(kind: kind, key: call, query: nil, error: error, at: $0) }
    }

    func failed(_ query: ReadQuery, _ error: EffectError) {
        add(query.entity) { InjectedFailure(kind: .read, key: nil, query: query, error: error, at: $0) }
    }

    private func add(_ entity: EntityID, _ failure: (Timestamp) -> InjectedFailure) {
        state.withLock { $0.recording.entities[entity, default: EntityRecording()].failures.append(failure($0.now)) }
    }

    /// Legacy has taken `entity` back in the middle of a step, which did not say when it had looked.
    func recalled(_ entity: EntityID) {
        state.withLock { $0.recording.entities[entity, default: EntityRecording()].recalls.append($0.now) }
    }

    /// A durable step waits in `position` after it used `rows`. One that says the same again without having used anything runs again.
    func waits(_ entity: EntityID, in position: String, after rows: [InboxRow]) {
        let used = rows.map { EventAttempt($0.event, attempt: $0.attempt) }
        state.withLock { state in
            state.recording.entities[entity, default: EntityRecording()].waits.append(state.now)
            if used.isEmpty, let told = state.told[entity], told.state == position {
                for attempt in told.used { state.recording.entities[entity, default: EntityRecording()].uses[attempt] = state.now }
            } else {
                state.told[entity] = Told(state: position, used: used)
            }
        }
    }

    /// A transaction of the process' time `moment` has said what became of an attempt to handle `row`, which is as it is stored now.
    func attempted(_ row: InboxRow, _ move: Move, at moment: Timestamp) {
        let isRetried = if case .retried = move { true } else { false }
        let attempt = EventAttempt(row.event, attempt: isRetried ? row.attempt - 1 : row.attempt)
        guard attempt.attempt > 1 || row.event.receivedAt != moment else { return }
        state.withLock { state in
            guard state.recording.entities[row.event.entity]?.attempts[attempt] == nil else { return }
            state.recording.entities[row.event.entity, default: EntityRecording()].attempts[attempt] = state.now
        }
    }
}
