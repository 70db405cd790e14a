import Bridge
import Events
import FoundationEssentials
import HybridRouter
import SQLiteStorage

// `lockstep run --events` for deliveries that come in while it runs.

extension Run {
    /// Whether the stream is one of live deliveries. Lines before the first delivery are kept as dead letters.
    func isLive(_ stream: LineStream, _ app: some Application, _ options: RunOptions) async throws -> Bool {
        if live || recorded { return live }
        let kind = try await stream.kind { letter in
            try await AppRun(app.typed, options).keep(letter)
            Self.acknowledge([], letter)
        }
        return kind == .live
    }

    func runLive(
        _ app: some Application, _ stream: LineStream, _ options: RunOptions, _ watching: Watching, since start: Date
    ) async throws {
        let age = try retention.map { try CommandDuration($0, option: "--retention").value }
        let liveRun = try LiveRun(app.typed, options, lanes: lanes ?? 64, retention: age)
        let service = liveRun.service
        let signals = StopSignals()
        let playing = Task {
            try await watching.during(liveRun.parts, service: service) {
                try await liveRun.play(stream, acknowledge: { Self.acknowledge($0, $1) })
            }
        }
        try await signals.during(stop: { service.shutdown() }, leave: { playing.cancel() }) { try await playing.value }
        if let name = signals.name { Console.error(farewell(name, service.abandonedCalls)) }
        try await conclude(liveRun.parts, [], since: start)
    }

    private func farewell(_ signal: String, _ abandoned: Int) -> String {
        let calls =
            abandoned == 0 ? "no call was under way" : "calls that were left: \(abandoned); the next run finds out what became of them"
        return "\(Program.name): stopped by \(signal); what was acknowledged is kept; \(calls);"
            + " go on with: \(Program.invocation)"
    }
}

extension AppRun {
    /// Keeps a line that is no delivery, before anybody knows what the others are.
    func keep(_ letter: DeadLetter) async throws {
        try await claim(input: nil)
        var letter = letter
        letter.receivedAt = try await notes.timeOfRun()
        _ = try await notes.accept([.deadLetter(letter)], at: letter.receivedAt)
        try await notes.flush()
    }
}
