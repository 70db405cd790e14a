#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A recording on disk: lines in order of the bytes of their entities' ids. It is read where it is asked for, by several readers at once.
final class RecordingFile: Sendable {
    /// Which file it is, and what it was when it was opened.
    struct Identity: Codable, Hashable {
        let path: String
        let bytes: Int
        /// When it was written last, in nanoseconds since 1970.
        let modified: Int
    }

    let identity: Identity
    private let descriptor: CInt

    /// Opens the file at `path`. Throws a sentence for what is no file of lines.
    init(path: String) throws {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(.usage, "\(path): expected a recording that can be read, found: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw CommandFailure(.usage, "\(path): expected a file, found none such; write the recording into a file first")
        }
        let modified = Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec)
        identity = Identity(path: path, bytes: Int(status.st_size), modified: modified)
        guard try !isDatabase else {
            close(descriptor)
            throw CommandFailure(
                .usage,
                "\(path): expected a recording, found a database; write its recording with '\(Program.name) record --database \(path)'")
        }
    }

    deinit { close(descriptor) }

    var path: String { identity.path }
    var size: Int { identity.bytes }

    private var isDatabase: Bool {
        get throws {
            let mark = Array("SQLite format 3\0".utf8)
            var found = [UInt8](repeating: 0, count: mark.count)
            let count = try found.withUnsafeMutableBytes { try read(into: $0, at: 0) }
            return count == mark.count && found == mark
        }
    }

    /// Fills `buffer` from the byte `offset` on, as far as the file goes; returns how many bytes there were.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + filled))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandFailure(.environment, "\(path): expected to read on, found: \(String(cString: strerror(errno)))")
            }
            guard count > 0 else { break }
            filled += count
        }
        return filled
    }
}
