import Bridge
import Events
import HybridRouter

/// Lets a run of one entity do things at the moments at which a recorded run of many did them.
struct RecordedPace {
    private let sweeps: [RecordedSweep]
    private let entity: EntityRecording
    private let busy: [BusyStretch]
    /// While the cron job looks only when a durable step has asked a party.
    private let resting: [Rest]
    /// The first sweep that is not in the past.
    private var next = 0

    init(_ schedule: SimulatedSchedule, under rules: Set<ReplayRule>) {
        entity = schedule.recording.entities.values.first ?? EntityRecording()
        // One that the store stopped had come to this entity, or had not.
        sweeps = (entity.looks + schedule.recording.sweeps).sorted { $0.at < $1.at }
        busy = schedule.recording.busy
        resting = schedule.rests(entity, under: rules)
    }

    /// When the cron job that is due at `due` by the process' clock runs, by the world's time; nil for never.
    mutating func sweep(due: Timestamp, at now: Timestamp, skew: Duration) -> Timestamp? {
        while next < sweeps.count, sweeps[next].at < now { next += 1 }
        guard let rest = resting.last(where: { $0.stretch.contains(now) }) else { return recorded(due, at: now, skew) }
        let earliest = max(now, due + (.zero - skew))
        if let look = rest.looks.first(where: { $0 >= earliest }) { return look }
        return rest.stretch.until.map { max($0, recorded(due, at: now, skew)) }
    }

    /// When it ran in the recorded run. Where it had nothing to do there, on the hour, or when what kept the process busy was done.
    private func recorded(_ due: Timestamp, at now: Timestamp, _ skew: Duration) -> Timestamp {
        let hour = max(due, (now + skew).fullHour)
        let sweep = sweeps[next...].first { $0.hour >= hour }
        if let sweep, sweep.hour == hour, sweep.at + skew >= hour { return sweep.at }
        let moment = max(now, hour + (.zero - skew))
        guard let end = stretch(at: moment)?.end else { return moment }
        return sweep.map { $0.at + skew >= hour ? min($0.at, end) : end } ?? end
    }

    /// True when the cron job ran at `moment` before the clock jumped at that same moment, to `now`.
    func sweeps(at moment: Timestamp, before now: Timestamp) -> Bool {
        sweeps[next...].lazy.drop { $0.at < moment }.prefix { $0.at == moment }.contains { $0.hour > now }
    }

    /// When `row` was handled in the recorded run, by the world's time; nil for at once.
    ///
    /// A durable step that ran again after it had used the row decided at that later moment, if the process was busy until then. A timer that the
    /// recorded run did not send, because a durable step looked instead, is handled when that step asked its first party, if the process was
    /// busy.
    func handling(of row: InboxRow, skew: Duration) -> Timestamp? {
        let attempt = EventAttempt(row.event, attempt: row.attempt)
        let sent = entity.attempts[attempt] ?? row.event.receivedAt + (.zero - skew)
        guard let stretch = stretch(at: sent) else { return entity.attempts[attempt] }
        if let use = entity.uses[attempt], sent <= use, use <= stretch.end { return use }
        guard row.event.source == .timer, entity.attempts[attempt] == nil else { return entity.attempts[attempt] }
        return entity.calls.first { sent <= $0 && $0 <= stretch.end }
    }

    /// The stretch that `moment` is in.
    private func stretch(at moment: Timestamp) -> BusyStretch? {
        var (low, high) = (0, busy.count)
        while low < high {
            let middle = (low + high) / 2
            if busy[middle].end <= moment { low = middle + 1 } else { high = middle }
        }
        return low < busy.count && busy[low].at <= moment ? busy[low] : nil
    }
}

extension BusyStretch {
    fileprivate var end: Timestamp { at + length }
}

/// A time in which a durable step looked, and the cron job did not.
private struct Rest {
    /// From when, and until when.
    var stretch: DurableStretch
    /// When the step looked.
    var looks: [Timestamp]
}

extension SimulatedSchedule {
    /// The times in which a durable step had the entity and a rule excuses the cron job, each until it looked at the entity next.
    fileprivate func rests(_ entity: EntityRecording, under rules: Set<ReplayRule>) -> [Rest] {
        durable.values.joined().compactMap { stretch in
            if rules.contains(.takenBack), let end = stretch.until, entity.recalls.contains(end) {
                let told = entity.waits.last { stretch.contains($0) } ?? .distantPast
                return rest(stretch, entity) { $0 <= told }
            }
            guard rules.contains(.wrongClockWhileDurable), isClockWrong(in: stretch) else { return nil }
            let end = stretch.until.map { $0 + skew(at: $0) } ?? .distantFuture
            // A look that lies in the future when the step ends, because the clock was ahead, is none: the record says when the step was told
            // something last, by the clock of then.
            return rest(stretch, entity) { $0 + skew(at: $0) <= end }
        }
    }

    private func rest(_ stretch: DurableStretch, _ entity: EntityRecording, looking counts: (Timestamp) -> Bool) -> Rest {
        let next = stretch.until.flatMap { end in entity.looks.first { $0.at >= end }?.at }
        let looks = entity.calls.filter { stretch.contains($0) && counts($0) }
        return Rest(stretch: DurableStretch(from: stretch.from, until: next ?? stretch.until), looks: looks)
    }

    private func skew(at moment: Timestamp) -> Duration { jumps.last { $0.at <= moment }?.skew ?? .zero }

    private func isClockWrong(in stretch: DurableStretch) -> Bool {
        let isWrongWithin = jumps.contains { $0.skew != .zero && stretch.contains($0.at) }
        return isWrongWithin || skew(at: stretch.from) != .zero
    }
}
