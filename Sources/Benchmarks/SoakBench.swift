import ArgumentParser
import Bridge
import BridgeTesting
import DurableWorkflow
import Events
import FoundationEssentials
import HybridRouter
import Outcomes
import SQLiteStorage
import Synchronization

/// `lockstep-bench soak`
struct SoakBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "A live service under load for long, with faults at every port: its memory, its file, and that nothing is stranded.",
        discussion: """
            lockstep-bench soak --seconds 1800 --rate 50
            Every claim is one of an insurer: eight events, one step of it durable. Each event is delivered twice now and then, and again until it is
            acknowledged. A fault of the storage ends the service; the next one goes on with the file. Parties do a thing as often as they are
            asked, answer late or not at all, and can be asked what they have done. Exit code 1 when a claim did not come to its end, or an effect
            was performed twice.
            """)

    @Option(help: "For how long claims begin.") var seconds: Double = 60
    @Option(help: "Claims that begin in a second.") var rate: Double = 50
    @Option(help: "Lanes of the service.") var lanes = 64
    @Option(help: "Seconds between two lines.") var every: Double = 15
    @Option(help: "How old what is over has to be to be packed, in seconds.") var retention: Double = 20
    @Option(help: "How often something goes wrong at a port.") var faults: Double = 0.01
    @Option(help: "Of the faults.") var seed: UInt64 = 1
    @Option(help: "Output: json only; named for symmetry.") var format = "json"

    func run() async throws {
        Allocator.keepNothingSpare()
        let path = Measuring.freshPath("soak")
        defer { Measuring.remove(path) }
        var rates = FaultRates([:])
        for fault in [Fault.slow, .tooManyRequests, .responseLost] { rates.shares[fault] = faults }
        for fault in [Fault.crash, .tornPage, .ioError, .busy] { rates.shares[fault] = faults / 1000 }
        let soak = Soak(path, lanes: lanes, retention: .milliseconds(Int64(retention * 1000)), FaultInjector(seed: seed, rates: rates))
        let samples = Guarded<[Soak.Sample]>([])
        let watch = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(Int64(every * 1000)))
                let sample = try soak.sample()
                Measuring.report(sample.line)
                samples.change { $0.append(sample) }
            }
        }
        let problems = try await soak.play(seconds: seconds, rate: rate)
        watch.cancel()
        _ = await watch.result
        Measuring.report(Self.summary(samples.change { $0 }, soak, problems))
        if !problems.isEmpty { throw ExitCode(1) }
    }

    /// The second third of the samples beside the last.
    private static func summary(_ samples: [Soak.Sample], _ soak: Soak, _ problems: [String]) -> JSONValue {
        let third = samples.count / 3
        func flatness(_ value: (Soak.Sample) -> Int) -> JSONValue {
            let middle = samples.dropFirst(third).prefix(third).map { Double(value($0)) }
            let last = samples.suffix(third).map { Double(value($0)) }
            return Measuring.rounded(Measuring.quantile(last, 0.5) / max(1, Measuring.quantile(middle, 0.5)))
        }
        return [
            "benchmark": "soak", "claims": .integer(soak.closed), "services": .integer(soak.services),
            "faults": .object(Dictionary(soak.faults.map { ($0.key.rawValue, .integer($0.value)) }, uniquingKeysWith: { $1 })),
            "heapLastToMiddleThird": flatness(\.heap), "residentLastToMiddleThird": flatness(\.resident),
            "openRowsLastToMiddleThird": flatness(\.open), "problems": .integer(problems.count),
            "first": .array(problems.prefix(5).map { .string($0) }),
        ]
    }
}

/// Claims that begin one after the other, each played to its end, on services that follow each other on one file.
final class Soak: Sendable {
    /// What is seen at a moment.
    struct Sample: Sendable {
        let heap: Int
        let resident: Int
        /// Rows of what is not over, or not for long enough: events, moves, histories.
        let open: Int
        let line: JSONValue
    }

    private struct State {
        var desk: LiveDesk?
        var closed = 0
        var services = 0
        var calls: [EntityID: Calls] = [:]
        var problems: [String] = []
        /// Why no service runs any more.
        var failure: (any Error)?

