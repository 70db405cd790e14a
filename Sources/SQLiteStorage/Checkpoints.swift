import Dispatch
import GRDB
import GRDBSQLite
import Synchronization

/// Moves committed pages from the log into the database on a connection and thread of its own, so that no commit waits for it.
///
/// What is committed meanwhile stays in the log, and a log that is never empty at the end of a checkpoint grows for ever. A commit that makes
/// a file longer costs nearly twice one that overwrites it. Once little is left, who commits therefore moves that little itself, before
/// anybody can write more: then the next commit starts the log anew, and cuts it to half of its limit.
///
/// When the log comes near its limit, who commits waits for the thread and makes a whole checkpoint.
final class Checkpoints: Sendable {
    private enum Stage {
        /// Pages gather in the log.
        case gathering
        /// The thread moves pages.
        case moving
        /// The thread has moved all that was there; what came meanwhile is left for the next commit.
        case ending
    }

    private struct State {
        var stage = Stage.gathering
        var lastAt = ContinuousClock.now
    }

    private static let shortest = Duration.milliseconds(100)
    private static let longest = Duration.seconds(5)
    private static let manyPages = 1000
    /// The most that is left for who commits: a few milliseconds of work.
    private static let fewPages = 200
    private let connection: DatabaseQueue
    private let pageLimit: Int
    private let moving = DispatchGroup()
    private let state = Mutex(State())
    /// How many pages the log had after the last commit of the writer.
    private let pages = Atomic(0)

    init(path: String, logLimit: Int) throws {
        // A page stands in the log behind a header of 24 bytes.
        pageLimit = (logLimit - logLimit / 4) / (4096 + 24)
        connection = try DatabaseQueue(path: path)
    }

    /// Closes the connection, after a checkpoint that goes on.
    func close() throws {
        moving.wait()
        try connection.close()
    }

    /// Lets SQLite say after each commit of `writer` how long the log is. `self` must live as long as the connection.
    func watch(_ writer: Database) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_wal_hook(
            writer.sqliteConnection,
            { context, _, _, pages in
                guard let context else { return SQLITE_OK }
                Unmanaged<Checkpoints>.fromOpaque(context).takeUnretainedValue().pages.store(Int(pages), ordering: .relaxed)
                return SQLITE_OK
            }, context)
    }

    /// Begins a checkpoint now and then, or ends it, and returns at once unless the log comes near its limit.
    func noteCommit(of writer: Database) {
        let pages = pages.load(ordering: .relaxed)
        let isNearLimit = pages > pageLimit
        // Two checkpoints at once there are not. While a reader keeps the log this costs next to nothing: there is nothing to move.
        if isNearLimit { moving.wait() }
        if takeEnd() || isNearLimit { checkpoint(writer) } else { begin(pages) }
    }

    private func takeEnd() -> Bool {
        state.withLock { state in
            guard state.stage == .ending else { return false }
            state = State()
            return true
        }
    }

    private func begin(_ pages: Int) {
        let isDue = state.withLock { state in
            guard state.stage == .gathering else { return false }
            let since = ContinuousClock.now - state.lastAt
            guard since > Self.longest || (pages >= Self.manyPages && since > Self.shortest) else { return false }
            state.stage = .moving
            return true
        }
        guard isDue else { return }
        DispatchQueue.global(qos: .utility).async(group: moving) { self.move() }
    }

    /// Moves pages until few are left. Under much load that takes several rounds, each shorter than the one before.
    private func move() {
        for _ in 0..<4 {
            let left = connection.writeWithoutTransaction { checkpoint($0) }
            if left <= Self.fewPages { break }
        }
        state.withLock { $0.stage = .ending }
    }

    /// The pages that came while it moved the others, or that it could not move. What cannot be moved now is moved later; the log keeps everything.
    @discardableResult
    private func checkpoint(_ database: Database) -> Int {
        var (length, moved): (CInt, CInt) = (0, 0)
        sqlite3_wal_checkpoint_v2(database.sqliteConnection, nil, SQLITE_CHECKPOINT_PASSIVE, &length, &moved)
        return max(Int(length), pages.load(ordering: .relaxed)) - Int(moved)
    }
}
