import Dispatch
import GRDB
import Synchronization

/// Moves committed pages from the log into the database on a connection and thread of its own, so that no commit waits for it.
///
/// A passive checkpoint stops at the end of the log as it was when it began. When the log grows all the same, because there is always
/// somebody writing, the commit that finds it too long waits for one that starts the log anew.
final class Checkpoints: Sendable {
    private struct State {
        var isRunning = false
        var lastAt = ContinuousClock.now
        /// Pages in the log that are not in the database, after the last checkpoint.
        var left = 0
    }

    private static let interval = Duration.milliseconds(500)
    private let connection: DatabaseQueue
    private let state = Mutex(State())

    init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        connection = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Begins a checkpoint now and then; returns at once.
    func noteCommit() {
        let isDue = state.withLock { state in
            guard !state.isRunning, ContinuousClock.now - state.lastAt > Self.interval else { return false }
            state.isRunning = true
            return true
        }
        guard isDue else { return }
        DispatchQueue.global(qos: .utility).async { self.run() }
    }

    private func run() {
        // A checkpoint that cannot be made now is made later; the log keeps everything.
        let left = (try? checkpoint(state.withLock { $0.left } > 65_536 ? "RESTART" : "PASSIVE")) ?? 0
        state.withLock { state in
            state.isRunning = false
            state.lastAt = ContinuousClock.now
            state.left = left
        }
    }

    private func checkpoint(_ mode: String) throws -> Int {
        try connection.writeWithoutTransaction { database in
            let row = try Row.fetchOne(database, sql: "PRAGMA wal_checkpoint(\(mode))")
            return row.map { ($0[1] as Int) - ($0[2] as Int) } ?? 0
        }
    }
}