        /// Counts a call; returns who waits for the end of its claim, when it is that.
        mutating func note(_ key: EffectKey) -> CheckedContinuation<Void, Never>? {
            guard calls[key.entity] != nil else {
                problems.append("\(key): expected nothing after the end of its claim, found another call")
                return nil
            }
            calls[key.entity]?.performed[key, default: 0] += 1
            guard key.operation == "desk.close" else { return nil }
            defer { calls[key.entity]?.end = nil }
            return calls[key.entity]?.end
        }
    }

    /// What the parties have done for a claim that is under way.
    private struct Calls {
        var performed: [EffectKey: Int] = [:]
        var end: CheckedContinuation<Void, Never>?
    }

    private let path: String
    private let options: ServiceOptions
    private let injector: FaultInjector
    private let state = Mutex(State())
    private let began = ContinuousClock.now

    init(_ path: String, lanes: Int, retention: Duration, _ injector: FaultInjector) {
        self.path = path
        self.injector = injector
        options = ServiceOptions(
            lanes: lanes, reconcilePeriod: .seconds(10), retention: retention, compactionPeriod: .seconds(5), grace: .milliseconds(500))
    }

    var closed: Int { state.withLock(\.closed) }
    var services: Int { state.withLock(\.services) }
    var faults: [Fault: Int] { injector.counts }

