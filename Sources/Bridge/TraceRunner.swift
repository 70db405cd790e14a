public import DurableWorkflow
public import Events
public import HybridRouter
public import LegacyStateMachine

/// Runs recorded deliveries through a bridge in virtual time: 100 days pass as fast as the disk allows.
///
/// The clock jumps to whatever comes next: a line of the trace, a message whose retry is due, a timer of the engine, the hourly
/// sweep. What was received is known by its id, so a trace may be played again from its start; the position in it, which is stored with
/// the work and belongs to that trace alone, only saves the time. The clock is stored before the work, so a killed run goes on exactly
/// where it stopped.
public struct TraceRunner<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// Tells what was received and is durable now: the events' ids, and the line that could not be read, if it was one.
    public typealias Acknowledge = @Sendable (_ ids: [String], _ unreadable: DeadLetter?) throws -> Void

    private let bridge: EventBridge<State, Record>
    private let engine: any VirtualTime
    private let clock: VirtualClock
    private let occur: @Sendable (TraceLine) async throws -> Void
    private let operate: @Sendable (Timestamp) async throws -> Void
    private let acknowledge: Acknowledge
    private let groupSize: Int

    /// A runner that steps `engine`, the bridge's, and turns the `clock` that it was made with.
    ///
    /// `occur` tells the outside world of every line at the moment it happens there, delivered or not; a run that goes on tells it again
    /// of those that an earlier process has played. `operate` is called in every round, before its work, with the virtual time: what
    /// operators do then. `acknowledge` is called after deliveries are durable. `groupSize` is the number of rounds between two flushes.
    public init(
        bridge: EventBridge<State, Record>, engine: any VirtualTime, clock: VirtualClock, groupSize: Int = 1024,
        occur: @escaping @Sendable (TraceLine) async throws -> Void,
        operate: @escaping @Sendable (Timestamp) async throws -> Void = { _ in },
        acknowledge: @escaping Acknowledge = { _, _ in }
    ) {
        self.bridge = bridge
        self.engine = engine
        self.clock = clock
        self.groupSize = groupSize
        self.occur = occur
        self.operate = operate
        self.acknowledge = acknowledge
    }

    /// Plays `lines` (in order of receipt) from where the database stands until nothing is left to do.
    ///
    /// `reactions` yields the lines that the outside has come up with since it was last asked. `progress` is called now and then with
    /// the number of lines played and the virtual time.
    public func run(
        _ lines: [TraceLine], reactions: () -> [TraceLine] = { [] }, progress: (Int, Timestamp) -> Void = { _, _ in }
    ) async throws {
        try await run(TraceInMemory(lines), reactions: reactions, progress: progress)
    }

    /// The same for a trace that is not in memory.
    public func run(
        _ trace: some RecordedTrace, reactions: () -> [TraceLine] = { [] }, progress: (Int, Timestamp) -> Void = { _, _ in }
    ) async throws {
        try refuseService()
        var play = try TracePlay(trace, at: try await beginning())
        try await bridge.resume(at: play.now)
        try await skip(&play, to: try await TracePosition(of: trace.digest, in: bridge.store))
        var rounds = 0
        while let moment = try await nextMoment(play) {
            try await advance(&play, to: moment)
            try await happen(&play)
            try await deliver(&play)
            try await operate(play.now)
            try await work(at: play.now)
            for line in reactions() { play.add(line) }
            rounds += 1
            if rounds % groupSize == 0 { try await save(play, trace.digest, progress) }
        }
        try await save(play, trace.digest, progress)
        await bridge.shadow?.seal()
    }

    /// Sets the clock to the moment at which the run goes on.
    private func beginning() async throws -> Timestamp {
        let now = try await bridge.store.beginning()
        clock.set(to: now)
        return now
    }

    private func refuseService() throws {
        guard bridge.domain.service == nil else {
            throw TraceError(
                "expected a legacy machine in this process, found one that is a service: nobody can turn its clock; run it live")
        }
    }

    /// Plays what `next` yields one by one and acknowledges each once it is durable. At the end the clock stops: what waits, waits for a
    /// later stream, unless the run `drains`, which plays time on until nothing is left to do.
    public func run(stream next: () async throws -> StreamedLine?, drains: Bool = false) async throws {
        try refuseService()
        var play = try TracePlay(TraceInMemory([]), at: try await beginning())
        try await bridge.resume(at: play.now)
        try await bridge.store.flush()
        while let next = try await next() {
            switch next {
            case .unreadable(let letter): try await keep(letter, at: play.now)
            case .line(let line) where !ReceiptTime.isMeant(line, at: play.now):
                play.add(line, at: play.now)
                try await round(&play, at: play.now)
            case .line(let line):
                while let due = try await nextMoment(play), due <= line.receivedAt { try await round(&play, at: due) }
                play.add(line)
                try await round(&play, at: line.receivedAt)
            }
        }
        while drains, let due = try await nextMoment(play) { try await round(&play, at: due) }
        await bridge.shadow?.finish()
        await bridge.shadow?.seal()
        try await bridge.store.flush()
    }

    /// Keeps a line that cannot be read as a dead letter, and acknowledges it as one.
    private func keep(_ letter: DeadLetter, at now: Timestamp) async throws {
        var letter = letter
        letter.receivedAt = now
        _ = try await bridge.store.accept([.deadLetter(letter)], at: now)
        try await bridge.store.flush()
        try acknowledge([letter.id.rawValue], letter)
    }

    private func round(_ play: inout TracePlay<TraceInMemory>, at moment: Timestamp) async throws {
        try await advance(&play, to: moment)
        try await happen(&play)
        try await deliver(&play)
        try await bridge.store.flush()
        try await operate(play.now)
        try await work(at: play.now)
        try await bridge.store.flush()
    }

    /// When something is to do next, by this process or by what another one has left beside it.
    private func nextMoment(_ play: TracePlay<some RecordedTrace>) async throws -> Timestamp? {
        try await bridge.loadForeignChange()
        var moments = [play.next, bridge.nextVisible, try await engine.nextDue()]
        if let due = try await bridge.store.nextDue() { moments.append(max(due, play.now).nextHour) }
        return moments.compactMap { $0 }.min()
    }

    /// Moves the clock, and stores where it stands before anything is done at that moment: a run that is killed in the middle of its
    /// work must not go on with that work at an earlier one.
    private func advance(_ play: inout TracePlay<some RecordedTrace>, to moment: Timestamp) async throws {
        guard moment > play.now else { return }
        play.now = moment
        clock.set(to: moment)
        try await bridge.store.setClock(to: moment)
    }

    private func happen(_ play: inout TracePlay<some RecordedTrace>) async throws {
        while let line = try play.takeEarly() { try await occur(line) }
    }

    private func deliver(_ play: inout TracePlay<some RecordedTrace>) async throws {
        let due = try play.takeReceived()
        guard !due.isEmpty else { return }
        for line in due where !line.isEarly && ReceiptTime.isMeant(line, at: play.now) { try await occur(line) }
        let lines = due.filter { !$0.lost && $0.source != .world }
        let meant = lines.filter { ReceiptTime.isMeant($0, at: play.now) }
        let acceptances = try await bridge.receive(meant.map(\.message), at: play.now)
        let letters = lines.filter { !ReceiptTime.isMeant($0, at: play.now) }.flatMap { bridge.decode($0.message) }
            .map { Arrival.deadLetter(DeadLetter(ofNoTime: $0, at: play.now)) }
        let refused = letters.isEmpty ? [] : try await bridge.store.accept(letters, at: play.now)
        if groupSize == 1 { try await bridge.store.flush() }
        try acknowledge((acceptances + refused).map(\.id.rawValue), nil)
    }

    private func work(at now: Timestamp) async throws {
        try await settle(at: now)
        if let due = try await bridge.store.nextDue(), due <= now, now.isFullHour {
            try await bridge.sweep(at: now)
            try await settle(at: now)
        }
    }

    private func settle(at now: Timestamp) async throws {
        var busy = true
        while busy {
            let pumped = try await bridge.pump(at: now)
            let ran = try await engine.nextDue().map { $0 <= now } == true ? engine.runDue() : 0
            try await bridge.relay(at: now)
            busy = pumped + ran > 0
        }
        // Nobody waits for a recorded run, so its shadow leaves nothing out.
        if let shadow = bridge.shadow, shadow.waiting > ShadowDesk.mostWaiting / 4 { await shadow.finish() }
    }

    /// Passes over what an earlier process has received. The outside has forgotten it and is told again.
    private func skip(_ play: inout TracePlay<some RecordedTrace>, to position: TracePosition?) async throws {
        for _ in 0..<(position?.lines ?? 0) {
            guard let line = try play.skip() else { return }
            if !line.isEarly, ReceiptTime.isMeant(line, at: line.receivedAt) { try await occur(line) }
        }
    }

    private func save(_ play: TracePlay<some RecordedTrace>, _ digest: String, _ progress: (Int, Timestamp) -> Void) async throws {
        await bridge.shadow?.finish()
        let position = TracePosition(digest: digest, lines: play.position)
        try await bridge.store.set(TracePosition.setting, to: position.description)
        try await bridge.store.flush()
        progress(play.played, play.now)
    }
}

