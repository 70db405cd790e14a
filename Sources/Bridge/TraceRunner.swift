public import DurableWorkflow
public import Events
import HybridRouter
public import LegacyStateMachine

/// Runs recorded deliveries through a bridge in virtual time: 100 days pass as fast as the disk allows.
///
/// The clock jumps to whatever comes next: a line of the trace, a message whose retry is due, a timer of the engine, the hourly
/// sweep. Position and clock are stored with the work, so a killed run goes on exactly where it stopped.
public struct TraceRunner<State: MachineState, Record: Codable & Sendable>: Sendable {
    private let bridge: Bridge<State, Record>
    private let engine: EmbeddedEngine
    private let occur: @Sendable (TraceLine) async throws -> Void
    private let acknowledge: @Sendable ([String]) -> Void
    private let groupSize: Int

    /// A runner.
    ///
    /// `occur` tells the outside world of every line at the moment it happens there, delivered or not. `acknowledge` is called with
    /// the ids of accepted deliveries after they are durable. `groupSize` is the number of rounds between two flushes.
    public init(
        bridge: Bridge<State, Record>, engine: EmbeddedEngine, groupSize: Int = 256,
        occur: @escaping @Sendable (TraceLine) async throws -> Void, acknowledge: @escaping @Sendable ([String]) -> Void = { _ in }
    ) {
        self.bridge = bridge
        self.engine = engine
        self.groupSize = groupSize
        self.occur = occur
        self.acknowledge = acknowledge
    }

    /// Plays `lines` (in order of receipt) from where the database stands until nothing is left to do.
    ///
    /// `progress` is called now and then with the number of lines played and the virtual time.
    public func run(_ lines: [TraceLine], progress: (Int, Timestamp) -> Void = { _, _ in }) async throws {
        var play = try await Play(lines, store: bridge.store)
        try await bridge.resume()
        var rounds = 0
        while let moment = try await nextMoment(play) {
            play.now = max(play.now, moment)
            try await happen(&play)
            try await deliver(&play)
            try await work(at: play.now)
            try await save(play)
            rounds += 1
            if rounds % groupSize == 0 {
                try await bridge.store.flush()
                progress(play.position, play.now)
            }
        }
        try await bridge.store.flush()
        progress(play.position, play.now)
    }

    /// Plays the lines that `next` yields one by one, acknowledging each once it is durable, then runs until nothing is left to do.
    public func run(stream next: () throws -> TraceLine?) async throws {
        var play = try await Play([], store: bridge.store)
        try await bridge.resume()
        while let line = try next() {
            while let due = try await nextMoment(play), due <= line.receivedAt { try await round(&play, at: due) }
            play.append(line)
            try await round(&play, at: line.receivedAt)
        }
        while let due = try await nextMoment(play) { try await round(&play, at: due) }
        try await bridge.store.flush()
    }

    private func round(_ play: inout Play, at moment: Timestamp) async throws {
        play.now = max(play.now, moment)
        try await happen(&play)
        try await deliver(&play)
        try await bridge.store.flush()
        try await work(at: play.now)
        try await save(play)
        try await bridge.store.flush()
    }

    private func nextMoment(_ play: Play) async throws -> Timestamp? {
        var moments = [play.next, bridge.nextVisible, try await engine.nextDue()]
        if let due = try await bridge.store.nextDue() { moments.append(max(due, play.now).nextHour) }
        return moments.compactMap { $0 }.min()
    }

    private func happen(_ play: inout Play) async throws {
        while let line = play.takeOccurrence() { try await occur(line) }
    }

    private func deliver(_ play: inout Play) async throws {
        let due = play.takeDeliveries()
        guard !due.isEmpty else { return }
        let acceptances = try await bridge.receive(due.filter { !$0.lost && $0.source != .world }.map(\.message), at: play.now)
        try await bridge.store.set("trace.position", to: String(play.position))
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
        try await bridge.store.set("clock", to: String(play.now.milliseconds))
    }
}

extension Timestamp {
    private static var hour: Int64 { 3_600_000 }
    var isFullHour: Bool { milliseconds % Self.hour == 0 }
    /// The next full hour that is not earlier.
    var nextHour: Timestamp { Timestamp(milliseconds: (milliseconds + Self.hour - 1) / Self.hour * Self.hour) }
}

/// Where a run stands: the clock, and how far the lines have happened and were delivered.
private struct Play {
    var now: Timestamp
    private(set) var position: Int
    private var lines: [TraceLine]
    private var occurrences: [Int]
    private var occurred = 0

    init(_ lines: [TraceLine], store: any HandoffStore) async throws {
        self.lines = lines
        now = try await store.value("clock").flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) } ?? .distantPast
        position = lines.isEmpty ? 0 : try await store.value("trace.position").flatMap { Int($0) } ?? 0
        occurrences = lines.indices.sorted { Self.happened(lines[$0], $0) < Self.happened(lines[$1], $1) }
    }

    private static func happened(_ line: TraceLine, _ index: Int) -> (Timestamp, Int) {
        (line.source == .world ? .distantPast : line.occurredAt ?? line.receivedAt, index)
    }

    var next: Timestamp? {
        let delivery = position < lines.count ? lines[position].receivedAt : nil
        let occurrence = occurred < occurrences.count ? Self.happened(lines[occurrences[occurred]], 0).0 : nil
        return [delivery, occurrence].compactMap { $0 }.min()
    }

    mutating func append(_ line: TraceLine) {
        occurrences.append(lines.count)
        lines.append(line)
    }

    mutating func takeOccurrence() -> TraceLine? {
        guard occurred < occurrences.count else { return nil }
        let line = lines[occurrences[occurred]]
        guard Self.happened(line, 0).0 <= now else { return nil }
        occurred += 1
        return line
    }

    mutating func takeDeliveries() -> [TraceLine] {
        let start = position
        while position < lines.count, lines[position].receivedAt <= now { position += 1 }
        return Array(lines[start..<position])
    }
}
