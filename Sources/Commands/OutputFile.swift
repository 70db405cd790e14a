import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that is written piece by piece. What could not be written is an error, not a shorter file.
final class OutputFile {
    private static let piece = 1 << 16
    private let path: String
    private let descriptor: CInt
    private var pending: [UInt8] = []

    /// Makes the file at `path` new, with the permissions `mode` when it was not there.
    init(path: String, mode: mode_t = 0o644) throws {
        try Self.refuseDash(path)
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure() }
    }

    /// Refuses a path that cannot be written, before hours of work are done for it. A file that is there keeps its content.
    static func check(_ path: String) throws {
        try refuseDash(path)
        let isThere = access(path, F_OK) == 0
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
        // A pipe has no reader yet.
        guard descriptor >= 0 || errno == ENXIO else { throw failure(path) }
        close(descriptor)
        if !isThere { unlink(path) }
    }

    private static func refuseDash(_ path: String) throws {
        guard path == "-" else { return }
        throw CommandFailure(
            .usage, "-: expected the name of a file, found a dash, and standard output has the summary; name a file")
    }

    deinit { close(descriptor) }

    func write(_ text: String) throws { try write(Array(text.utf8)[...]) }

    func write(_ bytes: ArraySlice<UInt8>) throws {
        pending += bytes
        if pending.count >= Self.piece { try flush() }
    }

    /// Writes what is pending, and sees to it that the disk has taken it.
    func end() throws {
        try flush()
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else { throw failure() }
    }

    private func flush() throws {
        var rest = pending[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            rest = rest.dropFirst(count)
        }
        pending.removeAll(keepingCapacity: true)
    }

    private func failure() -> CommandFailure { Self.failure(path) }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure(
            .environment, "\(path): expected a file that can be written, found: \(String(cString: strerror(errno))); name another")
    }
}