/// One line of a stream.
public enum StreamedLine: Sendable {
    /// A line.
    case line(TraceLine)
    /// A line that cannot be read, as it is to be kept.
    case unreadable(DeadLetter)
}

/// How many lines of which trace a database has received.
public struct TracePosition: Hashable, Sendable, CustomStringConvertible {
    static let setting = "trace.position"

    /// Names the trace.
    public let digest: String
    /// How many lines.
    public let lines: Int

    init(digest: String, lines: Int) {
        self.digest = digest
        self.lines = lines
    }

    /// Where `store` stands in the trace of that digest; nil when it has played another one since, or none.
    public init?(of digest: String, in store: any HandoffStore) async throws {
        let words = try await store.value(Self.setting)?.split(separator: " ") ?? []
        guard words.count == 2, words[0] == digest, let lines = Int(words[1]) else { return nil }
        self.init(digest: digest, lines: lines)
    }

    /// `DIGEST LINES`
    public var description: String { "\(digest) \(lines)" }
}

extension DeadLetter {
    /// A delivery that cannot have been received when it says.
    fileprivate init(ofNoTime decoded: DecodedMessage, at now: Timestamp) {
        switch decoded {
        case .deadLetter(let letter):
            self = letter
            receivedAt = now
        case .event(let incoming):
            self.init(
                id: incoming.id, source: incoming.source, reason: "implausible-time",
                detail: "\(incoming.kind): expected a time of receipt from 2000 to 2099 and within ten years of the run's clock,"
                    + " found \(incoming.receivedAt); correct the recording and deliver it again",
                body: incoming.payload.canonicalText, receivedAt: now)
        }
    }
}

extension HandoffStore {
    /// The time of the run as it stood after its last round; nil before the first.
    public func clock() async throws -> Timestamp? {
        let now = try await value("clock").flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
        return now == .distantPast ? nil : now
    }

    /// When a run begins that is played in virtual time: where it stood, or when entities came in from elsewhere.
    fileprivate func beginning() async throws -> Timestamp {
        if let now = try await clock() { return now }
        return try await value(ImportedEntity.setting).flatMap { Timestamp($0) } ?? .distantPast
    }

    fileprivate func setClock(to now: Timestamp) async throws { try await set("clock", to: String(now.milliseconds)) }
}

extension Timestamp {
    private static var hour: Int64 { 3_600_000 }
    var isFullHour: Bool { milliseconds % Self.hour == 0 }
    /// The full hour that began last.
    package var fullHour: Timestamp { Timestamp(milliseconds: milliseconds / Self.hour * Self.hour) }
    /// The next full hour that is not earlier.
    package var nextHour: Timestamp { Timestamp(milliseconds: (milliseconds + Self.hour - 1) / Self.hour * Self.hour) }
}
