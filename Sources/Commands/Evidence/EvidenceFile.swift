import Cutover
import Events
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The file in which comparisons leave their evidence, a JSON line each. It is only ever added to.
struct EvidenceFile {
    let path: String

    /// Everything in it; nothing when there is no such file.
    func log() throws -> EvidenceLog {
        var log = EvidenceLog()
        guard FileManager.default.fileExists(atPath: path) else { return log }
        let lines = try ByteLines(path: path)
        while let line = try lines.next() { log.add(try read(line)) }
        return log
    }

    /// The same file, which has to be there.
    func existing() throws -> EvidenceFile {
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(
                .usage, "\(path): expected an evidence file, found none; '\(Program.name) compare --evidence \(path)' makes one")
        }
        return self
    }

    private func read(_ line: ByteLine) throws -> EvidenceLine {
        do { return try JSONValue(parsing: try line.checked()).decoded() } catch {
            throw CommandFailure(
                .usage,
                "\(path):\(line.number): expected a line of evidence of form \(EvidenceLine.form), found another;"
                    + " pass a file that --evidence of this build or an earlier one wrote, or begin a new one")
        }
    }

    /// Adds the lines of one comparison, all of them or none, and only when the disk has them.
    func append(_ lines: [EvidenceLine]) throws {
        _ = try log()
        var text: [UInt8] = []
        for line in lines { text += Array((try JSONValue(encoding: line).canonicalText + "\n").utf8) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        guard write(text, to: descriptor), fsync(descriptor) == 0 || errno == EINVAL else {
            let failure = failure()
            ftruncate(descriptor, end)
            throw failure
        }
    }

    private func write(_ text: [UInt8], to descriptor: CInt) -> Bool {
        var rest = text[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private func failure() -> CommandFailure {
        CommandFailure(
            .environment, "\(path): expected a file that can be written, found: \(String(cString: strerror(errno))); name another")
    }
}
