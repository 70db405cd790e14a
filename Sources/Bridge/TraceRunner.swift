public import DurableWorkflow
public import Events
public import HybridRouter
public import LegacyStateMachine

/// Runs recorded deliveries through a bridge in virtual time: 100 days pass as fast as the disk allows.
///
/// The clock jumps to whatever comes next: a line of the trace, a message whose retry is due, a timer of the engine, the hourly
/// sweep. The position is stored with the work and the clock before it, so a killed run goes on exactly where it stopped.
public struct TraceRunner<State: MachineState, Record: Codable & Sendable>: Sendable {
    private let bridge: EventBridge<State, Record>
    private let engine: EmbeddedEngine
    private let occur: @Sendable (TraceLine) async throws -> Void
    private let operate: @Sendable (Timestamp) async throws -> Void
    private let acknowledge: @Sendable ([String]) -> Void
    private let groupSize: Int

    /// A runner.
    ///
    /// `occur` tells the outside world of every line at the moment it happens there, delivered or not. `operate` is called in every
    /// round, before its work, with the virtual time: what operators do then. `acknowledge` is called with the ids of accepted
    /// deliveries after they are durable. `groupSize` is the number of rounds between two flushes.
    public init(
        bridge: EventBridge<State, Record>, engine: EmbeddedEngine, groupSize: Int = 1024,
        occur: @escaping @Sendable (TraceLine) async throws -> Void,
        operate: @escaping @Sendable (Timestamp) async throws -> Void = { _ in },
        acknowledge: @escaping @Sendable ([String]) -> Void = { _ in }
    ) {
        self.bridge = bridge
        self.engine = engine
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
        var play = try await Play(lines, store: bridge.store)
        try await bridge.resume(at: play.now)
        var rounds = 0
        while let moment = try await nextMoment(play) {
            try await advance(&play, to: moment)
            try await happen(&play)
            try await deliver(&play)
            try await operate(play.now)
            try await work(at: play.now)
            for line in reactions() { play.add(line) }
            rounds += 1
            if rounds % groupSize == 0 {
                try await save(play)
                try await bridge.store.flush()
                progress(play.position, play.now)
            }
        }
        try await save(play)
        try await bridge.store.flush()
        progress(play.position, play.now)
    }

    /// Plays the lines that `next` yields one by one, acknowledging each once it is durable, then runs until nothing is left to do.
    public func run(stream next: () throws -> TraceLine?) async throws {
        var play = try await Play([], store: bridge.store)
        try await bridge.resume(at: play.now)
        try await bridge.store.flush()
        while let line = try next() {
            while let due = try await nextMoment(play), due <= line.receivedAt { try await round(&play, at: due) }
            play.add(line)
            try await round(&play, at: line.receivedAt)
        }
        while let due = try await nextMoment(play) { try await round(&play, at: due) }
        try await bridge.store.flush()
    }

    private func round(_ play: inout Play, at moment: Timestamp) async throws {
        try await advance(&play, to: moment)
        try await happen(&play)
        try await deliver(&play)
        try await bridge.store.flush()
        try await operate(play.now)
        try await work(at: play.now)
        try await save(play)
        try await bridge.store.flush()
    }

    /// When something is to do next, by this process or by what another one has left beside it.
    private func nextMoment(_ play: Play) async throws -> Timestamp? {
        try await bridge.loadForeignChange()
        var moments = [play.next, bridge.nextVisible, try await engine.nextDue()]
        if let due = try await bridge.store.nextDue() { moments.append(max(due, play.now).nextHour) }
        return moments.compactMap { $0 }.min()
    }

    /// Moves the clock, and stores where it stands before anything is done at that moment: a run that is killed in the middle of its
    /// work must not go on with that work at an earlier one.
    private func advance(_ play: inout Play, to moment: Timestamp) async throws {
        guard moment > play.now else { return }
        play.now = moment
        try await bridge.store.setClock(to: moment)
    }

    private func happen(_ play: inout Play) async throws {
        while let line = play.takeOccurrence() { try await occur(line) }
    }

    private func deliver(_ play: inout Play) async throws {
        let due = play.takeDeliveries()
        guard !due.isEmpty else { return }
        let acceptances = try await bridge.receive(due.filter { !$0.lost && $0.source != .world }.map(\.message), at: play.now)
        if groupSize == 1 { try await bridge.store.flush() }
        acknowledge(acceptances.map(\.id.rawValue))
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
            let ran = try await engine.nextDue().map { $0 <= now } == true ? engine.runDue(at: now) : 0
            try await bridge.relay(at: now)
            busy = pumped + ran > 0
        }
    }

    private func save(_ play: Play) async throws {
        try await bridge.store.set("trace.position", to: String(play.position))
    }
}

extension HandoffStore {
    /// The time of the run as it stood after its last round; nil before the first.
    public func clock() async throws -> Timestamp? {
        let now = try await value("clock").flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
        return now == .distantPast ? nil : now
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

/// Where a run stands: the clock, and how far the lines have happened and were delivered.
private struct Play {
    var now: Timestamp
    private(set) var position: Int
    private var deliveries: [TraceLine]
    private var occurrences: [TraceLine]
    private var occurred = 0

    init(_ lines: [TraceLine], store: any HandoffStore) async throws {
        deliveries = lines
        now = try await store.clock() ?? .distantPast
        position = lines.isEmpty ? 0 : try await store.value("trace.position").flatMap { Int($0) } ?? 0
        occurrences = lines.enumerated().sorted { left, right in
            (Self.happened(left.element), left.offset) < (Self.happened(right.element), right.offset)
        }.map(\.element)
    }

    private static func happened(_ line: TraceLine) -> Timestamp {
        line.source == .world ? .distantPast : min(line.occurredAt ?? line.receivedAt, line.receivedAt)
    }

    var next: Timestamp? {
        let delivery = position < deliveries.count ? deliveries[position].receivedAt : nil
        let occurrence = occurred < occurrences.count ? Self.happened(occurrences[occurred]) : nil
        return [delivery, occurrence].compactMap { $0 }.min()
    }

    /// Adds a line that was not known before; one that is earlier than the clock happens at once.
    mutating func add(_ line: TraceLine) {
        let delivery = deliveries[position...].firstIndex { $0.receivedAt > line.receivedAt }
        deliveries.insert(line, at: delivery ?? deliveries.endIndex)
        let occurrence = occurrences[occurred...].firstIndex { Self.happened($0) > Self.happened(line) }
        occurrences.insert(line, at: occurrence ?? occurrences.endIndex)
    }

    mutating func takeOccurrence() -> TraceLine? {
        guard occurred < occurrences.count, Self.happened(occurrences[occurred]) <= now else { return nil }
        occurred += 1
        return occurrences[occurred - 1]
    }

    mutating func takeDeliveries() -> [TraceLine] {
        let start = position
        while position < deliveries.count, deliveries[position].receivedAt <= now { position += 1 }
        return Array(deliveries[start..<position])
    }
}
