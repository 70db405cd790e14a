import Events
import Foundation
import Testing

/// `SIGKILL` at random moments under load. `LOCKSTEP_KILL_SECONDS` says for how long, `LOCKSTEP_SEED` makes other draws.
@Suite struct KillRunTests {
    @Test func nothingAcknowledgedIsLostAndNothingIsAppliedTwice() async throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["LOCKSTEP_KILL_SECONDS"].flatMap(Double.init) ?? 20
        let seed = environment["LOCKSTEP_SEED"].flatMap(UInt64.init) ?? 1
        let database = NSTemporaryDirectory() + "lockstep-kill-\(UUID().uuidString).sqlite"
        print("kill run: seed \(seed), \(seconds) s")
        let run = try await FaultProcess.talk {
            var run = KillRun(database, seed: seed)
            let end = ContinuousClock.now + .seconds(seconds)
            while ContinuousClock.now < end || run.kills < 3 { try run.live() }
            try run.finish()
            return run
        }
        print("kill run: \(run.figures)")
        #expect(run.problems.isEmpty, "seed \(seed): \(run.problems.prefix(5))")
        try await Books(database).check(run.acknowledged, seed: seed)
    }
}

/// Clients that start registrations and chains of runs and signal them, and a process that does not live long.
private struct KillRun {
    /// Every third workflow goes on in four runs.
    private static func signals(of workflow: String) -> [String] {
        workflow.hasPrefix("c") ? (1...12).map { "word\($0)" } : ["brand", "review", "number"]
    }

    /// Starts one workflow after another and sends its signals; each line is sent until it is answered.
    private struct Client {
        var workflow: String
        var stage = 0

        var line: String {
            stage == 0 ? "start \(workflow)" : KillRun.line(workflow, KillRun.signals(of: workflow)[stage - 1])
        }
    }

    private let database: String
    private var random: SeededRandom
    private var clients: [Client] = []
    private var started = 0
    private var lines: [String] = []
    private(set) var acknowledged: [String: Set<String>] = [:]
    private(set) var problems: [String] = []
    private(set) var kills = 0
    private var delivered = 0
    private var duplicates = 0
    private var resent = 0

    init(_ database: String, seed: UInt64) {
        self.database = database
        random = SeededRandom(seed: seed)
        for _ in 0..<16 { clients.append(Client(workflow: newWorkflow())) }
    }

    var figures: String {
        "\(kills) kills, \(acknowledged.count) workflows, \(acknowledged.keys.count { $0.hasPrefix("c") }) of them chains,"
            + " \(lines.count) signals acknowledged, \(delivered) of them answered as delivered,"
            + " \(duplicates) duplicates sent, \(resent) lines sent again because they were not answered"
    }

    private static func line(_ workflow: String, _ signal: String) -> String { "signal \(workflow) \(signal) \(workflow)-\(signal)" }

    private mutating func newWorkflow() -> String {
        defer { started += 1 }
        return "\(started % 3 == 0 ? "c" : "w")\(started)"
    }

    /// One life of the process, from its start to its death.
    mutating func live() throws {
        let process = try FaultProcess(database)
        try greet(process)
        let answers = random.chance(0.15) ? 0 : Int.random(in: 1...250, using: &random)
        for _ in 0..<answers {
            guard let answer = try process.line() else { break }
            if let line = take(answer) { try process.send(line) }
            if random.chance(0.1) { try repeatOne(process) }
        }
        usleep(UInt32.random(in: 0...(answers == 0 ? 80_000 : 3000), using: &random))
        try process.kill()
        kills += 1
        // What it has said before it died it has promised.
        while let answer = try process.line() { _ = take(answer) }
        if !process.wasKilled() { problems.append("the process ended by itself") }
    }

    /// Nothing that was asked is sure to be known any more: it is asked again.
    private mutating func greet(_ process: FaultProcess) throws {
        for client in clients { try process.send(client.line) }
        if kills > 0 { resent += clients.count }
        for _ in 0..<3 { try repeatOne(process) }
    }

    /// Sends a signal again that was acknowledged before, often a late one.
    private mutating func repeatOne(_ process: FaultProcess) throws {
        let first = random.chance(0.7) ? max(0, lines.count - 40) : 0
        guard let line = lines[first...].randomElement(using: &random) else { return }
        duplicates += 1
        try process.send(line)
    }

    /// Takes an answer and says what its client asks next.
    private mutating func take(_ answer: Answer) -> String? {
        if let failure = answer.failure { problems.append("\(answer.request): \(failure)") }
        guard let index = clients.firstIndex(where: { $0.line == answer.request }) else {
            if answer.text == "delivered" { problems.append("\(answer.request): delivered again") }
            return nil
        }
        if clients[index].stage > 0 { acknowledge(clients[index], answer) } else { acknowledged[clients[index].workflow] = [] }
        clients[index].stage += 1
        if clients[index].stage > Self.signals(of: clients[index].workflow).count { clients[index] = Client(workflow: newWorkflow()) }
        return clients[index].line
    }

    private mutating func acknowledge(_ client: Client, _ answer: Answer) {
        let signals = Self.signals(of: client.workflow)
        let signal = signals[client.stage - 1]
        if answer.text == "delivered" { delivered += 1 }
        if answer.text == "notRunning", signal != signals.last { problems.append("\(answer.request): not running") }
        acknowledged[client.workflow, default: []].insert("\(client.workflow)-\(signal)")
        lines.append(client.line)
    }

    /// A last life in which everything that was started is brought to its end.
    mutating func finish() throws {
        let process = try FaultProcess(database)
        var open = Set(clients.map(\.workflow))
        for client in clients { try process.send(client.line) }
        while !open.isEmpty, let answer = try process.line() {
            let asked = clients.first { $0.line == answer.request }
            let next = take(answer)
            guard let asked, let next else { continue }
            if asked.stage == Self.signals(of: asked.workflow).count { open.remove(asked.workflow) } else { try process.send(next) }
        }
        for workflow in acknowledged.keys {
            let result = try process.ask("wait \(workflow)") { _ = self.take($0) }
            if result != Books.result(workflow) { problems.append("\(workflow): expected \(Books.result(workflow)), found \(result)") }
        }
        try process.close()
    }
}