    /// Plays claims to their end; returns what is wrong.
    func play(seconds: Double, rate: Double) async throws -> [String] {
        let isOver = Guarded(false)
        let serving = Task {
            do { try await serve { isOver.change { $0 } } } catch {
                state.withLock { $0.failure = error }
                throw error
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            var number = 0
            while Measuring.seconds(ContinuousClock.now - began) < seconds {
                let name = "C-\(number)"
                group.addTask { try await self.claim(name) }
                number += 1
                if number > 2000 { _ = try await group.next() }
                try await Task.sleep(until: began + .milliseconds(Int64(Double(number) / rate * 1000)))
            }
            injector.quiet()
            try await group.waitForAll()
        }
        try await waitForRetries(try await desk())
        try await audit(try await desk())
        isOver.change { $0 = true }
        try await desk().service.shutdown()
        try await serving.value
        return state.withLock(\.problems)
    }

    // MARK: Services, one after the other

    private func serve(isOver: @Sendable () -> Bool) async throws {
        while !isOver() {
            let desk = try await open()
            state.withLock { state in
                state.desk = desk
                state.services += 1
            }
            do { try await desk.service.run() } catch is any EnvironmentFailure {}
            state.withLock { $0.desk = nil }
            injector.restart()
        }
    }

    /// The last calls of the service before may still hold the file.
    private func open() async throws -> LiveDesk {
        var last: (any Error)?
        for _ in 0..<2000 {
            do {
                return try LiveDesk(
                    path, .hybrid, options: options, parties: SoakParties(soak: self, life: services + 1), ports: .failing(injector))
            } catch {
                last = error
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        throw Floor.Failure(message: "\(path): expected to open it within 10 s, found: \(last.map { "\($0)" } ?? "")")
    }

    private func desk() async throws -> LiveDesk {
        while true {
            let (desk, failure) = state.withLock { ($0.desk, $0.failure) }
            if let failure { throw failure }
            if let desk { return desk }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    // MARK: A claim

    private func claim(_ name: String) async throws {
        state.withLock { $0.calls[EntityID(name)] = Calls() }
        for number in 1...Claims.work { try await send(name, "work", number) }
        try await send(name, "check")
        try await send(name, "photo")
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                if state.calls[EntityID(name)]?.performed.keys.contains(where: { $0.operation == "desk.close" }) == true { return true }
                state.calls[EntityID(name)]?.end = continuation
                return false
            }
            if isClosed { continuation.resume() }
        }
        state.withLock { state in
            state.closed += 1
            guard let calls = state.calls.removeValue(forKey: EntityID(name))?.performed else { return }
            let expected = Claims.work + 2
            if calls.count != expected { state.problems.append("\(name): expected \(expected) effects, found \(calls.keys.sorted())") }
            for (key, count) in calls where count > 1 { state.problems.append("\(key): expected once, found \(count) times") }
        }
    }

    /// Delivers until it is acknowledged, and every tenth time once more.
    private func send(_ name: String, _ kind: String, _ number: Int = 1) async throws {
        var isAcknowledged = false
        while !isAcknowledged {
            let desk = try await desk()
            do {
                try await desk.send(name, kind, number)
                if (name.count + number).isMultiple(of: 10) { try await desk.send(name, kind, number) }
                isAcknowledged = true
            } catch { try await Task.sleep(for: .milliseconds(10)) }
        }
    }

    // MARK: The parties

    /// A party does a thing as often as it is asked; false when who asks is of a service that is over, and the call does not arrive.
    fileprivate func perform(_ key: EffectKey, in life: Int) -> Bool {
        let (hasArrived, waiting): (Bool, CheckedContinuation<Void, Never>?) = state.withLock { state in
            guard state.services == life, state.desk != nil else { return (false, nil) }
            return (true, state.note(key))
        }
        waiting?.resume()
        return hasArrived
    }

    fileprivate func knows(_ key: EffectKey) -> Bool {
        // Whoever asks after the end asks because an answer was lost: it was done.
        state.withLock { $0.calls[key.entity].map { $0.performed[key] != nil } ?? true }
    }

    // MARK: What is seen

    func sample() throws -> Sample {
        let database = try LockstepDatabase(path: path, readOnly: true)
        let rows = try database.rowCounts(of: ["inbox", "move", "workflow_run", "workflow_history", "outbox", "archive", "ledger"])
        func size(_ suffix: String) -> Int {
            (try? FileManager.default.attributesOfItem(atPath: path + suffix))?[.size] as? Int ?? 0
        }
        let open = ["inbox", "move", "workflow_run", "workflow_history", "outbox"].reduce(0) { $0 + (rows[$1] ?? 0) }
        let (heap, resident, closed) = (Allocator.bytesInUse(), Allocator.settledBytes(), closed)
        var line: JSONValue = [
            "benchmark": "soak", "seconds": Measuring.rounded(Measuring.seconds(ContinuousClock.now - began), 0),
            "closed": .integer(closed), "underWay": .integer(state.withLock { $0.calls.count }), "services": .integer(services),
            "heapMiB": Measuring.rounded(Double(heap) / 1_048_576, 1), "residentMiB": Measuring.rounded(Double(resident) / 1_048_576, 1),
            "fileMiB": Measuring.rounded(Double(size("")) / 1_048_576, 1), "logMiB": Measuring.rounded(Double(size("-wal")) / 1_048_576, 1),
            "fileBytesPerClosed": .integer(closed == 0 ? 0 : size("") / closed),
        ]
        for (table, count) in rows { line["rows-\(table)"] = .integer(count) }
        return Sample(heap: heap, resident: resident, open: open, line: line)
    }

    /// A call whose answer was lost last is made again after its wait. What still waits after five minutes waits for nothing.
    private func waitForRetries(_ desk: LiveDesk) async throws {
        let end = ContinuousClock.now + .seconds(300)
        while ContinuousClock.now < end {
            try await desk.service.settled()
            if try await desk.store.pendingRows().isEmpty, try await desk.store.pendingOutbox().isEmpty { return }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Nothing is stranded: every claim is closed, nothing waits, nothing is set aside.
    private func audit(_ desk: LiveDesk) async throws {
        var problems: [String] = []
        for entity in try await desk.store.entities() {
            guard try await desk.store.snapshot(of: entity)?.record.isFinal != true else { continue }
            problems.append("\(entity): expected it closed, found it open")
        }
        problems += try await desk.store.quarantined().map { "\($0.entity): \($0.reason)" }
        problems += try await desk.store.pendingRows().map { "\($0.entity): row \($0.sequence) is pending" }
        problems += try await desk.store.pendingOutbox().map { "\($0.entity): \($0.kind) is not sent" }
        state.withLock { $0.problems += problems }
    }
}

/// Parties that can be asked what they have done, as they are reached from one service.
private struct SoakParties: EffectPort {
    let soak: Soak
    let life: Int

    func kind(of operation: String) -> PartyKind { .answersLookUps }

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        try? await Task.sleep(for: .milliseconds(5))
        guard soak.perform(call.key, in: life) else {
            throw EffectError(.unknownOutcome, vendorCode: "gone", message: "\(call.key): the service is over")
        }
        return ["reference": .string(call.key.description)]
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        soak.knows(key) ? ["reference": .string(key.description)] : nil
    }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { [:] }
}
