import Foundation
import Outcomes
import crash_points

/// A run that nobody disturbed: the points it passed, and the books it left.
struct Calm {
    let points: [CrashPoint]
    let books: Books
    let parties: PartyKind
    /// True for a live service, which takes another way through its points each time.
    var isLive = false

    /// One for all tests of parties of a kind.
    static let runs = Dictionary(
        PartyKind.allCases.map { parties in (parties, Task { try await Calm(parties, isLive: false) }) }, uniquingKeysWith: { $1 })

    /// The run with parties of a kind.
    static func run(_ parties: PartyKind = .refusesKnownKeys) async throws -> Calm {
        guard let run = runs[parties] else { throw SweepFailure(description: "no run with parties that \(parties)") }
        return try await run.value
    }

    init(_ parties: PartyKind, isLive: Bool) async throws {
        (self.parties, self.isLive) = (parties, isLive)
        let folder = try Folder()
        defer { folder.remove() }
        let database = folder.path("calm")
        let ending = try await CrashingProcess.run(database, parties, isLive: isLive)
        guard ending == .finished else { throw SweepFailure(description: "the undisturbed run: \(ending)") }
        points = try Folder.points(database)
        books = try await Books(database)
    }
}

/// Why a sweep cannot go on.
struct SweepFailure: Error, CustomStringConvertible {
    let description: String
}

/// A folder for databases; in memory where the system has a place for that, since a kill loses nothing that has reached the kernel.
struct Folder: Sendable {
    private let url: URL

    init() throws {
        let memory = "/dev/shm"
        let place = FileManager.default.isWritableFile(atPath: memory) ? URL(filePath: memory) : FileManager.default.temporaryDirectory
        url = place.appending(path: "lockstep-points-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    func path(_ name: String) -> String { url.appending(path: name + ".sqlite").path }
    func remove() { try? FileManager.default.removeItem(at: url) }

    /// Removes what belongs to `database`.
    func remove(_ database: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] {
            let path = url.appending(path: name).path
            if path.hasPrefix(database) { try? FileManager.default.removeItem(atPath: path) }
        }
    }

    /// The points of the last run on `database` that came to its end.
    static func points(_ database: String) throws -> [CrashPoint] {
        try String(contentsOfFile: database + ".points", encoding: .utf8).split(separator: "\n").compactMap { CrashPoint(String($0)) }
    }
}

/// Kills a process at each of some points, starts another on the same database, and looks at what it leaves.
struct Sweep {
    /// Where to kill the first process, and where, if at all, the one that takes its work up.
    struct Kill: Sendable {
        var first: Int
        var second: Int?
    }

    let calm: Calm
    let folder: Folder

    /// What was seen after one kill, or two.
    struct Finding: Sendable {
        /// Where it was killed and which laws it broke; nil for none.
        var failure: String?
        /// False when the second run was over before its point.
        var isReached = true
    }

    /// Sweeps `kills` on all cores; the findings are in the order of the kills.
    func run(_ kills: [Kill]) async throws -> [Finding] {
        var waiting = kills.enumerated().makeIterator()
        var findings = Array(repeating: Finding(), count: kills.count)
        try await withThrowingTaskGroup(of: (Int, Finding).self) { group in
            for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
                if let (index, kill) = waiting.next() { group.addTask { (index, try await look(kill, index)) } }
            }
            while let (index, finding) = try await group.next() {
                findings[index] = finding
                if let (index, kill) = waiting.next() { group.addTask { (index, try await look(kill, index)) } }
            }
        }
        return findings
    }

    private func look(_ kill: Kill, _ index: Int) async throws -> Finding {
        let database = folder.path("\(index)-\(kill.first)-\(kill.second ?? 0)")
        defer { folder.remove(database) }
        let end = try await CrashingProcess.run(database, calm.parties, isLive: calm.isLive, upTo: kill.first)
        if calm.isLive, end == .finished { return Finding(isReached: false) }
        let point = calm.isLive ? died(database) : calm.points[kill.first - 1]
        var place = "killed at \(point?.sentence ?? "nowhere")"
        guard end == .killed, died(database) == point else {
            return Finding(failure: "\(place): expected it to die there, found that it did not; is the run the same every time?")
        }
        if let second = kill.second {
            switch try await CrashingProcess.run(database, calm.parties, isLive: calm.isLive, upTo: second) {
            case .killed: place += ", then in the next run at \(died(database)?.sentence ?? "nowhere")"
            case .finished where try Folder.points(database).count < second: return Finding(isReached: false)
            case let ending: return Finding(failure: "\(place): the next run, to be killed at point \(second): \(ending)")
            }
        }
        let ending = try await CrashingProcess.run(database, calm.parties, isLive: calm.isLive)
        guard ending == .finished else { return Finding(failure: "\(place): the last run: \(ending)") }
        let breaches = try await Books(database).breaches(beside: calm.books)
        return breaches.isEmpty ? Finding() : Finding(failure: "\(place): \(breaches.map(\.description).joined(separator: "; "))")
    }

    private func died(_ database: String) -> CrashPoint? {
        (try? String(contentsOfFile: database + ".killed", encoding: .utf8)).flatMap { CrashPoint($0) }
    }
}

extension CrashPoint {
    /// The point in words.
    var sentence: String { "point \(number), \(side.rawValue) \(call.rawValue) \(subject)" }
}
