import Events
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The folder for what runs without `--database` leave to look at. It holds the last few of them and no more, and nobody else reads it.
struct CacheFolder {
    /// How many runs are kept with the one that begins.
    static let runs = 8
    /// How many bytes the runs before it may have together.
    static let bytes = 1 << 30

    let path: String

    /// Makes the folder.
    init() throws {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"].map { $0 + "/.cache" } ?? "/tmp")
        path = cache + "/lockstep"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        } catch { throw CommandFailure(.environment, "\(path): expected a cache folder that can be written; pass --database") }
    }

    /// A path for a database that no other run has, after what is too much was removed.
    func freshDatabase(_ label: String) -> String {
        prune()
        let stamp = Timestamp(Date()).description.filter { $0.isNumber || $0 == "T" }
        return "\(path)/\(label)-\(stamp)-\(ProcessInfo.processInfo.processIdentifier).sqlite"
    }

    /// One run's files: databases, their logs, effects logs, reports.
    private struct Remains {
        let stamp: String
        let process: Int32
        var names: [String] = []
        var bytes = 0

        /// Reads `LABEL-STAMP-PROCESS`, whatever follows it; nil for what no run has left.
        init?(_ name: String) {
            let words = name.prefix { $0 != "." }.split(separator: "-")
            guard words.count == 3, words[1].count == 18, words[1].contains("T"), let process = Int32(words[2]) else { return nil }
            stamp = "\(words[1])-\(words[2])"
            self.process = process
        }

        var isAlive: Bool { kill(process, 0) == 0 || errno == EPERM }
    }

    private func prune() {
        var (count, size) = (1, 0)
        for remains in left().sorted(by: { $0.stamp > $1.stamp }) where !remains.isAlive {
            count += 1
            size += remains.bytes
            guard count > Self.runs || size > Self.bytes else { continue }
            for name in remains.names { try? FileManager.default.removeItem(atPath: "\(path)/\(name)") }
        }
    }

    private func left() -> [Remains] {
        var found: [String: Remains] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            guard let new = Remains(name) else { continue }
            var remains = found[new.stamp] ?? new
            var status = stat()
            if stat("\(path)/\(name)", &status) == 0 { remains.bytes += Int(status.st_size) }
            remains.names.append(name)
            found[new.stamp] = remains
        }
        return Array(found.values)
    }
}
